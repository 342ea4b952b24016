//! Gathers the results of one step of a call, so that they are written in one transaction.

use callcore::amd::RevisionKind;
use callcore::audio::SAMPLE_RATE;
use callcore::call::{CarrierCdr, DialStatus, Fact, HeardPrompt, Notice, Summary, Utterance};
use callcore::clock::CallTime;
use callcore::flow::{Note, Trigger};
use serde_json::json;

use crate::kore::Envelope;
use crate::session::books::closing::notification;
use crate::session::clock::Clock;
use crate::session::record::recording::Recorded;
use crate::session::request::NotifyTarget;
use crate::store::{
    Actor, AuditAction, CallBatch, CallState, CallUpdate, NewAudit, NewDoNotCall, NewEvent, NewRecording,
    NewTranscript, Speaker,
};

/// The entry of the audit log for who ends a call.
pub(in crate::session) fn hung_up(actor: Actor, call_id: &str) -> NewAudit {
    NewAudit::new(actor, AuditAction::CallHangup, call_id, json!({}))
}

/// The lines of one step.
pub(in crate::session) struct BatchBuilder {
    batch: CallBatch,
    clock: Clock,
    /// Facts about audio count from here.
    answered_at: CallTime,
}

impl BatchBuilder {
    pub(in crate::session) fn new(call_id: &str, clock: Clock) -> Self {
        Self {
            batch: CallBatch { call_id: call_id.to_owned(), ..CallBatch::default() },
            clock,
            answered_at: CallTime::ZERO,
        }
    }

