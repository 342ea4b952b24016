//! The callee's words: asked for, waited for, and handed to the flow.

use std::sync::Arc;

use super::fact::{Fact, Utterance};
use super::input::{Effect, Words};
use super::machine::{AwaitedWords, Call, State};
use crate::clock::CallTime;
use crate::flow::{self, NOISE_MS, TurnEnd};

/// Utterances whose words are waited for at once. Behind more than this the oldest is taken as it is.
const MOST_AWAITED: usize = 4;

/// An utterance that is over.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) utterance: u32,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// How much of it was speech.
    pub(super) spoken_ms: u64,
    pub(super) so_far: Option<Words>,
    /// `so_far` is all of it.
    pub(super) settled: bool,
}

impl Call {
    pub(super) fn ask_for_words(&mut self, utterance: u32, interim: bool, audio: Arc<[i16]>) {
        if let State::Talking(talk) = &mut self.state {
            let expected = talk.listening.expected();
            self.effects.push_back(Effect::Recognise { utterance, interim, audio, expected });
        }
    }

    /// The callee has said something and is silent.
    pub(super) fn utterance(&mut self, said: Said, audio: Option<Arc<[i16]>>, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let Said { utterance, start_ms, end_ms, spoken_ms, so_far, settled } = said;
        let Some(audio) = audio else {
            self.flow.handle(without_words(spoken_ms), now);
            return self.judge_end(utterance, None, now);
        };
        if talk.awaited_words.len() >= MOST_AWAITED {
            self.wait_no_longer(now);
        }
        let State::Talking(talk) = &mut self.state else { return };
        let until = now + self.settings.words_wait_ms;
        let words = so_far.clone().filter(|_| settled);
        let said_ms = (start_ms, end_ms);
        let question = self.flow.question();
        let awaited = AwaitedWords { utterance, said_ms, spoken_ms, question, until, so_far };
        talk.awaited_words.push_back(awaited);
        match words {
            Some(words) => self.recognised(utterance, Some(words), now),
            None => self.ask_for_words(utterance, false, audio),
        }
    }

    /// The words of the oldest utterance did not come in time: what is known of it counts.
    pub(super) fn wait_no_longer(&mut self, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let Some(oldest) = talk.awaited_words.front_mut() else { return };
        let (utterance, so_far) = (oldest.utterance, oldest.so_far.take());
        let late = AwaitedWords { so_far: None, ..*oldest };
        if so_far.is_none() {
            if talk.late_words.len() >= MOST_AWAITED {
                talk.late_words.pop_front();
            }
            talk.late_words.push_back(late);
        }
        self.record(Fact::RecognitionLate { utterance });
        self.recognised(utterance, so_far, now);
    }

    /// Words that nobody waits for any more. The question may still be open.
    fn recognised_late(&mut self, utterance: u32, heard: Words, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let Some(at) = talk.late_words.iter().position(|late| late.utterance == utterance) else { return };
        let Some(late) = talk.late_words.remove(at) else { return };
        self.record_words(&late, &heard, true, now);
        if late.question.is_some() && late.question == self.flow.question() {
            self.flow.handle(flow::Input::LateWords { text: heard.text }, now);
        }
    }

    fn record_words(&mut self, said: &AwaitedWords, heard: &Words, late: bool, now: CallTime) {
        let text = self.their_words(&heard.text, now);
        let (start_ms, end_ms) = said.said_ms;
        let confidence = (f64::from(heard.confidence) * 100.0).round() / 100.0;
        let utterance = said.utterance;
        self.record(Fact::Transcript(Utterance {
            utterance,
            text,
            confidence: Some(confidence),
            start_ms: Some(start_ms),
            end_ms: Some(end_ms),
            late,
        }));
        self.answering();
    }

    /// Words of an utterance that goes on. Those of one that is over stand in for words that never come.
    pub(super) fn heard_meanwhile(&mut self, utterance: u32, heard: Option<Words>, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let turn = heard.as_ref().map_or(TurnEnd::Open, |heard| self.flow.turn(&heard.text));
        if talk.listening.interim(utterance, heard.as_ref(), turn) {
            if let Some(heard) = heard {
                talk.listening.transcript(&heard.text, false);
                self.judge_meanwhile(utterance, &heard.text, now);
            }
        } else if let Some(awaited) = talk.awaited_words.iter_mut().find(|a| a.utterance == utterance) {
            awaited.so_far = heard.or(awaited.so_far.take());
        }
    }

    /// The words of an utterance that is over, or that there are none.
    pub(super) fn recognised(&mut self, utterance: u32, heard: Option<Words>, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        // Words that come too late for the flow are still evidence of who speaks.
        if let Some(heard) = &heard {
            talk.listening.transcript(&heard.text, true);
        }
        let Some(at) = talk.awaited_words.iter().position(|awaited| awaited.utterance == utterance) else {
            if let Some(heard) = heard {
                self.recognised_late(utterance, heard, now);
            }
            return;
        };
        let Some(awaited) = talk.awaited_words.remove(at) else { return };
        if let Some(heard) = &heard {
            self.record_words(&awaited, heard, false, now);
        }
        let text = heard.map(|heard| heard.text);
        // Whoever only shows that he listens answers nothing.
        let answer = text.clone().filter(|text| !self.only_listens(utterance, text, now));
        let input = match text {
            Some(_) => flow::Input::Utterance { text: answer },
            None => without_words(awaited.spoken_ms),
        };
        self.flow.handle(input, now);
        self.judge_end(utterance, text.as_deref(), now);
    }
}

/// Speech of which there are no words, or a noise.
pub(super) const fn without_words(spoken_ms: u64) -> flow::Input {
    if spoken_ms < NOISE_MS { flow::Input::Noise } else { flow::Input::Utterance { text: None } }
}
