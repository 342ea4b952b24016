//! Calls in Firefox: a flow that is talked to, links, video; measured by what Firefox received, and by the recordings.

use callcore::audio::{tone, wav};
use dering::access::Role;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::browser_calls::{As, ask, ended};
use crate::peer::{self, Peer};
use crate::system_fixture::{Setup, TestSystem};
use crate::system_page::firefox;

/// Sounds until a key is pressed, then stays.
const LONG: &str = "flow: long\nrecording: on\nstart: q\nscenes:\n  q:\n    - ask:\n        say: [ { play: long.wav } ]\n        \
     barge_in: dtmf\n        choices: { \"7\": pressed }\n        no_match: { retries: 0, goto: other }\n        \
     no_input: { retries: 0, goto: other }\n  pressed: [ { checkpoint: key_heard }, { wait: 60s }, { hangup: bored } ]\n  other: [ { hangup: other } ]\n";
/// Shows a red picture, and sounds.
const SHOP: &str = "flow: shop\nrecording: on\nstart: talk\nscenes:\n  talk:\n    - show: red.webp\n    - say: { text: [ { play: long.wav } ], barge_in: off }\n    \
     - hangup: told\n";
const RED: &[u8] = include_bytes!("../data/red.webp");
/// Of the tone that Firefox has for a microphone, Hz.
const TONE: usize = 700;

async fn rung(system: &TestSystem, kind: &str, flow: &str) -> (String, String) {
    let body = json!({ "contact_id": "jj084", "type": kind, "flow": flow });
    let reply = ask(system, As::Program, Method::POST, "/v1/calls", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    let token = told["ring_link"].as_str().unwrap().strip_prefix("/ring#").unwrap();
    (told["call_id"].as_str().unwrap().to_owned(), token.to_owned())
}

/// The pitch of what the other party said, Hz: of the loudest second of its side of the recording.
async fn pitch(system: &TestSystem, call_id: &str) -> usize {
    let file = system.client.read(&format!("/v1/calls/{call_id}/recording")).await;
    assert_eq!(file.status, 200, "{}", file.text());
    let samples = file.bytes[44..].as_chunks::<4>().0;
    let said: Vec<i16> = samples.iter().map(|[low, high, _, _]| i16::from_le_bytes([*low, *high])).collect();
    let loudness =
        |second: &&[i16]| second.iter().map(|sample| u64::from(sample.unsigned_abs())).sum::<u64>();
    let loudest = said.chunks_exact(8_000).max_by_key(loudness).expect("a second of audio");
    assert!(loudness(&loudest) > 8_000 * 500, "the microphone is heard: {}", loudness(&loudest) / 8_000);
    loudest.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
}

#[tokio::test]
async fn somebody_talks_takes_calls_and_is_called_by_video_in_firefox() {
    let Some(browser) = firefox() else { return };
    if !peer::is_ready() {
        return;
    }
    let long = wav::write_8k(&[&tone::tone(&[440.0], 60_000, -20.0)]);
    let flows = vec![
        ("long.yaml", LONG.into()),
        ("shop.yaml", SHOP.into()),
        ("long.wav", long),
        ("red.webp", RED.to_vec()),
    ];
    // Firefox does not reach the loopback address this way.
    let system =
        TestSystem::with(Setup { flows, browsers: ([0, 0, 0, 0], 0).into(), ..Setup::default() }).await;
    let contact = json!({ "contact_id": "jj084", "phone_number": null, "name": "Jaya" });
    let reply = ask(&system, As::Program, Method::POST, "/v1/contacts", &contact).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let (accepted, first) = rung(&system, "voice", "long").await;
    let (declined, second) = rung(&system, "voice", "long").await;
    let (video, third) = rung(&system, "video", "shop").await;
    let welcome = system.app.sign_in_link("Ada", Role::Admin).await.unwrap();
    let options = json!({
        "browser": browser,
        "base": format!("http://{}", system.app.address()),
        "welcome": welcome.expose_secret(),
        "links": [first, second, third],
        "video": video,
        "tone": TONE,
        "pictures": std::env::var("DERING_PICTURES").ok(),
    });
    let mut peer = Peer::start("firefox.js", options).await;
    let told: Value = loop {
        let report = peer.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        if report["done"] == true {
            break report;
        }
    };
    println!("{}", told["measured"]);
    let talked = told["talked"].as_str().unwrap().to_owned();
    for (call_id, cause) in [(&talked, 16), (&accepted, 16), (&declined, 21), (&video, 16)] {
        let (call, _) = ended(&system, call_id).await;
        assert_eq!(call["causeCode"], cause, "{call}");
    }
    for call_id in [&talked, &accepted, &video] {
        let pitch = pitch(&system, call_id).await;
        assert!(pitch.abs_diff(TONE) < 20, "the tone of the microphone: {pitch} Hz");
    }
    let camera = system.client.read(&format!("/v1/calls/{video}/camera")).await;
    assert_eq!(camera.status, 200, "{}", camera.text());
    assert!(camera.bytes.len() > 2_000, "{} bytes", camera.bytes.len());
}
