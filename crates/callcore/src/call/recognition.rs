//! The callee's words: asked for, waited for, and handed to the flow.

use std::sync::Arc;

use serde_json::json;

use super::input::{Effect, Words};
use super::machine::{AwaitedWords, Call, State};
use crate::clock::CallTime;
use crate::flow::{self, Turn};

/// Utterances whose words are waited for at once. Behind more than this the oldest is taken as it is.
const MOST_AWAITED: usize = 4;

/// An utterance that is over.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) utterance: u32,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
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
        let Said { utterance, start_ms, end_ms, so_far, settled } = said;
        let Some(audio) = audio else {
            self.flow.handle(flow::Input::Utterance { text: None }, now);
            return self.judge_end(utterance, None, now);
        };
        let overflow = talk.awaited_words.len() >= MOST_AWAITED;
        let oldest = overflow.then(|| talk.awaited_words.front_mut()).flatten();
        let oldest = oldest.map(|oldest| (oldest.utterance, oldest.so_far.take()));
        if let Some((oldest, so_far)) = oldest {
            self.record("recognition_late", json!({ "utterance": oldest }));
            self.recognised(oldest, so_far, now);
        }
        let State::Talking(talk) = &mut self.state else { return };
        let until = now + self.settings.words_wait_ms;
        let words = so_far.clone().filter(|_| settled);
        talk.awaited_words.push_back(AwaitedWords { utterance, said_ms: (start_ms, end_ms), until, so_far });
        match words {
            Some(words) => self.recognised(utterance, Some(words), now),
            None => self.ask_for_words(utterance, false, audio),
        }
    }

    /// Words of an utterance that goes on. Those of one that is over stand in for words that never come.
    pub(super) fn heard_meanwhile(&mut self, utterance: u32, heard: Option<Words>, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let turn = heard.as_ref().map_or(Turn::Open, |heard| self.flow.turn(&heard.text));
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
            return;
        };
        let Some(awaited) = talk.awaited_words.remove(at) else { return };
        if let Some(Words { text, confidence }) = &heard {
            let text = self.their_words(text, now);
            let (start_ms, end_ms) = awaited.said_ms;
            let confidence = (f64::from(*confidence) * 100.0).round() / 100.0;
            let detail = json!({
                "utterance": utterance,
                "text": text,
                "confidence": confidence,
                "startMs": start_ms,
                "endMs": end_ms,
            });
            self.record("transcript", detail);
            self.answering();
        }
        let text = heard.map(|heard| heard.text);
        // Whoever only shows that he listens answers nothing.
        let answer = text.clone().filter(|text| !self.only_listens(utterance, text, now));
        self.flow.handle(flow::Input::Utterance { text: answer }, now);
        self.judge_end(utterance, text.as_deref(), now);
    }
}
