//! What a local recogniser costs: utterances per second of a core, and how long calls wait for their words.
//!
//! `cargo bench --bench stt -- MODEL [WINDOW] [SECONDS]`. `WINDOW` is the length that the model was trained for, in steps
//! of 20 ms; 0 fits it to the utterance. First utterances of several lengths one after the other on one core, then calls
//! that each answer every 6 s or so for `SECONDS` (20), on half the cores, interim results included.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::tone::tone;
use callcore::flow::Expected;
use dering::speech::stt::whisper::{Options, Whisper, Window};
use dering::speech::stt::{CallRecogniser, Preference, Recognizer, Recognizers, Request, SttOptions};
use tokio::time::{Instant, sleep, sleep_until};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// From one answer of a call to the next, ms: a question, and then the answer.
const BETWEEN_MS: u64 = 6_000;
/// Length of an answer and of its first windows, ms.
const ANSWER_MS: u64 = 1_500;
const WINDOWS_MS: [u64; 2] = [700, 1_200];
/// As a call waits.
const PATIENCE: Duration = Duration::from_millis(3_500);

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some(model) = args.first() else {
        println!(
            "stt: give a model file to measure, as in `cargo bench --bench stt -- data/models/ggml-tiny.bin`"
        );
        return Ok(());
    };
    let number = |at: usize, usual: u64| args.get(at).map_or(Ok(usual), |text| text.parse::<u64>());
    let (window, seconds) = (number(1, 0)?, number(2, 20)?);
    let mut options = Options::new(model);
    if window > 0 {
        options.window = Window::Fixed(u32::try_from(window)?);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(one_after_the_other(&options))?;
    let cores = std::thread::available_parallelism()?.get();
    options.workers = (cores / 2).max(1);
    for calls in [10, 50, 100] {
        runtime.block_on(at_once(&options, calls, Duration::from_secs(seconds)))?;
    }
    Ok(())
}

fn speech(ms: u64) -> Arc<[i16]> {
    // Words or not, the encoder does the same work; a real voice makes the decoder write some more.
    tone(&[180.0, 540.0, 1_300.0], ms, -20.0).into()
}

async fn one_after_the_other(options: &Options) -> Fallible<()> {
    let recognizer = Recognizer::Whisper(Whisper::load(options)?);
    for ms in [700, 1_500, 3_000, 8_000] {
        let audio = speech(ms);
        let request = || Request {
            language: Some("en".into()),
            ..Request::new(Arc::clone(&audio), Duration::from_secs(60))
        };
        if recognizer.transcribe(request()).await.is_err() {
            println!("{ms} ms: longer than the model takes");
            continue;
        }
        let begun = Instant::now();
        let mut done = 0_u32;
        while begun.elapsed() < Duration::from_secs(5) {
            recognizer.transcribe(request()).await?;
            done += 1;
        }
        let per_second = f64::from(done) / begun.elapsed().as_secs_f64();
        println!(
            "{ms} ms of speech, one thread: {per_second:.2} utterances per second, {:.0} ms each",
            1_000.0 / per_second
        );
    }
    Ok(())
}

/// What became of the answers of all calls.
#[derive(Debug, Default)]
struct Tally {
    waits_ms: Vec<u64>,
    failed: usize,
}

async fn at_once(options: &Options, calls: u64, length: Duration) -> Fallible<()> {
    let recognizers = Recognizers::from(Recognizer::Whisper(Whisper::load(options)?));
    // The workers' first run.
    sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for call in 0..calls {
        let choice = recognizers.choose(Preference::default()).ok_or("no recogniser")?;
        let ear = choice.recogniser(SttOptions { language: Some("en".into()), ..SttOptions::default() });
        let first = begun + Duration::from_millis(call * BETWEEN_MS / calls);
        tasks.push(tokio::spawn(talk(ear, first, begun + length)));
    }
    let mut all = Tally::default();
    for task in tasks {
        let tally = task.await?;
        all.waits_ms.extend(tally.waits_ms);
        all.failed += tally.failed;
    }
    all.waits_ms.sort_unstable();
    let at = |percent: usize| {
        let place = (all.waits_ms.len() * percent).div_ceil(100).saturating_sub(1);
        all.waits_ms.get(place).copied().unwrap_or(0)
    };
    println!(
        "{calls} calls, {} threads: wait for the words p50 {} ms, p95 {} ms; {} answered, {} not in time or refused",
        options.workers,
        at(50),
        at(95),
        all.waits_ms.len(),
        all.failed
    );
    Ok(())
}

/// One callee, who answers again and again.
async fn talk(mut ear: CallRecogniser, mut next: Instant, until: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut utterance = 0;
    while next < until {
        utterance += 1;
        for ms in WINDOWS_MS {
            sleep_until(next + Duration::from_millis(ms)).await;
            if let Some(words) = ear.interim(utterance, speech(ms), Expected::default()) {
                tokio::spawn(words);
            }
        }
        sleep_until(next + Duration::from_millis(ANSWER_MS)).await;
        let ended = Instant::now();
        match ear.finish(utterance, speech(ANSWER_MS), Expected::default(), PATIENCE).await {
            Ok(_) => tally.waits_ms.push(u64::try_from(ended.elapsed().as_millis()).unwrap_or(u64::MAX)),
            Err(_) => tally.failed += 1,
        }
        next += Duration::from_millis(BETWEEN_MS);
    }
    tally
}
