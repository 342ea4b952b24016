//! `dering amd`: runs the detector over recordings and prints what it says.

mod asked;
mod bench;
mod explain;
mod labels;
mod learn;
mod manner;
mod pool;
mod published;
mod replay;
mod tune;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use callcore::amd::picture::Picture;
use callcore::amd::{Event, Evidence, Piece};
use comfy_table::{Table, presets};

use self::manner::Manner;
use crate::trials::analyse::{Analysis, audio_of, listen};
use crate::trials::cases::{self, Case};
use crate::trials::labelled_in;

/// Tell from recordings who answered: the events of answering-machine detection with their audio times.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// WAV or MP3 files that begin at the moment of answer (4 to 384 kHz, up to 8 channels).
    #[arg(required_unless_present = "labels", conflicts_with = "labels")]
    files: Vec<PathBuf>,
    /// Run over every case of a labels file (JSON lines with `id` and `file`, paths relative to it) and
    /// write one prediction per line to standard output.
    #[arg(long, value_name = "LABELS.jsonl")]
    labels: Option<PathBuf>,
    /// Let the labels' words come as from a recogniser, a second after each utterance.
    #[arg(long, requires = "labels")]
    with_words: bool,
    /// Print JSON, one object per file.
    #[arg(long, conflicts_with = "labels")]
    json: bool,
    /// Print the evidence behind the verdict.
    #[arg(long, conflicts_with = "labels")]
    explain: bool,
    /// Draw the evidence of one file: waveform, speech, tones, probability, thresholds, timers, events.
    #[arg(long, value_name = "OUT.svg", conflicts_with = "labels")]
    picture: Option<PathBuf>,
    /// Of several channels take the first alone, the callee in our own recordings; else they are mixed.
    #[arg(long)]
    left: bool,
    /// Words of a recogniser for one file: a JSON list of {"at_ms", "text", "final"} as in the evidence.
    #[arg(long, value_name = "WORDS.json", conflicts_with = "labels")]
    words: Option<PathBuf>,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Bench(bench::Args),
    Learn(learn::Args),
    Replay(replay::Args),
    Tune(tune::Args),
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or holds not an audio file that can be read; the rest is still done.
pub fn run(args: Args) -> anyhow::Result<()> {
    match &args.command {
        Some(Command::Bench(args)) => return bench::run(args),
        Some(Command::Learn(args)) => return learn::run(args),
        Some(Command::Replay(args)) => return replay::run(args),
        Some(Command::Tune(args)) => return tune::run(args),
        None => {}
    }
    let options = args.manner.options()?;
    if let Some(path) = &args.labels {
        return labels::run(path, &options, args.with_words);
    }
    if args.picture.is_some() && args.files.len() > 1 {
        bail!("--picture draws one file; {} are named", args.files.len());
    }
    let words = match &args.words {
        Some(path) => {
            let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice::<Vec<Piece>>(&text)
                .with_context(|| format!("{} is not a list of words", path.display()))?
        }
        None => Vec::new(),
    };
    let mut out = super::out();
    let mut failed = 0;
    for file in &args.files {
        match audio_of(file, args.left) {
            Ok(audio) => {
                let analysis = listen(&audio, options.clone(), &words);
                print(&mut out, file, &analysis, &args)?;
                if let Some(path) = &args.picture {
                    draw(path, file, &audio, &analysis)?;
                }
            }
            Err(error) => {
                failed += 1;
                tell_error(&error);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} files could not be analysed", args.files.len());
    }
    Ok(())
}

/// The labelled calls of a file, or those that were labelled on the pages of a server with this database.
fn labelled(labels: Option<&Path>, database: Option<&Path>, with_words: bool) -> anyhow::Result<Vec<Case>> {
    match (labels, database) {
        (Some(labels), _) => cases::of_labels(labels, with_words),
        (None, Some(database)) => labelled_in(database),
        (None, None) => bail!("name --labels or --database"),
    }
}

fn draw(path: &Path, file: &Path, audio: &[i16], analysis: &Analysis) -> anyhow::Result<()> {
    let title = file.file_name().unwrap_or_default().to_string_lossy();
    let picture = Picture { title: &title, audio, events: &analysis.events, evidence: &analysis.evidence };
    std::fs::write(path, picture.svg()).with_context(|| format!("cannot write {}", path.display()))
}

fn print(out: &mut impl Write, file: &Path, analysis: &Analysis, args: &Args) -> anyhow::Result<()> {
    if args.json {
        let mut object = serde_json::json!({ "file": file, "events": analysis.events });
        for (name, at_ms) in [
            ("likelyHumanMs", analysis.evidence.likely_human_ms),
            ("doubtedMs", analysis.evidence.doubted_ms),
        ] {
            if let Some(at_ms) = at_ms {
                object[name] = at_ms.into();
            }
        }
        if args.explain {
            object["evidence"] = serde_json::to_value(&analysis.evidence)?;
        }
        return writeln!(out, "{object}").context("cannot write to standard output");
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["ms", "event", "reason", "who", "sure", "measured"]);
    let mut prospects = prospects(&analysis.evidence).peekable();
    for event in &analysis.events {
        while let Some((_, row)) = prospects.next_if(|(at_ms, _)| *at_ms <= event.at_ms) {
            table.add_row(row);
        }
        table.add_row(row(event));
    }
    let seconds = analysis.evidence.heard_ms as f64 / 1000.0;
    writeln!(out, "{} ({seconds:.1} s)\n{table}", file.display())?;
    if args.explain {
        explain::write(out, &analysis.evidence)?;
    }
    Ok(())
}

/// What no event tells: when a person was likely enough to be spoken to, and when no longer, as rows in their order.
fn prospects(evidence: &Evidence) -> impl Iterator<Item = (u64, [String; 6])> {
    let told = [
        (evidence.likely_human_ms, "(a person is likely)", "the bot may begin"),
        (evidence.doubted_ms, "(or is it none?)", "the bot falls silent"),
    ];
    told.into_iter().filter_map(|(at_ms, what, then)| {
        let text = |text: &str| text.to_owned();
        let at_ms = at_ms?;
        Some((at_ms, [at_ms.to_string(), text(what), text(""), text(""), text(""), text(then)]))
    })
}

fn row(event: &Event) -> [String; 6] {
    let word = |value: Option<serde_json::Value>| {
        value.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let measured = match (&event.tone, event.speech_end_ms, event.speech_onset_ms) {
        (Some(tone), _, _) => explain::tone_in_words(tone),
        (None, Some(end), _) => format!("last word ended at {end}"),
        (None, None, Some(onset)) if event.kind.is_decision() => format!("speech began at {onset}"),
        (None, None, _) => String::new(),
    };
    [
        event.at_ms.to_string(),
        event.kind.as_str().to_owned(),
        word(event.reason.and_then(|r| serde_json::to_value(r).ok())),
        word(event.subtype.and_then(|s| serde_json::to_value(s).ok())),
        event.confidence.map(|c| format!("{:.0} %", c * 100.0)).unwrap_or_default(),
        measured,
    ]
}

/// Says what went wrong with one file without stopping the others.
fn tell_error(error: &anyhow::Error) {
    super::note(&format!("dering amd: {}", super::sentence(error)));
}

/// Whether progress may be drawn.
fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the user is told about a file with these bytes.
    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        std::fs::write(&path, bytes).unwrap();
        audio_of(&path, false).map_or_else(|error| super::super::sentence(&error), |_| "nothing".into())
    }

    #[test]
    fn what_is_no_audio_is_refused_in_a_sentence() {
        assert!(refusal(b"").contains("holds no audio"), "{}", refusal(b""));
        assert!(
            refusal(b"{\"this\": \"is JSON\"}").contains("not an audio file that can be read (it is text)")
        );
        let wav = callcore::audio::wav::write_8k(&[&[]]);
        assert!(refusal(&wav).contains("holds no audio"), "{}", refusal(&wav));
        assert!(refusal(&wav[..20]).contains("a WAV file without"), "{}", refusal(&wav[..20]));
        assert!(audio_of(Path::new("/nowhere.wav"), false).is_err());
    }

    /// A WAV of any rate and number of channels, the first one with a tone and the others silent.
    fn wav(rate: u32, channels: u16, seconds: u32) -> Vec<u8> {
        let frames = rate * seconds;
        let data = frames * u32::from(channels) * 2;
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + data).to_le_bytes());
        bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
        bytes.extend((channels * 2).to_le_bytes());
        bytes.extend(b"\x10\0data");
        bytes.extend(data.to_le_bytes());
        for n in 0..frames {
            let sounds = (rate..rate * 3 / 2).contains(&n);
            let phase = f64::from(n) / f64::from(rate) * 1000.0 * std::f64::consts::TAU;
            let sample = if sounds { (phase.sin() * 9000.0) as i16 } else { 0 };
            for channel in 0..channels {
                bytes.extend(if channel == 0 { sample } else { 0 }.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn any_rate_and_any_channels_hear_the_same_beep() {
        let folder = tempfile::tempdir().unwrap();
        for (rate, channels) in [(8_000, 1), (44_100, 1), (44_100, 2), (48_000, 6), (11_025, 2)] {
            let path = folder.path().join("call.wav");
            std::fs::write(&path, wav(rate, channels, 4)).unwrap();
            for left in [false, true] {
                let audio = audio_of(&path, left).unwrap();
                let analysis = listen(&audio, callcore::amd::Options::default(), &[]);
                let names: Vec<&str> = analysis.events.iter().map(|event| event.kind.as_str()).collect();
                let expected = ["amd_tone_detected", "amd_machine_detected"];
                assert_eq!(
                    names.get(..2),
                    Some(&expected[..]),
                    "{rate} Hz, {channels} channels, left {left}"
                );
                assert_eq!(names.last(), Some(&"amd_stopped"), "every run ends");
            }
        }
    }

    #[test]
    fn half_a_frame_is_a_call_too() {
        let analysis = listen(&[5; 37], callcore::amd::Options::default(), &[]);
        assert_eq!(analysis.events.len(), 1, "stopped, and nothing decided");
    }
}
