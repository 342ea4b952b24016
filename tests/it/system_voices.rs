//! Calls and the process that speaks in them: it may die, hang, babble or be slow, and every call goes on. A scripted program in
//! Python takes Kokoro's place; where it cannot speak, espeak-ng does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use dering::app::App;
use dering::config::{Config, TextToSpeech};
use dering::outbox::receiver::{Inbox, Receiver};
use serde_json::{Value, json};

use crate::system_fixture::{
    Carrier, Client, PERSON, config as usual_config, create_credentials, in_time, last_word, local,
    write_fixtures,
};

/// Speaks as Kokoro's worker does, and does what the text says.
const WORKER: &str = r#"#!/usr/bin/env python3
import json, os, sys, time
folder = sys.argv[4]
out = sys.stdout.buffer
with open(os.path.join(folder, "pids"), "a") as pids: pids.write(f"{os.getpid()}\n")
out.write(b'{"ready": true}\n'); out.flush()
for line in sys.stdin:
    request = json.loads(line)
    text = request["text"]
    if "dies" in text: os._exit(1)
    if "hangs" in text: time.sleep(600)
    if "is slow" in text: time.sleep(8)
    if "babbles" in text: out.write(b"Loading model...\n"); out.flush(); continue
    if "waits for the test" in text:
        while not os.path.exists(os.path.join(folder, "go")): time.sleep(0.02)
    out.write(json.dumps({"id": request["id"], "rate": 8000, "samples": 2400}).encode() + b"\n")
    out.write(b"\x10\x27\xf0\xd8" * 1200); out.flush()
"#;

/// Says what is known before the call, and then what is not.
const FLOW: &str = "flow: voice\nstart: talk\nvariables: { call: { type: number }, next: { type: number, default: 0 } }\nscenes:\n  \
     talk:\n    - say: 'This is call {{ call }}.'\n    - set: { next: call + 1000 }\n    - say: 'What follows it is {{ next }}.'\n    - hangup: told\n";
/// What goes wrong is said in the call only.
const WRONG: &str = "flow: wrong\nstart: talk\nvariables: { what: text, later: { type: number, default: 0 }, call: { type: number } }\nscenes:\n  \
     talk:\n    - say: Good morning.\n    - set: { later: call + 1000 }\n    - say: 'The voice {{ what }} at {{ later }}.'\n    - hangup: told\n";
const LATE: &str = "flow: late\nstart: talk\nscenes:\n  talk:\n    - say: This sentence waits for the test.\n    - hangup: told\n";

struct TestSystem {
    app: App,
    client: Client,
    inbox: Inbox,
    receiver: Receiver,
    carrier: Carrier,
    folder: tempfile::TempDir,
}