    /// The call was answered then.
    pub(in crate::session) const fn answered(&mut self, at: CallTime) {
        self.answered_at = at;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others change nothing but the timeline")]
    pub(in crate::session) fn fact(&mut self, fact: Fact, now: CallTime) {
        let at_ms = self.clock.epoch_ms(now);
        match &fact {
            Fact::Placed { session_id } | Fact::Accepted { session_id } => {
                self.update().session_id = Some(session_id.clone());
            }
            Fact::DialStatus { status } => {
                let update = self.update();
                update.state = Some((*status).into());
                update.answered_ms = (*status == DialStatus::Connected).then_some(at_ms);
            }
            Fact::Amd(event) if event.kind.is_decision() => self.decision(event),
            Fact::Queued { .. } => self.update().state = Some(CallState::Queued),
            Fact::Dequeued { .. } => self.update().state = Some(CallState::Placing),
            Fact::AmdFinding(finding) if finding.kind == RevisionKind::Refined => {
                self.update().amd_subtype = finding.subtype;
            }
            Fact::Flow(Note::Checkpoint { name, .. }) => self.update().last_checkpoint = Some(name.clone()),
            Fact::Flow(Note::DoNotCall(trigger)) => {
                let words = match trigger {
                    Trigger::Speech { words } => Some(words.clone()),
                    Trigger::Dtmf { .. } => None,
                };
                self.batch.do_not_call = Some(NewDoNotCall { at_ms, words });
            }
            Fact::Video { shows, camera } => self.update().pictures = Some(*shows || *camera),
            Fact::Transcript(said) => self.callee_said(said, now),
            Fact::PromptEnded(prompt) => self.bot_said(prompt, now),
            _ => {}
        }
        self.batch.events.push(NewEvent { at_ms, t_ms: now.as_ms(), fact });
    }

    fn callee_said(&mut self, said: &Utterance, now: CallTime) {
        if said.text.is_empty() {
            return;
        }
        let at = |ms: Option<u64>| ms.map_or(now, |ms| self.answered_at + ms).as_ms();
        self.batch.transcripts.push(NewTranscript {
            t_ms: at(said.start_ms),
            end_t_ms: Some(at(said.end_ms)),
            speaker: Speaker::Callee,
            source: "recogniser".into(),
            text: said.text.clone(),
            confidence: said.confidence,
        });
    }

    /// Of a prompt the transcript has what the callee heard of it.
    fn bot_said(&mut self, prompt: &HeardPrompt, now: CallTime) {
        if prompt.heard_text.is_empty() {
            return;
        }
        self.batch.transcripts.push(NewTranscript {
            t_ms: prompt.start_ms.map_or(now, |ms| self.answered_at + ms).as_ms(),
            end_t_ms: Some(now.as_ms()),
            speaker: Speaker::Bot,
            source: "flow".into(),
            text: prompt.heard_text.clone(),
            confidence: None,
        });
    }

    fn decision(&mut self, event: &callcore::amd::Event) {
        let update = self.update();
        update.amd_event = Some(event.kind);
        update.amd_ms = Some(event.at_ms);
        update.amd_reason = event.reason;
        update.amd_subtype = event.subtype;
    }

    /// Adds a notification; false when the caller did not subscribe to it.
    pub(in crate::session) fn notice(
        &mut self,
        notice: &Notice,
        target: &NotifyTarget,
        envelope: &Envelope,
    ) -> bool {
        if let (Some(kind), Some(wanted)) = (notice.state.amd_event(), &target.amd_events)
            && !wanted.contains(&kind)
        {
            return false;
        }
        let body = envelope.body(notice);
        self.batch.notifications.push(notification(&envelope.app_id, target, notice, &body));
        true
    }

    /// Somebody asked for the end of the call.
    pub(in crate::session) fn asked_to_end(&mut self, actor: Actor) {
        self.batch.audit = Some(hung_up(actor, &self.batch.call_id));
    }

    /// An event of the flow's own that nobody asked to be told.
    pub(in crate::session) fn notification_skipped(&mut self, event: &str, now: CallTime) {
        let (event, why) = (event.to_owned(), "the call has no notifyUrl".into());
        self.fact(Fact::Flow(Note::NotifyIgnored { event, why }), now);
    }

    /// The call's last lines.
    pub(in crate::session) fn finish(&mut self, summary: &Summary, cdr: CarrierCdr) {
        let ended_ms = self.clock.epoch_ms(summary.ended_at);
        let answered_ms = summary.answered_at.map(|at| self.clock.epoch_ms(at));
        let update = self.update();
        update.state = Some(CallState::Ended);
        update.ended_ms = Some(ended_ms);
        update.disposition = Some(summary.disposition);
        update.cause_code = Some(summary.cause);
        update.outcome = Some(summary.outcome.clone());
        update.message_left = Some(summary.message_left);
        update.answered_ms = answered_ms.or(update.answered_ms);
        if summary.cdr.is_none() {
            self.batch.cdr_estimated = true;
            let why = "the carrier sent no record; this one is made from our own times".into();
            // Behind the call's other lines, none of which is younger.
            let now = self.clock.now();
            self.batch.events.push(NewEvent {
                at_ms: self.clock.epoch_ms(now),
                t_ms: now.as_ms(),
                fact: Fact::CdrEstimated { why },
            });
        }
        self.batch.cdr = Some(cdr);
        self.batch.evidence.clone_from(&summary.evidence);
    }

    /// The call's recording, and what of it is missing.
    pub(in crate::session) fn recording(&mut self, recorded: &Recorded, now: CallTime) {
        self.recording_begun(recorded);
        if let Some((lost_ms, why)) = &recorded.lost {
            self.fact(Fact::RecordingIncomplete { lost_ms: *lost_ms, why: why.clone() }, now);
        }
        self.fact(Fact::RecordingReady { duration_ms: recorded.duration_ms }, now);
    }

    /// Where the call's recording will be, so that a crash does not lose sight of it.
    pub(in crate::session) fn recording_begun(&mut self, recorded: &Recorded) {
        self.batch.recording = Some(NewRecording {
            path: recorded.path.display().to_string(),
            channels: 2,
            sample_rate_hz: SAMPLE_RATE,
            duration_ms: recorded.duration_ms,
            started_ms: self.clock.epoch_ms(recorded.started_at),
            keep_days: recorded.keep_days,
        });
    }

    /// What was gathered; `None` when nothing was.
    pub(in crate::session) fn into_batch(self) -> Option<CallBatch> {
        let batch = &self.batch;
        let empty = batch.events.is_empty()
            && batch.notifications.is_empty()
            && batch.update.is_none()
            && batch.audit.is_none();
        (!empty).then_some(self.batch)
    }

    fn update(&mut self) -> &mut CallUpdate {
        self.batch.update.get_or_insert_default()
    }
}
