//! The event contract, on scripted hearing and virtual time.

use super::judge::Verdict;
use super::*;
use crate::audio::FRAME_MS;
use crate::detect::{Heard, Observation, Tone, ToneKind};

/// Plays a script to a run as an ear would hear it.
pub(super) struct Script {
    pub(super) amd: Amd,
    now_ms: u64,
    pub(super) events: Vec<Event>,
}

impl Script {
    pub(super) fn new(options: Options) -> Self {
        Self { amd: Amd::new(options), now_ms: 0, events: Vec::new() }.judged(Verdict::Open)
    }

    fn frame(&mut self, speech: bool, heard: &[Heard]) {
        self.now_ms += FRAME_MS;
        let level_dbfs = if speech { -20.0 } else { -65.0 };
        self.amd.observe(&Observation {
            end_ms: self.now_ms,
            speech,
            level_dbfs,
            noise_dbfs: -65.0,
            ..Observation::default()
        });
        for heard in heard {
            self.amd.feed(heard);
        }
        self.drain();
    }

    /// From now on the model says this: the events are tried apart from it.
    pub(super) fn judged(mut self, verdict: Verdict) -> Self {
        self.amd.judge(verdict);
        self
    }

    pub(super) fn machine(self) -> Self {
        self.judged(Verdict::Machine(0.98))
    }

    pub(super) fn human(self) -> Self {
        self.judged(Verdict::Human(0.9))
    }

    pub(super) fn likely(self) -> Self {
        self.judged(Verdict::LikelyHuman(0.9))
    }

    fn drain(&mut self) {
        while let Some(event) = self.amd.poll_event() {
            self.events.push(event);
        }
    }

    /// Speech of `ms`, known 80 ms after it begins and ended 200 ms after it ends.
    pub(super) fn say(mut self, ms: u64) -> Self {
        let start = self.now_ms;
        while self.now_ms < start + ms {
            let begins = self.now_ms + FRAME_MS == start + 80;
            let started = [Heard::SpeechStarted { at_ms: start }];
            self.frame(true, if begins { &started } else { &[] });
        }
        self
    }

    pub(super) fn hush(mut self, ms: u64) -> Self {
        let start = self.now_ms;
        while self.now_ms < start + ms {
            let ends = self.now_ms + FRAME_MS == start + 200;
            let ended = [Heard::SpeechEnded { at_ms: start }];
            self.frame(false, if ends { &ended } else { &[] });
        }
        self
    }

    pub(super) fn tone(mut self, kind: ToneKind, ms: u64) -> Self {
        let start = self.now_ms;
        let tone = Tone { kind, start_ms: start, end_ms: None, hz: [1000.0, 0.0] };
        while self.now_ms < start + ms {
            let known = self.now_ms + FRAME_MS == start + 80;
            let started = [Heard::ToneStarted(tone)];
            self.frame(false, if known { &started } else { &[] });
        }
        let ended = Tone { end_ms: Some(self.now_ms), ..tone };
        self.frame(false, &[Heard::ToneEnded(ended)]);
        self
    }

    pub(super) fn text(mut self, text: &str, is_final: bool) -> Self {
        self.amd.transcript(text, is_final, self.now_ms);
        self.drain();
        self
    }

    pub(super) fn stop(mut self) -> Self {
        self.amd.stop();
        self.drain();
        self
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.events.iter().map(|e| e.kind.as_str().trim_start_matches("amd_")).collect()
    }

    pub(super) fn at(&self, kind: EventKind) -> u64 {
        self.events.iter().find(|e| e.kind == kind).map_or(0, |e| e.at_ms)
    }
}

fn call() -> Script {
    Script::new(Options::default())
}

#[test]
fn a_short_answer_is_a_human_and_ends_the_run() {
    let run = call().hush(600).say(400).hush(400).human().hush(2600).tone(ToneKind::Beep, 400);
    assert_eq!(run.kinds(), ["human_detected", "stopped"]);
    assert!((1400..=1440).contains(&run.at(EventKind::HumanDetected)));
    assert!(run.amd.is_revised(), "a beep after a human verdict is remembered");
}

