use std::collections::BTreeSet;
use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};
use strum::{EnumMessage, VariantNames};

use super::*;
use crate::amd::{Basis, EventKind, Reason, RevisionKind, Subtype};
use crate::detect::ToneKind;
use crate::flow::{Answered, Method, Trigger, Withdrawal};

/// Facts of every kind as the page groups them; of a kind with optional fields, one with all of them and one without.
fn examples() -> [(&'static str, Vec<Fact>); 6] {
    [
        ("The call begins", beginning()),
        ("Detection", detection()),
        ("The bot speaks", bot()),
        ("The callee speaks", callee()),
        ("The flow", flow().into_iter().map(Fact::Flow).collect()),
        ("The call ends", ending()),
    ]
}

fn all() -> Vec<Fact> {
    examples().into_iter().flat_map(|(_, facts)| facts).collect()
}

#[test]
fn lines_can_be_read_when_their_words_are_deleted_and_hold_none_then() {
    let with_words: Vec<_> = Fact::kinds_with_words().collect();
    let mut seen = BTreeSet::new();
    for fact in all() {
        let Some((kind, members)) = with_words.iter().find(|(kind, _)| *kind == fact.kind()) else {
            continue;
        };
        let mut detail = fact.detail();
        let fields = detail.as_object_mut().unwrap();
        members.iter().for_each(|member| drop(fields.remove(*member)));
        assert_eq!(Fact::read(kind, &detail).unwrap().kind(), *kind);
        seen.insert(*kind);
    }
    assert_eq!(seen.len(), with_words.len(), "{with_words:?}");
}

fn beginning() -> Vec<Fact> {
    let text = str::to_owned;
    let hearing = |some: Option<&str>| Fact::Hearing {
        recogniser: some.map(text),
        language: text("id"),
        interim: some.is_some(),
        end_silence_ms: some.map(|_| 700),
        label: some.map(text),
        asked_for: some.map(text),
        substitute: some.is_none(),
    };
    let (flow, digest, trunk, sid) = (text("faq"), text("d1"), text("main"), text("s-1"));
    let dialled = |sid: Option<String>, late_ms| {
        let (flow, digest, trunk) = (flow.clone(), digest.clone(), trunk.clone());
        Fact::Dialled { flow, digest, trunk, sid, late_ms }
    };
    let queued = |because| Fact::Queued { trunk: trunk.clone(), ahead: 2, because };
    let planned = |expires_ms| {
        let (flow, digest, trunk, sid) = (flow.clone(), digest.clone(), trunk.clone(), sid.clone());
        Fact::Planned { flow, digest, trunk, sid, start_ms: 1_763_000_000_000, expires_ms }
    };
    vec![
        dialled(Some(sid.clone()), None),
        dialled(None, Some(30)),
        planned(Some(1_763_000_060_000)),
        planned(None),
        Fact::Incoming { flow: flow.clone(), digest: digest.clone(), machine_detection: false },
        Fact::TurnedAway { reason: text("no_route"), why: text("nobody takes it"), cause: 1 },
        hearing(Some("whisper")),
        hearing(None),
        queued(Wait::Limits { calls: Some(1), per_second: Some(0.5) }),
        queued(Wait::Limits { calls: None, per_second: None }),
        queued(Wait::SentBack { why: text("503"), retry_after_ms: 1_000 }),
        Fact::Dequeued { waited_ms: 20 },
        Fact::Dialling { trunk: trunk.clone() },
        Fact::Placed { session_id: text("x1") },
        Fact::Accepted { session_id: text("x1") },
        Fact::Refused { cause: 38, why: text("it is full") },
        Fact::DialStatus { status: DialStatus::Connected },
        Fact::EarlyMedia {},
        Fact::EarlyTone { tone: ToneKind::Sit, media_ms: 420 },
        Fact::EarlySpeech { media_ms: 1_900 },
        Fact::VideoNotCarried { trunk: trunk.clone() },
        Fact::Video { shows: true, camera: false },
        Fact::CameraSeen {},
        Fact::RingLink { expires_ms: 1_763_000_300_000 },
        Fact::RingTimeout { after_ms: 60_000 },
        Fact::CarrierAway { why: text("it closed"), silent_ms: 120 },
        Fact::CarrierStalled { why: text("nothing comes"), silent_ms: 3_500 },
        Fact::CarrierBack { away_ms: 4_000 },
    ]
}

fn detection() -> Vec<Fact> {
    let tone = Tone { kind: ToneKind::Dtmf('5'), start_ms: 100, end_ms: Some(180), hz: [770.0, 1_336.0] };
    let beep = Tone { kind: ToneKind::Beep, start_ms: 100, end_ms: None, hz: [1_000.5, 0.0] };
    let plain = Event {
        seq: 1,
        kind: EventKind::Stopped,
        at_ms: 4_020,
        reason: None,
        subtype: None,
        confidence: None,
        speech_onset_ms: None,
        speech_end_ms: None,
        greeting: None,
        hint: None,
        language: None,
        tone: None,
    };
    let full = Event {
        seq: 2,
        kind: EventKind::MachineDetected,
        reason: Some(Reason::Hint),
        subtype: Some(Subtype::Voicemail),
        confidence: Some(0.97),
        speech_onset_ms: Some(400),
        speech_end_ms: Some(3_100),
        greeting: Some("please leave a message".into()),
        hint: Some("leave a message".into()),
        language: Some("en-US".into()),
        tone: Some(beep),
        ..plain
    };
    let finding = |subtype| Revision {
        at_ms: 9_000,
        kind: RevisionKind::Refined,
        basis: Basis::Words,
        decision: EventKind::MachineDetected,
        subtype,
    };
    vec![
        Fact::Amd(full),
        Fact::Amd(plain),
        Fact::LikelyHuman { media_ms: 1_240 },
        Fact::FalseStart { spoken_ms: 560 },
        Fact::AmdFinding(finding(Some(Subtype::Ivr))),
        Fact::AmdFinding(finding(None)),
        Fact::Tone(tone),
        Fact::Tone(beep),
        Fact::Flow(Note::Beep {}),
        Fact::Flow(Note::NoSignal {}),
    ]
}

fn bot() -> Vec<Fact> {
    let heard = |completed, estimated| HeardPrompt {
        play: PlayId(3),
        heard_ms: 1_780,
        completed,
        start_ms: completed.then_some(120),
        text: "Good day. How are you?".into(),
        words: Some(5),
        heard_text: "Good day.".into(),
        heard_words: 2,
        estimated,
    };
    let point = |estimated| Fact::Flow(Note::Checkpoint { name: "paid".into(), estimated });
    vec![
        Fact::Prompt { play: PlayId(3), barge_in: BargeIn::Both },
        Fact::KeysDropped { keys: 4 },
        Fact::PictureShown { name: "pictures/menu.webp".into() },
        Fact::PictureCleared {},
        Fact::PictureNotShown { name: "pictures/menu.webp".into() },
        Fact::PromptEnded(heard(true, false)),
        Fact::PromptEnded(heard(false, true)),
        Fact::PromptFailed { play: PlayId(3), error: "no voice".into() },
        point(true),
        point(false),
        Fact::TalkOver { paused: true },
        Fact::Flow(Note::MessageWithdrawn { because: Withdrawal::Beep }),
        Fact::Flow(Note::MessageAgain {}),
        Fact::Resumed {},
        Fact::Interruption { by: CutBy::Keys },
        Fact::InterruptionDeferred { by: CutBy::Speech },
    ]
}

fn callee() -> Vec<Fact> {
    let said = |late: bool| Utterance {
        likely: late.then(|| "yes".into()),
        margin: late.then_some(4.5),
        utterance: 2,
        text: "yes".into(),
        confidence: Some(0.31),
        start_ms: Some(1_700),
        end_ms: Some(2_300),
        late,
    };
    vec![
        Fact::SpeechStarted { media_ms: 1_700 },
        Fact::SpeechEnded { media_ms: 2_300, start_ms: 1_700 },
        Fact::Transcript(said(false)),
        Fact::Transcript(said(true)),
        Fact::AudioUnreadable { ours: true, why: "odd length".into() },
        Fact::RecognitionLate { utterance: 2 },
        Fact::Digit { key: "5".into(), interrupts: true, dropped: false },
        Fact::Digit { key: "•".into(), interrupts: false, dropped: true },
        Fact::Message(LeftMessage { message: ExternalStepId(1), heard_ms: 6_000, kept: true }),
    ]
}

fn flow() -> Vec<Note> {
    let text = str::to_owned;
    let words = Trigger::Speech { words: text("stop calling") };
    let key = Trigger::Dtmf { key: text("9") };
    vec![
        Note::Scene { scene: text("start") },
        Note::Choice { choice: text("yes") },
        Note::Answer(Answered::Callee { value_type: text("date") }),
        Note::Answer(Answered::Service { request: ExternalStepId(1), status: 200 }),
        Note::AnsweredAhead {},
        Note::Confirmed { right: true },
        Note::NoInput { retry: 0, of: 2 },
        Note::NoMatch { retry: 1, of: 2 },
        Note::Set { variable: text("card"), value: json!({ "digits": ["1", 2], "ok": null }) },
        Note::Handler(words.clone()),
        Note::Handler(key.clone()),
        Note::DoNotCall(words),
        Note::DoNotCall(key),
        Note::Call { flow: text("identify") },
        Note::Return { word: text("known") },
        Note::Request {
            request: ExternalStepId(1),
            method: Method::Post,
            url: text("https://example.com/x"),
        },
        Note::HttpFailed { url: text("https://example.com/x"), reason: text("status 500") },
        Note::NotInAnswer { variable: text("name"), at: text("/a/0") },
        Note::Notify { event: text("paid"), data: json!({ "amount": 3.5 }) },
        Note::NotifyIgnored { event: text("paid"), why: text("the call has no notifyUrl") },
        Note::Transfer { to: text("+62812"), possible: false },
        Note::Transferred {},
        Note::NoTransfer { reason: text("busy") },
        Note::NothingSaid {},
        Note::ErrandFailed { errand: ExternalStepId(1), reason: text("no answer in time") },
        Note::Error { reason: text("no voice") },
    ]
}

fn ending() -> Vec<Fact> {
    let text = str::to_owned;
    let disposition = Disposition::NoAnswer;
    vec![
        Fact::HangupRequested { by: text("the API") },
        Fact::CallLimit { after_ms: 1_800_000 },
        Fact::Hangup(HungUp::Bot { outcome: Some(text("done")) }),
        Fact::Hangup(HungUp::Bot { outcome: None }),
        Fact::Hangup(HungUp::Callee {}),
        Fact::Hangup(HungUp::Caller {}),
        Fact::CarrierLost { why: text("it closed") },
        Fact::Ended { outcome: text("no_answer"), cause: 19, disposition: Some(disposition), why: None },
        Fact::Ended { outcome: text("expired"), cause: 102, disposition: None, why: Some(text("too late")) },
        Fact::CdrEstimated { why: text("no record came") },
        Fact::CdrLate { session_id: text("x1"), disposition, cause: 19, why: text("it came") },
        Fact::LinesLost { lost: 7, why: text("the disk is full") },
        Fact::RecordingReady { duration_ms: 12_000 },
        Fact::RecordingIncomplete { lost_ms: 400, why: text("the disk is full") },
        Fact::RecordingFailed { why: text("the disk is full") },
        Fact::RecordingDeleted { messages: 1 },
        Fact::WordsDeleted {},
        Fact::Recovered { why: text("it stopped"), known_to_ms: 7_500, unknown_ms: 70_000 },
        Fact::MayBeRinging { why: text("it stopped") },
    ]
}

#[test]
fn every_kind_has_an_example() {
    let facts: BTreeSet<&str> = all().iter().map(Fact::kind).collect();
    let kinds = Fact::VARIANTS.iter().filter(|kind| **kind != "flow").chain(Note::VARIANTS);
    assert_eq!(facts, kinds.copied().collect());
}

#[test]
fn the_wire_is_what_it_was() {
    let lines: Vec<String> = all().iter().map(|fact| format!("{} {}", fact.kind(), fact.detail())).collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_fact_reads_back() {
    for fact in all() {
        assert_eq!(serde_json::to_value(&fact).unwrap()["kind"], fact.kind());
        assert_eq!(Fact::read(fact.kind(), &fact.detail()).unwrap(), fact);
    }
}

/// `value` with other texts and numbers in it.
fn disturbed(value: &mut Value, text: &str, number: u64) {
    match value {
        Value::String(old) => text.clone_into(old),
        Value::Number(old) if old.is_u64() => *value = json!(number),
        Value::Number(_) => *value = json!(number as f64 / 8.0),
        Value::Array(items) => items.iter_mut().for_each(|item| disturbed(item, text, number)),
        Value::Object(fields) => fields.values_mut().for_each(|field| disturbed(field, text, number)),
        Value::Null | Value::Bool(_) => {}
    }
}

proptest! {
    /// Whatever the values are: what can be read is written again as it was.
    #[test]
    fn what_is_read_is_written_as_it_was(nth in 0..all().len(), text in ".{0,20}", number in 0_u64..60_000) {
        let fact = &all()[nth];
        let mut detail = fact.detail();
        disturbed(&mut detail, &text, number);
        if let Ok(read) = Fact::read(fact.kind(), &detail) {
            prop_assert_eq!(read.detail(), detail);
            prop_assert_eq!(read.kind(), fact.kind());
        }
    }
}

#[test]
fn what_older_versions_wrote_is_read() {
    let old = [
        ("transcript", json!({ "utterance": 1, "text": "yes" })),
        ("digit", json!({ "interrupts": true })),
        ("prompt_ended", json!({ "play": 1, "heardMs": 900, "completed": true })),
        ("message", json!({ "message": 1, "ms": 900, "kept": true })),
        ("tone", json!({ "kind": "beep", "start_ms": 1, "end_ms": 9, "hz": [1_000.0, 0.0] })),
        ("queued", json!({ "trunk": "main", "ahead": 0 })),
        // Without the words that retention deleted.
        ("set", json!({ "variable": "card" })),
        ("do_not_call", json!({ "by": "speech" })),
        ("notify", json!({ "event": "paid" })),
    ];
    for (kind, detail) in old {
        let fact = Fact::read(kind, &detail).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(fact.kind(), kind);
    }
    assert!(Fact::read("of_another_version", &json!({})).is_err());
    assert!(Fact::read("digit", &json!([])).is_err());
}

const INTRODUCTION: &str = "\
# What a timeline holds

`GET /v1/calls/{id}/events` lists what happened in a call: `seq`, `atMs` (since 1970), `tMs` (since the call began), `kind` and
`detail`. Times are in milliseconds and end in `Ms`; those in `detail` count from the answer, but for `startMs` and `expiresMs` of
`planned`. A field with a question mark may be absent. Names that were once different are sent beside the new ones.

What a carrier has played behind the last check point that it confirmed, nobody knows until it confirms the next; they lie at
most 2 s apart. Of a prompt that is interrupted there, `heardMs` is as far as a carrier that plays without holes had come. Of
one whose carrier is lost, it is the same of what the carrier had certainly received: it answers twice a second, so that up to
half a second more may have been heard.

This page is made from the type `Fact` of `crates/callcore/src/call/fact`; a test holds it against what is recorded.
";

/// The comment of a kind in the code.
fn meaning(fact: &Fact) -> String {
    let comment =
        if let Fact::Flow(note) = fact { note.get_documentation() } else { fact.get_documentation() };
    comment.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (group, facts) in examples() {
        page.push_str(&format!("\n## {group}\n\n| `kind` | means | `detail` |\n|---|---|---|\n"));
        for alike in facts.chunk_by(|a, b| a.kind() == b.kind()) {
            let details: Vec<Value> = alike.iter().map(Fact::detail).collect();
            let names: BTreeSet<&String> =
                details.iter().flat_map(|d| d.as_object().unwrap().keys()).collect();
            let fields = names.into_iter().map(|name| {
                let always = details.iter().all(|detail| detail.get(name).is_some());
                format!("`{name}`{}", if always { "" } else { "?" })
            });
            let fields = fields.collect::<Vec<_>>().join(", ");
            page.push_str(&format!("| `{}` | {} | {fields} |\n", alike[0].kind(), meaning(&alike[0])));
        }
    }
    page
}

#[test]
fn the_page_of_events_is_made_from_the_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let wanted = page();
    if std::env::var_os("DERING_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "run the tests with DERING_WRITE_DOCS=1 to write docs/events.md anew");
}
