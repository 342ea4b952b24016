//! Texts that are made sentence by sentence, what of them was heard, and what is hidden: calls in virtual time,
//! with a renderer that takes its time.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{NotificationState as Of, *};
use crate::clock::CallTime;
use crate::flow::{self, MachineDetection, Part, Run};
use crate::ids::PlayId;

/// A sentence takes this long to make, and this long to say, ms.
const MADE_MS: u64 = 100;
const SAID_MS: u64 = 1_000;

struct SlowSpeech {
    call: Call,
    now: u64,
    /// When each is there.
    making: VecDeque<(u64, PlayId, u16)>,
    made: Vec<String>,
    /// Of them those that may not be kept.
    unkept: Vec<String>,
    at_once: usize,
    /// The text that cannot be made.
    broken: &'static str,
    sounds: Vec<u64>,
    marks: VecDeque<(u64, String)>,
    busy_until: u64,
    facts: Vec<Fact>,
    events: Vec<Value>,
    silences: Vec<RecordingMute>,
    words: Option<&'static str>,
    summary: Option<Summary>,
}

impl SlowSpeech {
    fn new(top: &str, steps: &str) -> Self {
        let text = format!(
            "flow: f\nstart: main\non_error: sorry\n{top}\nvariables: {{ card: {{ default: none }} }}\nscenes:\n  \
             main:\n{steps}\n    - hangup: done\n  sorry:\n    - hangup: sorry\n"
        );
        let parsed = flow::parse("f.yaml", &text);
        let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let run = Run::new(Arc::new(flow), Map::new()).unwrap();
        let settings = Settings {
            machine_detection: MachineDetection::Disabled,
            recognises: true,
            ..Settings::default()
        };
        let mut speech = Self {
            call: Call::new(settings, run),
            now: 0,
            making: VecDeque::new(),
            made: Vec::new(),
            unkept: Vec::new(),
            at_once: 0,
            broken: "broken",
            sounds: Vec::new(),
            marks: VecDeque::new(),
            busy_until: 0,
            facts: Vec::new(),
            events: Vec::new(),
            silences: Vec::new(),
            words: None,
            summary: None,
        };
        speech.tell(Input::Status(DialStatus::Connected));
        speech
    }

    fn at(&self) -> CallTime {
        CallTime::from_ms(self.now)
    }

    fn tell(&mut self, input: Input) {
        self.call.handle(input, self.at());
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::Render { play, part, what: Part::Say { text, .. }, keep } => {
                    self.unkept.extend((!keep).then(|| text.clone()));
                    let broken = text.contains(self.broken);
                    self.made.push(text);
                    if broken {
                        let result = Err("no voice".to_owned());
                        self.call.handle(Input::Rendered { play, part, result }, self.at());
                        continue;
                    }
                    self.making.push_back((self.now + MADE_MS, play, part));
                    self.at_once = self.at_once.max(self.making.len());
                }
                Effect::SendAudio(chunk) => {
                    self.sounds.push(self.now);
                    self.busy_until = self.busy_until.max(self.now) + chunk.samples().len() as u64 / 8;
                }
                Effect::SendCheckPoint(name) => {
                    self.marks.push_back((self.busy_until.max(self.now), name));
                }
                Effect::SendInterruption => {
                    self.busy_until = self.now;
                    self.marks.clear();
                }
                Effect::Record(fact) => self.facts.push(fact),
                Effect::Notify(notice) => {
                    if let Of::Event { data, .. } = notice.state {
                        self.events.push(data);
                    }
                }
                Effect::MuteRecording(silence) => self.silences.push(silence),
                Effect::Recognise { utterance, interim, .. } => {
                    let heard = self.words.map(|text| Hypothesis { text: text.into(), confidence: 0.9 });
                    self.call.handle(Input::Recognised { utterance, interim, heard }, self.at());
                }
                Effect::Finish(summary) => self.summary = Some(*summary),
                Effect::SendDigit { .. }
                | Effect::SendHangup
                | Effect::Render { .. }
                | Effect::KeepMessage { .. }
                | Effect::EndMessage { .. }
                | Effect::Request { .. }
                | Effect::SeekRecord
                | Effect::SendTransfer { .. } => {}
            }
        }
    }

    fn run(&mut self, until: u64) {
        while self.now < until {
            self.now += 20;
            while self.making.front().is_some_and(|(due, ..)| *due <= self.now) {
                let (_, play, part) = self.making.pop_front().unwrap();
                let result = Ok(vec![500; SAID_MS as usize * 8].into());
                self.tell(Input::Rendered { play, part, result });
            }
            while self.marks.front().is_some_and(|(due, _)| *due <= self.now) {
                let (_, name) = self.marks.pop_front().unwrap();
                self.tell(Input::CheckPoint(name));
            }
            if self.call.poll_timeout().is_some_and(|due| due <= self.at()) {
                self.call.handle_timeout(self.at());
                self.drain();
            }
        }
    }

    fn details(&self, kind: &str) -> Vec<Value> {
        self.facts.iter().filter(|fact| fact.kind() == kind).map(Fact::detail).collect()
    }

    fn everything(&self) -> String {
        self.facts.iter().map(|fact| format!("{} {}\n", fact.kind(), fact.detail())).collect()
    }
}

