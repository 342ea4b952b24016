//! What calls record is what `docs/events.md` says: every fact reads back by type, and each kind is recorded somewhere.

use std::fs;
use std::path::Path;

use callcore::call::Fact;
use serde_json::{Value, json};

use crate::system_fixture::{BUSY, FAX, HANGS_UP, NOBODY, PERSON, PRESSES, TestSystem};

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, into);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            into.push_str(text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default());
        }
    }
}

#[test]
fn every_kind_on_the_page_is_recorded_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/events.md")).unwrap();
    let mut code = String::new();
    for folder in ["crates/callcore/src/call", "crates/callcore/src/flow/run", "src/session", "src/store"] {
        sources(&root.join(folder), &mut code);
    }
    let kinds: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|kind| *kind != "kind")
        .collect();
    assert!(kinds.len() > 60, "{kinds:?}");
    for kind in kinds {
        let variant: String = kind.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let recorded = [format!("Fact::{variant}"), format!("Note::{variant}")];
        assert!(recorded.iter().any(|name| code.contains(name)), "`{kind}` is recorded nowhere");
    }
}

/// Events that do not read back by type as what they are.
fn complaints(shown: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    for event in shown["events"].as_array().unwrap() {
        let (kind, detail) = (event["kind"].as_str().unwrap(), &event["detail"]);
        match Fact::read(kind, detail) {
            Ok(fact) if fact.kind() == kind && fact.detail() == *detail => {}
            Ok(fact) => complaints.push(format!("{kind} {detail} is read as {fact:?}")),
            Err(error) => complaints.push(format!("{kind} {detail}: {error}")),
        }
    }
    complaints
}

#[tokio::test]
async fn what_calls_record_reads_back_by_type() {
    let system = TestSystem::start().await;
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
        let call_id = system.dial(bot, callee, json!({})).await;
        system.last_word(&call_id).await;
        let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        all.extend(complaints(&shown));
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[tokio::test]
async fn times_in_the_events_of_detection_are_spelt_like_all_others_and_keep_their_old_names() {
    let system = TestSystem::start().await;
    let call_id = system.dial("detect", FAX, json!({})).await;
    system.last_word(&call_id).await;
    let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let of =
        |kind: &str| shown["events"].as_array().unwrap().iter().find(|e| e["kind"] == kind).cloned().unwrap();
    let amd = of("amd")["detail"].clone();
    assert!(amd["tMs"].is_u64() && amd["tMs"] == amd["t_ms"], "{amd}");
    let evidence = system.client.read(&format!("/v1/calls/{call_id}/evidence")).await.text();
    assert!(evidence.contains("\"heardMs\"") && evidence.contains("\"heard_ms\""), "{evidence}");
}
