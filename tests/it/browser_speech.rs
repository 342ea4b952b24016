//! Somebody who speaks to a flow in Chromium: over the bot, which falls silent, and as an answer. Needs ../shared/speech for a
//! voice, and ../shared/models for who understands it.

use callcore::audio::{tone, wav};
use dering::access::Role;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::browser_calls::ended;
use crate::peer::{self, Peer};
use crate::stt::shared;
use crate::system_fixture::{Setup, TestSystem};
use crate::system_page::browser;

/// Asks for eight seconds, and takes an answer at any time.
const FLOW: &str = "flow: question\nstart: q\nscenes:\n  q:\n    - ask:\n        say: [ { play: long.wav } ]\n        \
     timeout: 5s\n        choices: { \"7\": { phrases: [seven], goto: right } }\n        \
     no_match: { retries: 0, goto: wrong }\n        no_input: { retries: 0, goto: silent }\n  \
     right: [ { hangup: right } ]\n  wrong: [ { hangup: wrong } ]\n  silent: [ { hangup: silent } ]\n";

#[tokio::test]
async fn who_speaks_over_the_bot_in_chromium_is_heard_and_it_falls_silent() {
    let Some(browser) = browser() else { return };
    let (Some(model), Some(seven)) =
        (shared("models/phone-nano.bin"), shared("speech/digits/7_jackson_3.wav"))
    else {
        return;
    };
    if !peer::is_ready() {
        return;
    }
    let long = wav::write_8k(&[&tone::tone(&[440.0], 8_000, -20.0)]);
    let system = TestSystem::with(Setup {
        speech_to_text: Some(format!("  model: {}\n  window: 200\n  bias: false\n", model.display())),
        flows: vec![("question.yaml", FLOW.into()), ("long.wav", long)],
        ..Setup::default()
    })
    .await;
    // Four seconds of silence, then the answer: the browser plays it again and again.
    let said = wav::read_8k(&std::fs::read(seven).unwrap()).unwrap();
    let microphone = system.folder.path().join("microphone.wav");
    let quiet = vec![0; 32_000];
    std::fs::write(&microphone, wav::write_8k(&[&[quiet, said].concat()])).unwrap();
    let link = system.app.sign_in_link("Ada", Role::Admin).await.unwrap();
    let options = json!({
        "browser": browser,
        "welcome": link.expose_secret(),
        "base": format!("http://{}", system.app.address()),
        "microphone": microphone,
    });
    let mut peer = Peer::start("speak.js", options).await;
    let measured = loop {
        let report = peer.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        if report["done"] == true {
            break report["measured"].clone();
        }
    };
    println!("{measured}");
    let call_id = measured["call"].as_str().unwrap();
    let (call, _) = ended(&system, call_id).await;
    assert_eq!(call["outcome"], "right", "the answer was understood: {call}");
    let events = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let prompt = events["events"].as_array().unwrap().iter().find(|event| event["kind"] == "prompt_ended");
    let prompt = &prompt.expect("the prompt has an end")["detail"];
    assert_eq!(prompt["completed"], false, "it was interrupted: {prompt}");
    // As the browser heard it: less than the eight seconds that the prompt takes.
    let heard_ms = measured["heard_ms"].as_f64().unwrap();
    assert!((500.0..7_500.0).contains(&heard_ms), "{measured}");
}
