//! How a call ends: who ended it, the carrier's record, the last notification, the summary.

use super::carrier::{CarrierCdr, Disposition};
use super::cause::is_fault;
use super::ending::{Ended, Summary};
use super::fact::{Fact, HungUp, spelled};
use super::input::Effect;
use super::machine::{Call, RANG_TOO_LONG, State};
use super::notice::Stage;
use super::settings::Direction;
use crate::clock::CallTime;
use crate::flow;

impl Call {
    pub(super) fn remote_hangup(&mut self, now: CallTime) {
        match &self.state {
            State::Dialing => {
                // A carrier that hangs up says nothing of why; a caller who does has given up.
                let unsaid = match self.settings.direction {
                    Direction::Outbound => 0,
                    Direction::Inbound => 16,
                };
                self.close(Ended::Unanswered, self.carrier_cause.unwrap_or(unsaid), now);
            }
            State::Talking(_) => {
                self.record(Fact::Hangup(match self.settings.direction {
                    Direction::Outbound => HungUp::Callee {},
                    Direction::Inbound => HungUp::Caller {},
                }));
                self.part(flow::Input::HungUp, now);
                self.close(Ended::ByCallee, 16, now);
            }
            State::Closing { .. } | State::Finished => {}
        }
    }

    pub(super) fn carrier_record(&mut self, cdr: CarrierCdr, now: CallTime) {
        self.carrier_cause = Some(cdr.hangup_cause_code);
        self.cdr = Some(cdr);
        match &self.state {
            State::Dialing => {
                self.close(Ended::Unanswered, self.carrier_cause.unwrap_or(0), now);
                self.finish(now);
            }
            State::Talking(_) => {
                self.part(flow::Input::HungUp, now);
                self.close(Ended::ByCallee, 16, now);
                self.finish(now);
            }
            State::Closing { .. } => self.finish(now),
            State::Finished => {}
        }
    }

    /// Lets the flow do what is left when the callee has hung up, or the carrier is lost.
    pub(super) fn part(&mut self, gone: flow::Input, now: CallTime) {
        self.flow.handle(gone, now);
        self.obey_flow(now);
        if let Some(outcome) = self.flow.outcome() {
            self.outcome = Some(outcome.to_owned());
        }
    }

    /// Ends the call from our side.
    pub(super) fn hang_up(&mut self, ended: Ended, now: CallTime) {
        match self.state {
            State::Dialing => {
                self.effects.push_back(Effect::SendHangup);
                self.close(Ended::Unanswered, 16, now);
            }
            State::Talking(_) => {
                self.record(Fact::Hangup(HungUp::Bot { outcome: self.outcome.clone() }));
                self.effects.push_back(Effect::SendHangup);
                self.close(ended, 16, now);
            }
            State::Closing { .. } | State::Finished => {}
        }
    }

    /// The call is over; what remains is the carrier's record.
    pub(super) fn close(&mut self, ended: Ended, cause: u16, now: CallTime) {
        // Most people end a message by hanging up.
        self.end_message(now);
        match &mut self.state {
            State::Talking(talk) => {
                talk.listening.stop_detection();
                talk.speaking.interrupt(self.lifeline.certain(now));
                self.evidence = talk.listening.evidence();
                self.trace = talk.listening.take_trace();
                self.hear(now);
                self.last_words(now);
                self.message_left = self.flow.message_left() && !self.estimated;
            }
            State::Dialing | State::Closing { .. } | State::Finished => {}
        }
        if matches!(self.state, State::Dialing | State::Talking(_)) {
            self.state = State::Closing { ended, ended_at: now, cause };
        }
    }

    /// What was heard of the prompt that the end cut short.
    pub(super) fn last_words(&mut self, now: CallTime) {
        while let State::Talking(talk) = &mut self.state
            && let Some(said) = talk.speaking.poll()
        {
            self.said(said, now);
        }
    }

    pub(super) fn finish(&mut self, now: CallTime) {
        let State::Closing { ended, ended_at, cause } = self.state else {
            return;
        };
        self.state = State::Finished;
        // The carrier calls our giving up a cancelled call; for whoever asked, nobody answered.
        let gave_up = cause == RANG_TOO_LONG;
        // What the carrier makes of a call that it lost is its own affair.
        let was_lost = ended == Ended::ByFault;
        let code = self.carrier_cause.filter(|_| !gave_up && !was_lost).unwrap_or(cause);
        // The carrier's record says what its hang-up could not: that nobody hung up.
        let blamed = ended == Ended::ByCallee && is_fault(code);
        let ended = if blamed { Ended::ByFault } else { ended };
        let answered = self.answered_at.is_some();
        let disposition = match &self.cdr {
            Some(cdr) if !gave_up => cdr.disposition,
            _ if answered => Disposition::Answered,
            _ => super::cause(code).unanswered,
        };
        let stage = match self.answered_at {
            Some(answered_at) => Stage::Completed {
                answered_at,
                ended,
                machine_detection: self.decisive,
                do_not_call: self.do_not_call,
            },
            None => Stage::Failed { cause: code },
        };
        let hung_up = match self.settings.direction {
            Direction::Outbound => "callee_hung_up",
            Direction::Inbound => "caller_hung_up",
        };
        let outcome = self.outcome.take().unwrap_or_else(|| {
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
        self.notify(stage, ended_at);
        let evidence = self.evidence.take().map(|evidence| spelled(self.kept_evidence(evidence)));
        let trace = self.trace.take().map(|trace| self.kept_trace(trace));
        let summary = Summary {
            session_id: self.session_id.clone(),
            ended,
            ringing_at: self.ringing_at,
            answered_at: self.answered_at,
            ended_at,
            disposition,
            cause: code,
            cdr: self.cdr.take(),
            amd: self.amd.take(),
            outcome,
            last_checkpoint: self.last_checkpoint.take(),
            message_left: self.message_left,
            do_not_call: self.do_not_call,
            evidence,
            trace,
        };
        self.effects.push_back(Effect::Finish(Box::new(summary)));
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
