//! Calls and the recogniser that hears them: what it understood takes the branch of the words, what it could not takes
//! the flow's own way on, and no call waits for a recogniser that hangs. Needs ../shared/speech for a callee's voice.

use std::fs;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use dering::app::App;
use dering::config;
use dering::outbox::receiver::{Inbox, Receiver};
use serde_json::{Value, json};

use crate::speech_services::{Answer, Service, said};
use crate::system_fixture::{
    Carrier, Client, config as usual_config, create_credentials, in_time, last_word, local, write_fixtures,
};

/// Says "seven" when the bot has spoken.
const SAYS_SEVEN: &str = "+15552001";
const CALLEE: &str = "numbers: ['+15552001']\nring: 150ms\ncap: 40s\nscript:\n  \
     - wait_until_bot_stops: { silence: 500ms, timeout: 10s }\n  - play: seven.wav\n  - silence: 30s\n";
const FLOW: &str = "flow: question\nstart: q\nscenes:\n  q:\n    - ask:\n        say: [ { play: hello.wav } ]\n        \
     timeout: 5s\n        choices: { \"7\": { phrases: [seven], goto: right } }\n        \
     no_match: { retries: 0, goto: wrong }\n        no_input: { retries: 0, goto: silent }\n  \
     right: [ { hangup: right } ]\n  wrong: [ { hangup: wrong } ]\n  silent: [ { hangup: silent } ]\n";

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if !path.exists() {
        println!("skipped: this test needs {}", path.display());
        return None;
    }
    Some(path)
}

struct TestSystem {
    app: App,
    client: Client,
    inbox: Inbox,
    receiver: Receiver,
    _carrier: Carrier,
    _folder: tempfile::TempDir,
}

impl TestSystem {
    /// A server whose `speech_to_text` is this YAML.
    async fn with(speech_to_text: &str) -> Option<Self> {
        let seven = shared("speech/digits/7_jackson_3.wav")?;
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        fs::copy(seven, folder.path().join("callees/seven.wav")).unwrap();
        fs::write(folder.path().join("callees/says-seven.yaml"), CALLEE).unwrap();
        fs::write(folder.path().join("flows/question.yaml"), FLOW).unwrap();
        let carrier = Carrier::start(folder.path()).await;
        let file = folder.path().join("dering.yaml");
        fs::write(&file, format!("speech_to_text:\n{speech_to_text}")).unwrap();
        let mut config = config::Config {
            speech_to_text: config::load(&file).unwrap().speech_to_text,
            ..usual_config(folder.path(), &carrier)
        };
        config.bots.insert("sales".into(), "question".into());
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
        let client = Client::new(app.address(), secret, key);
        Some(Self { app, client, inbox, receiver, _carrier: carrier, _folder: folder })
    }

    async fn dial(&self, control: Value) -> String {
        let extra = json!({ "notifyUrl": self.receiver.url(), "callControlParameter": control });
        self.client.dial("sales", SAYS_SEVEN, extra).await
    }

    async fn outcome(&self, call_id: &str) -> Value {
        in_time(last_word(&self.inbox, call_id)).await;
        self.client.read(&format!("/v1/calls/{call_id}")).await.json()["outcome"].clone()
    }

    async fn event(&self, call_id: &str, kind: &str) -> Value {
        let shown = self.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        let found = shown["events"].as_array().unwrap().iter().find(|event| event["kind"] == kind).cloned();
        found.unwrap_or_else(|| panic!("no {kind}: {shown}"))["detail"].clone()
    }
}

#[tokio::test]
async fn a_call_goes_on_whatever_becomes_of_its_recogniser() {
    let (stalls, _) = Service::start(Answer::Never).await;
    let (half, _) = Service::start(Answer::Stalls).await;
    let (fails, _) = Service::start(Answer::Body(StatusCode::INTERNAL_SERVER_ERROR, "x".into())).await;
    let (babbles, _) = Service::start(said("<html>")).await;
    let (hears, _) = Service::start(said(json!({ "text": "Seven." }).to_string())).await;
    let yaml = format!(
        "  engine: openai\n  url: {hears}\n  others:\n    stalls: {{ engine: openai, url: '{stalls}' }}\n    \
         half: {{ engine: openai, url: '{half}' }}\n    fails: {{ engine: openai, url: '{fails}' }}\n    \
         babbles: {{ engine: openai, url: '{babbles}' }}\n    \
         away: {{ engine: openai, url: 'http://127.0.0.1:1' }}\n"
    );
    let Some(system) = TestSystem::with(&yaml).await else { return };
    let mut calls = Vec::new();
    for (provider, outcome) in [
        ("openai", "right"),
        ("stalls", "wrong"),
        ("half", "wrong"),
        ("fails", "wrong"),
        ("babbles", "wrong"),
        ("away", "wrong"),
    ] {
        calls.push((provider, outcome, system.dial(json!({ "sttProvider": provider })).await));
    }
    for (provider, outcome, call_id) in calls {
        assert_eq!(system.outcome(&call_id).await, outcome, "{provider}");
    }
    system.app.shutdown().await;
}

