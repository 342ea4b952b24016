//! How a call ends: who ended it, the carrier's record, the last notification, the summary.

use super::{CLEARED, Call, Closing, RANG_TOO_LONG, State};
use crate::call::carrier::{CarrierCdr, Disposition};
use crate::call::cause::{cause as cause_of, is_fault};
use crate::call::conversation::Account;
use crate::call::ending::{Ended, Summary};
use crate::call::fact::{Fact, HungUp};
use crate::call::input::Effect;
use crate::call::notice::{Absence, Notice, NotificationState, Unseen};
use crate::call::settings::Direction;
use crate::clock::CallTime;
use crate::flow;

impl Call {
    pub(super) fn remote_hangup(&mut self, now: CallTime) {
        match &self.state {
            State::Dialing(_) => {
                // A carrier that hangs up says nothing of why; a caller who does has given up.
                let unsaid = match self.settings.direction {
                    Direction::Outbound => 0,
                    Direction::Inbound => CLEARED,
                };
                self.close(Ended::Unanswered, self.carrier_cause.unwrap_or(unsaid), now);
            }
            State::Talking(_) => {
                self.record(Fact::Hangup(match self.settings.direction {
                    Direction::Outbound => HungUp::Callee {},
                    Direction::Inbound => HungUp::Caller {},
                }));
                self.other_side_gone(flow::Input::HungUp, Ended::ByCallee, CLEARED, now);
            }
            State::Closing(_) | State::Finished => {}
        }
    }

    pub(super) fn carrier_record(&mut self, cdr: CarrierCdr, now: CallTime) {
        let cause = cdr.hangup_cause_code;
        self.carrier_cause = Some(cause);
        self.cdr = Some(cdr);
        match &self.state {
            State::Dialing(_) => self.close(Ended::Unanswered, cause, now),
            State::Talking(_) => self.other_side_gone(flow::Input::HungUp, Ended::ByCallee, CLEARED, now),
            State::Closing(_) | State::Finished => {}
        }
        self.finish(now);
    }

    /// The other side is `gone`: the flow does what is left, and the call is over.
    pub(super) fn other_side_gone(&mut self, gone: flow::Input, ended: Ended, cause: u16, now: CallTime) {
        let mut by_bot = None;
        if let State::Talking(conversation) = &mut self.state {
            conversation.other_side_gone(gone, now);
            by_bot = conversation.hung_up();
        }
        match by_bot {
            Some(ended) => self.close(ended, CLEARED, now),
            None => self.close(ended, cause, now),
        }
    }

    /// Ends the call from our side.
    pub(super) fn hang_up(&mut self, ended: Ended, now: CallTime) {
        match &mut self.state {
            State::Dialing(_) => {
                self.push(Effect::SendHangup);
                self.close(Ended::Unanswered, CLEARED, now);
            }
            State::Talking(conversation) => {
                conversation.hang_up(ended);
                self.close(ended, CLEARED, now);
            }
            State::Closing(_) | State::Finished => {}
        }
    }

    /// The call is over; what remains is the carrier's record.
    pub(super) fn close(&mut self, ended: Ended, cause: u16, now: CallTime) {
        // Of a call that comes in, we ourselves know that nobody answered it.
        let is_unheard = ended == Ended::ByFault
            && matches!(self.state, State::Dialing(_))
            && self.settings.direction == Direction::Outbound;
        let account = match &mut self.state {
            State::Dialing(_) => Account::default(),
            State::Talking(conversation) => {
                let account = conversation.close(self.lifeline.certain(now), now);
                while let Some(effect) = conversation.poll_effect() {
                    self.effects.push_back(effect);
                }
                account
            }
            State::Closing(_) | State::Finished => return,
        };
        self.ended_at = Some(now);
        self.state = State::Closing(Box::new(Closing { ended, ended_at: now, cause, is_unheard, account }));
    }

    fn notify(&mut self, state: NotificationState, unseen: Option<Unseen>, at: CallTime) {
        let connected = self.answered_at.unwrap_or(at);
        let notice = Notice {
            state,
            at,
            ring_ms: self.ringing_at.map_or(0, |ringing| connected.ms_since(ringing)),
            connect_ms: connected.ms_since(self.dialled_at),
            unseen,
        };
        self.push(Effect::Notify(notice));
    }