#[test]
fn the_first_sentence_is_heard_while_the_others_are_made() {
    let text = "One is here. Two comes. Three follows. Four too. Five as well. Six ends it.";
    let mut speech = SlowSpeech::new("", &format!("    - say: \"{text}\"\n    - checkpoint: said"));
    speech.run(12_000);
    assert!(speech.sounds[0] <= MADE_MS + 20, "{:?}", speech.sounds);
    assert_eq!(speech.at_once, 4, "so many are made at the same time");
    assert_eq!(speech.made.join(" "), text);
    let over = &speech.details("prompt_ended")[0];
    assert_eq!((over["completed"].as_bool(), over["heardText"].as_str()), (Some(true), Some(text)));
    assert_eq!((over["words"].as_u64(), over["heardWords"].as_u64()), (Some(15), Some(15)));
    // Six sentences and the five pauses between them.
    assert_eq!(over["heardMs"].as_u64(), Some(6 * SAID_MS + 5 * 320));
    assert_eq!(speech.details("checkpoint").len(), 1);
}

#[test]
fn a_cut_prompt_tells_which_words_were_heard_and_makes_no_more() {
    let text =
        "One is here. Two comes. Three follows. Four too. Five as well. Six ends it. Seven is broken. Eight.";
    let mut speech = SlowSpeech::new("", &format!("    - say: \"{text}\""));
    speech.run(MADE_MS + SAID_MS + 320 + SAID_MS);
    speech.tell(Input::Digit('1'));
    let over = &speech.details("prompt_ended")[0];
    assert_eq!(over["heardText"], "One is here. Two comes.");
    assert_eq!((over["heardWords"].as_u64(), over["completed"].as_bool()), (Some(5), Some(false)));
    assert_eq!(over["startMs"].as_u64(), Some(MADE_MS));
    assert_eq!(speech.details("digit")[0], json!({ "key": "1", "interrupts": true }));
}

#[test]
fn a_sentence_that_cannot_be_made_leads_to_the_error_branch() {
    let mut speech = SlowSpeech::new("", "    - say: \"One is here. Two is broken.\"");
    speech.run(3_000);
    speech.tell(Input::RemoteHangup);
    speech.run(9_000);
    assert_eq!(speech.summary.unwrap().outcome, "sorry");
}

#[test]
fn a_thousand_words_are_spoken_to_their_end() {
    let text = "and so it goes on, ".repeat(200);
    let mut speech = SlowSpeech::new("", &format!("    - say: \"{text}\""));
    speech.run(60_000);
    let over = &speech.details("prompt_ended")[0];
    assert_eq!((over["completed"].as_bool(), over["words"].as_u64()), (Some(true), Some(1_000)));
    assert!(speech.at_once <= 4);
}

const CARD: &str = "    - ask:
        say: Your card number please.
        digits: { into: card, min: 4, max: 4 }
        confirm: \"You said {{ card }}. Press 1 if that is right.\"
        REDACT
    - notify: { event: paid, data: { card: \"{{ card }}\" } }";

fn asked(top: &str, redact: &str) -> SlowSpeech {
    let mut speech = SlowSpeech::new(top, &CARD.replace("        REDACT\n", redact));
    speech.run(500);
    for key in "4711".chars() {
        speech.tell(Input::Digit(key));
        speech.run(speech.now + 100);
    }
    speech.run(speech.now + 3_500);
    speech.tell(Input::Digit('1'));
    speech.run(speech.now + 9_000);
    speech
}

#[test]
fn a_redacted_answer_is_in_nothing_that_is_kept_and_the_flow_has_it() {
    let silenced = [RecordingMute::Callee, RecordingMute::Both, RecordingMute::None];
    for (top, redact) in [("redact: digits", ""), ("", "        redact: true\n")] {
        let speech = asked(top, redact);
        assert!(!speech.everything().contains("4711"), "{}", speech.everything());
        assert_eq!(speech.details("digit")[0]["key"], "•");
        assert_eq!(speech.unkept.first().map(String::as_str), Some("You said 4711."));
        assert!(speech.everything().contains("You said ••••"), "{}", speech.everything());
        assert_eq!(speech.events, [json!({ "card": "4711" })], "what a flow sends is the author's choice");
        let mut silences = speech.silences.clone();
        silences.dedup();
        assert_eq!(silences, silenced, "{top}{redact}");
        assert_eq!(speech.details("set")[0], json!({ "variable": "card", "value": "••••" }));
    }
    let open = asked("", "");
    assert!(open.everything().contains("4711") && open.silences.is_empty());
}