#[tokio::test]
async fn another_recogniser_hears_what_the_first_could_not() {
    let (hears, _) = Service::start(said(json!({ "text": "seven" }).to_string())).await;
    let (stalls, _) = Service::start(Answer::Never).await;
    let yaml = format!(
        "  engine: openai\n  url: {stalls}\n  others: {{ spare: {{ engine: openai, url: '{hears}' }} }}\n  \
         fallback: spare\n"
    );
    let Some(system) = TestSystem::with(&yaml).await else { return };
    let call_id = system.dial(json!({})).await;
    assert_eq!(system.outcome(&call_id).await, "right");
    system.app.shutdown().await;
}

#[tokio::test]
async fn a_dial_request_says_how_its_call_is_heard() {
    let (hears, service) = Service::start(said(json!({ "text": "seven" }).to_string())).await;
    let yaml = format!("  engine: openai\n  url: {hears}\n  flows: {{ question: openai }}\n");
    let Some(system) = TestSystem::with(&yaml).await else { return };
    let control = json!({
        "sttProvider": "deepgram", "sttLanguage": "en-AU", "sttLabel": "deepgram-abcd",
        "deepgramUtteranceEndMs": 1000, "deepgramEndpointing": 300, "ttsVoice": "x"
    });
    let extra = json!({ "notifyUrl": system.receiver.url(), "callControlParameter": control });
    let reply = system.client.try_dial("sales", SAYS_SEVEN, extra).await;
    assert_eq!(
        crate::system_fixture::ignored_but_caller(&reply.headers["dering-ignored-fields"]),
        "callControlParameter.ttsVoice, callControlParameter.sttProvider"
    );
    let call_id = reply.json()["callId"].as_str().unwrap().to_owned();
    assert_eq!(system.outcome(&call_id).await, "right");
    let heard = system.event(&call_id, "hearing").await;
    let expected = json!({ "recogniser": "openai", "language": "en-AU", "interim": false, "endSilenceMs": 1000,
        "label": "deepgram-abcd", "askedFor": "deepgram", "substitute": true });
    assert_eq!(heard, expected);
    let body = service.request_with("name=\"prompt\"\r\n\r\nseven");
    assert!(!body.is_empty(), "what the question expects");
    assert!(body.contains("name=\"language\"\r\n\r\nen\r\n"), "the language of the dial request");

    let wrong = json!({ "callControlParameter": { "continuousASRTimeoutInMS": "soon" } });
    let (status, _, detail) = system.client.try_dial("sales", SAYS_SEVEN, wrong).await.problem();
    assert!(status == 400 && detail.contains("continuousASRTimeoutInMS"), "{status} {detail}");
    system.app.shutdown().await;
}

#[cfg(feature = "whisper")]
#[tokio::test]
async fn a_model_on_this_machine_understands_the_callee() {
    let Some(model) = shared("models/phone-nano.bin") else { return };
    let yaml = format!("  model: {}\n  window: 200\n  bias: false\n", model.display());
    let Some(system) = TestSystem::with(&yaml).await else { return };
    let call_id = system.dial(json!({})).await;
    let outcome = system.outcome(&call_id).await;
    let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    assert_eq!(outcome, "right", "{shown:#}");
    let unknown = json!({ "callControlParameter": { "sttLanguage": "xx" } });
    let (status, _, detail) = system.client.try_dial("sales", SAYS_SEVEN, unknown).await.problem();
    assert!(status == 422 && detail.contains("\"xx\""), "{status} {detail}");
    system.app.shutdown().await;
}

#[cfg(feature = "whisper")]
#[tokio::test]
async fn a_server_does_not_start_with_a_recogniser_that_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    fs::write(folder.path().join("ggml-tiny.bin"), "half a model").unwrap();
    let model = folder.path().join("ggml-tiny.bin").display().to_string();
    for (yaml, told) in [
        (format!("  model: {model}\n"), "not the published tiny"),
        ("  model: nowhere.bin\n".to_owned(), "nowhere.bin cannot be read"),
        ("  engine: whisper\n".to_owned(), "models fetch base"),
        ("  engine: deepgram\n".to_owned(), "key"),
        ("  engine: whisper\n  model: nowhere.bin\n  language: klingon\n".to_owned(), "klingon"),
        ("  engine: openai\n  fallback: spare\n".to_owned(), "spare"),
        ("  engine: openai\n  flows: { faq: spare }\n".to_owned(), "spare"),
        ("  others: { spare: { engine: openai } }\n".to_owned(), "usual recogniser"),
        ("  engine: openai\n  others: { spare: { language: id } }\n".to_owned(), "others.spare"),
    ] {
        let file = folder.path().join("dering.yaml");
        fs::write(&file, format!("speech_to_text:\n{yaml}")).unwrap();
        let error = match config::load(&file) {
            Err(wrong) => wrong.to_string(),
            Ok(loaded) => {
                let mut config = usual_config(folder.path(), &carrier);
                config.speech_to_text = loaded.speech_to_text;
                format!("{:#}", App::start(&config).await.expect_err("it cannot work"))
            }
        };
        assert!(error.contains(told), "{yaml}{error}");
    }
}