impl TestSystem {
    /// A server that speaks by the scripted program, which it finds by itself; `more` are further settings of its voice.
    async fn with(more: &str) -> Option<Self> {
        let installed = std::process::Command::new("espeak-ng").arg("--version").output();
        if installed.is_err() {
            println!("skipped: this test needs espeak-ng");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        for (name, text) in [("voice", FLOW), ("wrong", WRONG), ("late", LATE)] {
            fs::write(folder.path().join(format!("flows/{name}.yaml")), text).unwrap();
        }
        let kokoro = folder.path().join("voices/kokoro");
        for inside in ["voices", "python/bin"] {
            fs::create_dir_all(kokoro.join(inside)).unwrap();
        }
        fs::write(kokoro.join("kokoro.onnx"), "").unwrap();
        fs::write(kokoro.join("voices/af_heart.bin"), "").unwrap();
        let program = kokoro.join("python/bin/python");
        fs::write(&program, WORKER).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let carrier = Carrier::start(folder.path()).await;
        let file = folder.path().join("dering.yaml");
        fs::write(&file, format!("text_to_speech:\n  voices: voices\n{more}")).unwrap();
        let text_to_speech: TextToSpeech = dering::config::load(&file).unwrap().text_to_speech;
        let mut config = Config { text_to_speech, ..usual_config(folder.path(), &carrier) };
        for (bot, flow) in [("sales", "voice"), ("stay", "wrong"), ("speak", "late")] {
            config.bots.insert(bot.into(), flow.into());
        }
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
        let client = Client::new(app.address(), secret, key);
        Some(Self { app, client, inbox, receiver, carrier, folder })
    }

    fn kokoro(&self) -> PathBuf {
        self.folder.path().join("voices/kokoro")
    }

    async fn dial(&self, bot: &str, metadata: Value) -> String {
        let extra = json!({ "notifyUrl": self.receiver.url(), "metadata": metadata });
        self.client.dial(bot, PERSON, extra).await
    }

    async fn events(&self, call_id: &str) -> Vec<Value> {
        let shown = self.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        shown["events"].as_array().unwrap().clone()
    }

    /// Waits until something of this kind stands in the timeline.
    async fn until(&self, call_id: &str, kind: &str) {
        in_time(async { while !self.events(call_id).await.iter().any(|event| event["kind"] == kind) {} })
            .await;
    }

    /// The call has come to its own end, and the callee has heard both prompts.
    async fn went_on(&self, call_id: &str) {
        in_time(last_word(&self.inbox, call_id)).await;
        let call = self.client.read(&format!("/v1/calls/{call_id}")).await.json();
        let events = self.events(call_id).await;
        assert_eq!(call["outcome"], "told", "{events:#?}");
    }

    async fn stop(self) {
        self.app.shutdown().await;
        self.receiver.stop().await;
    }
}

fn pids(kokoro: &Path) -> Vec<i32> {
    let text = fs::read_to_string(kokoro.join("pids")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Kill −9 for the process that was started last; it may be gone already.
fn kill_voice(kokoro: &Path) {
    let pid = pids(kokoro).last().copied().and_then(rustix::process::Pid::from_raw).expect("a process");
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

#[tokio::test]
async fn twenty_calls_go_on_when_the_voice_is_killed_in_each_of_them() {
    let Some(system) = TestSystem::with("").await else { return };
    let mut number = 0;
    for _ in 0..5 {
        let mut calls = Vec::new();
        for _ in 0..4 {
            number += 1;
            calls.push(system.dial("sales", json!({ "call": number })).await);
        }
        for call_id in &calls {
            system.until(call_id, "prompt").await;
            kill_voice(&system.kokoro());
        }
        for call_id in &calls {
            system.went_on(call_id).await;
        }
    }
    let started = pids(&system.kokoro()).len();
    assert!(started > 1, "the voice came back: {started} processes");
    system.stop().await;
}

#[tokio::test]
async fn a_voice_that_dies_hangs_babbles_or_is_slow_costs_no_call_its_words() {
    let Some(system) = TestSystem::with("").await else { return };
    for (number, what) in ["dies", "babbles", "is slow", "hangs"].into_iter().enumerate() {
        let call_id = system.dial("stay", json!({ "what": what, "call": number })).await;
        system.went_on(&call_id).await;
        let prompts: Vec<Value> = system
            .events(&call_id)
            .await
            .into_iter()
            .filter(|event| event["kind"] == "prompt_ended")
            .collect();
        assert_eq!(prompts.len(), 2, "{what}: {prompts:#?}");
        assert!(prompts.iter().all(|event| event["detail"]["completed"] == true), "{what}: {prompts:#?}");
    }
    system.stop().await;
}

#[tokio::test]
async fn nobody_is_dialled_before_the_first_prompt_is_there_unless_the_settings_say_so() {
    let Some(waits) = TestSystem::with("").await else { return };
    let forecast = waits.client.try_dial("speak", PERSON, json!({ "dryRun": true })).await.json();
    let missing = json!({ "known": 1, "made": 0, "missing": ["This sentence waits for the test."] });
    assert_eq!(forecast["prompts"], missing, "{forecast}");
    let call_id = waits.dial("speak", json!({})).await;
    in_time(async {
        while pids(&waits.kokoro()).is_empty() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let kinds: Vec<Value> =
        waits.events(&call_id).await.into_iter().map(|event| event["kind"].clone()).collect();
    assert!(!kinds.contains(&json!("dialling")), "{kinds:?}");
    assert_eq!(waits.carrier.calls(), 0);
    fs::write(waits.kokoro().join("go"), "").unwrap();
    waits.went_on(&call_id).await;
    let forecast = waits.client.try_dial("speak", PERSON, json!({ "dryRun": true })).await.json();
    assert_eq!(forecast["prompts"], json!({ "known": 1, "made": 1, "missing": [] }), "{forecast}");
    waits.stop().await;

    let Some(begins) = TestSystem::with("  prompts_ready: begin\n").await else { return };
    let call_id = begins.dial("speak", json!({})).await;
    begins.until(&call_id, "prompt").await;
    assert!(!begins.kokoro().join("go").exists(), "the sentence was not there");
    fs::write(begins.kokoro().join("go"), "").unwrap();
    begins.went_on(&call_id).await;
    begins.stop().await;
}
