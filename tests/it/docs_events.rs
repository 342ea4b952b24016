//! `docs/events.md` has every kind of event that the code records, with its fields, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dering::api::event_kinds::{self, GROUPS};
use serde_json::{Value, json};

use crate::system_stage::{BUSY, FAX, HANGS_UP, NOBODY, PERSON, PRESSES, Stage};

const INTRODUCTION: &str = "\
# What a timeline holds

`GET /v1/calls/{id}/events` lists what happened in a call: `seq`, `atMs` (since 1970), `tMs` (since the call began), `kind` and
`detail`. Times are in milliseconds and end in `Ms`; those in `detail` count from the answer, but for `startMs` and `expiresMs` of
`planned`. A field with a question mark may be absent. Names that were once different are sent beside the new ones.

This page is made from `src/api/event_kinds.rs`; a test holds both against what is recorded.
";

#[test]
fn the_page_is_the_table_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let wanted = format!("{INTRODUCTION}{}", event_kinds::page());
    if std::env::var_os("DERING_WRITE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "run the tests with DERING_WRITE_DOCS=1 to write docs/events.md anew");
}

fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, into);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            into.push(text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned());
        }
    }
}

/// What follows each of `openings` as a literal.
fn literals(text: &str, openings: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for opening in openings {
        for rest in text.split(opening).skip(1) {
            let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            found.extend(literal.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_kind_that_the_code_records_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["crates/callcore/src/call", "crates/callcore/src/flow/run", "src/session", "src/store"] {
        sources(&root.join(folder), &mut texts);
    }
    let all = texts.concat();
    let recorded =
        literals(&all, &["self.record(", "self.note(", "Fact::new(", "note(connection, &call_id, "]);
    for kind in &recorded {
        assert!(event_kinds::find(kind).is_some(), "`{kind}` is recorded, but not in src/api/event_kinds.rs");
    }
    for (_, kinds) in GROUPS {
        for one in kinds {
            assert!(all.contains(&format!("\"{}\"", one.kind)), "`{}` is recorded nowhere", one.kind);
        }
    }
}

/// Fields of events that the table does not have, or has and the events have not.
fn complaints(shown: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    for event in shown["events"].as_array().unwrap() {
        let kind = event["kind"].as_str().unwrap();
        let Some(known) = event_kinds::find(kind) else {
            complaints.push(format!("unknown kind {kind}"));
            continue;
        };
        let fields: BTreeSet<&str> =
            event["detail"].as_object().unwrap().keys().map(String::as_str).collect();
        let allowed: BTreeSet<&str> = known.fields.iter().map(|field| field.trim_end_matches('?')).collect();
        let needed: BTreeSet<&str> = known.fields.iter().copied().filter(|f| !f.ends_with('?')).collect();
        let strange: Vec<_> = fields.difference(&allowed).collect();
        let missing: Vec<_> = needed.difference(&fields).collect();
        if !strange.is_empty() || !missing.is_empty() {
            complaints.push(format!("{kind}: not in the table {strange:?}, missing {missing:?}"));
        }
    }
    complaints
}

#[tokio::test]
async fn what_calls_record_has_the_fields_of_the_table() {
    let stage = Stage::set().await;
    let calls = [
        ("short", PERSON),
        ("card", PRESSES),
        ("errands", PERSON),
        ("detect", FAX),
        ("stay", HANGS_UP),
        ("short", BUSY),
        ("short", NOBODY),
    ];
    let mut all = Vec::new();
    for (bot, callee) in calls {
        let call_id = stage.dial(bot, callee, json!({})).await;
        stage.last_word(&call_id).await;
        let shown = stage.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        all.extend(complaints(&shown));
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[tokio::test]
async fn times_in_the_events_of_detection_are_spelt_like_all_others_and_keep_their_old_names() {
    let stage = Stage::set().await;
    let call_id = stage.dial("detect", FAX, json!({})).await;
    stage.last_word(&call_id).await;
    let shown = stage.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let of =
        |kind: &str| shown["events"].as_array().unwrap().iter().find(|e| e["kind"] == kind).cloned().unwrap();
    let amd = of("amd")["detail"].clone();
    assert!(amd["tMs"].is_u64() && amd["tMs"] == amd["t_ms"], "{amd}");
    let evidence = stage.client.read(&format!("/v1/calls/{call_id}/evidence")).await.text();
    assert!(evidence.contains("\"heardMs\"") && evidence.contains("\"heard_ms\""), "{evidence}");
}
