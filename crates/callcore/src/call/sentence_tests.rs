//! Texts that are made sentence by sentence, what of them was heard, and what is hidden: calls in virtual time,
//! with a renderer that takes its time.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{NotificationState as Of, *};
use crate::clock::CallTime;
use crate::flow::{MachineDetection, Part};
use crate::ids::PlayId;
use crate::testing::{VirtualCall, World};

/// A sentence takes this long to make, and this long to say, ms.
const MADE_MS: u64 = 100;
const SAID_MS: u64 = 1_000;

/// Voices that take their time, and a carrier that plays what they say.
struct SlowSpeech {
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

impl World for SlowSpeech {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is looked at")]
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        let now = now.as_ms();
        match effect {
            Effect::Render { play, part, what: Part::Say { text, .. }, keep } => {
                self.unkept.extend((!keep).then(|| text.clone()));
                let broken = text.contains(self.broken);
                self.made.push(text);
                if broken {
                    return Some(Input::Rendered { play, part, result: Err("no voice".to_owned()) });
                }
                self.making.push_back((now + MADE_MS, play, part));
                self.at_once = self.at_once.max(self.making.len());
            }
            Effect::SendAudio(chunk) => {
                self.sounds.push(now);
                self.busy_until = self.busy_until.max(now) + chunk.samples().len() as u64 / 8;
            }
            Effect::SendCheckPoint(name) => self.marks.push_back((self.busy_until.max(now), name)),
            Effect::SendInterruption => {
                self.busy_until = now;
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
                let heard =
                    self.words.map(|text| Hypothesis { text: text.into(), confidence: 0.9, weighed: None });
                return Some(Input::Recognised { utterance, interim, heard });
            }
            Effect::Finish(summary) => self.summary = Some(*summary),
            _ => {}
        }
        None
    }
}

impl VirtualCall<SlowSpeech> {
    /// An answered call whose first scene has these steps.
    fn speaking(top: &str, steps: &str) -> Self {
        let text = format!(
            "flow: f\nstart: main\non_error: sorry\n{top}\nvariables: {{ card: {{ default: none }} }}\nscenes:\n  \
             main:\n{steps}\n    - hangup: done\n  sorry:\n    - hangup: sorry\n"
        );
        let settings = Settings {
            machine_detection: MachineDetection::Disabled,
            recognises: true,
            ..Settings::default()
        };
        let world = SlowSpeech {
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
        let mut call = Self::new(&text, settings, world).unwrap();
        call.tell(Input::Status(DialStatus::Connected));
        call
    }

    fn now_ms(&self) -> u64 {
        self.now().as_ms()
    }

    fn run(&mut self, until: u64) {
        while self.now_ms() < until {
            let now = self.now_ms() + 20;
            self.set_clock(CallTime::from_ms(now));
            while let Some((_, play, part)) = self.world.making.pop_front_if(|(due, ..)| *due <= now) {
                let result = Ok(vec![500; SAID_MS as usize * 8].into());
                self.tell(Input::Rendered { play, part, result });
            }
            while let Some((_, name)) = self.world.marks.pop_front_if(|(due, _)| *due <= now) {
                self.tell(Input::CheckPoint(name));
            }
            self.wake();
        }
    }

    fn details(&self, kind: &str) -> Vec<Value> {
        self.world.facts.iter().filter(|fact| fact.kind() == kind).map(Fact::detail).collect()
    }

    fn everything(&self) -> String {
        self.world.facts.iter().map(|fact| format!("{} {}\n", fact.kind(), fact.detail())).collect()
    }
}

#[test]
fn the_first_sentence_is_heard_while_the_others_are_made() {
    let text = "One is here. Two comes. Three follows. Four too. Five as well. Six ends it.";
    let mut speech = VirtualCall::speaking("", &format!("    - say: \"{text}\"\n    - checkpoint: said"));
    speech.run(12_000);
    assert!(speech.world.sounds[0] <= MADE_MS + 20, "{:?}", speech.world.sounds);
    assert_eq!(speech.world.at_once, 4, "so many are made at the same time");
    assert_eq!(speech.world.made.join(" "), text);
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
    let mut speech = VirtualCall::speaking("", &format!("    - say: \"{text}\""));
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
    let mut speech = VirtualCall::speaking("", "    - say: \"One is here. Two is broken.\"");
    speech.run(3_000);
    speech.tell(Input::RemoteHangup);
    speech.run(9_000);
    assert_eq!(speech.world.summary.unwrap().outcome, "sorry");
}

#[test]
fn a_thousand_words_are_spoken_to_their_end() {
    let text = "and so it goes on, ".repeat(200);
    let mut speech = VirtualCall::speaking("", &format!("    - say: \"{text}\""));
    speech.run(60_000);
    let over = &speech.details("prompt_ended")[0];
    assert_eq!((over["completed"].as_bool(), over["words"].as_u64()), (Some(true), Some(1_000)));
    assert!(speech.world.at_once <= 4);
}

const CARD: &str = "    - ask:
        say: Your card number please.
        digits: { into: card, min: 4, max: 4 }
        confirm: \"You said {{ card }}. Press 1 if that is right.\"
        REDACT
    - notify: { event: paid, data: { card: \"{{ card }}\" } }";

fn asked(top: &str, redact: &str) -> VirtualCall<SlowSpeech> {
    let mut speech = VirtualCall::speaking(top, &CARD.replace("        REDACT\n", redact));
    speech.run(500);
    for key in "4711".chars() {
        speech.tell(Input::Digit(key));
        speech.run(speech.now_ms() + 100);
    }
    speech.run(speech.now_ms() + 3_500);
    speech.tell(Input::Digit('1'));
    speech.run(speech.now_ms() + 9_000);
    speech
}

#[test]
fn a_redacted_answer_is_in_nothing_that_is_kept_and_the_flow_has_it() {
    let silenced = [RecordingMute::Callee, RecordingMute::Both, RecordingMute::None];
    for (top, redact) in [("redact: digits", ""), ("", "        redact: true\n")] {
        let speech = asked(top, redact);
        assert!(!speech.everything().contains("4711"), "{}", speech.everything());
        assert_eq!(speech.details("digit")[0]["key"], "•");
        assert_eq!(speech.world.unkept.first().map(String::as_str), Some("You said 4711."));
        assert!(speech.everything().contains("You said ••••"), "{}", speech.everything());
        assert_eq!(
            speech.world.events,
            [json!({ "card": "4711" })],
            "what a flow sends is the author's choice"
        );
        let mut silences = speech.world.silences.clone();
        silences.dedup();
        assert_eq!(silences, silenced, "{top}{redact}");
        assert_eq!(speech.details("set")[0], json!({ "variable": "card", "value": "••••" }));
    }
    let open = asked("", "");
    assert!(open.everything().contains("4711") && open.world.silences.is_empty());
}
