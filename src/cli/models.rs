//! `dering models`: the speech models on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::speech::models::{self, Fetched, Manifest, Model, Source, State};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the models lie
    #[arg(long, default_value = "data/models", env = "DERING_MODELS", global = true)]
    folder: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The models that are known, and which of them are here
    List {
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Bring a model here; goes on where it was interrupted
    Fetch {
        /// Such as tiny; `dering models list` names them
        name: String,
        /// Another address that holds the same files
        #[arg(long, env = "DERING_MODELS_MIRROR")]
        mirror: Option<String>,
        /// A copy that you brought to this machine, instead of the network
        #[arg(long, conflicts_with = "mirror")]
        file: Option<PathBuf>,
    },
    /// Read the models that are here and compare their digests; fails when one is wrong
    Verify {
        /// Only this one
        name: Option<String>,
    },
}

/// Runs the command; the exit code is 1 when a model is damaged.
///
/// # Errors
/// When a model is unknown, cannot be fetched, or is not the published one.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::built_in()?;
    let folder = &args.folder;
    match args.command {
        Command::List { json: true } => super::print(&as_json(&manifest, folder).to_string()),
        Command::List { json: false } => super::print(&as_table(&manifest, folder).to_string()),
        Command::Fetch { name, mirror, file } => {
            let source = match file {
                Some(file) => Source::File(file),
                None => Source::Folder(mirror.unwrap_or_else(|| manifest.source.clone())),
            };
            fetch(manifest.find(&name)?, &source, folder).await?;
        }
        Command::Verify { name } => return verify(&manifest, name.as_deref(), folder),
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings a model here, with a bar for the person who waits.
pub(super) async fn fetch(model: &Model, source: &Source, folder: &Path) -> anyhow::Result<()> {
    let bar = bar(model);
    let fetched = models::fetch(model, source, folder, |here| bar.set_position(here)).await;
    bar.finish_and_clear();
    let path = model.path(folder);
    let how = match fetched? {
        Fetched::Already => "was here already",
        Fetched::Downloaded(_) => "is here now",
        Fetched::Imported => "was taken over",
    };
    super::print(&format!("{} {how}, its checksum is right: {}", model.name, path.display()));
    super::note(&how_to_use(&path));
    Ok(())
}

/// What to write down so that a model is used.
pub(super) fn how_to_use(path: &Path) -> String {
    format!("To use the model, say so in dering.yaml:\nspeech_to_text:\n  model: {}", path.display())
}

fn verify(manifest: &Manifest, name: Option<&str>, folder: &Path) -> anyhow::Result<ExitCode> {
    let chosen: Vec<&Model> = match name {
        Some(name) => vec![manifest.find(name)?],
        None => manifest
            .models
            .iter()
            .filter(|model| matches!(model.state(folder), State::Present | State::Damaged))
            .collect(),
    };
    if chosen.is_empty() {
        super::print(&format!("no model is in {}; `dering models fetch tiny` brings one", folder.display()));
    }
    let mut code = ExitCode::SUCCESS;
    for model in chosen {
        let bar = bar(model);
        let verified = model.verify(folder, |read| bar.inc(read));
        bar.finish_and_clear();
        match verified {
            Ok(()) => super::print(&format!("{}: right", model.name)),
            Err(error) => {
                super::print(&format!("{}: WRONG: {error}", model.name));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn bar(model: &Model) -> ProgressBar {
    let bar = ProgressBar::new(model.bytes);
    let style = ProgressStyle::with_template(
        "{msg} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    );
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(model.name.clone());
    bar
}

fn as_table(manifest: &Manifest, folder: &Path) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["name", "MB", "languages", "licence", "here"]);
    for model in &manifest.models {
        let size = format!("{:.0}", model.bytes as f64 / 1e6);
        let here = state(model.state(folder));
        table.add_row([&model.name, &size, &model.languages, &model.licence, here]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn as_json(manifest: &Manifest, folder: &Path) -> Value {
    let models: Vec<Value> = manifest
        .models
        .iter()
        .map(|model| {
            json!({
                "name": model.name,
                "bytes": model.bytes,
                "sha256": model.sha256,
                "languages": model.languages,
                "licence": model.licence,
                "source": format!("{}{}", manifest.source, model.file),
                "path": model.path(folder),
                "here": state(model.state(folder)),
            })
        })
        .collect();
    json!({ "models": models })
}

const fn state(state: State) -> &'static str {
    match state {
        State::Absent => "no",
        State::Begun(_) => "in part",
        State::Present => "yes",
        State::Damaged => "damaged",
    }
}
