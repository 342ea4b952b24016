//! Answers of questions by the real weights of whisper base, which `make test` fetches: real people, and what answers nothing.

#![cfg(feature = "whisper")]

use std::path::PathBuf;

use callcore::audio::wav;
use callcore::flow::Expected;
use dering::gateway::callees::noise::LineNoise;
use dering::speech::stt::whisper::{Options, Whisper};
use dering::speech::stt::{Recognizer, Request, Transcript};

use crate::stt::{DIGITS, hum, nano, request, shared};

/// Not in `data/models`, where the servers of other tests would find it.
fn base_file() -> PathBuf {
    let folder = std::env::var_os("DERING_MODELS").map_or_else(|| "target/speech".into(), PathBuf::from);
    folder.join("ggml-base.bin")
}

/// The base model, where it is.
fn base() -> Option<Recognizer> {
    let model = base_file();
    if !model.exists() {
        println!("skipped: this test needs {}; `make test` fetches it", model.display());
        return None;
    }
    Some(Recognizer::Whisper(Whisper::load(&Options::new(model)).expect("the model loads")))
}

/// The ten digits as answers of a question, and the quiet around speech that a call has.
fn asked_for_a_digit(audio: &[i16]) -> Request {
    let ways = DIGITS.iter().enumerate().map(|(digit, word)| vec![(*word).to_owned(), digit.to_string()]);
    let expected = Expected::default().with_answers(ways);
    let audio: Vec<i16> = [&[0; 2_400][..], audio, &[0; 5_600][..]].concat();
    Request { answers: expected.answers, language: Some("en".into()), ..request(audio) }
}

fn answer_of(heard: &Transcript) -> Option<usize> {
    let ids = Expected::default().with_answers((0..10).map(|digit: u32| vec![digit.to_string()])).answers;
    let likely = heard.weighed?.likely?;
    ids.iter().position(|answer| answer.id == likely)
}

#[tokio::test]
async fn answers_of_real_people_are_found_by_weighing_them_and_noise_is_none() {
    let (Some(recognizer), Some(folder)) = (base(), shared("speech/digits")) else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for (digit, word) in DIGITS.iter().enumerate() {
        let file = folder.join(format!("{digit}_theo_7.wav"));
        let audio = wav::read_8k(&std::fs::read(file).expect("a recording")).expect("a WAV file");
        let heard = recognizer.transcribe(asked_for_a_digit(&audio)).await.expect("a transcript");
        match answer_of(&heard) {
            Some(answer) if answer == digit => right += 1,
            None => {}
            Some(answer) => wrong.push(format!("{word} was taken for {answer}: {heard:?}")),
        }
    }
    assert!(right >= 7 && wrong.is_empty(), "{right} of 10; wrong: {wrong:#?}");
    let mut noise = LineNoise::new(Some(-30.0), 1);
    let mut hiss = Vec::new();
    for _ in 0..75 {
        let mut frame = [0; 160];
        noise.add_to(&mut frame);
        hiss.extend(frame);
    }
    for audio in [hum(1.5), hiss] {
        let heard = recognizer.transcribe(asked_for_a_digit(&audio)).await.expect("a transcript");
        let taken = heard.weighed.and_then(|weighed| weighed.likely);
        assert_eq!(taken, None, "{heard:?}");
    }
}

