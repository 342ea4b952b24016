//! `dering stt`: what recognisers make of recordings.

mod bench;
mod bench_report;
mod eval;
mod labels;
mod pocketsphinx;
mod question;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count the word errors of recognisers on recordings whose words are known
    Eval(Eval),
    /// A table of models: word errors, answers of a question that were taken rightly, wrongly or not at all, time and memory
    Bench(Bench),
}

/// What to hold against what.
#[derive(Debug, clap::Args)]
struct Eval {
    /// Folder of recordings: each `a.wav` beside an `a.txt` with its words, or a labels.csv, labels.tsv or labels.jsonl
    folder: PathBuf,
    /// A labels file elsewhere; its files are looked for in the folder
    #[arg(long)]
    labels: Option<PathBuf>,
    /// A whisper model file; may be given more than once
    #[arg(long)]
    model: Vec<PathBuf>,
    /// A recogniser of the configuration, by name; may be given more than once
    #[arg(long)]
    engine: Vec<String>,
    /// The configuration that names the recognisers
    #[arg(long, env = "DERING_CONFIG")]
    config: Option<PathBuf>,
    /// Of recordings whose label names none
    #[arg(long)]
    language: Option<String>,
    /// With --model: what the model looks at, in steps of 20 ms; fitted to each recording when absent
    #[arg(long)]
    window: Option<u32>,
    /// Phrases that are expected, as a question of a flow would; may be given more than once
    #[arg(long)]
    expect: Vec<String>,
    /// Only so many recordings, spread over the whole folder
    #[arg(long)]
    limit: Option<usize>,
    /// Recordings at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Show every recording that was misunderstood
    #[arg(long)]
    verbose: bool,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// What to measure with.
#[derive(Debug, clap::Args)]
struct Bench {
    /// Folders of recordings with their words, as for `eval`; 2 to 32 different short texts are the answers of a question. A folder with
    /// `answers`, `speech` and `strangers` in it stands for the folders there
    #[arg(required = true)]
    folder: Vec<PathBuf>,
    /// Folders of sounds that answer none of the questions: other speech, noise, music
    #[arg(long)]
    strangers: Vec<PathBuf>,
    /// A whisper model file; may be given more than once; without it the one that a server would use
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Measure PocketSphinx, too, as a yardstick: a program and an English model of Debian
    #[arg(long)]
    pocketsphinx: bool,
    /// Only so many recordings of each folder, spread over it
    #[arg(long)]
    limit: Option<usize>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When recordings, labels or recognisers cannot be used.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Eval(eval) => eval::run(eval).await,
        Command::Bench(bench) => bench::run(bench).await,
    }
}
