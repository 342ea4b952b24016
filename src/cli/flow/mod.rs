//! `dering flow`: what an author does with flow files.

mod check;
mod diff;
mod graph;
mod schema;
mod simulate;
mod test;
mod trace;
mod upload;
mod versions;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::flows;

/// Work on flow files.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check flows and show everything that is wrong with them.
    Check(check::Check),
    /// Run the tests beside flows (`*.test.yaml`) in virtual time.
    Test(test::Test),
    /// Be the callee: type, and see what the bot does.
    Simulate(simulate::Simulate),
    /// Draw a flow: Mermaid for Markdown files, or an SVG picture.
    Graph(graph::Graph),
    /// Tell what differs between two versions of a flow. Exit code 1 means that something does.
    Diff(diff::Diff),
    /// Print a JSON Schema for editors: of flow files, of their tests, or of simulated callees.
    Schema(schema::Schema),
    /// Send flows with their audio to a server, where each becomes a version.
    Upload(upload::Upload),
    /// List a flow's versions, or every flow of a server.
    History(versions::History),
    /// Point a label such as `production` at a version.
    Label(versions::Label),
    /// Make a flow run the version that ran before, or the one you name.
    Rollback(versions::Rollback),
}

/// Runs the command. Exit code 1 means that a flow has errors or a test fails.
///
/// # Errors
/// A path cannot be read or written, or standard output is gone.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    run_to(args, &mut super::out())
}

fn run_to(args: Args, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(check) => check::run(&check, out),
        Command::Test(test) => test::run(&test, out),
        Command::Simulate(simulate) => simulate::run(&simulate, out),
        Command::Graph(graph) => graph::run(&graph, out),
        Command::Diff(diff) => diff::run(&diff, out),
        Command::Upload(upload) => upload::run(&upload, out),
        Command::History(history) => versions::history(&history, out),
        Command::Label(label) => versions::label(&label, out),
        Command::Rollback(rollback) => versions::roll_back(&rollback, out),
        Command::Schema(schema) => schema::run(&schema, out),
    }
}

/// The file at `path`, or what `list` finds in the folder there.
fn files_at(
    path: &Path,
    list: fn(&Path) -> Result<Vec<PathBuf>, flows::Error>,
    what: &str,
) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = list(path)?;
    if files.is_empty() {
        anyhow::bail!("there is no {what} file in {}", path.display());
    }
    Ok(files)
}

fn counted(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parsed(line: &str) -> Args {
        let command = Args::augment_args(clap::Command::new("flow"));
        command.clone().debug_assert();
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        Args::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn every_command_takes_its_arguments() {
        for line in [
            "flow check",
            "flow check a.yaml b --json",
            "flow test x --junit r.xml --log --filter yes",
            "flow schema",
            "flow schema --of tests",
            "flow schema --scenes-of a.yaml",
            "flow simulate a.yaml --var name=Ani --seed 3 --realtime --json",
            "flow simulate a.yaml --now 2026-05-31 --http answers.yaml",
            "flow graph a.yaml --format svg --output a.svg",
            "flow diff a@latest b.yaml --json --key k",
            "flow upload flows --message new --label production --server http://x --key k",
            "flow history",
            "flow history a --json",
            "flow label a production latest",
            "flow label a beta --remove",
            "flow rollback a 12345678",
        ] {
            parsed(line);
        }
    }

    #[test]
    fn a_shipped_flow_has_a_picture() {
        let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/appointment.yaml");
        let mut out = Vec::new();
        let code = run_to(parsed(&format!("flow graph {}", flow.display())), &mut out).unwrap();
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(out.starts_with(b"flowchart TD\n"));
    }
}
