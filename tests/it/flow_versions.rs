//! Versions of flows over real HTTP: uploads as zip and YAML, refusals, labels, and calls that keep theirs.

use std::io::{Cursor, Write};

use callcore::audio::{tone, wav};
use dering::access::{self, Scope};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::system_fixture::{PERSON, Reply, TestSystem, in_time, reply_to};

/// Somebody with a key.
pub(crate) struct Author {
    http: reqwest::Client,
    base: String,
    pub(crate) key: String,
}

impl Author {
    pub(crate) async fn of(system: &TestSystem, scopes: &[Scope]) -> Self {
        let (kept, key) = access::new_api_key("ann", scopes);
        system.app.store().create_api_key(kept).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("http://{}", system.app.address()), key: key.expose_secret().to_owned() }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Reply {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key);
        reply_to(request.header("content-type", "application/json").body(body)).await
    }

    pub(crate) async fn upload(&self, name: &str, body: Vec<u8>) -> Reply {
        self.ask(Method::POST, &format!("/v1/flows/{name}/versions?message=why"), body).await
    }

    /// Uploads, expects to be heard; the digest.
    async fn uploaded(&self, name: &str, body: Vec<u8>) -> String {
        let reply = self.upload(name, body).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
        reply.json()["digest"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn beep() -> Vec<u8> {
    wav::write_8k(&[&tone::tone(&[440.0], 400, -20.0)])
}

/// A flow called `short` that waits a little and hangs up with `outcome`.
fn short(outcome: &str, wait: &str) -> Vec<u8> {
    format!("flow: short\nstart: s\nscenes: {{ s: [ {{ wait: {wait} }}, {{ hangup: {outcome} }} ] }}\n")
        .into_bytes()
}

async fn outcome_of(system: &TestSystem, call_id: &str) -> Value {
    system.last_word(call_id).await;
    system.client.read(&format!("/v1/calls/{call_id}")).await.json()
}

#[tokio::test]
async fn a_call_under_way_keeps_its_version_while_a_new_one_is_uploaded() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let first = author.uploaded("short", short("first", "1500ms")).await;
    let before = system.dial("short", PERSON, json!({})).await;
    system.answered(&before).await;
    let second = author.uploaded("short", short("second", "100ms")).await;
    let after = system.dial("short", PERSON, json!({})).await;
    let (before, after) = (outcome_of(&system, &before).await, outcome_of(&system, &after).await);
    assert_eq!((&before["outcome"], &before["flowDigest"]), (&json!("first"), &json!(first)), "{before}");
    assert_eq!((&after["outcome"], &after["flowDigest"]), (&json!("second"), &json!(second)), "{after}");
}

#[tokio::test]
async fn a_zip_with_audio_and_tests_becomes_a_version_that_calls_play() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let flow = "flow: tune\nstart: s\nscenes: { s: [ { play: { file: audio/beep.wav, barge_in: off } }, { checkpoint: heard }, { hangup: played } ] }\n";
    let tests = |outcome: &str| {
        format!(
            "test: tune.yaml\ncases: {{ plays: {{ expect: {{ outcome: {outcome}, heard: [audio/beep.wav, heard] }} }} }}\n"
        )
    };
    let bundle = |tests: &str| {
        zipped(&[
            ("tune.yaml", flow.as_bytes()),
            ("tune.test.yaml", tests.as_bytes()),
            ("audio/beep.wav", &beep()),
        ])
    };
    let refused = author.upload("tune", bundle(&tests("silent"))).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let shown = refused.json()["diagnostics"][0]["shown"].as_str().unwrap().to_owned();
    assert!(shown.contains("tune.test.yaml:2:38: error: the outcome is `played`, not `silent`"), "{shown}");
    let taken = author.upload("tune", bundle(&tests("played"))).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!((&taken.json()["testsPassed"], &taken.json()["runs"]["label"]), (&json!(1), &json!("latest")));
    let again = author.upload("tune", bundle(&tests("played"))).await;
    assert_eq!((again.status, &again.json()["new"]), (200, &json!(false)));
    let text = author.ask(Method::GET, "/v1/flows/tune/versions/latest", Vec::new()).await;
    assert_eq!(text.text(), flow);
    // `sales` runs what the configuration says; the zip's flow is dialled by a bot of its own name.
    let history = author.ask(Method::GET, "/v1/flows/tune/versions", Vec::new()).await.json();
    assert_eq!(
        (&history["versions"][0]["author"], &history["versions"][0]["message"]),
        (&json!("ann"), &json!("why"))
    );
}

