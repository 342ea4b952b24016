//! Words as evidence in a whole call: what hangs up, where the flow goes, what the record says.

use super::*;
use crate::amd::{self, DecisionThresholds, ShadowSet};
use crate::clock::CallTime;
use crate::flow::MachineDetection;
use crate::testing::{VirtualCall, World};

const FLOW: &str = "\
flow: sorter
language: en
amd:
  on: { human: other, machine: sort, fax: other, no_speech: other, timeout: other }
scenes:
  sort:
    - wait: 3s
    - branch: [{ when: 'amd.subtype == \"ivr\"', goto: menu }, { when: 'amd.outcome == \"screening\"', goto: screened }]
    - hangup: mailbox
  menu:
    - hangup: menu
  screened:
    - hangup: screened
  other:
    - hangup: other
";

const GREETING: &str = "please leave a message after the tone";
const MENU: &str = "for sales press one, for support press two, main menu";
const SCREENING: &str = "state your name and the reason for your call";

/// What became of a call in which the recogniser brings `words` at their times (ms after the answer).
#[derive(Default)]
struct Outcome {
    word: String,
    events: Vec<&'static str>,
    facts: Vec<Fact>,
    evidence: serde_json::Value,
}

impl World for Outcome {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is looked at")]
    fn perform(&mut self, effect: Effect, _: CallTime) -> Option<Input> {
        match effect {
            Effect::Notify(Notice { state: NotificationState::InProgress(event), .. }) => {
                self.events.push(event.kind.as_str());
            }
            Effect::Record(fact) => self.facts.push(fact),
            Effect::Finish(summary) => {
                self.word = summary.outcome;
                self.evidence = summary.evidence.unwrap_or_default();
            }
            _ => {}
        }
        None
    }
}

fn heard(mode: MachineDetection, words: &[(u64, &str)]) -> Outcome {
    heard_with(Settings { machine_detection: mode, recognises: true, ..Settings::default() }, words)
}

fn heard_with(settings: Settings, words: &[(u64, &str)]) -> Outcome {
    let mut call = VirtualCall::new(FLOW, settings, Outcome::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    for ms in 0..60_000_u64 {
        call.set_clock(CallTime::from_ms(ms));
        if ms % 20 == 0 {
            call.hear(&[0; 160]);
        }
        for (n, (_, text)) in words.iter().enumerate().filter(|(_, (due, _))| *due == ms) {
            let heard = Some(Hypothesis { text: (*text).to_owned(), confidence: 0.9, weighed: None });
            call.tell(Input::Recognised { utterance: n as u32 + 90, interim: false, heard });
        }
        call.wake();
    }
    call.world
}

#[test]
fn the_words_of_a_greeting_choose_the_branch() {
    assert_eq!(heard(MachineDetection::Detect, &[(1_000, GREETING)]).word, "mailbox");
    assert_eq!(heard(MachineDetection::Detect, &[(1_000, MENU)]).word, "menu");
    assert_eq!(heard(MachineDetection::Detect, &[(1_000, SCREENING)]).word, "screened");
}

#[test]
fn words_that_come_after_the_verdict_reach_later_conditions_and_the_record() {
    let call = heard(
        MachineDetection::Detect,
        &[
            (1_000, "please leave a message"),
            (2_000, MENU),
            (2_100, MENU),
            (2_200, "press 3, main menu, following options, dial 4, pound key, press star"),
        ],
    );
    let findings: Vec<_> = call.facts.iter().filter(|fact| fact.kind() == "amd_finding").collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].detail()["subtype"], "ivr");
    assert_eq!(
        call.word, "menu",
        "the branch of the verdict is not taken twice, but its conditions know better"
    );
    assert_eq!(call.events.iter().filter(|kind| **kind == "amd_machine_detected").count(), 1);
}

#[test]
fn disconnect_hangs_up_on_a_mailbox_and_not_on_an_assistant_that_screens() {
    assert_eq!(heard(MachineDetection::Disconnect, &[(1_000, GREETING)]).word, "machine_detected");
    assert_eq!(heard(MachineDetection::Disconnect, &[(1_000, SCREENING)]).word, "screened");
}

#[test]
fn one_who_hears_only_answers_says_nothing_of_who_speaks() {
    let settings = Settings { recognises: true, hears_answers_only: true, ..Settings::default() };
    let (deaf, hears) = (heard(MachineDetection::Detect, &[]), heard_with(settings, &[(1_000, GREETING)]));
    assert_eq!((hears.events, hears.word), (deaf.events, deaf.word));
}

#[test]
fn without_words_nothing_waits() {
    let call = heard(MachineDetection::Detect, &[]);
    assert_eq!(call.events, ["amd_no_speech_detected", "amd_stopped"]);
    assert_eq!(call.word, "other");
}

