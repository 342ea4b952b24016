//! A recording replays to the events of its call, byte for byte: whole calls in virtual time, with echo, lost
//! packets, stalls, bursts and words.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use callcore::amd::listen::listen_again;
use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame, ms_to_samples};
use callcore::audio::wav::Side;
use callcore::call::{
    DialStatus, Effect, Hypothesis, Input, NotificationState, RecordingMute, Settings, Summary,
};
use callcore::clock::CallTime;
use callcore::testing::{VirtualCall, World, voice};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::media::MediaClock;
use crate::session::record::recording::{Recording, recording_path};
use crate::session::record::sound::Sound;
use crate::session::record::trace::{read_trace, write};
use crate::speech::sound;

const ANSWERED_MS: u64 = 700;
/// Length of a call. The writer of a recording, who has no virtual time, must be able to wait with all of it.
const FRAMES: usize = 700;
const FLOW: &str = "\
flow: f
start: hello
amd: { on: { human: hello, machine: rest, fax: rest, no_speech: rest, timeout: rest } }
scenes:
  hello:
    - say: { text: \"Good day to you. This is a call about your order. Please stay on the line.\", barge_in: off }
    - wait: 60s
    - hangup: done
  rest:
    - wait: 60s
    - hangup: done
";

/// How the line treats the callee's frames.
#[derive(Clone, Copy)]
enum Network {
    Good,
    /// Loses a packet now and then, stalls for a second, and then brings all at once.
    Bad,
}

/// A line that is recorded.
struct Line {
    sound: Sound,
    /// When audio was spoken, as a wire without time stamps tells it.
    clock: MediaClock,
    began: Instant,
    sent: VecDeque<i16>,
    events: Vec<Value>,
    summary: Option<Box<Summary>>,
}

impl World for Line {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else can be heard or is looked at")]
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        match effect {
            Effect::Render { play, part, .. } => {
                return Some(Input::Rendered { play, part, result: Ok(voice(2_500, 190.0).into()) });
            }
            Effect::SendAudio(chunk) => {
                self.sound.bot(&chunk);
                self.sent.extend(chunk.samples());
            }
            Effect::SendInterruption => {
                self.sound.cut(now);
                self.sent.clear();
            }
            Effect::Notify(notice) => {
                if let NotificationState::InProgress(event) = notice.state {
                    self.events.push(serde_json::to_value(event).unwrap());
                }
            }
            Effect::Finish(summary) => self.summary = Some(summary),
            _ => {}
        }
        None
    }
}

fn hear(call: &mut VirtualCall<Line>, frame: &Frame) {
    let now = call.now();
    let Line { sound, clock, began, .. } = &mut call.world;
    let spoken = clock.stamp(2 * FRAME_SAMPLES, *began + Duration::from_millis(now.as_ms()));
    sound.callee(frame, spoken, now);
    call.hear(frame);
}