#[tokio::test]
async fn what_is_broken_or_could_harm_is_refused_in_words_and_what_runs_goes_on() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let ran = author.uploaded("short", short("fine", "100ms")).await;
    let good = short("x", "1s");
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (
            b"flow: short\nstart: s\nscenes: { s: [ { hangup: Bad Name } ] }\n".to_vec(),
            "3:26: `Bad Name` cannot be",
        ),
        (b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n".to_vec(), "anchors"),
        (b"\tflow: short\n".to_vec(), "errors"),
        (vec![b'#'; 10 << 20], "KiB"),
        (vec![0xff, 0xfe], "neither a zip nor"),
        (b"PK\x03\x04".to_vec(), "cannot be read"),
        (short("x", "1s").repeat(2), "given twice"),
        (b"flow: other\nstart: s\nscenes: { s: [ hangup ] }\n".to_vec(), "called `other`, not `short`"),
        (zipped(&[("short.yaml", &good), ("../../evil.wav", b"x")]), "leads out of the bundle"),
        (zipped(&[("short.yaml", &good), ("big.wav", &vec![0; 40 << 20])]), "40 MiB unpacked"),
    ];
    let plays = "flow: short\nstart: s\nscenes: { s: [ { play: a.wav } ] }\n";
    cases.push((zipped(&[("short.yaml", plays.as_bytes()), ("a.wav", b"GIF89a")]), "is not an audio file"));
    cases.push((zipped(&[("short.yaml", plays.as_bytes())]), "there is no audio file `a.wav`"));
    for (body, why) in cases {
        let reply = author.upload("short", body).await;
        let (status, code, detail) = reply.problem();
        assert_eq!((status, code.as_str()), (422, "invalid"), "{detail}");
        assert!(detail.contains(why), "{why}: {detail}");
    }
    let call = system.dial("short", PERSON, json!({})).await;
    let call = outcome_of(&system, &call).await;
    assert_eq!((&call["outcome"], &call["flowDigest"]), (&json!("fine"), &json!(ran)));
    assert!(!system.folder.path().join("evil.wav").exists());
}

#[tokio::test]
async fn labels_pin_a_version_and_one_request_goes_back() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let one = author.uploaded("short", short("one", "100ms")).await;
    let two = author.uploaded("short", short("two", "100ms")).await;
    let body = json!({ "version": &two[..12] }).to_string().into_bytes();
    let set = author.ask(Method::PUT, "/v1/flows/short/labels/production", body).await;
    assert_eq!(set.json()["runs"], json!({ "digest": two, "label": "production" }), "{}", set.text());
    author.uploaded("short", short("three", "100ms")).await;
    let back = author.ask(Method::POST, "/v1/flows/short/rollback", Vec::new()).await;
    assert_eq!(back.json()["runs"]["digest"], json!(one), "{}", back.text());
    let call = system.dial("short", PERSON, json!({})).await;
    assert_eq!(outcome_of(&system, &call).await["outcome"], "one");
    let gone = author.ask(Method::DELETE, "/v1/flows/short/labels/production", Vec::new()).await;
    assert_eq!(gone.json()["runs"]["label"], "latest");
    for (path, status) in [("short/versions/nope", 404), ("nobody/versions", 404)] {
        assert_eq!(
            author.ask(Method::GET, &format!("/v1/flows/{path}"), Vec::new()).await.problem().0,
            status
        );
    }
    let all = author.ask(Method::GET, "/v1/flows", Vec::new()).await.json();
    let names: Vec<&str> =
        all["flows"].as_array().unwrap().iter().map(|flow| flow["flow"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"short") && names.contains(&"stay"),
        "the folder's flows are versions too: {names:?}"
    );
}

