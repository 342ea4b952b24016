//! Interruptions that must prove themselves, protected stretches, messages, requests: whole calls in
//! virtual time with made-up sound.

use std::sync::Arc;

use serde_json::Map;

use super::*;
use crate::audio::FRAME_SAMPLES;
use crate::clock::CallTime;
use crate::flow::{self, ExternalStepEnd, MachineDetection, Run};
use crate::ids::ExternalStepId;

const ANSWERED_MS: u64 = 100;

/// A call in which every prompt part is two seconds of sound and the callee talks in the given stretches.
struct Line {
    call: Call,
    now: u64,
    /// From and to, ms since the answer.
    talks: Vec<(u64, u64)>,
    noise: u32,
    /// With ms since the answer.
    facts: Vec<(u64, Fact)>,
    /// Ms of sound sent, of which the carrier forgot what `interruption` cut.
    wire: Vec<(u64, String)>,
    requests: Vec<ExternalStepId>,
    events: Vec<String>,
    messages: Vec<(ExternalStepId, bool)>,
    words: Option<String>,
    marks: Vec<(u64, String)>,
    busy_until: u64,
    summary: Option<Summary>,
}

impl Line {
    fn new(steps: &str, recognises: bool) -> Self {
        let steps: String = steps.trim_matches('\n').lines().map(|line| format!("    {line}\n")).collect();
        let text = format!(
            "flow: f\nstart: main\nvariables: {{ kept: {{ default: none }} }}\nscenes:\n  main:\n{steps}    \
             - hangup: done\n  other:\n    - say: '{{{{ kept }}}}'\n    - hangup: other\n  \
             pressed:\n    - hangup: pressed\n"
        );
        let parsed = flow::parse("f.yaml", &text);
        let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let run = Run::new(Arc::new(flow), Map::new()).unwrap();
        let settings =
            Settings { machine_detection: MachineDetection::Disabled, recognises, ..Settings::default() };
        let mut stage = Self {
            call: Call::new(settings, run),
            now: ANSWERED_MS,
            talks: Vec::new(),
            noise: 1,
            facts: Vec::new(),
            wire: Vec::new(),
            requests: Vec::new(),
            events: Vec::new(),
            messages: Vec::new(),
            words: None,
            marks: Vec::new(),
            busy_until: 0,
            summary: None,
        };
        stage.tell(Input::Status(DialStatus::Connected));
        stage
    }

    fn at(&self) -> u64 {
        self.now - ANSWERED_MS
    }

    fn tell(&mut self, input: Input) {
        self.call.handle(input, CallTime::from_ms(self.now));
        self.drain();
    }

    fn drain(&mut self) {
        let now = CallTime::from_ms(self.now);
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::Render { play, part, .. } => {
                    let result = Ok(vec![500; 16_000].into());
                    self.call.handle(Input::Rendered { play, part, result }, now);
                }
                Effect::SendAudio(chunk) => {
                    self.busy_until = self.busy_until.max(self.now) + chunk.samples().len() as u64 / 8;
                }
                Effect::SendCheckPoint(name) => self.marks.push((self.busy_until.max(self.now), name)),
                Effect::SendInterruption => {
                    self.busy_until = self.now;
                    self.marks.retain(|(due, _)| *due <= self.now);
                    self.wire.push((self.at(), "interruption".into()));
                }
                Effect::Recognise { utterance, interim, .. } => {
                    let heard =
                        self.words.clone().map(|text| Hypothesis { text, confidence: 0.8, weighed: None });
                    self.call.handle(Input::Recognised { utterance, interim, heard }, now);
                }
                Effect::KeepMessage { .. } => self.wire.push((self.at(), "message".into())),
                Effect::EndMessage { id, keep } => {
                    self.messages.push((id, keep));
                    if keep {
                        let end = ExternalStepEnd::Recorded { name: "call-message-1.wav".into(), ms: 1_000 };
                        self.call.handle(Input::ExternalStepEnded { id, end }, now);
                    }
                }
                Effect::Request { id, .. } => self.requests.push(id),
                Effect::SendTransfer { to, .. } => self.wire.push((self.at(), to)),
                Effect::Record(fact) => self.facts.push((self.at(), fact)),
                Effect::Notify(notice) => {
                    if let NotificationState::Event { event, .. } = notice.state {
                        self.events.push(event);
                    }
                }
                Effect::Finish(summary) => self.summary = Some(*summary),
                Effect::MuteRecording(_)
                | Effect::SeekRecord
                | Effect::SendDigit { .. }
                | Effect::Show(_)
                | Effect::SendHangup => {}
            }
        }
    }

    /// Something like a voice: loud noise.
    fn frame(&mut self) -> [i16; FRAME_SAMPLES] {
        let at = self.at();
        let talking = self.talks.iter().any(|(from, to)| (*from..*to).contains(&at));
        let level = if talking { 9_000 } else { 40 };
        std::array::from_fn(|n| {
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (self.noise >> 16) as i32 % (level / 4) - level / 8;
            let hum = (n as f32 / 40.0 * std::f32::consts::TAU).sin() * level as f32;
            let buzz = (n as f32 / 11.0 * std::f32::consts::TAU).sin() * level as f32 / 2.0;
            (hum + buzz) as i16 + hiss as i16
        })
    }

    fn run(&mut self, until: u64) {
        while self.at() < until {
            self.now += 20;
            let now = CallTime::from_ms(self.now);
            while let Some(at) = self.marks.iter().position(|(due, _)| *due <= self.now) {
                let (_, name) = self.marks.remove(at);
                self.tell(Input::CheckPoint(name));
            }
            let frame = self.frame();
            self.call.audio(&frame, now);
            self.drain();
            if self.call.poll_timeout().is_some_and(|due| due <= now) {
                self.call.handle_timeout(now);
                self.drain();
            }
        }
    }

    fn when(&self, kind: &str) -> Vec<u64> {
        self.facts.iter().filter(|(_, fact)| fact.kind() == kind).map(|(at, _)| *at).collect()
    }

    fn detail(&self, kind: &str) -> serde_json::Value {
        self.facts.iter().find(|(_, fact)| fact.kind() == kind).map(|(_, fact)| fact.detail()).unwrap()
    }
}