    pub(super) fn finish(&mut self, now: CallTime) {
        let Closing { ended, mut ended_at, cause, is_unheard, account } =
            match std::mem::replace(&mut self.state, State::Finished) {
                State::Closing(closing) => *closing,
                earlier @ (State::Dialing(_) | State::Talking(_) | State::Finished) => {
                    self.state = earlier;
                    return;
                }
            };
        // The carrier calls our giving up a cancelled call; for the client, nobody answered.
        let gave_up = cause == RANG_TOO_LONG;
        let is_answered = |cdr: &CarrierCdr| cdr.disposition == Disposition::Answered;
        // What the carrier makes of a call that it lost is its own affair, unless that was never answered.
        let was_lost = ended == Ended::ByFault && (!is_unheard || self.cdr.as_ref().is_some_and(is_answered));
        let code = self.carrier_cause.filter(|_| !gave_up && !was_lost).unwrap_or(cause);
        // The carrier's record says what its hang-up could not: that nobody hung up.
        let blamed = ended == Ended::ByCallee && is_fault(code);
        let ended = if blamed { Ended::ByFault } else { ended };
        let mut unseen = (is_unheard && self.cdr.is_none()).then_some(Unseen::Fate(Absence::LineAway));
        let mut ended = ended;
        if let Some(cdr) = self.cdr.as_ref().filter(|_| self.answered_at.is_none()) {
            if is_answered(cdr) {
                // Records count whole seconds from the dial request.
                let since_dialled = |seconds: u64| self.dialled_at + seconds.saturating_mul(1_000);
                let (answered, over) = (
                    cdr.duration.saturating_sub(cdr.billable_seconds),
                    cdr.duration.max(cdr.billable_seconds),
                );
                self.answered_at = Some(since_dialled(answered));
                ended_at = since_dialled(over);
                self.ended_at = Some(ended_at);
                ended = Ended::ByFault;
                unseen = Some(Unseen::Conversation(Absence::LineAway));
            } else if is_unheard {
                ended = Ended::Unanswered;
            }
        }
        let answered = self.answered_at.is_some();
        let disposition = match &self.cdr {
            Some(cdr) if !gave_up => cdr.disposition,
            _ if answered => Disposition::Answered,
            _ => cause_of(code).unanswered,
        };
        let state = match self.answered_at {
            Some(answered_at) => NotificationState::Completed {
                answered_at,
                ended,
                machine_detection: account.decisive,
                do_not_call: account.do_not_call,
            },
            None => NotificationState::Failed { cause: code },
        };
        let hung_up = match self.settings.direction {
            Direction::Outbound => "callee_hung_up",
            Direction::Inbound => "caller_hung_up",
        };
        let outcome = account.outcome.unwrap_or_else(|| {
            match ended {
                Ended::ByCallee => hung_up,
                Ended::ByBot => "ended",
                Ended::ByFault => "carrier_lost",
                Ended::Unanswered => unanswered_word(disposition, code),
            }
            .into()
        });
        self.record(Fact::Ended {
            outcome: outcome.clone(),
            cause: code,
            disposition: Some(disposition),
            why: None,
        });
        self.notify(state, unseen, ended_at);
        let summary = Summary {
            session_id: self.session_id.clone(),
            ended,
            ringing_at: self.ringing_at,
            answered_at: self.answered_at,
            ended_at,
            disposition,
            cause: code,
            cdr: self.cdr.take(),
            amd: account.amd,
            outcome,
            last_checkpoint: account.last_checkpoint,
            message_left: account.message_left,
            do_not_call: account.do_not_call,
            evidence: account.evidence,
            trace: account.trace,
        };
        self.push(Effect::Finish(Box::new(summary)));
        tracing::debug!(at_ms = now.as_ms(), "call finished");
    }
}

const fn unanswered_word(disposition: Disposition, code: u16) -> &'static str {
    match (disposition, code) {
        (_, 1 | 28) => "bad_number",
        (_, 21) => "rejected",
        (Disposition::Busy, _) => "busy",
        (Disposition::NoAnswer, _) => "no_answer",
        (Disposition::Cancel, _) => "cancelled",
        (Disposition::Failed | Disposition::Answered, _) => "failed",
    }
}
