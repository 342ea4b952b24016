//! `dering db`: copies of the database, and whether it is whole.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::out::one_line;
use crate::store::{Condition, CopyMark, Error, Store};
use crate::wallclock::iso;

/// The database of the server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration of the server; dering.yaml when it is there, else the defaults
    #[arg(long, env = "DERING_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// The database, when it is not the one the configuration names
    #[arg(long, global = true)]
    database: Option<PathBuf>,
    /// Print what was found as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy the database to a new file, whole and consistent, also while the server runs
    Backup { file: PathBuf },
    /// Let a copy take the place of the database it was made of: the next start ends the calls that it has as running, and goes on
    Adopt {
        /// A file instead of the database that the server uses
        file: Option<PathBuf>,
    },
    /// Read all of the database, also while the server runs, and tell whether it is whole; exit code 1: it is not
    Check {
        /// A file instead, such as a backup
        file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// When there is no database, it cannot be read, or the copy cannot be written.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let database = || match &args.database {
        Some(database) => anyhow::Ok(database.clone()),
        None => Ok(super::configuration(args.config.as_deref())?.database),
    };
    match &args.command {
        Command::Backup { file } => {
            let database = database()?;
            let bytes = Store::backup(&database, file).await?;
            if args.json {
                super::print(&json!({ "file": file, "bytes": bytes }).to_string());
            } else {
                super::print(&format!("{}: {}", one_line(&file.display().to_string()), size(bytes)));
                super::note(&format!(
                    "It is nothing without the server key ({}.key, unless the settings say otherwise) and the folder flow-versions: \
                     keep copies of them, too.",
                    one_line(&database.display().to_string())
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Adopt { file } => {
            let path = match file {
                Some(file) => file.clone(),
                None => database()?,
            };
            super::owner::leave_to_owner(&path)?;
            let mark = Store::adopt(&path).await?;
            let shown = one_line(&path.display().to_string());
            let words = match &mark {
                Some(mark) => format!("{shown}, a copy of {}, is the database now", made(mark)),
                None => format!("{shown} is no copy that would have to be adopted"),
            };
            let told = json!({ "file": path, "adopted": mark.is_some() });
            super::print(&if args.json { told.to_string() } else { words });
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { file } => {
            let path = match file {
                Some(file) => file.clone(),
                None => database()?,
            };
            if path.is_dir() {
                anyhow::bail!(
                    "{} is a folder; name the file of a database",
                    one_line(&path.display().to_string())
                );
            }
            let mut found = match Store::examine(&path, true).await {
                Err(Error::Open { reason, .. }) => Err(reason),
                found => Ok(found?),
            };
            if let (Some(_), Ok(found)) = (file, &mut found)
                && found.version == 0
                && found.problems.is_empty()
            {
                found.problems.push("it has no tables: it is empty, or no database of dering".to_owned());
            }
            let is_good = found.as_ref().is_ok_and(|found| found.problems.is_empty() && !found.is_newer());
            if args.json {
                let told = match &found {
                    Ok(found) => {
                        json!({ "file": path, "ok": is_good, "bytes": found.bytes, "version": found.version,
                        "known": found.known, "calls": found.calls, "problems": found.problems,
                        "copyOf": found.copy.as_ref().map(|mark| iso(mark.made_ms)) })
                    }
                    Err(reason) => json!({ "file": path, "ok": false, "problems": [reason] }),
                };
                super::print(&told.to_string());
            } else {
                super::print(&told(&path, file.is_some(), &found));
            }
            Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// What was found, and what to do; `is_copy` when it is not the database that the server uses.
fn told(path: &Path, is_copy: bool, found: &Result<Condition, String>) -> String {
    let shown = one_line(&path.display().to_string());
    let damaged = |problems: &str| {
        let advice = if is_copy {
            "Do not restore it; check the backup before it, or make a new one with `dering db backup`."
                .to_owned()
        } else {
            format!(
                "Stop the server, move {shown} with its -wal and -shm away, put the latest backup in its place, and start \
                 the server."
            )
        };
        format!("{shown} is damaged:\n  {problems}\n{advice}")
    };
    match found {
        Err(reason) => damaged(reason),
        Ok(found) if !found.problems.is_empty() => damaged(&found.problems.join("\n  ")),
        Ok(found) if found.is_newer() => format!(
            "{shown} was made by a newer version of dering (tables {}, this program knows {}): run that version, or restore a \
             backup from before the upgrade.",
            found.version, found.known
        ),
        Ok(found) => {
            let age = if found.version < found.known {
                "; the next start brings its tables to this version"
            } else {
                ""
            };
            let copy =
                found.copy.as_ref().map(|mark| format!("; a copy of {}", made(mark))).unwrap_or_default();
            format!(
                "{shown} is whole: {}, {} calls, tables {}{age}{copy}",
                size(found.bytes),
                found.calls,
                found.version
            )
        }
    }
}

/// When and where a copy was made.
pub(super) fn made(mark: &CopyMark) -> String {
    let at = iso(mark.made_ms);
    if mark.host.is_empty() { at } else { format!("{at} on {}", one_line(&mark.host)) }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "KB", "MB", "GB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1_000.0 && unit + 1 < UNITS.len() {
        amount /= 1_000.0;
        unit += 1;
    }
    let digits = if unit == 0 || amount >= 100.0 { 0 } else { 1 };
    format!("{amount:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!([size(7), size(1_234), size(123_456_789)], ["7 bytes", "1.2 KB", "123 MB"]);
    }

    #[test]
    fn a_damaged_or_newer_database_says_what_to_do() {
        let path = Path::new("data/dering.db");
        let whole =
            Condition { bytes: 4_096, version: 65, known: 65, problems: Vec::new(), calls: 3, copy: None };
        assert_eq!(
            told(path, false, &Ok(whole.clone())),
            "data/dering.db is whole: 4.1 KB, 3 calls, tables 65"
        );
        let newer = Condition { version: 99, ..whole.clone() };
        assert!(told(path, false, &Ok(newer)).contains("run that version"));
        let broken = Condition { problems: vec!["page 7 is never used".to_owned()], ..whole };
        let copy = told(path, true, &Ok(broken.clone()));
        assert!(copy.contains("Do not restore it") && !copy.contains("Stop the server"), "{copy}");
        let shown = told(path, false, &Ok(broken));
        assert!(shown.contains("page 7") && shown.contains("latest backup"), "{shown}");
    }
}