const CAREFUL: &str = "
- say: { text: [One., { checkpoint: one }, Two.], barge_in: { min_speech: 600ms, resume: true }, on_speech: other }";

#[test]
fn a_cough_silences_the_prompt_and_it_goes_on_where_the_callee_stopped_hearing() {
    let mut stage = Line::new(CAREFUL, false);
    stage.talks = vec![(1_000, 1_240)];
    stage.run(9_000);
    let silenced = stage.wire[0].0;
    assert!((1_000..=1_300).contains(&silenced), "{:?}", stage.wire);
    assert!(stage.when("interruption").is_empty());
    let resumed = stage.when("resumed")[0];
    assert!((1_400..=2_000).contains(&resumed), "{resumed}");
    let over = stage.detail("prompt_ended");
    assert_eq!((over["heardMs"].as_u64(), over["completed"].as_bool()), (Some(4_000), Some(true)));
    let reached = stage.when("checkpoint")[0];
    let pause = resumed - silenced;
    assert!((2_000 + pause - 60..=2_000 + pause + 60).contains(&reached), "{reached} after {pause}");
}

/// Whatever length it has: it was nothing and the question goes on, or it was an answer, which is judged.
#[test]
fn what_cuts_a_question_short_is_taken_for_an_answer() {
    let steps = "
- ask: { say: [One., Two.], timeout: 5s, retries: 1, choices: { '1': other }, no_match: other, no_input: pressed }";
    for (recognises, hangover_ms) in [(false, 1_500), (true, 4_000)] {
        for long in (60..800).step_by(40) {
            let mut stage = Line::new(steps, recognises);
            stage.talks = vec![(1_000, 1_000 + long)];
            stage.run(8_000);
            let judged = stage.when("no_match");
            match stage.when("interruption").first() {
                Some(cut) => {
                    assert!(judged.iter().any(|at| *at <= cut + hangover_ms), "{long}: {:?}", stage.facts)
                }
                None => assert!(judged.is_empty(), "{long}: {:?}", stage.facts),
            }
        }
    }
}

#[test]
fn whoever_talks_on_interrupts_and_hears_nothing_meanwhile() {
    let mut stage = Line::new(CAREFUL, false);
    stage.talks = vec![(1_000, 3_000)];
    stage.run(3_500);
    let (silenced, cut) = (stage.wire[0].0, stage.when("interruption")[0]);
    assert!(silenced <= 1_300 && (1_500..=1_900).contains(&cut), "{silenced} {cut}");
    let heard = stage.detail("prompt_ended")["heardMs"].as_u64().unwrap();
    assert!(heard.abs_diff(silenced) <= 20, "{heard} {silenced}");
    assert_eq!(stage.wire.iter().filter(|(_, what)| what == "interruption").count(), 1);
}

#[test]
fn words_interrupt_and_a_sign_of_listening_does_not() {
    let steps = CAREFUL.replace("min_speech: 600ms", "min_words: 2");
    for (words, interrupts) in [(Some("not now please"), true), (Some("uh-huh"), false), (None, false)] {
        let mut stage = Line::new(&steps, true);
        stage.words = words.map(str::to_owned);
        stage.talks = vec![(1_000, 1_600)];
        stage.run(12_000);
        assert_eq!(!stage.when("interruption").is_empty(), interrupts, "{words:?}");
        assert_eq!(stage.when("resumed").is_empty(), interrupts, "{words:?}");
    }
}

