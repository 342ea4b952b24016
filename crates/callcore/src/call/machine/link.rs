//! A call stands still while the carrier cannot be reached, and goes on when it is back.

use super::{Call, LOST, State};
use crate::call::carrier::Link;
use crate::call::ending::Ended;
use crate::call::fact::Fact;
use crate::call::input::{Effect, Input};
use crate::call::line::LinkChange;
use crate::clock::CallTime;
use crate::flow;

impl Call {
    /// 20 ms of audio are a sign of life, too. Whether they follow the audio before them.
    pub(super) fn streams(&mut self, now: CallTime) -> bool {
        let follows = self.lifeline.follows(now);
        let was_there = self.lifeline.was_there(now);
        self.end_gap(now);
        self.alive(now);
        self.lifeline.frame(was_there, now);
        follows
    }

    /// Something comes from the carrier. If it should have come sooner, nobody could be heard in the meantime, and
    /// nothing was certainly played.
    pub(super) fn end_gap(&mut self, now: CallTime) {
        let Some(gap) = self.lifeline.end_gap(now) else { return };
        let State::Talking(conversation) = &mut self.state else { return };
        if gap.is_steady {
            conversation.stood_still(gap.ms);
        }
        if gap.expected {
            conversation.missed(gap.since, now);
        }
    }

    /// Something came from the carrier.
    pub(super) fn alive(&mut self, now: CallTime) {
        if let Some(since) = self.lifeline.alive(now) {
            self.go_on_from(since, now);
        }
        if let State::Talking(conversation) = &mut self.state {
            conversation.alive(now);
        }
    }

    /// What was sent up to `sent_by` has come to the carrier.
    pub(super) fn delivered(&mut self, sent_by: CallTime, now: CallTime) {
        let held_up_since = self.lifeline.delivered(sent_by, now);
        let State::Talking(conversation) = &mut self.state else { return };
        conversation.set_answers(self.lifeline.answers());
        if let Some(since) = held_up_since {
            conversation.missed(since, now);
        }
    }

    /// The trunk says how the way to the carrier is.
    pub(super) fn link(&mut self, link: Link, why: String, now: CallTime) {
        if !self.is_under_way() {
            return;
        }
        match self.lifeline.link(link, now) {
            LinkChange::Nothing => {}
            LinkChange::Alive => {
                self.end_gap(now);
                self.alive(now);
            }
            LinkChange::Back { since } => self.go_on_from(since, now),
            LinkChange::Gone { since } => {
                let silent_ms = now.ms_since(since);
                self.record(match link {
                    Link::Away => Fact::CarrierAway { why, silent_ms },
                    Link::Stalled | Link::Up => Fact::CarrierStalled { why, silent_ms },
                });
                self.stand_still(since);
            }
        }
    }

    /// A steady stream has stopped.
    pub(super) fn fall_silent(&mut self, now: CallTime) {
        let since = self.lifeline.fall_silent(now);
        let why = "nothing comes from the carrier any more".into();
        self.record(Fact::CarrierStalled { why, silent_ms: now.ms_since(since) });
        self.stand_still(since);
    }

    fn stand_still(&mut self, since: CallTime) {
        match &mut self.state {
            State::Talking(conversation) => conversation.hold(since),
            State::Dialing(_) => self.lifeline.miss(),
            State::Closing(_) | State::Finished => {}
        }
    }

    /// The carrier is back: what stood still goes on.
    fn go_on_from(&mut self, since: CallTime, now: CallTime) {
        let waiting = self.lifeline.come_back(now);
        if !self.is_under_way() {
            return;
        }
        let away_ms = now.ms_since(since);
        self.record(Fact::CarrierBack { away_ms });
        if let State::Talking(conversation) = &mut self.state {
            conversation.release(away_ms, now);
        }
        for input in waiting {
            self.handle(input, now);
        }
    }

    /// Takes what comes from elsewhere while the call stands still; it is handled when the carrier is back.
    pub(super) fn put_by(&mut self, input: Input) -> Option<Input> {
        let waits = self.lifeline.stands_still()
            && matches!(self.state, State::Talking(_))
            && matches!(input, Input::Recognised { .. } | Input::ExternalStepEnded { .. });
        if !waits {
            return Some(input);
        }
        self.lifeline.put_by(input);
        None
    }

    /// It has rung for as long as it may, but what the carrier said of it may have been missed.
    pub(super) fn rang_unheard(&mut self, now: CallTime) {
        let why = "the line was away while it rang, and nobody says what came of it";
        self.record(Fact::CarrierLost { why: why.into() });
        self.push(Effect::SendHangup);
        self.push(Effect::SeekRecord);
        self.close(Ended::ByFault, LOST, now);
    }

    /// The carrier is gone for good.
    pub(super) fn lost(&mut self, why: String, now: CallTime) {
        // A trunk that has told everything about a call that is over lets go of it, too.
        if !self.is_under_way() {
            return;
        }
        self.lifeline.lose(now);
        self.record(Fact::CarrierLost { why });
        if matches!(self.state, State::Dialing(_)) && self.session_id.is_some() {
            self.push(Effect::SeekRecord);
        }
        self.other_side_gone(flow::Input::CarrierLost, Ended::ByFault, LOST, now);
    }
}
