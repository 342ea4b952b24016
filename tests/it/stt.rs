//! Whisper on real audio and real models, from the shared test material.

#![cfg(feature = "whisper")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::wav;
use callcore::call::hear;
use callcore::flow::Expected;
use dering::gateway::callees::noise::LineNoise;
use dering::speech::stt::whisper::{LoadError, Options, Whisper, Window};
use dering::speech::stt::{Preference, Recognizer, Recognizers, Request, SttError, SttOptions, Urgency};

pub(crate) const DIGITS: [&str; 10] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if !path.exists() {
        println!("skipped: this test needs {}", path.display());
        return None;
    }
    Some(path)
}

/// A tiny model that knows digits and phone phrases: real words, little work.
pub(crate) fn nano() -> Option<Recognizer> {
    let options = Options { window: Window::Fixed(200), ..Options::new(shared("models/phone-nano.bin")?) };
    Some(Recognizer::Whisper(Whisper::load(&options).expect("the model loads")))
}

/// The real architecture of the tiny model without its knowledge, in a window that is quick to look at.
fn tiny(change: impl FnOnce(&mut Options)) -> Option<Recognizer> {
    let model = shared("models/for-tests-ggml-tiny.bin")?;
    let mut options = Options { window: Window::Fixed(100), ..Options::new(model) };
    change(&mut options);
    Some(Recognizer::Whisper(Whisper::load(&options).expect("the model loads")))
}

pub(crate) fn request(audio: impl Into<Arc<[i16]>>) -> Request {
    Request::new(audio, Duration::from_secs(60))
}

pub(crate) fn hum(seconds: f32) -> Vec<i16> {
    (0..(seconds * 8_000.0) as usize).map(|n| ((n as f32 * 0.2).sin() * 6_000.0) as i16).collect()
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

#[tokio::test]
async fn spoken_digits_become_words() {
    let (Some(recognizer), Some(folder)) = (nano(), shared("speech/digits")) else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for speaker in ["jackson", "theo"] {
        for (digit, word) in DIGITS.iter().enumerate() {
            for take in [3, 17] {
                let bytes =
                    std::fs::read(folder.join(format!("{digit}_{speaker}_{take}.wav"))).expect("a recording");
                let audio = wav::read_8k(&bytes).expect("a WAV file");
                let transcript = recognizer.transcribe(request(audio)).await.expect("a transcript");
                if plain(&transcript.text) == *word {
                    assert!(transcript.confidence > 0.0 && transcript.no_speech < 0.5, "{transcript:?}");
                    right += 1;
                } else {
                    wrong.push(format!("{speaker} {word}: {transcript:?}"));
                }
            }
        }
    }
    assert!(right >= 32, "{right} of 40; wrong: {wrong:#?}");
}

#[tokio::test]
async fn many_utterances_at_once_share_the_workers_and_all_come_back() {
    let Some(folder) = shared("speech/digits") else { return };
    let Some(model) = shared("models/phone-nano.bin") else { return };
    let options = Options { window: Window::Fixed(200), workers: 2, queue: 32, ..Options::new(model) };
    let recognizer = Recognizer::Whisper(Whisper::load(&options).expect("the model loads"));
    let bytes = std::fs::read(folder.join("7_jackson_3.wav")).expect("a recording");
    let audio: Arc<[i16]> = wav::read_8k(&bytes).expect("a WAV file").into();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (recognizer, request) = (recognizer.clone(), request(Arc::clone(&audio)));
            tokio::spawn(async move { recognizer.transcribe(request).await })
        })
        .collect();
    let mut texts = Vec::new();
    for task in asked {
        texts.push(task.await.expect("no panic").expect("a transcript").text);
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "the same audio was heard differently: {texts:?}");
}

#[tokio::test]
async fn an_utterance_longer_than_the_model_can_take_is_refused() {
    let Some(recognizer) = nano() else { return };
    let refused = recognizer.transcribe(request(hum(4.5))).await;
    assert_eq!(refused, Err(SttError::TooLong { ms: 4_500, limit_ms: 4_000 }));
}

