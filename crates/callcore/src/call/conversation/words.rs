//! The callee's words: asked for, waited for, and handed to the flow.

use std::sync::Arc;

use super::super::fact::Fact;
use super::super::input::Hypothesis;
use super::Conversation;
use super::recognition::AwaitedWords;
use super::utterance::{EndedUtterance, without_words};
use crate::clock::CallTime;
use crate::flow::{self, TurnEnd};

impl Conversation {
    /// The callee has said something and is silent.
    pub(super) fn utterance(&mut self, utterance: EndedUtterance, audio: Option<Arc<[i16]>>, now: CallTime) {
        let number = utterance.number;
        let Some(audio) = audio else {
            self.tell_flow(without_words(utterance.spoken_ms, self.cut_by == Some(number)), now);
            return self.judge_end(number, None, now);
        };
        if self.recognition.is_full() {
            self.wait_no_longer(now);
        }
        let words = utterance.so_far.clone().filter(|_| utterance.settled);
        self.recognition.wait_for(utterance, self.flow.question(), now + self.words_wait_ms);
        match words {
            Some(words) => self.recognised(number, Some(words), now),
            None => self.ask_for_words(number, false, audio),
        }
    }

    /// The words of the oldest utterance did not come in time: what is known of it counts.
    pub(super) fn wait_no_longer(&mut self, now: CallTime) {
        if let Some((utterance, so_far)) = self.recognition.give_up_oldest() {
            self.record(Fact::RecognitionLate { utterance });
            self.recognised(utterance, so_far, now);
        }
    }

    /// Words of an utterance that goes on. Those of one that is over stand in for words that never come.
    pub(super) fn heard_meanwhile(&mut self, utterance: u32, heard: Option<Hypothesis>, now: CallTime) {
        let turn = heard.as_ref().map_or(TurnEnd::Open, |heard| self.flow.turn(&heard.text));
        if !self.listening.interim(utterance, heard.as_ref(), turn) {
            return self.recognition.heard_before_its_end(utterance, heard);
        }
        if let Some(heard) = heard {
            self.listening.transcript(&heard.text, false);
            let words = (utterance, heard.text.as_str());
            let (listening, speaking) = (&self.listening, &self.speaking);
            let reaction = self.interruption.words_meanwhile(words, listening, speaking, &self.flow, now);
            self.react(reaction, now);
        }
    }

    /// The words of an utterance that is over, or that there are none.
    pub(super) fn recognised(&mut self, utterance: u32, heard: Option<Hypothesis>, now: CallTime) {
        // Words that come too late for the flow are still evidence of who speaks.
        if let Some(heard) = &heard {
            self.listening.transcript(&heard.text, true);
        }
        let Some(awaited) = self.recognition.take(utterance) else {
            if let Some(heard) = heard {
                self.recognised_late(utterance, heard, now);
            }
            return;
        };
        if let Some(heard) = &heard {
            self.record_words(&awaited, heard, false, now);
        }
        let weighed = heard.as_ref().and_then(|heard| heard.weighed);
        let weighed = weighed.filter(|_| self.is_open(awaited.question));
        let text = heard.map(|heard| heard.text);
        // A backchannel is not an answer.
        let answer = text
            .clone()
            .filter(|text| !self.interruption.only_listens(utterance, text, &self.speaking, &self.flow, now));
        let input = match text {
            Some(_) => {
                let weighed = weighed.filter(|_| answer.is_some());
                flow::Input::Utterance { text: answer, weighed }
            }
            None => without_words(awaited.spoken_ms, self.cut_by == Some(utterance)),
        };
        self.tell_flow(input, now);
        self.judge_end(utterance, text.as_deref(), now);
    }

    /// Words that nobody waits for any more. The question may still be open.
    fn recognised_late(&mut self, utterance: u32, heard: Hypothesis, now: CallTime) {
        let Some(late) = self.recognition.take_late(utterance) else { return };
        self.record_words(&late, &heard, true, now);
        if self.is_open(late.question) {
            let Hypothesis { text, weighed, .. } = heard;
            self.tell_flow(flow::Input::LateWords { text, weighed }, now);
        }
    }

    /// Whether the question that something was said to is still the one that is open.
    fn is_open(&self, question: Option<u32>) -> bool {
        question.is_some() && question == self.flow.question()
    }

    fn record_words(&mut self, said: &AwaitedWords, heard: &Hypothesis, late: bool, now: CallTime) {
        let text = self.redaction.their_words(&heard.text, now);
        let mut line = said.transcript(text, heard.confidence, late);
        if let Some(weighed) = heard.weighed.filter(|_| self.is_open(said.question)) {
            let likely = weighed.likely.and_then(|likely| self.flow.words_of(likely));
            line.likely = likely.map(|words| self.redaction.their_words(words, now));
            line.margin = Some((f64::from(weighed.margin) * 100.0).round() / 100.0);
        }
        self.record(Fact::Transcript(line));
        self.answering();
    }

    fn judge_end(&mut self, utterance: u32, text: Option<&str>, now: CallTime) {
        let (listening, speaking) = (&self.listening, &self.speaking);
        let words = (utterance, text);
        let reaction = self.interruption.utterance_ended(words, listening, speaking, &self.flow, now);
        self.react(reaction, now);
    }
}
