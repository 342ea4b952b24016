//! `dering flow`: what an author does with flow files.

mod check;
mod test;

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
    /// Print a flow as a Mermaid picture, for Markdown files and editors.
    Graph {
        /// The flow file.
        file: PathBuf,
    },
    /// Print the JSON Schema of flow files, for editors.
    Schema,
}

/// Runs the command. Exit code 1 means that a flow has errors or a test fails.
///
/// # Errors
/// A path cannot be read or written, or standard output is gone.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    run_to(args, &mut std::io::stdout().lock())
}

fn run_to(args: Args, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(check) => check::run(&check, out),
        Command::Test(test) => test::run(&test, out),
        Command::Graph { file } => {
            let checked = flows::check_file(&file)?;
            let Some(stored) = checked.stored else {
                anyhow::bail!("{0} has errors; `dering flow check {0}` shows them", file.display());
            };
            out.write_all(callcore::flow::mermaid(&stored.flow).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Schema => {
            out.write_all(callcore::flow::JSON_SCHEMA.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
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
        for line in
            ["flow check", "flow check a.yaml b --json", "flow test x --junit r.xml --log", "flow schema"]
        {
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
