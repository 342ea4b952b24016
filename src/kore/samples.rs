//! Our notifications held against the samples of Kore's outbound-calling page, field by field. Whole calls in
//! virtual time, at the times of the samples.

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES};
use callcore::audio::tone::tone;
use callcore::call::{DialStatus, Effect, Input, Settings};
use callcore::clock::CallTime;
use callcore::flow::MachineDetection;
use callcore::testing::{VirtualCall, World};
use serde_json::{Value, json};

use super::Envelope;

/// 12:49:17.600, the time of the sample's `Answered`, less the 4343 ms since the dialling.
const DIALLED_MS: i64 = 1_750_942_153_257;
/// 13:00:13.374 less the 17204 ms that the busy callee of the last sample took.
const BUSY_DIALLED_MS: i64 = 1_750_942_796_170;

/// What we add to the samples. Who reads only what the samples have is not disturbed.
const OURS: [&str; 10] = [
    "sequence",
    "duration",
    "amdSequence",
    "amdDecisionMs",
    "amdReason",
    "amdSubtype",
    "amdConfidence",
    "amdSpeechOnsetMs",
    "amdSpeechEndMs",
    "frequency",
];

const FLOW: &str = "flow: f\namd: { mode: detect }\nstart: talk\nscenes:\n  talk:\n    - wait: 60s\n    - wait: 60s\n    \
                    - hangup: bored\n";

/// Puts what a call notifies of into words.
struct Notifier {
    envelope: Envelope,
    bodies: Vec<Value>,
}

impl World for Notifier {
    fn perform(&mut self, effect: Effect, _: CallTime) -> Option<Input> {
        if let Effect::Notify(notice) = effect {
            self.bodies.push(self.envelope.body(&notice));
            self.envelope.sequence += 1;
        }
        None
    }
}

fn dialled(at_ms: i64) -> VirtualCall<Notifier> {
    let settings = Settings { machine_detection: MachineDetection::Detect, ..Settings::default() };
    let envelope = Envelope {
        session_id: Some("685d41cd54d09f7f699axxxx".into()),
        ..Envelope::new("433a9a58-44eb-4c56-bb3e-ab2415f0xxxx", "app", at_ms)
    };
    VirtualCall::new(FLOW, settings, Notifier { envelope, bodies: Vec::new() }).expect("a flow")
}

/// Tells `call` something at its time.
fn put(call: &mut VirtualCall<Notifier>, input: Input, at_ms: u64) {
    call.set_clock(CallTime::from_ms(at_ms));
    call.tell(input);
}

/// A machine answers, and the bot hangs up after 109 s.
fn answered() -> Vec<Value> {
    let mut call = dialled(DIALLED_MS);
    put(&mut call, Input::Placed { session_id: "s".into() }, 100);
    put(&mut call, Input::Status(DialStatus::Ringing), 4_343 - 3_381);
    put(&mut call, Input::Status(DialStatus::Connected), 4_343);
    let mut audio = vec![0; 1_600];
    audio.extend(tone(&[2_100.0], 3_000, -15.0));
    audio.extend(vec![0; 8_000]);
    for frame in audio.as_chunks::<FRAME_SAMPLES>().0 {
        let now = CallTime::from_ms(call.now().as_ms() + FRAME_MS);
        call.set_clock(now);
        call.hear(frame);
        call.pass(now);
    }
    call.pass(CallTime::from_ms(113_893));
    put(&mut call, Input::HangupRequested { by: "test".into() }, 113_894);
    call.pass(CallTime::from_ms(130_000));
    call.world.bodies
}

fn busy() -> Vec<Value> {
    let mut call = dialled(BUSY_DIALLED_MS);
    put(&mut call, Input::Status(DialStatus::Ringing), 17_204 - 15_255);
    put(&mut call, Input::Status(DialStatus::Busy), 17_204);
    call.pass(CallTime::from_ms(40_000));
    call.world.bodies
}

fn samples() -> Vec<Value> {
    let common = |status: &str, connect: &str| {
        json!({
            "conversationId": "433a9a58-44eb-4c56-bb3e-ab2415f0xxxx",
            "reason": "200 OK",
            "reasonCode": "OK",
            "callConnectTime": connect,
            "ringDurationInMS": 3381,
            "connectDurationInMS": 4343,
            "status": status,
        })
    };
    let with = |mut body: Value, more: Value| {
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
    };
    vec![
        common("Answered", "2025-06-26T12:49:17.600Z"),
        with(
            common("Call-In-Progress", "2025-06-26T12:49:21.761Z"),
            json!({ "machineDetection": "amd_machine_detected" }),
        ),
        with(
            common("Call-In-Progress", "2025-06-26T12:49:31.103Z"),
            json!({ "machineDetection": "amd_stopped" }),
        ),
        with(
            common("completed", "2025-06-26T12:49:17.609Z"),
            json!({
                "reasonCode": "bot-disconnected",
                "callDuration": 109,
                "machineDetection": "amd_machine_detected",
                "sessionId": "685d41cd54d09f7f699axxxx",
                "callDisconnectTime": "2025-06-26T12:51:07.151Z",
            }),
        ),
    ]
}

