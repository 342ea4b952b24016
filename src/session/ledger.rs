//! Gathers what one step of a call leaves behind, so that it is written in one transaction.

use callcore::audio::SAMPLE_RATE;
use callcore::call::{CarrierCdr, Fact, Notice, Stage, Summary};
use callcore::clock::CallTime;
use serde_json::json;

use super::actor::Clock;
use super::kore::Envelope;
use super::recording::Recorded;
use super::request::NotifyTarget;
use crate::store::{
    Act, CallBatch, CallUpdate, NewAudit, NewDoNotCall, NewEvent, NewNotification, NewRecording,
    NewTranscript,
};

/// The entry of the audit log for who ends a call.
pub(super) fn hung_up(act: Act, call_id: &str) -> NewAudit {
    NewAudit::new(act, "call.hangup", call_id, json!({}))
}

/// The lines of one step.
pub(super) struct Ledger {
    batch: CallBatch,
    clock: Clock,
    /// Facts about audio count from here.
    answered_at: CallTime,
}

impl Ledger {
    pub(super) fn new(call_id: &str, clock: Clock) -> Self {
        Self {
            batch: CallBatch { call_id: call_id.to_owned(), ..CallBatch::default() },
            clock,
            answered_at: CallTime::ZERO,
        }
    }

    /// The call was answered then.
    pub(super) const fn answered(&mut self, at: CallTime) {
        self.answered_at = at;
    }

    pub(super) fn fact(&mut self, fact: Fact, now: CallTime) {
        let at_ms = self.clock.epoch_ms(now);
        match fact.kind {
            "placed" | "accepted" => {
                self.update().session_id = fact.detail["sessionId"].as_str().map(str::to_owned)
            }
            "dial_status" => {
                let status = fact.detail["status"].as_str().unwrap_or_default();
                let answered = status == "Connected";
                let update = self.update();
                update.state = Some(status.to_lowercase());
                update.answered_ms = answered.then_some(at_ms);
            }
            "amd" => {
                if let Ok(event) = serde_json::from_value::<callcore::amd::Event>(fact.detail.clone())
                    && event.kind.is_decision()
                {
                    self.decision(&event);
                }
            }
            "queued" => self.update().state = Some("queued".into()),
            "dequeued" => self.update().state = Some("placing".into()),
            "amd_finding" if fact.detail["kind"] == "refined" => {
                self.update().amd_subtype = fact.detail["subtype"].as_str().map(str::to_owned);
            }
            "checkpoint" => self.update().last_checkpoint = fact.detail["name"].as_str().map(str::to_owned),
            "do_not_call" => {
                let words = fact.detail["words"].as_str().map(str::to_owned);
                self.batch.do_not_call = Some(NewDoNotCall { at_ms, words });
            }
            "transcript" => self.said("callee", "recogniser", &fact.detail, now),
            "prompt_ended" => self.said("bot", "flow", &fact.detail, now),
            _ => {}
        }
        let event = NewEvent { at_ms, t_ms: now.as_ms(), kind: fact.kind.to_owned(), detail: fact.detail };
        self.batch.events.push(event);
    }

    /// A line of the transcript; of a prompt what the callee heard of it.
    fn said(&mut self, speaker: &str, source: &str, detail: &serde_json::Value, now: CallTime) {
        let at_ms = |key: &str| detail[key].as_u64().map(|ms| (self.answered_at + ms).as_ms());
        let text = detail.get("heardText").unwrap_or(&detail["text"]).as_str().unwrap_or_default();
        if text.is_empty() {
            return;
        }
        self.batch.transcripts.push(NewTranscript {
            t_ms: at_ms("startMs").unwrap_or(now.as_ms()),
            end_t_ms: Some(at_ms("endMs").unwrap_or(now.as_ms())),
            speaker: speaker.into(),
            source: source.into(),
            text: text.to_owned(),
            confidence: detail["confidence"].as_f64(),
        });
    }

    fn decision(&mut self, event: &callcore::amd::Event) {
        let word = |value: serde_json::Value| value.as_str().map(str::to_owned);
        let update = self.update();
        update.amd_event = Some(event.kind.as_str().to_owned());
        update.amd_ms = Some(event.at_ms);
        update.amd_reason = event.reason.and_then(|reason| word(json!(reason)));
        update.amd_subtype = event.subtype.and_then(|subtype| word(json!(subtype)));
    }

    /// Adds a notification; false when the caller did not subscribe to it.
    pub(super) fn notice(&mut self, notice: &Notice, target: &NotifyTarget, envelope: &Envelope) -> bool {
        if let (Some(kind), Some(wanted)) = (notice.stage.amd_event(), &target.amd_events)
            && !wanted.contains(&kind)
        {
            return false;
        }
        let body = envelope.body(notice);
        let kind = match &notice.stage {
            Stage::InProgress(event) => event.kind.as_str().to_owned(),
            Stage::Event { event, .. } => event.clone(),
            Stage::Answered | Stage::Completed { .. } | Stage::Failed { .. } => {
                body["status"].as_str().unwrap_or_default().to_owned()
            }
        };
        self.batch.notifications.push(NewNotification {
            url: target.url.clone(),
            headers: target.headers.clone(),
            body: body.to_string(),
            app_id: envelope.app_id.clone(),
            kind,
        });
        true
    }

    /// Somebody asked for the end of the call.
    pub(super) fn asked_to_end(&mut self, act: Act) {
        self.batch.audit = Some(hung_up(act, &self.batch.call_id));
    }

    /// An event of the flow's own that nobody asked to be told.
    pub(super) fn untold(&mut self, event: &str, now: CallTime) {
        let detail = json!({ "event": event, "why": "the call has no notifyUrl" });
        self.fact(Fact::new("notify_ignored", detail), now);
    }

    /// The call's last lines.
    pub(super) fn finish(&mut self, summary: &Summary, cdr: CarrierCdr) {
        let ended_ms = self.clock.epoch_ms(summary.ended_at);
        let update = self.update();
        update.state = Some("ended".into());
        update.ended_ms = Some(ended_ms);
        update.disposition = Some(summary.disposition);
        update.cause_code = Some(summary.cause);
        update.outcome = Some(summary.outcome.clone());
        update.message_left = Some(summary.message_left);
        if summary.cdr.is_none() {
            self.batch.cdr_estimated = true;
            let detail = json!({ "why": "the carrier sent no record; this one is made from our own times" });
            self.batch.events.push(NewEvent {
                at_ms: ended_ms,
                t_ms: summary.ended_at.as_ms(),
                kind: "cdr_estimated".into(),
                detail,
            });
        }
        self.batch.cdr = Some(cdr);
        self.batch.evidence.clone_from(&summary.evidence);
    }

    /// The call's recording, and what of it is missing.
    pub(super) fn recording(&mut self, recorded: &Recorded, now: CallTime) {
        self.recording_begun(recorded);
        if let Some((lost_ms, why)) = &recorded.lost {
            self.fact(Fact::new("recording_incomplete", json!({ "lostMs": lost_ms, "why": why })), now);
        }
        let detail = json!({ "durationMs": recorded.duration_ms });
        self.fact(Fact::new("recording_ready", detail), now);
    }

    /// Where the call's recording will be, so that a crash does not lose sight of it.
    pub(super) fn recording_begun(&mut self, recorded: &Recorded) {
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
    pub(super) fn into_batch(self) -> Option<CallBatch> {
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