#[test]
fn without_proof_a_voice_still_silences_the_bot_within_300_ms() {
    let mut stage = Line::new("- say: [One., Two.]", false);
    stage.talks = vec![(1_000, 1_800)];
    stage.run(3_000);
    assert!(stage.wire[0].0 <= 1_300, "{:?}", stage.wire);
    assert!(stage.when("resumed").is_empty());
}

#[test]
fn a_key_and_a_voice_in_a_protected_stretch_cut_right_after_it() {
    let steps = "- say: { text: [{ say: Must be heard., protected: true }, { checkpoint: told }, More.], on_speech: other }";
    let mut pressed = Line::new(steps, false);
    pressed.run(500);
    pressed.tell(Input::Digit('1'));
    pressed.run(4_000);
    let mut spoken = Line::new(steps, false);
    spoken.talks = vec![(500, 1_000)];
    spoken.run(4_000);
    for stage in [pressed, spoken] {
        let cut = stage.when("interruption")[0];
        assert!((2_000..=2_060).contains(&cut), "{cut}: {:?}", stage.facts);
        assert_eq!(stage.when("interruption_deferred").len(), 1);
        let heard = stage.detail("prompt_ended")["heardMs"].as_u64().unwrap();
        assert!((2_000..=2_060).contains(&heard), "{heard}");
    }
}

#[test]
fn a_key_is_never_taken_for_a_voice() {
    let steps = "- say: { text: [One., Two.], on_speech: other }\n- branch: [{ when: 'interrupted_by == \"dtmf\"', goto: main2 }]";
    let mut stage = Line::new(&steps.replace("main2", "pressed"), false);
    stage.run(500);
    stage.tell(Input::Digit('1'));
    stage.run(9_000);
    assert_eq!(stage.summary.map(|summary| summary.outcome), Some("pressed".to_owned()));
}

const LEAVE: &str = "- record: { max: 20s, end_silence: 2s, into: kept, on_empty: other }\n- notify: left";

#[test]
fn a_message_is_recorded_after_the_beep_until_the_callee_is_silent() {
    let mut stage = Line::new(LEAVE, false);
    stage.talks = vec![(1_000, 4_000)];
    stage.run(12_000);
    let begins = stage.wire.iter().find(|(_, what)| what == "message").unwrap().0;
    assert!((250..=700).contains(&begins), "{begins}");
    let ends = stage.when("message")[0];
    assert!((5_000..=6_700).contains(&ends), "{ends}");
    assert_eq!(stage.messages.len(), 1);
    assert_eq!((stage.messages[0].1, stage.events), (true, vec!["left".to_owned()]));
}

#[test]
fn silence_leaves_no_message_and_a_hang_up_keeps_what_was_said() {
    let mut silent = Line::new(LEAVE, false);
    silent.run(12_000);
    assert_eq!(silent.messages.iter().map(|(_, keep)| *keep).collect::<Vec<_>>(), [false]);
    assert!(silent.events.is_empty());
    let mut gone = Line::new(LEAVE, false);
    gone.talks = vec![(1_000, 4_000)];
    gone.run(3_000);
    gone.tell(Input::RemoteHangup);
    assert_eq!(gone.messages.iter().map(|(_, keep)| *keep).collect::<Vec<_>>(), [true]);
    assert_eq!(gone.detail("message")["kept"], true);
}

#[test]
fn an_answer_that_comes_late_is_dropped_and_the_flow_goes_on_without() {
    let steps = "- http: { url: https://x.example/y, timeout: 1s, into: { kept: a }, on_error: other }";
    let mut stage = Line::new(steps, false);
    let id = stage.requests[0];
    stage.run(4_000);
    let body = Some(serde_json::json!({ "a": "late" }));
    stage.tell(Input::ExternalStepEnded { id, end: ExternalStepEnd::Answered { status: 200, body } });
    stage.run(12_000);
    assert_eq!(stage.summary.map(|summary| summary.outcome), Some("other".to_owned()));
}

#[test]
fn a_trunk_that_cannot_transfer_is_never_asked_to() {
    let steps = "- transfer: { to: '+628123456', on_unsupported: other, on_failed: other }";
    let mut stage = Line::new(steps, false);
    stage.run(12_000);
    assert!(stage.wire.is_empty(), "{:?}", stage.wire);
    assert_eq!(stage.detail("transfer")["possible"], false);
    assert_eq!(stage.summary.map(|summary| summary.outcome), Some("other".to_owned()));
}
