//! A bot that begins to speak before the verdict: it is not kept waiting by a person, falls silent before an announcement,
//! and nothing that it did too early remains.

mod any_call;

use std::collections::VecDeque;

use super::*;
use crate::amd::{Costs, DecisionThresholds};
use crate::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame, ms_to_samples, samples_to_ms};
use crate::audio::g711;
use crate::audio::tone::tone;
use crate::clock::CallTime;
use crate::flow::{ExternalStepEnd, Greet, MachineDetection};
use crate::testing::{VirtualCall, World, voice};

const FLOW: &str = "\
flow: early
language: en
amd:
  on: { human: greet, machine: leave, fax: nobody, no_speech: nobody, timeout: nobody }
on_hangup: gone
scenes:
  greet:
    - say: [\"Good day.\", { checkpoint: greeted }, \"It is about your order.\"]
    - notify: { event: reached }
    - say: \"Please stay on the line.\"
    - hangup: told
  leave:
    - wait_for_beep: { timeout: 6s, on_timeout: nobody }
    - say: { text: \"Please call us back.\", barge_in: off }
    - checkpoint: left
    - notify: { event: left }
    - hangup: message_left
  nobody:
    - notify: { event: nobody }
    - hangup: nobody
  gone:
    - notify: { event: gone }
    - hangup: gone
";

/// A carrier that plays and confirms, and books that are read afterwards. Times are ms since the answer.
#[derive(Default)]
struct Line {
    /// What the callee hears of the bot, from and to.
    plays: Vec<(u64, u64)>,
    /// The same as sound that the callee has still to hear.
    sounds: VecDeque<i16>,
    marks: VecDeque<(u64, String)>,
    busy_until: u64,
    facts: Vec<(u64, Fact)>,
    amd: Vec<(u64, &'static str)>,
    told: Vec<(u64, String)>,
    requests: Vec<u64>,
    hung_up: Option<u64>,
    summary: Option<Box<Summary>>,
}

impl Line {
    fn at(&self, kind: &str) -> Option<u64> {
        self.facts.iter().find(|(_, fact)| fact.kind() == kind).map(|(at, _)| *at)
    }

    fn verdict(&self) -> Option<(u64, &'static str)> {
        let is_decision = |name: &str| {
            !matches!(name, "amd_tone_detected" | "amd_machine_stopped_speaking" | "amd_stopped")
        };
        self.amd.iter().find(|(_, name)| is_decision(name)).copied()
    }

    fn checkpoints(&self) -> Vec<(u64, String)> {
        let marks = self.facts.iter().filter(|(_, fact)| fact.kind() == "checkpoint");
        marks.map(|(at, fact)| (*at, fact.detail()["name"].as_str().unwrap_or_default().to_owned())).collect()
    }

    /// Whether the bot is heard at some time between.
    fn is_heard(&self, from: u64, to: u64) -> bool {
        from < to && self.plays.iter().any(|(start, end)| *start < to && *end > from)
    }

    fn events(&self) -> Vec<&str> {
        self.told.iter().map(|(_, event)| event.as_str()).collect()
    }
}

impl World for Line {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is looked at")]
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        let now = now.as_ms();
        match effect {
            Effect::Render { play, part, .. } => {
                return Some(Input::Rendered { play, part, result: Ok(voice(900, 190.0).into()) });
            }
            Effect::SendAudio(chunk) => {
                let start = self.busy_until.max(now);
                self.sounds.extend(chunk.samples());
                self.busy_until = start + samples_to_ms(chunk.samples().len());
                match self.plays.last_mut().filter(|(_, end)| *end == start) {
                    Some((_, end)) => *end = self.busy_until,
                    None => self.plays.push((start, self.busy_until)),
                }
            }
            Effect::SendCheckPoint(name) => self.marks.push_back((self.busy_until.max(now), name)),
            Effect::SendInterruption => {
                self.marks.clear();
                self.sounds.clear();
                self.busy_until = now;
                self.plays.retain(|(start, _)| *start < now);
                self.plays.iter_mut().for_each(|(_, end)| *end = (*end).min(now));
            }
            Effect::Record(fact) => self.facts.push((now, fact)),
            Effect::Notify(Notice { state: NotificationState::InProgress(event), .. }) => {
                self.amd.push((now, event.kind.as_str()));
            }
            Effect::Notify(Notice { state: NotificationState::Event { event, .. }, .. }) => {
                self.told.push((now, event));
            }
            Effect::Request { id, .. } => {
                self.requests.push(now);
                let end = ExternalStepEnd::Answered { status: 200, body: None };
                return Some(Input::ExternalStepEnded { id, end });
            }
            Effect::SendHangup => {
                self.hung_up = Some(now);
                return Some(Input::RemoteHangup);
            }
            Effect::Finish(summary) => self.summary = Some(summary),
            _ => {}
        }
        None
    }
}

/// What the callee's side does.
#[derive(Clone, Debug, Default)]
struct Callee {
    audio: Vec<i16>,
    /// Words of a recogniser, by when they come.
    words: Vec<(u64, &'static str)>,
    hangs_up_at: Option<u64>,
    /// What the callee hears comes back, 120 ms later and 16 dB fainter.
    echoes: bool,
    path: Path,
    /// No recogniser listens.
    deaf: bool,
}

/// What the line makes of the sound.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    /// How loud it hisses, in steps of 16 bits; 16 is a quiet line.
    hiss: i16,
    coding: Coding,
    /// Of a hundred frames so many are lost.
    lost: usize,
    /// So much of the beginning is missing, ms.
    clipped_ms: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Coding {
    #[default]
    Linear,
    Mu,
    A,
}

impl Path {
    /// What arrives of frame `n`; a lost one is silence, as carriers send it.
    fn carry(&self, n: usize, frame: &mut Frame) {
        if (n * 7_919) % 100 < self.lost || (n as u64) * FRAME_MS < self.clipped_ms {
            frame.fill(0);
            return;
        }
        let (mut bytes, mut samples) = (Vec::new(), Vec::new());
        match self.coding {
            Coding::Linear => return,
            Coding::Mu => {
                g711::to_ulaw(frame, &mut bytes);
                g711::ulaw(&bytes, &mut samples);
            }
            Coding::A => {
                g711::to_alaw(frame, &mut bytes);
                g711::alaw(&bytes, &mut samples);
            }
        }
        frame.copy_from_slice(&samples);
    }
}

impl Callee {
    fn hush(mut self, ms: u64) -> Self {
        self.audio.resize(self.audio.len() + ms_to_samples(ms), 0);
        self
    }

    fn say(mut self, ms: u64) -> Self {
        self.audio.extend(voice(ms, 120.0));
        self
    }

    fn beep(mut self) -> Self {
        self.audio.extend(tone(&[1_000.0], 400, -14.0));
        self
    }

    fn words(mut self, at_ms: u64, text: &'static str) -> Self {
        self.words.push((at_ms, text));
        self
    }

    fn now(&self) -> u64 {
        samples_to_ms(self.audio.len())
    }
}

/// Parameters by which the time alone decides: a made voice is neither a person's nor a machine's.
fn by_time() -> DecisionThresholds {
    let costs = Costs { waiting: 1_000.0, ..Costs::default() };
    DecisionThresholds { costs, ..DecisionThresholds::default() }
}

fn call(flow: &str, greet: Greet, mode: MachineDetection, callee: &Callee) -> Line {
    let recognises = !callee.deaf;
    let mut settings = Settings { greet, machine_detection: mode, recognises, ..Settings::default() };
    settings.amd.params = by_time();
    let hiss = callee.path.hiss.max(16);
    let mut call = VirtualCall::new(flow, settings, Line::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    let mut echo: VecDeque<i16> = vec![0; ms_to_samples(120)].into();
    let frames = callee.audio.chunks(FRAME_SAMPLES).chain(std::iter::repeat_n(&[][..], 1_500));
    for (n, said) in frames.enumerate() {
        let now = (n as u64 + 1) * FRAME_MS;
        // Timers and check points fall between two frames.
        for ms in (now - FRAME_MS + 5..=now).step_by(5) {
            call.set_clock(CallTime::from_ms(ms));
            while let Some((_, name)) = call.world.marks.pop_front_if(|(due, _)| *due <= ms) {
                call.tell(Input::CheckPoint(name));
            }
            call.wake();
        }
        let mut frame: Frame = [0; FRAME_SAMPLES];
        for (k, slot) in frame.iter_mut().enumerate() {
            let noise = ((n * FRAME_SAMPLES + k) * 7_919 % (2 * hiss as usize + 1)) as i16 - hiss;
            echo.push_back(call.world.sounds.pop_front().unwrap_or(0) / 6);
            let back = echo.pop_front().filter(|_| callee.echoes).unwrap_or(0);
            *slot = said.get(k).copied().unwrap_or(0).saturating_add(noise).saturating_add(back);
        }
        callee.path.carry(n, &mut frame);
        call.hear(&frame);
        for (k, (_, text)) in
            callee.words.iter().enumerate().filter(|(_, (at, _))| at.next_multiple_of(FRAME_MS) == now)
        {
            let heard = Some(Hypothesis { text: (*text).to_owned(), confidence: 0.9, weighed: None });
            call.tell(Input::Recognised { utterance: k as u32 + 90, interim: false, heard });
        }
        if callee.hangs_up_at.is_some_and(|at| at.next_multiple_of(FRAME_MS) == now) {
            call.tell(Input::RemoteHangup);
        }
        if call.world.summary.is_some() {
            break;
        }
        // The carrier's record is not waited for longer than it takes.
        if call.world.hung_up.is_some() {
            call.pass(CallTime::from_ms(now + 10_000));
        }
    }
    call.world
}

fn early(callee: &Callee) -> Line {
    call(FLOW, Greet::Early, MachineDetection::Detect, callee)
}

fn hello() -> Callee {
    Callee::default().hush(1_000).say(600)
}

#[test]
fn a_person_hears_the_bot_half_a_second_before_the_verdict_and_everything_counts_from_then_on() {
    let line = early(&hello());
    let (likely, (decided, name)) = (line.at("likely_human").unwrap(), line.verdict().unwrap());
    assert_eq!(name, "amd_human_detected");
    let spoke = line.plays.first().unwrap().0;
    assert!((likely..likely + 60).contains(&spoke), "likely at {likely}, spoke at {spoke}");
    assert!((500..=600).contains(&(decided - likely)), "{likely} {decided}");
    assert_eq!(line.checkpoints().iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["greeted"]);
    assert_eq!(line.events(), ["reached"]);
    assert_eq!(line.at("false_start"), None);
    assert_eq!(line.summary.unwrap().outcome, "told");
}

#[test]
fn a_bot_that_is_told_to_be_sure_waits_for_the_verdict() {
    let line = call(FLOW, Greet::Sure, MachineDetection::Detect, &hello());
    let (decided, _) = line.verdict().unwrap();
    assert!(line.plays.first().unwrap().0 >= decided);
    assert!(line.at("likely_human").unwrap() < decided, "that a person was likely is told all the same");
    assert_eq!(line.at("false_start"), None);
}

/// A greeting that draws breath: what is said before the breath could be a person's hello.
fn greeting() -> Callee {
    Callee::default().hush(800).say(700).hush(500).say(3_000).hush(600).beep().hush(12_000)
}

#[test]
fn a_greeting_that_draws_breath_silences_the_bot_and_the_message_comes_from_its_start_after_the_beep() {
    let line = early(&greeting());
    let doubted = line.at("false_start").unwrap();
    let spoken =
        line.facts.iter().find(|(_, fact)| fact.kind() == "false_start").unwrap().1.detail()["spokenMs"]
            .clone();
    let (first, stopped) = line.plays[0];
    assert!(first < doubted && stopped <= doubted + 100, "{:?}, taken back at {doubted}", line.plays);
    assert_eq!(spoken.as_u64(), Some(stopped - first));
    assert_eq!(line.verdict().unwrap().1, "amd_machine_detected");
    // The greeting is over at 5.0 s, the beep at 6.0 s.
    assert!(!line.is_heard(doubted + 100, 6_000), "the bot speaks over the greeting: {:?}", line.plays);
    let message = line.plays[1];
    assert!((6_200..7_000).contains(&message.0), "{message:?}");
    assert_eq!(line.events(), ["left"]);
    assert_eq!(line.checkpoints().iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["left"]);
    let heard: Vec<u64> = line.facts.iter().filter_map(|(_, fact)| heard_of(fact)).collect();
    assert_eq!(heard[0], 0, "nothing of the false start was heard");
    let summary = line.summary.unwrap();
    assert_eq!((summary.outcome.as_str(), summary.message_left), ("message_left", true));
    assert_eq!(summary.last_checkpoint.as_deref(), Some("left"));
}

fn heard_of(fact: &Fact) -> Option<u64> {
    if let Fact::PromptEnded(prompt) = fact { Some(prompt.heard_ms) } else { None }
}

#[test]
fn words_of_a_greeting_silence_the_bot_in_the_middle_of_a_breath() {
    let callee = Callee::default()
        .hush(800)
        .say(700)
        .hush(3_000)
        .words(2_100, "please leave a message after the tone");
    let line = early(&callee);
    let doubted = line.at("false_start").unwrap();
    assert!((2_100..=2_120).contains(&doubted), "{doubted}");
    assert!(!line.is_heard(doubted + 100, 4_000));
    assert_eq!(line.verdict().unwrap().1, "amd_machine_detected");
}

#[test]
fn where_machines_are_hung_up_on_nothing_of_the_false_start_remains_in_the_record() {
    let line = call(FLOW, Greet::Early, MachineDetection::Disconnect, &greeting());
    let summary = line.summary.unwrap();
    assert_eq!((summary.outcome.as_str(), summary.last_checkpoint), ("machine_detected", None));
    assert!(line.told.is_empty() && line.facts.iter().all(|(_, fact)| heard_of(fact).unwrap_or(0) == 0));
}

const ASKS: &str = "\
flow: asks
language: en
amd:
  on: { human: ask, machine: nobody, fax: nobody, no_speech: nobody, timeout: nobody }
scenes:
  ask:
    - http: { method: POST, url: \"https://example.com/answered\", timeout: 2s }
    - hangup: told
  nobody:
    - hangup: nobody
";

#[test]
fn what_cannot_be_taken_back_waits_for_the_verdict_and_is_done_once() {
    let person = call(ASKS, Greet::Early, MachineDetection::Detect, &hello());
    let (decided, _) = person.verdict().unwrap();
    assert_eq!(person.requests, [decided], "not before a person is certain, and then at once");
    assert_eq!(person.summary.unwrap().outcome, "told");
    let machine = call(ASKS, Greet::Early, MachineDetection::Detect, &greeting());
    assert!(machine.at("false_start").is_some() && machine.requests.is_empty());
    assert_eq!(machine.summary.unwrap().outcome, "nobody");
}

const SHORT: &str = "\
flow: short
language: en
amd:
  on: { human: bye, machine: nobody, fax: nobody, no_speech: nobody, timeout: nobody }
scenes:
  bye:
    - hangup: greeted
  nobody:
    - hangup: nobody
";

#[test]
fn nobody_is_hung_up_on_before_the_verdict_although_the_flow_is_at_its_end() {
    let person = call(SHORT, Greet::Early, MachineDetection::Detect, &hello());
    assert_eq!(person.hung_up, person.verdict().map(|(decided, _)| decided));
    assert_eq!(person.summary.unwrap().outcome, "greeted");
    let machine = call(SHORT, Greet::Early, MachineDetection::Detect, &greeting());
    assert_eq!(machine.hung_up, machine.verdict().map(|(decided, _)| decided));
    assert_eq!(machine.summary.unwrap().outcome, "nobody");
}

#[test]
fn a_person_who_hangs_up_on_the_first_words_was_a_person_and_heard_them() {
    let callee = Callee { hangs_up_at: Some(2_400), ..hello() };
    let line = early(&callee);
    assert!(line.plays[0].0 < 2_100);
    assert_eq!(line.verdict(), Some((2_400, "amd_human_detected")));
    assert_eq!(line.events(), ["gone"], "what was to be told only behind the greeting is not told");
    assert!(line.facts.iter().filter_map(|(_, fact)| heard_of(fact)).all(|heard| heard > 0));
    assert_eq!(line.at("false_start"), None);
}

#[test]
fn a_call_that_ends_before_anything_is_certain_tells_nothing_that_was_said_early() {
    let spoken = hello();
    let callee = Callee { hangs_up_at: Some(spoken.now() + 620), ..spoken.hush(420).say(1_500) };
    let line = early(&callee);
    assert!(
        line.at("likely_human").is_some() && !line.plays.is_empty(),
        "the bot had begun: {:?}",
        line.facts
    );
    assert_eq!(line.verdict(), None);
    assert!(line.at("false_start").is_some());
    assert_eq!((line.events(), line.checkpoints()), (vec!["gone"], Vec::new()));
    assert!(line.facts.iter().filter_map(|(_, fact)| heard_of(fact)).all(|heard| heard == 0));
}

#[test]
fn a_second_hello_is_no_announcement() {
    let line = early(&hello().hush(500).say(300).hush(4_000));
    assert_eq!(line.at("false_start"), None, "{:?}", line.facts);
    assert_eq!(line.verdict().unwrap().1, "amd_human_detected");
}

#[test]
fn the_bots_own_voice_neither_delays_nor_changes_the_verdict() {
    let quiet = call(FLOW, Greet::Sure, MachineDetection::Detect, &hello());
    let spoken = early(&hello());
    assert_eq!(spoken.verdict(), quiet.verdict());
    let echoed = early(&Callee { echoes: true, ..hello() });
    assert_eq!(echoed.at("false_start"), None);
    assert_eq!(echoed.verdict(), quiet.verdict(), "nor when it comes back from a loudspeaker");
}