#[tokio::test]
async fn uploading_takes_a_key_of_its_own_and_the_schema_takes_none() {
    let system = TestSystem::start().await;
    let reader = Author::of(&system, &[Scope::Read]).await;
    let (status, code, detail) = reader.upload("short", short("x", "1s")).await.problem();
    assert_eq!((status, code.as_str()), (403, "scope_missing"), "{detail}");
    let stranger = Author { key: "dk_no_such".into(), ..reader };
    assert_eq!(stranger.upload("short", short("x", "1s")).await.problem().0, 401);
    assert_eq!(stranger.ask(Method::GET, "/v1/flows", Vec::new()).await.problem().0, 401);
    let schema = stranger.ask(Method::GET, "/schema/flow.json", Vec::new()).await;
    assert_eq!(schema.headers["content-type"], "application/schema+json");
    assert_eq!(schema.json()["title"], "A Dering call flow");
}

/// Runs `dering flow …` against the system.
async fn cli(system: &TestSystem, key: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dering"));
    command.arg("flow").args(arguments).current_dir(system.folder.path()).kill_on_drop(true);
    command.env("DERING_SERVER", format!("http://{}", system.app.address())).env("DERING_KEY", key);
    let output = in_time(command.output()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn the_command_line_uploads_lists_compares_labels_and_goes_back() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let folder = system.folder.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    let flow = |words: &str| {
        format!(
            "flow: mine\nstart: s\nscenes: {{ s: [ {{ play: beep.wav }}, {{ say: {words} }}, {{ hangup: done }} ] }}\n"
        )
    };
    std::fs::write(folder.join("beep.wav"), beep()).unwrap();
    std::fs::write(
        folder.join("mine.test.yaml"),
        "test: mine.yaml\ncases: { a: { expect: { outcome: done } } }\n",
    )
    .unwrap();
    std::fs::write(folder.join("mine.yaml"), flow("Hello")).unwrap();
    let (code, said) = cli(&system, &author.key, &["upload", "mine", "--message", "the first"]).await;
    assert!(
        code == Some(0) && said.contains("is new, 1 tests passed") && said.contains("`mine` runs"),
        "{said}"
    );
    std::fs::write(folder.join("mine.yaml"), flow("Goodbye")).unwrap();
    let (code, said) =
        cli(&system, &author.key, &["upload", "mine/mine.yaml", "--label", "production"]).await;
    assert!(code == Some(0) && said.contains("(production)"), "{said}");
    let (_, said) = cli(&system, &author.key, &["history", "mine"]).await;
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with('*') && lines[0].ends_with("[latest, production]"), "{said}");
    assert!(lines[1].contains("the first"), "{said}");
    let older = lines[1].split_whitespace().next().unwrap().to_owned();
    let (code, said) = cli(&system, &author.key, &["diff", &format!("mine@{older}"), "mine/mine.yaml"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("~ scene s, step 2 (say)") && said.contains("+ Goodbye"), "{said}");
    let (code, said) = cli(&system, &author.key, &["rollback", "mine"]).await;
    assert!(code == Some(0) && said.contains(&format!("`mine` runs {older} (production)")), "{said}");
    std::fs::write(folder.join("mine.yaml"), "flow: mine\n").unwrap();
    let (code, said) = cli(&system, &author.key, &["upload", "mine"]).await;
    assert!(code == Some(1) && said.contains("nothing was uploaded"), "{said}");
    let (code, said) = cli(&system, "dk_wrong", &["history"]).await;
    assert!(code == Some(1) && said.contains("not known or was revoked"), "{said}");
}

#[tokio::test]
async fn a_dial_may_name_a_label_or_a_digest() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let one = author.uploaded("short", short("one", "100ms")).await;
    author.uploaded("short", short("two", "100ms")).await;
    let request = |flow: String| dering::session::DialRequest {
        app_id: crate::system_fixture::APP.into(),
        bot_id: "short".into(),
        flow,
        number: PERSON.into(),
        ..Default::default()
    };
    for (reference, outcome) in [(format!("short@{}", &one[..10]), "one"), ("short@latest".to_owned(), "two")]
    {
        let dialed = system.app.calls().dial(request(reference)).await.unwrap();
        let call = in_time(async {
            loop {
                let call = system.client.read(&format!("/v1/calls/{}", dialed.call_id)).await.json();
                if call["state"] == "ended" {
                    return call;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!((&call["outcome"], &call["flow"]), (&json!(outcome), &json!("short")), "{call}");
    }
    let refused = system.app.calls().dial(request("short@nope".into())).await.unwrap_err().to_string();
    assert!(refused.contains("has no version or label `nope`; labels are `latest`"), "{refused}");
}