#[test]
fn a_long_greeting_with_a_beep_gives_machine_tone_stopped_speaking_stopped() {
    let run = call().hush(500).say(2000).machine().say(7000).hush(500).tone(ToneKind::Beep, 500).hush(5000);
    assert_eq!(run.kinds(), ["machine_detected", "tone_detected", "machine_stopped_speaking", "stopped"]);
    let spoken = run.at(EventKind::MachineStoppedSpeaking);
    assert!((11_400..=11_600).contains(&spoken), "one second after the beep's end, not {spoken}");
    assert!(run.events.windows(2).all(|w| w[0].seq + 1 == w[1].seq && w[0].at_ms <= w[1].at_ms));
}

#[test]
fn a_late_beep_is_still_told_after_stopped_speaking() {
    let run = call().say(2000).machine().say(6000).hush(7000).tone(ToneKind::Beep, 300).hush(1000);
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "tone_detected", "stopped"]);
    let end = run.events.iter().find_map(|e| e.speech_end_ms);
    assert_eq!(end, Some(8000), "the greeting's end is measured, not the timer's");
}

#[test]
fn the_tone_watch_ends_twenty_seconds_after_the_greeting() {
    let run = call().say(2000).machine().say(23_000).hush(21_000);
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"]);
    assert_eq!(run.at(EventKind::Stopped), 45_000);
}

#[test]
fn a_greeting_without_end_is_given_up_after_a_minute() {
    let run = call().say(2000).machine().say(68_000);
    assert_eq!(run.kinds(), ["machine_detected", "stopped"]);
    assert_eq!(run.at(EventKind::Stopped), 60_000);
}

#[test]
fn a_resumed_greeting_is_one_greeting() {
    let run = call().say(3000).machine().say(4000).hush(1500).say(2000).hush(2500);
    let stops = run.kinds().iter().filter(|k| **k == "machine_stopped_speaking").count();
    assert_eq!(stops, 1);
    assert_eq!(run.at(EventKind::MachineStoppedSpeaking), 12_500);
}

#[test]
fn silence_is_no_speech_after_five_seconds() {
    let run = call().hush(20_000);
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
    assert_eq!(run.at(EventKind::NoSpeechDetected), 5000);
}

#[test]
fn a_beep_alone_is_a_tone_and_then_a_machine() {
    let run = call().hush(2000).tone(ToneKind::Beep, 400).hush(3000);
    assert_eq!(run.kinds(), ["tone_detected", "machine_detected", "machine_stopped_speaking", "stopped"]);
    assert_eq!(run.events[1].reason, Some(Reason::Tone));
}

#[test]
fn information_tones_are_the_network_at_once_and_not_a_beep() {
    let run = call().hush(300).tone(ToneKind::Sit, 1000).hush(300).say(4000).hush(2500).stop();
    assert_eq!(run.kinds(), ["machine_detected", "machine_stopped_speaking", "stopped"]);
    assert_eq!(run.events[0].reason, Some(Reason::Sit));
    assert_eq!(run.events[0].subtype, Some(Subtype::Network));
}

#[test]
fn a_fax_is_a_machine_of_its_own_kind_and_nothing_is_waited_for() {
    let run = call().hush(500).tone(ToneKind::FaxAnswer, 3000);
    assert_eq!(run.kinds(), ["machine_detected", "stopped"]);
    assert_eq!(run.events[0].subtype, Some(Subtype::Fax));
}

#[test]
fn ringback_left_over_decides_nothing() {
    let run = call().tone(ToneKind::Ringback, 1500).hush(1000).say(400).human().hush(1000);
    assert_eq!(run.kinds(), ["human_detected", "stopped"]);
}

#[test]
fn audio_that_stalls_still_ends_in_a_verdict() {
    let mut run = call().hush(1000);
    for ms in (1000..40_000).step_by(500) {
        run.amd.advance(ms);
    }
    run.drain();
    assert_eq!(run.kinds(), ["no_speech_detected", "stopped"]);
    assert_eq!(run.at(EventKind::NoSpeechDetected), 5000);
}

