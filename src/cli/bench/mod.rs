//! `dering bench`: how much a machine carries.

mod calls;
mod heard;
mod process;
mod report;
mod stage;

use std::process::ExitCode;

/// Measure how much this machine carries.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Live calls per core: a server and a carrier with talking callees, each in a process of its own
    Calls(calls::Args),
}

/// Runs the command.
///
/// # Errors
/// When a process cannot be started, or a call does not come about.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Calls(args) => calls::run(&args).await,
    }
}