/// A call in which the callee says `said`; its events, when a person was likely, and the recording in `folder`.
async fn call(
    folder: &Path,
    said: &[i16],
    network: Network,
    echo: bool,
    silent_from_ms: Option<u64>,
) -> Vec<Value> {
    let recording = Recording::start(folder, "c1", None);
    let sound = Sound::new(CallTime::from_ms(ANSWERED_MS), Some(recording));
    let settings = Settings { recognises: true, ..Settings::default() };
    let line = Line {
        sound,
        clock: MediaClock::default(),
        began: Instant::now(),
        sent: VecDeque::new(),
        events: Vec::new(),
        summary: None,
    };
    let mut call = VirtualCall::new(FLOW, settings, line).unwrap();
    call.set_clock(CallTime::from_ms(ANSWERED_MS));
    call.tell(Input::Status(DialStatus::Connected));
    let (mut late, mut echoes): (Vec<Frame>, VecDeque<i16>) =
        (Vec::new(), vec![0; ms_to_samples(120)].into());
    for n in 0..FRAMES {
        call.set_clock(CallTime::from_ms(call.now().as_ms() + FRAME_MS));
        let mut frame: Frame = [0; FRAME_SAMPLES];
        for (k, sample) in frame.iter_mut().enumerate() {
            echoes.push_back(call.world.sent.pop_front().unwrap_or(0));
            let back = if echo { echoes.pop_front().unwrap_or(0) / 6 } else { 0 };
            let noise = ((n * 160 + k) * 7_919 % 33) as i16 - 16;
            *sample = said.get(n * FRAME_SAMPLES + k).copied().unwrap_or(0).saturating_add(back + noise);
        }
        if silent_from_ms == Some(n as u64 * FRAME_MS) {
            call.world.sound.silence(RecordingMute::Callee);
        }
        match network {
            Network::Bad if n % 41 == 7 => {}
            Network::Bad if (210..260).contains(&n) => late.push(frame),
            Network::Good | Network::Bad => {
                for frame in std::mem::take(&mut late) {
                    hear(&mut call, &frame);
                }
                hear(&mut call, &frame);
            }
        }
        if n == 170 {
            let heard = Some(Hypothesis { text: "you have reached".into(), confidence: 0.8, weighed: None });
            call.tell(Input::Recognised { utterance: 90, interim: false, heard });
        }
        call.wake();
    }
    call.tell(Input::RemoteHangup);
    call.pass(CallTime::from_ms(call.now().as_ms() + 10_000));
    let line = call.world;
    let summary = line.summary.unwrap();
    let evidence = summary.evidence.unwrap();
    let mut told = line.events;
    told.push(json!({ "likely": evidence.get("likely_human_ms"), "doubted": evidence.get("doubted_ms") }));
    let trace = summary.trace.unwrap();
    let (recorded, placement) = line.sound.finish().await.unwrap().unwrap();
    assert_eq!(recorded.lost, None);
    write(&recorded.path, trace, placement).unwrap();
    told
}

/// The events that the recording in `folder` replays to, with when a person was likely, and how much of the call the trace covers, ms.
fn again(folder: &Path) -> (Vec<Value>, u64) {
    let path = recording_path(folder, "c1");
    let trace = read_trace(&path).unwrap();
    let audio = sound::read(&std::fs::read(path).unwrap(), Side::Left, sound::RECORDING).unwrap();
    let heard = listen_again(&audio, trace.options.clone(), &trace).unwrap();
    let evidence = heard.evidence;
    let mut told: Vec<Value> = heard.events.iter().map(|event| json!(event)).collect();
    told.push(json!({ "likely": evidence.likely_human_ms, "doubted": evidence.doubted_ms }));
    (told, trace.frames * FRAME_MS)
}

/// A greeting of two sentences with a beep.
fn mailbox() -> Vec<i16> {
    let mut said = vec![0; ms_to_samples(600)];
    said.extend(voice(2_600, 120.0));
    said.resize(said.len() + ms_to_samples(500), 0);
    said.extend(voice(2_400, 125.0));
    said.resize(said.len() + ms_to_samples(900), 0);
    said.extend(callcore::audio::tone::tone(&[1_000.0], 400, -20.0));
    said
}

#[tokio::test]
async fn a_recording_replays_to_the_same_events_also_while_the_bot_speaks() {
    let mut hello = vec![0; ms_to_samples(500)];
    hello.extend(voice(450, 140.0));
    for (name, said) in [("mailbox", mailbox()), ("person", hello), ("nobody", Vec::new())] {
        for network in [Network::Good, Network::Bad] {
            for echo in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let live = call(folder.path(), &said, network, echo, None).await;
                assert!(live.len() >= 3, "{name}: {live:?}");
                let (replayed, _) = again(folder.path());
                assert_eq!(json!(replayed).to_string(), json!(live).to_string(), "{name}, echo {echo}");
            }
        }
    }
}

#[tokio::test]
async fn a_trace_ends_where_the_recording_leaves_the_callee_out_and_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), &mailbox(), Network::Good, false, Some(3_000)).await;
    let (_, covered_ms) = again(folder.path());
    assert_eq!(covered_ms, 3_000);
    let path = crate::session::record::trace::trace_path(&recording_path(folder.path(), "c1"));
    let meta = std::fs::metadata(path).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(meta.len() < 4_096, "{} bytes", meta.len());
}