const PROMPT: &str = "\
flow: talker
language: en
start: begin
scenes:
  begin:
    - say: { text: Good day to you., barge_in: both, on_speech: cut }
    - hangup: heard
  cut:
    - hangup: cut
";

/// A carrier that plays prompts of 6 s and confirms nothing by itself.
#[derive(Default)]
struct Carrier {
    marks: Vec<String>,
    silenced: usize,
    word: String,
}

impl World for Carrier {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is looked at")]
    fn perform(&mut self, effect: Effect, _: CallTime) -> Option<Input> {
        match effect {
            Effect::Render { play, part, .. } => {
                return Some(Input::Rendered { play, part, result: Ok(vec![0; 48_000].into()) });
            }
            Effect::SendHangup => return Some(Input::RemoteHangup),
            Effect::SendInterruption => self.silenced += 1,
            Effect::SendCheckPoint(name) => self.marks.push(name),
            Effect::Finish(summary) => self.word = summary.outcome,
            _ => {}
        }
        None
    }
}

/// How a prompt of 6 s ends when `sound` comes from the callee's side a second into it.
fn over_a_prompt(sound: &[i16]) -> (String, usize) {
    let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
    let mut call = VirtualCall::new(PROMPT, settings, Carrier::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    for n in 0..500_u64 {
        call.set_clock(CallTime::from_ms(n * 20));
        let mut frame = [0; 160];
        let from = (n as usize * 160).saturating_sub(8_000);
        for (slot, sample) in frame.iter_mut().zip(sound.iter().skip(from)).filter(|_| n >= 50) {
            *slot = *sample;
        }
        call.hear(&frame);
        if n == 320 {
            for name in std::mem::take(&mut call.world.marks) {
                call.tell(Input::CheckPoint(name));
            }
        }
        call.wake();
    }
    (call.world.word, call.world.silenced)
}

#[test]
fn no_tone_of_the_network_silences_a_prompt() {
    use crate::audio::tone::{sit, tone};
    let modulated = |hz: f32, by: f32| -> Vec<i16> {
        let beat = |n: usize| 0.5 + 0.5 * (std::f32::consts::TAU * by * n as f32 / 8_000.0).sin();
        tone(&[hz], 1_000, -16.0).iter().enumerate().map(|(n, s)| (f32::from(*s) * beat(n)) as i16).collect()
    };
    let again = |sound: Vec<i16>| [sound, vec![0; 2_000]].concat().repeat(3);
    let sounds = [
        ("US ringback", again(tone(&[440.0, 480.0], 900, -16.0))),
        ("UK ringback", again(tone(&[400.0, 450.0], 400, -16.0))),
        ("AU ringback", again(tone(&[413.0, 438.0], 400, -16.0))),
        ("EU ringback", again(tone(&[425.0], 1_000, -16.0))),
        ("CN ringback", again(tone(&[450.0], 1_000, -30.0))),
        ("IN ringback", again(modulated(400.0, 25.0))),
        ("US busy", again(tone(&[480.0, 620.0], 500, -16.0))),
        ("EU congestion", again(tone(&[425.0], 250, -16.0))),
        ("information tones", again(sit(-16.0))),
        ("dial tone", again(tone(&[350.0, 440.0], 1_000, -16.0))),
    ];
    for (name, sound) in sounds {
        assert_eq!(over_a_prompt(&sound).1, 0, "{name}");
    }
}

/// What the record of a call says of a set that ran in shadow beside `usual`.
fn in_shadow(set: DecisionThresholds, words: &[(u64, &str)]) -> (Vec<&'static str>, serde_json::Value) {
    let shadow = Some(ShadowSet { name: "careful".into(), params: set });
    let amd = amd::Options { shadow, ..amd::Options::default() };
    let call = heard_with(Settings { amd, recognises: true, ..Settings::default() }, words);
    (call.events, call.evidence["shadow"].clone())
}

#[test]
fn parameters_in_shadow_say_what_they_would_have_said_and_change_nothing() {
    let quick = DecisionThresholds { machine_with_words_after_ms: 0, ..DecisionThresholds::default() };
    let words = [(2_000, GREETING)];
    let usual = heard(MachineDetection::Detect, &words).events;
    let (events, shadow) = in_shadow(quick, &words);
    assert_eq!(events, usual);
    assert_eq!(
        (shadow["set"].as_str(), shadow["event"].as_str()),
        (Some("careful"), Some("amd_machine_detected"))
    );
    assert!(shadow["atMs"].as_u64().is_some_and(|ms| (1_900..2_200).contains(&ms)), "{shadow}");
    let plain = heard(MachineDetection::Detect, &words).evidence;
    assert!(plain.get("shadow").is_none() && plain["decision"].is_object(), "{plain}");
}