#[tokio::test]
async fn work_that_takes_too_long_is_given_up_and_the_recogniser_goes_on() {
    let Some(recognizer) = tiny(|options| options.window = Window::Fixed(400)) else { return };
    recognizer.transcribe(request(hum(0.5))).await.expect("the worker is free from here on");
    let hurried = Request { patience: Duration::from_millis(10), ..request(hum(8.0)) };
    assert_eq!(recognizer.transcribe(hurried).await, Err(SttError::TooLate(10)));
    recognizer.transcribe(request(hum(0.5))).await.expect("the state still works");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_abandoned_work_makes_room() {
    let Some(recognizer) = tiny(|options| options.queue = 2) else { return };
    let mut asked: Vec<_> = Vec::new();
    let refused = loop {
        // At most one is taken by the worker and two wait; the worker cannot keep up with this loop.
        let mut work = Box::pin(recognizer.transcribe(request(hum(1.9))));
        match futures_util::poll!(&mut work) {
            std::task::Poll::Pending => asked.push(work),
            std::task::Poll::Ready(outcome) => break outcome,
        }
        assert!(asked.len() < 1_000, "nothing is ever refused");
    };
    assert_eq!(refused, Err(SttError::Overloaded { waiting: 2 }));
    drop(asked);
    let mut again = recognizer.transcribe(request(hum(0.5))).await;
    while matches!(again, Err(SttError::Overloaded { .. })) {
        tokio::task::yield_now().await;
        again = recognizer.transcribe(request(hum(0.5))).await;
    }
    again.expect("abandoned utterances are skipped");
}

#[tokio::test]
async fn languages_are_checked_before_whisper_sees_them() {
    let Some(recognizer) = tiny(|_| ()) else { return };
    let in_language = |language: &str| Request { language: Some(language.into()), ..request(hum(0.5)) };
    for known in ["id", "en-US", "en_GB", "ID"] {
        recognizer.transcribe(in_language(known)).await.unwrap_or_else(|e| panic!("{known}: {e}"));
    }
    for unknown in ["xx", "", "e\0n", "klingon"] {
        let refused = recognizer.transcribe(in_language(unknown)).await;
        assert_eq!(refused, Err(SttError::Language(unknown.into())));
    }
}

#[tokio::test]
async fn a_prompt_of_any_length_and_script_is_taken() {
    let Some(recognizer) = tiny(|options| options.language = Some("id".into())) else { return };
    for prompt in ["", "ya, tidak", "日本語 ✓ \u{1F600}", &"satu dua tiga ".repeat(400), "nul\0byte"] {
        let prompted = Request { expected: [prompt.to_owned()].into(), ..request(hum(0.5)) };
        recognizer.transcribe(prompted).await.expect("a transcript");
    }
}

#[tokio::test]
async fn a_finished_utterance_takes_the_thread_of_one_that_still_grows() {
    let Some(recognizer) = tiny(|options| options.window = Window::Fixed(400)) else { return };
    recognizer.transcribe(request(hum(0.5))).await.expect("the worker is free from here on");
    let growing = Request { urgency: Urgency::Interim, ..request(hum(7.5)) };
    let interim = tokio::spawn({
        let recognizer = recognizer.clone();
        async move { recognizer.transcribe(growing).await }
    });
    // Until it has begun it would only wait behind the other.
    tokio::task::yield_now().await;
    recognizer.transcribe(request(hum(0.5))).await.expect("a transcript");
    let interim = interim.await.expect("no panic");
    assert!(matches!(interim, Err(SttError::Displaced) | Ok(_)), "{interim:?}");
}

#[tokio::test]
async fn words_are_there_before_the_callee_has_finished() {
    let (Some(recognizer), Some(folder)) = (nano(), shared("speech/digits")) else { return };
    let mut ear = Recognizers::from(recognizer)
        .choose(Preference::default())
        .expect("one")
        .recogniser(SttOptions::default());
    let bytes = std::fs::read(folder.join("7_jackson_3.wav")).expect("a recording");
    let mut audio = wav::read_8k(&bytes).expect("a WAV file");
    let interim = ear.interim(1, audio.clone().into(), Expected::default()).expect("whisper gives them");
    let early = interim.await.expect("words");
    assert_eq!(plain(&early.text), "seven");
    audio.resize(audio.len() + 4_000, 0);
    let whole =
        ear.finish(1, audio.into(), Expected::default(), Duration::from_secs(60)).await.expect("words");
    assert_eq!(plain(&whole.text), "seven");
}

/// Ten minutes of a line without a callee: hiss of any level, a hum that comes and goes, knocks.
fn noises() -> Vec<(&'static str, Vec<i16>)> {
    const FRAMES: usize = 10 * 60 * 50;
    let frames = |level: f32, seed: u64, loud: &dyn Fn(usize) -> bool| {
        let mut noise = LineNoise::new(Some(level), seed);
        let mut samples = Vec::with_capacity(FRAMES / 5 * 160);
        for at in 0..FRAMES / 5 {
            let mut frame = [0; 160];
            if loud(at) {
                noise.add_to(&mut frame);
            }
            samples.extend_from_slice(&frame);
        }
        samples
    };
    let always = |_: usize| true;
    let mut hum = hum(120.0);
    for (at, sample) in hum.iter_mut().enumerate() {
        // Half a second on, a second off, as machines beside a callee do.
        if at % 12_000 > 4_000 {
            *sample = 0;
        }
    }
    vec![
        ("faint hiss", frames(-50.0, 3, &always)),
        ("loud hiss", frames(-25.0, 5, &always)),
        ("bursts", frames(-20.0, 7, &|at| at % 40 < 15)),
        ("knocks", frames(-15.0, 9, &|at| at % 70 < 3)),
        ("hum", hum),
    ]
}

#[tokio::test]
async fn ten_minutes_of_noise_give_no_words() {
    let Some(recognizer) = nano() else { return };
    let mut believed = Vec::new();
    for (name, samples) in noises() {
        let utterances: Vec<_> =
            hear(&samples, None, 700).into_iter().filter(|heard| heard.audio.is_some()).collect();
        // A dozen of each kind, from the whole length.
        for heard in utterances.iter().step_by(utterances.len() / 12 + 1) {
            let Some(audio) = heard.audio.clone() else { continue };
            let transcript = recognizer.transcribe(request(audio)).await;
            if let Ok(transcript) = transcript
                && !transcript.text.is_empty()
            {
                believed.push((name, heard.at_ms, transcript));
            }
        }
    }
    assert!(believed.is_empty(), "{believed:#?}");
}

#[test]
fn a_model_that_is_cut_off_or_spoilt_is_refused_with_a_sentence() {
    let Some(model) = shared("models/phone-nano.bin") else { return };
    let whole = std::fs::read(model).expect("a model");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.bin");
    for length in [0, 3, 4, 20, 48, 60, 5_000, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("a file");
        let error = Whisper::load(&Options::new(&path)).expect_err("it is cut off").to_string();
        assert!(error.contains("model.bin"), "{length}: {error}");
    }
    let mut spoilt = whole;
    spoilt[8..12].copy_from_slice(&2_000_000_000_u32.to_le_bytes());
    std::fs::write(&path, &spoilt).expect("a file");
    let error = Whisper::load(&Options::new(&path)).expect_err("it is spoilt").to_string();
    assert!(error.contains("audio positions: 2000000000 cannot be") && error.contains("verify"), "{error}");
}

/// A file of the right form that says it has weights for half a terabyte; the disk holds none of them.
#[test]
fn a_model_larger_than_memory_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("huge.bin");
    let mut head: Vec<u8> = Vec::new();
    let layout = [0x6767_6d6c_u32, 51_865, 1_500, 512, 8, 6, 448, 512, 8, 6, 80, 1];
    let (mel, space, tensor) = ([1_u32, 1, 0], [1_u32, 1], [2_u32, 1, 0, 500_000, 250_000]);
    for number in layout.iter().chain(&mel).chain(&space) {
        head.extend(number.to_le_bytes());
    }
    head.push(b' ');
    for number in tensor {
        head.extend(number.to_le_bytes());
    }
    head.push(b'w');
    let whole = head.len() as u64 + 500_000 * 250_000 * 4;
    std::fs::write(&path, head).expect("a file");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("a file");
    if file.set_len(whole).is_err() {
        return println!("skipped: this disk makes no file of 500 GB, not even an empty one");
    }
    let error = Whisper::load(&Options::new(&path)).expect_err("no machine has so much").to_string();
    assert!(error.contains("huge.bin") && error.contains("MiB") && error.contains("smaller"), "{error}");
}

