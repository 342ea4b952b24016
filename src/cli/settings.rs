//! `dering config`: what a configuration may say.

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{DEFAULT_YAML, schema};

/// The configuration file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the JSON Schema of dering.yaml, for editors
    Schema,
    /// Print every setting with its default
    Defaults,
}

/// Runs the command.
///
/// # Errors
/// When nobody reads what is printed.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Schema => super::print(&serde_json::to_string_pretty(&schema())?),
        Command::Defaults => super::print(DEFAULT_YAML),
    }
    Ok(ExitCode::SUCCESS)
}
