//! The recogniser that is part of this program: what it hears, and what it is silent about.

#![cfg(feature = "whisper")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::wav;
use callcore::flow::Expected;
use dering::gateway::callees::noise::LineNoise;
use dering::speech::models::built_in;
use dering::speech::stt::whisper::{Options, Whisper};
use dering::speech::stt::{Preference, Recognizer, Recognizers, Request, SttError, SttOptions};

const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const PATIENCE: Duration = Duration::from_secs(60);

fn nano() -> Option<Recognizer> {
    if !built_in::is_here() {
        println!("skipped: this build has no {}", built_in::NAME);
        return None;
    }
    Some(Recognizer::Whisper(
        Whisper::load(&Options::new(built_in::NAME)).expect("it is part of the program"),
    ))
}

fn digits() -> Expected {
    Expected::default().with_answers(DIGITS.iter().map(|word| vec![(*word).to_owned()]))
}

/// With the quiet around it that a call has.
fn said(audio: &[i16]) -> Arc<[i16]> {
    [&[0; 2_400][..], audio, &[0; 5_600][..]].concat().into()
}

fn asked(audio: &[i16], language: &str) -> Request {
    Request {
        answers: digits().answers,
        language: Some(language.into()),
        ..Request::new(said(audio), PATIENCE)
    }
}

fn hiss(frames: usize) -> Vec<i16> {
    let mut noise = LineNoise::new(Some(-25.0), 1);
    let mut samples = Vec::new();
    for _ in 0..frames {
        let mut frame = [0; 160];
        noise.add_to(&mut frame);
        samples.extend(frame);
    }
    samples
}

/// A recording of somebody whom its training never met.
fn spoken(digit: usize, take: u32) -> Option<Vec<i16>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/speech/digits");
    let path = folder.join(format!("{digit}_theo_{take}.wav"));
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: this test needs {}", path.display());
        return None;
    };
    Some(wav::read_8k(&bytes).expect("a WAV file"))
}

#[tokio::test]
async fn digits_of_somebody_new_are_heard_and_seldom_another_one() {
    let (Some(nano), ids) = (nano(), digits().answers) else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for (digit, word) in DIGITS.iter().enumerate() {
        for take in [3, 7, 17] {
            let Some(audio) = spoken(digit, take) else { return };
            let heard = nano.transcribe(asked(&audio, "en")).await.expect("a transcript");
            match heard.weighed.and_then(|weighed| weighed.likely) {
                Some(likely) if ids[digit].id == likely => right += 1,
                None => {}
                Some(_) => wrong.push(format!("{word}: {heard:?}")),
            }
        }
    }
    assert!(right >= 22 && wrong.len() <= 3, "{right} of 30; wrong: {wrong:#?}");
}

#[tokio::test]
async fn noise_is_no_answer() {
    let Some(nano) = nano() else { return };
    let hum: Vec<i16> = (0..12_000).map(|n| ((n as f32 * 0.2).sin() * 6_000.0) as i16).collect();
    for audio in [hiss(75), hum, hiss(10)] {
        let heard = nano.transcribe(asked(&audio, "en")).await.expect("a transcript");
        assert!(
            heard.text.is_empty() && heard.weighed.and_then(|weighed| weighed.likely).is_none(),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn what_it_cannot_hear_is_refused_and_not_guessed() {
    let Some(nano) = nano() else { return };
    let long = nano.transcribe(asked(&hiss(200), "en")).await;
    assert!(matches!(long, Err(SttError::TooLong { limit_ms: 4_000, .. })), "{long:?}");
    let french = nano.transcribe(asked(&hiss(50), "fr")).await;
    assert_eq!(french, Err(SttError::Language("fr".into())));
    assert!(nano.knows("en-AU") && nano.knows("id") && !nano.knows("fr"));
    assert!(nano.hears_answers_only() && !nano.is_english_only());
}

#[tokio::test]
async fn a_call_asks_it_only_where_answers_are_known() {
    let (Some(nano), Some(audio)) = (nano(), spoken(7, 3)) else { return };
    let all = Recognizers::from(nano);
    let choice = all.choose(Preference::default()).expect("a recogniser");
    let mut call = choice.recogniser(SttOptions { interim: Some(true), ..SttOptions::default() });
    assert!(call.interim(1, said(&audio), digits()).is_none(), "half an answer is none");
    let unasked = call.finish(1, said(&audio), Expected::default(), PATIENCE).await.expect("a transcript");
    assert_eq!(unasked.text, "");
    let asked = call.finish(2, said(&audio), digits(), PATIENCE).await.expect("a transcript");
    assert!(asked.weighed.is_some(), "{asked:?}");
}
