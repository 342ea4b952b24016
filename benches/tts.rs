//! How long a reply takes to be ready to play: made by espeak-ng, taken from the disk, taken from memory; and
//! how much of the wait of a caller is our own work.
//!
//! `cargo bench --bench tts`. Prints p50 and p95 of each.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callcore::call::{Call, DialStatus, Effect, Hypothesis, Input, Settings};
use callcore::clock::CallTime;
use callcore::flow::{self, MachineDetection, Run};
use callcore::language::{sentences, speakable};
use dering::speech::tts::{Loudness, Options, Tts};
use serde_json::Map;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// About five seconds of speech.
const REPLY: &str = "Thank you, your appointment is on the second of May at half past ten in the morning.";
const ROUNDS: usize = 60;

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |share: f64| {
        let at = ((times.len() - 1) as f64 * share) as usize;
        times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    println!("{what:<58} p50 {:>8.3} ms  p95 {:>8.3} ms", ms(0.5), ms(0.95));
}

fn tts(folder: Option<&Path>) -> Tts {
    Tts::new(Options {
        loudness: Loudness::Lufs(-16.0),
        cache_folder: folder.map(Path::to_owned),
        ..Options::default()
    })
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let mut times = Vec::new();
    let mut seconds = 0.0;
    for n in 0..ROUNDS {
        // Another text each time, so that nothing is kept.
        let text = format!("{REPLY} {}", char::from(b'a' + (n % 26) as u8));
        let begun = Instant::now();
        let samples = tts(None).say(&text, "en-US", None).await?;
        times.push(begun.elapsed());
        seconds = samples.len() as f64 / 8_000.0;
    }
    told(&format!("espeak-ng, a reply of {seconds:.1} s, levelled and ready"), times);

    let folder = tempfile::tempdir()?;
    tts(Some(folder.path())).say(REPLY, "en-US", None).await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let fresh = tts(Some(folder.path()));
        let begun = Instant::now();
        fresh.say(REPLY, "en-US", None).await?;
        times.push(begun.elapsed());
    }
    told("the same from the disk, its seal checked", times);

    let kept = tts(Some(folder.path()));
    let samples = kept.say(REPLY, "en-US", None).await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        kept.say(REPLY, "en-US", None).await?;
        times.push(begun.elapsed());
    }
    told("the same from memory", times);

    let long = format!("{REPLY} ").repeat(60);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let pieces: Vec<String> =
            sentences(&long, "en").iter().map(|sentence| speakable(&sentence.text, "en")).collect();
        times.push(begun.elapsed());
        std::hint::black_box(pieces);
    }
    told("a text of 1,000 words in sentences, put into words", times);

    answer(&samples)
}

/// From the end of the caller's speech to the first audio of a reply that is kept: on the call's own clock, and
/// what the work costs.
fn answer(reply: &Arc<[i16]>) -> Fallible<()> {
    let text = format!(
        "flow: f\nstart: main\nscenes:\n  main:\n    - ask:\n        say: Yes?\n        end_silence: 700ms\n        choices: \
         {{ please: reply }}\n  reply:\n    - say: \"{REPLY}\"\n    - hangup: done\n"
    );
    let flow = Arc::new(flow::parse("f.yaml", &text).flow.ok_or("the flow has errors")?);
    let (mut waits, mut work) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let settings = Settings {
            machine_detection: MachineDetection::Disabled,
            recognises: true,
            ..Settings::default()
        };
        let mut call = Call::new(settings, Run::new(Arc::clone(&flow), Map::new())?);
        let mut now = 0;
        call.handle(Input::Status(DialStatus::Connected), CallTime::ZERO);
        // The caller speaks from 2.0 to 2.6 s, when the question is over.
        let (mut spent, mut first) = (Duration::ZERO, None);
        while now < 5_000 && first.is_none() {
            now += 20;
            let at = CallTime::from_ms(now);
            let loud = (2_000..2_600).contains(&now);
            let frame = std::array::from_fn(|n| {
                let hum = (n as f32 / 40.0 * std::f32::consts::TAU).sin() * if loud { 9_000.0 } else { 40.0 };
                let buzz =
                    (n as f32 / 11.0 * std::f32::consts::TAU).sin() * if loud { 4_500.0 } else { 20.0 };
                (hum + buzz) as i16
            });
            let begun = Instant::now();
            call.audio(&frame, at);
            if call.poll_timeout().is_some_and(|due| due <= at) {
                call.handle_timeout(at);
            }
            while let Some(effect) = call.poll_effect() {
                match effect {
                    Effect::Render { play, part, .. } => {
                        let audio = if now < 2_000 { Arc::from(vec![900; 4_000]) } else { Arc::clone(reply) };
                        call.handle(Input::Rendered { play, part, result: Ok(audio) }, at);
                    }
                    Effect::SendCheckPoint(name) => call.handle(Input::CheckPoint(name), at),
                    Effect::Recognise { utterance, interim, .. } => {
                        let heard =
                            Some(Hypothesis { text: "please".into(), confidence: 0.9, weighed: None });
                        call.handle(Input::Recognised { utterance, interim, heard }, at);
                    }
                    Effect::SendAudio(_) if now > 2_600 => first = Some(now),
                    Effect::SendAudio(_)
                    | Effect::SendInterruption
                    | Effect::SendDigit { .. }
                    | Effect::Show(_)
                    | Effect::SendHangup
                    | Effect::KeepMessage { .. }
                    | Effect::EndMessage { .. }
                    | Effect::Request { .. }
                    | Effect::SendTransfer { .. }
                    | Effect::MuteRecording(_)
                    | Effect::SeekRecord
                    | Effect::Record(_)
                    | Effect::Notify(_)
                    | Effect::Finish(_) => {}
                }
            }
            if now > 2_600 {
                spent = begun.elapsed();
            }
        }
        waits.push(Duration::from_millis(first.ok_or("no reply")?.saturating_sub(2_600)));
        work.push(spent);
    }
    told("end of speech to first audio, on the call's clock", waits);
    told("  of it end_silence is 700 ms; the last frame's work", work);
    Ok(())
}
