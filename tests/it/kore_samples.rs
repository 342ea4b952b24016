//! The sample request of Kore's outbound-calling page, run as it stands there with curl, and the statuses it
//! leads to. Where the document lies beside the project, the sample here is held against it.

use std::path::Path;
use std::process::Stdio;

use dering::app::App;
use dering::outbox::receiver::{Inbox, Receiver};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::system_fixture::{
    BUSY, Carrier, config, create_credentials, each, in_time, last_word, local, write_fixtures,
};

/// As printed; the names in double braces are the reader's to fill in.
const SAMPLE: &str = r#"curl --location --request POST '{{host}}/api/1.1/public/bot/{{botId}}/smartassist/dialout' \
--header 'Format: application/json' \
--header 'auth: {{JWT_TOKEN}}' \
--data-raw '{
  "bot": "st-e38782ff-0d89-52e9-5678769a49fdexxxx",
  "target": "tel:911234567890",
  "caller": "+11234567890",
  "trunk": "TRUNK",
  "timers": {
    "noSpeechTimeoutMs": 12000,
    "decisionTimeoutMs": 15000,
    "toneTimeoutMs": 20000,
    "greetingCompletionTimeoutMs": 10000
  },
  "timeoutInMs": 60000,
  "thresholdWordCount": 4,
  "machineDetection": "detect",
  "notifyurl": "https://de8a-115-114-88-222.ngrok-free.app/notify",
  "notifyHeaders": {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "x-channel-type": "X42_IVR",
    "event-type": "x42-ivr-voice-voice-interactions"
  },
  "callControlParameter": {
    "sttProvider": "deepgram",
    "sttLanguage": "en-AU",
    "interim": true,
    "sttLabel": "deepgram-abcd",
    "continuousASRTimeoutInMS": 2000,
    "deepgramUtteranceEndMs": 1000,
    "deepgramEndpointing": 300
  },
  "metadata": {
    "jobPosition": "Software Engineer",
    "userName": "John Doe",
    "companyName": "abc corporation",
    "jobLocation": "USA"
  }
}'"#;

/// The receiver that the sample names is somebody's; notifications of a test go to our own.
const THEIR_RECEIVER: &str = "https://de8a-115-114-88-222.ngrok-free.app/notify";

#[test]
fn the_sample_is_the_documents() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs/kore-dialout-and-notify.md");
    match std::fs::read_to_string(&document) {
        Ok(text) => assert!(text.contains(SAMPLE), "the document's sample has changed"),
        Err(_) => println!("skipped: {} is not there", document.display()),
    }
}

/// Runs a command line of the page; its standard output as JSON.
async fn run(line: &str) -> Value {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output();
    let output = in_time(output).await.unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"))
}

#[tokio::test]
async fn the_sample_request_runs_verbatim_with_curl() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: curl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let mut config = config(folder.path(), &carrier);
    config.trunks[0].name = "TRUNK".into();
    let app = App::start(&config).await.unwrap();
    let (secret, key) = create_credentials(app.store()).await;
    let inbox = Inbox::new(vec![secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let client = crate::system_fixture::Client::new(app.address(), secret, key);
    let filled_in = SAMPLE
        .replace("{{host}}", &format!("http://{}", app.address()))
        .replace("{{botId}}", "sales")
        .replace("{{JWT_TOKEN}}", &client.token())
        .replace(THEIR_RECEIVER, &receiver.url());

    let reply = run(&filled_in).await;
    for field in ["sid", "callId"] {
        assert_eq!(reply[field].as_str().map(str::len), Some(36), "{reply}");
    }
    assert_eq!(reply["conversationId"], reply["callId"], "the notifications match it");
    let call_id = reply["callId"].as_str().unwrap();
    let told = last_word(&inbox, call_id).await;
    assert_eq!((each(&told, "status"), each(&told, "reason")), (vec!["Failed"], vec!["404 Not Found"]));
    let receipt = &inbox.of(call_id)[0];
    assert_eq!(receipt.headers["x-channel-type"], "X42_IVR");
    assert_eq!(receipt.headers["event-type"], "x42-ivr-voice-voice-interactions");
    assert_eq!(receipt.headers["accept"], "application/json");
    let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["trunk"], &call["caller"]), (&json!("TRUNK"), &json!("+11234567890")), "{call}");
    assert_eq!(
        (&call["target"], &call["metadata"]["userName"]),
        (&json!("911234567890"), &json!("John Doe"))
    );

    let busy = filled_in.replace("tel:911234567890", &format!("sip:{BUSY}@1.23.345.678:1234"));
    let reply = run(&busy).await;
    let told = last_word(&inbox, reply["callId"].as_str().unwrap()).await;
    assert_eq!(each(&told, "reasonCode"), ["Busy Here"]);
    in_time(app.shutdown()).await;
}