#[test]
fn the_word_threshold_adds_up_finals_and_lets_questions_pass() {
    let with = |words| Script::new(Options { threshold_word_count: Some(words), ..Options::default() });
    let run = with(6).say(1000).text("you have reached", true).text("", true).text("the mailbox of", false);
    assert_eq!(run.kinds(), ["machine_detected"]);
    assert_eq!(run.events[0].reason, Some(Reason::LongGreeting));
    let run = with(4).say(1000).text("hello who is this please?", true);
    assert!(run.events.is_empty());
    let run = with(4).say(1000).text("ただいま電話に出ることができません", false);
    assert_eq!(run.kinds(), ["machine_detected"]);
}

#[test]
fn stopping_twice_says_stopped_once() {
    let run = call().hush(500).stop().stop();
    assert_eq!(run.kinds(), ["stopped"]);
}

#[test]
fn a_failure_is_told_and_ends_the_run() {
    let mut run = call().hush(500);
    run.amd.fail("the recogniser hung up");
    run.drain();
    assert_eq!(run.kinds(), ["error", "stopped"]);
    assert!(!run.amd.is_running());
}

mod any_input {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Say(u64),
        Hush(u64),
        Tone(ToneKind, u64),
        Text(String, bool),
        Judge(u8),
        Stall(u64),
        Stop,
        Fail,
    }

    fn step() -> impl Strategy<Value = Step> {
        let tone = prop_oneof![
            Just(ToneKind::Beep),
            Just(ToneKind::Sit),
            Just(ToneKind::FaxAnswer),
            Just(ToneKind::Ringback),
            Just(ToneKind::Dtmf('1')),
        ];
        prop_oneof![
            6 => (1_u64..400).prop_map(|n| Step::Say(n * 20)),
            6 => (1_u64..400).prop_map(|n| Step::Hush(n * 20)),
            2 => (tone, 5_u64..60).prop_map(|(kind, n)| Step::Tone(kind, n * 20)),
            1 => ("[a-z ]{0,40}", any::<bool>()).prop_map(|(t, f)| Step::Text(t, f)),
            2 => (0_u8..4).prop_map(Step::Judge),
            1 => (0_u64..90_000).prop_map(Step::Stall),
            1 => Just(Step::Stop),
            1 => Just(Step::Fail),
        ]
    }

    proptest! {
        #[test]
        fn decisions_exclude_each_other_and_stopped_comes_once_and_last(
            steps in prop::collection::vec(step(), 0..14),
            strict in any::<bool>(),
        ) {
            let profile = if strict { Profile::JambonzStrict } else { Profile::Evidence };
            let mut run = Script::new(Options { profile, ..Options::default() });
            for step in steps {
                run = match step {
                    Step::Say(ms) => run.say(ms),
                    Step::Hush(ms) => run.hush(ms),
                    Step::Tone(kind, ms) => run.tone(kind, ms),
                    Step::Text(text, last) => run.text(&text, last),
                    Step::Judge(0) => run.machine(),
                    Step::Judge(1) => run.human(),
                    Step::Judge(2) => run.likely(),
                    Step::Judge(_) => run.judged(Verdict::Open),
                    Step::Stall(ms) => { run.amd.advance(ms); run }
                    Step::Stop => run.stop(),
                    Step::Fail => { run.amd.fail("told to"); run }
                };
            }
            let run = run.hush(70_000);
            let count = |kind: EventKind| run.events.iter().filter(|e| e.kind == kind).count();
            prop_assert_eq!(count(EventKind::Stopped), 1, "every run ends within its cap");
            prop_assert_eq!(run.events.last().map(|e| e.kind), Some(EventKind::Stopped));
            prop_assert!(run.events.iter().filter(|e| e.kind.is_decision()).count() <= 1);
            prop_assert!(count(EventKind::ToneDetected) <= 1);
            prop_assert!(count(EventKind::MachineStoppedSpeaking) <= count(EventKind::MachineDetected));
            prop_assert!(run.events.windows(2).all(|w| w[0].at_ms <= w[1].at_ms && w[0].seq < w[1].seq));
        }
    }
}