/// The digits that a question expects, and what answers none of them: the whole way of a call, by `dering stt bench`.
#[test]
fn what_is_no_answer_is_hardly_ever_taken_for_one() {
    let (Some(_), Some(digits), Some(corpus)) = (base(), shared("speech/digits"), shared("amd-corpus/cases"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (asked, strangers) = (folder.path().join("digits"), folder.path().join("strangers"));
    std::fs::create_dir_all(&asked).expect("a folder");
    std::fs::create_dir_all(&strangers).expect("a folder");
    let digit = |digit: usize, who: &str, take: usize| {
        let file = digits.join(format!("{digit}_{who}_{take}.wav"));
        wav::read_8k(&std::fs::read(file).expect("a recording")).expect("a WAV file")
    };
    for at in 0..10 {
        std::fs::write(asked.join(format!("{at}.wav")), wav::write_8k(&[&digit(at, "theo", 7)]))
            .expect("a file");
        std::fs::write(asked.join(format!("{at}.txt")), at.to_string()).expect("a label");
    }
    // Ten seconds of numbers are no single digit.
    let long: Vec<i16> = (0..10)
        .flat_map(|at| [digit(at, "jackson", 3), vec![0; 4_000]].concat())
        .chain(std::iter::repeat_n(0, 8_000))
        .take(10 * 8_000)
        .collect();
    std::fs::write(strangers.join("ten-seconds.wav"), wav::write_8k(&[&long])).expect("a file");
    let labels = std::fs::read_to_string(corpus.with_file_name("labels.jsonl")).expect("labels");
    let cases = labels.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a case"));
    let mut taken = 0;
    for case in cases {
        let Some((from, to)) = no_number_in(&case).filter(|_| taken < 12) else { continue };
        taken += 1;
        let id = case["id"].as_str().expect("an id");
        let whole = std::fs::read(corpus.join(format!("{id}.wav"))).expect("a recording");
        let audio = wav::read_8k(&whole).expect("a WAV file");
        let piece = wav::write_8k(&[&audio[from * 8..to * 8]]);
        std::fs::write(strangers.join(format!("{id}.wav")), piece).expect("a file");
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dering"))
        .args(["stt", "bench", "--json"])
        .arg(&asked)
        .arg("--strangers")
        .arg(&strangers)
        .arg("--model")
        .arg(base_file())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let taken = &told["rows"][1]["weighed"];
    assert!(told["rows"][1]["recordings"].as_u64() >= Some(10), "{told}");
    assert!(taken["wrong"].as_u64() <= Some(1), "{told:#}");
    assert_eq!(told["rows"][0]["weighed"]["wrong"], 0, "{told:#}");
}

/// Where music plays, or where Spanish or French is spoken without a number in it, ms.
fn no_number_in(case: &serde_json::Value) -> Option<(usize, usize)> {
    const NUMBERS: [&str; 14] = [
        "un", "uno", "deux", "dos", "trois", "tres", "quatre", "cuatro", "cinq", "cinco", "six", "seis",
        "nueve", "neuf",
    ];
    let span = |part: &serde_json::Value| {
        let of = |name: &str| usize::try_from(part[name].as_u64()?).ok();
        let (from, to) = (of("start_ms")?, of("end_ms")?);
        Some((from, to.min(from + 5_000)))
    };
    if let Some(music) = case["tones"].as_array()?.iter().find(|tone| tone["kind"] == "music") {
        return span(music);
    }
    let is_foreign = ["es", "fr"].iter().any(|language| case["language"] == *language);
    let first = case["segments"].as_array()?.first()?;
    let text = first["text"].as_str()?;
    let has_number = text.split(' ').any(|word| NUMBERS.contains(&word) || word.parse::<u32>().is_ok());
    (is_foreign && !has_number).then(|| span(first))?
}

#[tokio::test]
async fn of_two_people_at_once_one_is_taken_or_neither() {
    let (Some(recognizer), Some(folder)) = (base(), shared("speech/digits")) else { return };
    let digit = |digit: usize, who: &str| {
        let file = folder.join(format!("{digit}_{who}_5.wav"));
        wav::read_8k(&std::fs::read(file).expect("a recording")).expect("a WAV file")
    };
    for (one, other) in [(1, 6), (3, 9), (8, 2)] {
        let (mut both, over) = (digit(one, "jackson"), digit(other, "nicolas"));
        both.resize(both.len().max(over.len()), 0);
        both.iter_mut().zip(over).for_each(|(sample, more)| *sample = sample.saturating_add(more));
        let heard = recognizer.transcribe(asked_for_a_digit(&both)).await.expect("a transcript");
        let taken = answer_of(&heard);
        assert!(taken.is_none_or(|taken| [one, other].contains(&taken)), "{one} and {other}: {heard:?}");
    }
}

#[tokio::test]
async fn a_small_model_weighs_answers_too() {
    let (Some(recognizer), Some(folder)) = (nano(), shared("speech/digits")) else { return };
    let audio = std::fs::read(folder.join("7_theo_17.wav")).expect("a recording");
    let audio = wav::read_8k(&audio).expect("a WAV file");
    let heard = recognizer.transcribe(asked_for_a_digit(&audio)).await.expect("a transcript");
    assert!(heard.weighed.is_some_and(|weighed| (0.0..=1.0).contains(&weighed.probability)), "{heard:?}");
}
