//! What the flow wants done outside the conversation: recordings of their own, requests, notifications,
//! transfers.

use super::fact::{Fact, LeftMessage};
use super::input::Effect;
use super::machine::{Call, State};
use super::notice::Stage;
use crate::audio::FRAME_MS;
use crate::clock::CallTime;
use crate::flow::{self, Answered, ExternalStepEnd, ExternalStepOrder, Note};
use crate::ids::ExternalStepId;

/// Less speech than this is no message, ms.
const SHORTEST_MESSAGE_MS: u64 = 200;
/// A callee who has said nothing for this long leaves no message, ms.
const NO_MESSAGE_MS: u64 = 5_000;

/// A message that the callee leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    id: ExternalStepId,
    max_ms: u64,
    end_silence_ms: u64,
    heard_ms: u64,
    spoken_ms: u64,
    silent_ms: u64,
}

impl Message {
    const fn new(id: ExternalStepId, max_ms: u64, end_silence_ms: u64) -> Self {
        Self { id, max_ms, end_silence_ms, heard_ms: 0, spoken_ms: 0, silent_ms: 0 }
    }

    /// One more frame; true when the message is over.
    const fn push(&mut self, speech: bool) -> bool {
        self.heard_ms += FRAME_MS;
        if speech {
            self.spoken_ms += FRAME_MS;
            self.silent_ms = 0;
        } else {
            self.silent_ms += FRAME_MS;
        }
        let silence_ends = if self.says_something() {
            self.silent_ms >= self.end_silence_ms
        } else {
            self.silent_ms >= NO_MESSAGE_MS
        };
        self.heard_ms >= self.max_ms || silence_ends
    }

    const fn says_something(&self) -> bool {
        self.spoken_ms >= SHORTEST_MESSAGE_MS
    }
}

impl Call {
    pub(super) fn begin_errand(&mut self, id: ExternalStepId, order: ExternalStepOrder, now: CallTime) {
        match order {
            ExternalStepOrder::Record { max_ms, end_silence_ms } => {
                if let State::Talking(talk) = &mut self.state {
                    talk.message = Some(Message::new(id, max_ms, end_silence_ms));
                    self.effects.push_back(Effect::KeepMessage { id });
                }
            }
            ExternalStepOrder::Request(request) => {
                let (method, url) = (request.method, request.shown_url.clone());
                self.record(Fact::Flow(Note::Request { request: id, method, url }));
                self.effects.push_back(Effect::Request { id, request: Box::new(request) });
            }
            ExternalStepOrder::Notify { event, data } => {
                let kept = self.our_data(&data);
                self.record(Fact::Flow(Note::Notify { event: event.clone(), data: kept }));
                self.notify(Stage::Event { event, data }, now);
            }
            ExternalStepOrder::Transfer { to } => {
                self.record(Fact::Flow(Note::Transfer { to: to.clone(), possible: self.can_transfer }));
                if self.can_transfer {
                    self.effects.push_back(Effect::SendTransfer { id, to });
                } else {
                    self.flow.handle(
                        flow::Input::ExternalStepEnded { id, end: ExternalStepEnd::Unsupported },
                        now,
                    );
                }
            }
        }
    }

    pub(super) fn errand_ended(&mut self, id: ExternalStepId, end: ExternalStepEnd, now: CallTime) {
        match &end {
            ExternalStepEnd::Answered { status, .. } => {
                self.record(Fact::Flow(Note::Answer(Answered::Service { request: id, status: *status })));
            }
            ExternalStepEnd::Failed(reason) => {
                self.record(Fact::Flow(Note::ErrandFailed { errand: id, reason: reason.clone() }));
            }
            ExternalStepEnd::Recorded { .. }
            | ExternalStepEnd::NothingSaid
            | ExternalStepEnd::Transferred
            | ExternalStepEnd::Unsupported => {}
        }
        self.flow.handle(flow::Input::ExternalStepEnded { id, end }, now);
    }

    /// The frame that was just heard belongs to the message, if one is being left.
    pub(super) fn message_frame(&mut self, now: CallTime) {
        if let State::Talking(talk) = &mut self.state
            && let Some(message) = &mut talk.message
            && message.push(talk.listening.hears_speech())
        {
            self.end_message(now);
        }
    }

    pub(super) fn end_recording(&mut self, id: ExternalStepId, now: CallTime) {
        if let State::Talking(talk) = &self.state
            && talk.message.is_some_and(|message| message.id == id)
        {
            self.end_message(now);
        }
    }

    /// Closes the message that is being left. Whoever keeps it answers with its name.
    pub(super) fn end_message(&mut self, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        let Some(message) = talk.message.take() else { return };
        let (id, keep) = (message.id, message.says_something());
        self.record(Fact::Message(LeftMessage { message: id, heard_ms: message.heard_ms, kept: keep }));
        self.effects.push_back(Effect::EndMessage { id, keep });
        if !keep {
            self.flow.handle(flow::Input::ExternalStepEnded { id, end: ExternalStepEnd::NothingSaid }, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(speech: impl Fn(u64) -> bool) -> (u64, bool) {
        let mut message = Message::new(ExternalStepId(1), 30_000, 2_000);
        while !message.push(speech(message.heard_ms)) {}
        (message.heard_ms, message.says_something())
    }

    #[test]
    fn a_message_ends_by_silence_after_words_by_no_words_at_all_or_by_its_length() {
        assert_eq!(left(|ms| (1_000..4_000).contains(&ms)), (6_000, true));
        assert_eq!(left(|_| false), (5_000, false));
        assert_eq!(left(|ms| ms < 100), (5_100, false), "a click is no message");
        assert_eq!(left(|ms| ms % 1_000 < 500), (30_000, true));
    }
}
