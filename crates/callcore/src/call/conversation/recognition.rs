//! Utterances whose words are still to come: how long they are waited for, and what counts when they do not come.

use std::collections::VecDeque;

use super::super::fact::Utterance;
use super::super::input::Hypothesis;
use super::utterance::EndedUtterance;
use crate::clock::CallTime;

/// Utterances whose words are waited for at once. Behind more than this the oldest is taken as it is.
const MOST_AWAITED: usize = 4;

/// An utterance that is over and whose words are still to come.
#[derive(Debug)]
pub(super) struct AwaitedWords {
    utterance: u32,
    /// When it was said, ms since the answer.
    said_ms: (u64, u64),
    /// How much of that was speech, ms.
    pub(super) spoken_ms: u64,
    /// The question that was open.
    pub(super) question: Option<u32>,
    until: CallTime,
    /// What counts when they do not come.
    so_far: Option<Hypothesis>,
}

impl AwaitedWords {
    /// The line of the timeline about its words; `text` is what of them may be kept.
    pub(super) fn transcript(&self, text: String, confidence: f32, late: bool) -> Utterance {
        let (start_ms, end_ms) = self.said_ms;
        Utterance {
            utterance: self.utterance,
            text,
            confidence: Some((f64::from(confidence) * 100.0).round() / 100.0),
            start_ms: Some(start_ms),
            end_ms: Some(end_ms),
            late,
            likely: None,
            margin: None,
        }
    }
}

/// The utterances of a call that wait for words.
#[derive(Debug, Default)]
pub(super) struct Recognition {
    /// Oldest first.
    awaited: VecDeque<AwaitedWords>,
    /// Those whose words did not come in time and may still come, oldest first.
    late: VecDeque<AwaitedWords>,
}

impl Recognition {
    /// Whether the oldest must be given up before another is waited for.
    pub(super) fn is_full(&self) -> bool {
        self.awaited.len() >= MOST_AWAITED
    }

    /// Waits for the words of `utterance`, which answers `question`, until `until`.
    pub(super) fn wait_for(&mut self, utterance: EndedUtterance, question: Option<u32>, until: CallTime) {
        self.awaited.push_back(AwaitedWords {
            utterance: utterance.number,
            said_ms: (utterance.start_ms, utterance.end_ms),
            spoken_ms: utterance.spoken_ms,
            question,
            until,
            so_far: utterance.so_far,
        });
    }

    /// When the words of the oldest are waited for no longer.
    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        self.awaited.front().map(|awaited| awaited.until)
    }

    /// Waits no longer for the words of the oldest: its number, and what is known of its words. It is still awaited
    /// under that number.
    pub(super) fn give_up_oldest(&mut self) -> Option<(u32, Option<Hypothesis>)> {
        let oldest = self.awaited.front_mut()?;
        let so_far = oldest.so_far.take();
        if so_far.is_none() {
            if self.late.len() >= MOST_AWAITED {
                self.late.pop_front();
            }
            self.late.push_back(AwaitedWords { so_far: None, ..*oldest });
        }
        Some((oldest.utterance, so_far))
    }

    /// What is known of an utterance that is over, from a request made while it went on.
    pub(super) fn heard_before_its_end(&mut self, utterance: u32, heard: Option<Hypothesis>) {
        if let Some(awaited) = self.awaited.iter_mut().find(|awaited| awaited.utterance == utterance) {
            awaited.so_far = heard.or(awaited.so_far.take());
        }
    }

    /// The words of `utterance` are there, or there are none.
    pub(super) fn take(&mut self, utterance: u32) -> Option<AwaitedWords> {
        take(&mut self.awaited, utterance)
    }

    /// The same when nobody waits for them any more.
    pub(super) fn take_late(&mut self, utterance: u32) -> Option<AwaitedWords> {
        take(&mut self.late, utterance)
    }
}

fn take(from: &mut VecDeque<AwaitedWords>, utterance: u32) -> Option<AwaitedWords> {
    let at = from.iter().position(|one| one.utterance == utterance)?;
    from.remove(at)
}