#[test]
fn a_language_that_is_none_is_refused_before_the_model_is_read() {
    let options = Options { language: Some("klingon".into()), ..Options::new("no/such/model.bin") };
    let error = Whisper::load(&options).expect_err("no such language");
    assert!(matches!(error, LoadError::Language { .. }), "{error}");
}

#[test]
fn a_model_that_is_none_is_named() {
    let missing = Whisper::load(&Options::new("no/such/model.bin")).expect_err("no model");
    assert!(matches!(missing, LoadError::Missing { .. }), "{missing}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.bin");
    std::fs::write(&path, b"not a model at all").expect("a file");
    let error = Whisper::load(&Options::new(path)).expect_err("no model").to_string();
    assert!(error.contains("is it a Whisper model in ggml format?"), "{error}");
}

#[test]
fn word_errors_of_a_model_are_a_table_or_json() {
    let (Some(model), Some(digits)) = (shared("models/phone-nano.bin"), shared("speech/digits")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (digit, word) in DIGITS.iter().enumerate() {
        let name = format!("{digit}_jackson_3");
        std::fs::copy(digits.join(format!("{name}.wav")), folder.path().join(format!("{name}.wav")))
            .expect("a copy");
        std::fs::write(folder.path().join(format!("{name}.txt")), format!("{}!\n", word.to_uppercase()))
            .expect("a label");
    }
    let eval = |more: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dering"))
            .args(["stt", "eval", "--window", "200", "--language", "en", "--model"])
            .arg(&model)
            .arg(folder.path())
            .args(more)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let report: serde_json::Value = serde_json::from_str(&eval(&["--json"])).expect("JSON");
    let summary = &report["summary"][0];
    assert_eq!((&summary["recogniser"], &summary["words"]), (&"phone-nano".into(), &10.into()), "{report}");
    assert!(summary["wordErrorRate"].as_f64().is_some_and(|rate| rate <= 0.2), "{summary}");
    let table = eval(&["--limit", "4"]);
    assert!(
        table.contains("WER %") && table.lines().nth(1).is_some_and(|row| row.contains("phone-nano")),
        "{table}"
    );
}
