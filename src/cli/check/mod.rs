//! `dering check`: whether a server would start here and could place calls.

mod outside;
mod parts;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use callcore::yaml::{Diagnostic, Severity};
use serde_json::json;

use self::parts::{Item, counted};
use super::grid::{Grid, Tone, colours};
use super::out::out;
use crate::config;

/// What to check.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when nothing failed (warnings are no failures), 1 otherwise. Nothing is made or changed."
)]
pub(super) struct Args {
    /// Configuration file; dering.yaml when it is there, else the defaults
    #[arg(long, env = "DERING_CONFIG")]
    config: Option<PathBuf>,
    /// Ask no carrier and no clock elsewhere
    #[arg(long)]
    offline: bool,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Failed,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Good => Tone::Good,
            Self::Warning => Tone::Open,
            Self::Failed => Tone::Bad,
        }
    }
}

/// Runs the checks.
///
/// # Errors
/// When the configuration cannot be read at all, or nobody reads what is printed.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let usual = Path::new("dering.yaml");
    let path = args.config.as_deref().or_else(|| usual.exists().then_some(usual));
    let findings = match path {
        Some(path) => config::findings(path)?,
        None => match config::defaults_to_serve() {
            Ok(_) => Vec::new(),
            Err(config::ConfigError::Wrong { findings, .. }) => findings,
            Err(error) => return Err(error.into()),
        },
    };
    let mut items = vec![of_configuration(path, &findings)];
    // What it names outside itself may be missing; the rest can be looked at all the same.
    if let Ok(config) = super::configuration(path) {
        items.extend(parts::all(&config).await);
        items.extend(outside::all(&config, args.offline).await);
    }
    let failed = items.iter().filter(|item| item.state == State::Failed).count();
    let warned = items.iter().filter(|item| item.state == State::Warning).count();
    if args.json {
        let told: Vec<_> = items
            .iter()
            .map(|item| json!({ "what": item.what, "state": item.state.as_str(), "told": item.told }))
            .collect();
        super::print(&json!({ "ok": failed == 0, "checks": told, "diagnostics": findings }).to_string());
    } else {
        show(path, &findings, &items)?;
        let (failed, warned) = (counted(failed, "failure"), counted(warned, "warning"));
        super::print(&format!("{} checks: {failed}, {warned}", items.len()));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn of_configuration(path: Option<&Path>, findings: &[Diagnostic]) -> Item {
    let what = "configuration".to_owned();
    let shown = path.map_or_else(
        || "no dering.yaml here: the defaults hold".to_owned(),
        |path| path.display().to_string(),
    );
    let count = |severity| findings.iter().filter(|found| found.severity == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => Item { what, state: State::Good, told: shown },
        (0, warnings) => {
            Item { what, state: State::Warning, told: format!("{shown}: {warnings} to look at, above") }
        }
        (errors, _) => Item { what, state: State::Failed, told: format!("{shown}: {errors} wrong, above") },
    }
}

fn show(path: Option<&Path>, findings: &[Diagnostic], items: &[Item]) -> anyhow::Result<()> {
    let mut out = out();
    for finding in findings {
        match (path, colours()) {
            (None, _) => {
                let hint = finding.hint.as_deref().unwrap_or_default();
                writeln!(out, "{}; {hint}\n", finding.message)?;
            }
            (Some(_), true) => writeln!(out, "{}\n", finding.coloured())?,
            (Some(_), false) => writeln!(out, "{finding}\n")?,
        }
    }
    let mut grid = Grid::new(&["check", "", "found"]);
    for item in items {
        let plain = Tone::Plain;
        grid.toned([(&item.what, plain), (item.state.as_str(), item.state.tone()), (&item.told, plain)]);
    }
    out.write_all(grid.shown().as_bytes())?;
    Ok(())
}
