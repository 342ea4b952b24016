//! `dering flow graph`: a flow as a picture.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::flows;

/// What to draw and how.
#[derive(Debug, clap::Args)]
pub(super) struct Graph {
    /// The flow file.
    file: PathBuf,
    /// The kind of picture; without it, what the output's name says, else Mermaid.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the picture to this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text that Markdown viewers draw.
    Mermaid,
    /// A picture for a browser.
    Svg,
}

/// Draws the flow.
///
/// # Errors
/// The flow has errors, or the picture cannot be written.
pub(super) fn run(graph: &Graph, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let checked = flows::check_file(&graph.file)?;
    let Some(stored) = checked.stored else {
        anyhow::bail!("{0} has errors; `dering flow check {0}` shows them", graph.file.display());
    };
    let named_svg = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "svg");
    let guess = if graph.output.as_ref().is_some_and(named_svg) { Format::Svg } else { Format::Mermaid };
    let picture = match graph.format.unwrap_or(guess) {
        Format::Mermaid => callcore::flow::mermaid(&stored.flow),
        Format::Svg => callcore::flow::svg(&stored.flow),
    };
    match &graph.output {
        Some(path) => {
            std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => out.write_all(picture.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