fn failed_sample() -> Value {
    json!({
        "conversationId": "00721e4f-bcbe-4965-ba3f-b24aec5bxxxx",
        "reason": "486 Busy Here",
        "reasonCode": "Busy Here",
        "callConnectTime": "2025-06-26T13:00:13.374Z",
        "ringDurationInMS": 15255,
        "connectDurationInMS": 17204,
        "status": "Failed",
        "callDisconnectTime": "2025-06-26T13:00:13.374Z",
    })
}

fn shown(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap_or_default()
}

/// Holds `ours` against `sample`. A time may differ by when the detector decides; an id by its letters.
fn compare(sample: &Value, ours: &Value) {
    let (sample, ours) = (sample.as_object().unwrap(), ours.as_object().unwrap());
    for (name, theirs) in sample {
        let Some(value) = ours.get(name) else { panic!("no {name} in {ours:?}") };
        if name.ends_with("Time") {
            let shape = |value: &Value| -> String {
                let text = value.as_str().unwrap_or_default().chars();
                text.map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
            };
            assert_eq!(shape(value), shape(theirs), "{name}");
        } else if name == "conversationId" {
            assert!(value.is_string(), "{name}");
        } else {
            assert_eq!(value, theirs, "{name}");
        }
    }
    let more: Vec<&String> = ours.keys().filter(|name| !sample.contains_key(*name)).collect();
    assert!(more.iter().all(|name| OURS.contains(&name.as_str())), "fields of nobody: {more:?}");
}

#[test]
fn an_answered_call_is_told_as_in_the_samples() {
    let (ours, samples) = (answered(), samples());
    assert_eq!(ours.len(), samples.len(), "{ours:#?}");
    for (sample, body) in samples.iter().zip(&ours) {
        compare(sample, body);
    }
    assert_eq!(ours[0]["callConnectTime"], "2025-06-26T12:49:17.600Z");
    assert_eq!(ours[3]["callDisconnectTime"], "2025-06-26T12:51:07.151Z");
    assert_eq!(ours[3]["duration"], ours[3]["callDuration"], "the page's table has another name for it");
    insta::assert_snapshot!(shown(&ours[0]), @r#"
    {
      "callConnectTime": "2025-06-26T12:49:17.600Z",
      "connectDurationInMS": 4343,
      "conversationId": "433a9a58-44eb-4c56-bb3e-ab2415f0xxxx",
      "reason": "200 OK",
      "reasonCode": "OK",
      "ringDurationInMS": 3381,
      "sequence": 1,
      "status": "Answered"
    }
    "#);
    insta::assert_snapshot!(shown(&ours[1]), @r#"
    {
      "amdConfidence": 0.99,
      "amdDecisionMs": 820,
      "amdReason": "fax",
      "amdSequence": 1,
      "amdSubtype": "fax",
      "callConnectTime": "2025-06-26T12:49:18.420Z",
      "connectDurationInMS": 4343,
      "conversationId": "433a9a58-44eb-4c56-bb3e-ab2415f0xxxx",
      "machineDetection": "amd_machine_detected",
      "reason": "200 OK",
      "reasonCode": "OK",
      "ringDurationInMS": 3381,
      "sequence": 2,
      "status": "Call-In-Progress"
    }
    "#);
    insta::assert_snapshot!(shown(&ours[3]), @r#"
    {
      "callConnectTime": "2025-06-26T12:49:17.600Z",
      "callDisconnectTime": "2025-06-26T12:51:07.151Z",
      "callDuration": 109,
      "connectDurationInMS": 4343,
      "conversationId": "433a9a58-44eb-4c56-bb3e-ab2415f0xxxx",
      "duration": 109,
      "machineDetection": "amd_machine_detected",
      "reason": "200 OK",
      "reasonCode": "bot-disconnected",
      "ringDurationInMS": 3381,
      "sequence": 4,
      "sessionId": "685d41cd54d09f7f699axxxx",
      "status": "completed"
    }
    "#);
}

#[test]
fn a_busy_callee_is_told_as_in_the_samples() {
    let ours = busy();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    compare(&failed_sample(), &ours[0]);
    assert_eq!(ours[0]["callConnectTime"], "2025-06-26T13:00:13.374Z");
    assert_eq!(ours[0]["callDisconnectTime"], "2025-06-26T13:00:13.374Z");
    insta::assert_snapshot!(shown(&ours[0]), @r#"
    {
      "callConnectTime": "2025-06-26T13:00:13.374Z",
      "callDisconnectTime": "2025-06-26T13:00:13.374Z",
      "connectDurationInMS": 17204,
      "conversationId": "433a9a58-44eb-4c56-bb3e-ab2415f0xxxx",
      "reason": "486 Busy Here",
      "reasonCode": "Busy Here",
      "ringDurationInMS": 15255,
      "sequence": 1,
      "status": "Failed"
    }
    "#);
}
