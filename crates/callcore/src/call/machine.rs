//! The call itself: states, and the translation between its children.

use std::collections::VecDeque;

use serde_json::json;

use super::carrier::{CarrierCdr, DialStatus, Disposition};
use super::ending::{Ended, Summary};
use super::input::{Effect, Fact, Input};
use super::listening::{Found, Listening, Manner, opens_mailbox};
use super::notice::{Notice, Stage};
use super::settings::Settings;
use super::speaking::{Said, Speaking, Speech};
use crate::amd::{self, EventKind, Subtype};
use crate::audio::Frame;
use crate::clock::{CallTime, soonest};
use crate::flow::{self, Command, MachineDetection, Outcome, PlaybackEnd, Run};
use crate::playback::Out;

/// Hang-up cause of a call that rang for longer than it may.
const RANG_TOO_LONG: u16 = 19;
/// How long the carrier's record is waited for after the end, ms.
const CDR_WAIT_MS: u64 = 5_000;
/// How long the words of an utterance are waited for, ms.
const RECOGNITION_WAIT_MS: u64 = 4_000;

#[derive(Debug)]
enum State {
    /// Placed, or about to be; `ringing_at` once the destination rings.
    Dialing,
    Talking(Box<Talk>),
    /// Over; only the carrier's record is awaited.
    Closing {
        ended: Ended,
        ended_at: CallTime,
        cause: u16,
    },
    Finished,
}

#[derive(Debug)]
struct Talk {
    answered_at: CallTime,
    listening: Listening,
    speaking: Speaking,
    awaited_words: Option<(u32, CallTime)>,
    mailbox_open: bool,
}

/// One outgoing or incoming call.
#[derive(Debug)]
pub struct Call {
    settings: Settings,
    flow: Run,
    state: State,
    effects: VecDeque<Effect>,
    session_id: Option<String>,
    ringing_at: Option<CallTime>,
    answered_at: Option<CallTime>,
    carrier_cause: Option<u16>,
    cdr: Option<CarrierCdr>,
    amd: Option<amd::Event>,
    /// The event that ended or decided the call, for the last notification.
    decisive: Option<EventKind>,
    evidence: Option<serde_json::Value>,
    outcome: Option<String>,
    last_checkpoint: Option<String>,
    message_left: bool,
    utterances: u32,
}

impl Call {
    /// A call that has just been asked for; [`CallTime::ZERO`] is that moment.
    #[must_use]
    pub fn new(settings: Settings, flow: Run) -> Self {
        Self {
            settings,
            flow,
            state: State::Dialing,
            effects: VecDeque::with_capacity(32),
            session_id: None,
            ringing_at: None,
            answered_at: None,
            carrier_cause: None,
            cdr: None,
            amd: None,
            decisive: None,
            evidence: None,
            outcome: None,
            last_checkpoint: None,
            message_left: false,
            utterances: 0,
        }
    }

    /// Takes note of `input` and queues what follows from it.
    pub fn handle(&mut self, input: Input, now: CallTime) {
        match input {
            Input::Placed { session_id } => {
                self.record("placed", json!({ "sessionId": session_id }));
                self.session_id = Some(session_id);
            }
            Input::Refused { cause, why } => {
                self.record("refused", json!({ "cause": cause, "why": why }));
                self.close(Ended::Unanswered, cause, now);
                self.finish(now);
            }
            Input::Status(status) => self.status(status, now),
            Input::Digit(digit) => self.digit(digit, now),
            Input::CheckPoint(name) => {
                if let State::Talking(talk) = &mut self.state {
                    talk.speaking.confirm(&name, now);
                }
            }
            Input::RemoteHangup => self.remote_hangup(now),
            Input::Cdr(cdr) => self.carrier_record(cdr, now),
            Input::Lost { why } => {
                // A trunk that has told everything about a call that is over lets go of it, too.
                if matches!(self.state, State::Dialing | State::Talking(_)) {
                    self.record("carrier_lost", json!({ "why": why }));
                    self.close(Ended::ByFault, 38, now);
                }
            }
            Input::Rendered { play, part, result } => {
                if let Err(error) = &result {
                    let detail = json!({ "play": play, "error": error });
                    self.effects.push_back(Effect::Record(Fact::new("prompt_failed", detail)));
                }
                if let State::Talking(talk) = &mut self.state {
                    talk.speaking.rendered(play, part, result, now);
                }
            }
            Input::Recognised { utterance, text } => self.recognised(utterance, text, now),
            Input::HangupRequested { by } => {
                self.record("hangup_requested", json!({ "by": by }));
                self.hang_up(Ended::ByBot, now);
            }
        }
        self.settle(now);
    }

    /// 20 ms of what the callee says. Audio before the answer (early media) is not listened to.
    pub fn audio(&mut self, frame: &Frame, now: CallTime) {
        let State::Talking(talk) = &mut self.state else {
            return;
        };
        talk.listening.push(frame, now);
        if talk.listening.talking_over() && talk.speaking.barge_in(now).by_speech() {
            talk.listening.spoken_for();
            talk.speaking.interrupt(now);
            self.record("interruption", json!({ "by": "speech" }));
        }
        self.settle(now);
    }

    /// Fires what is due at `now`.
    pub fn handle_timeout(&mut self, now: CallTime) {
        match &mut self.state {
            State::Dialing => {
                if now >= CallTime::from_ms(self.settings.ring_timeout_ms) {
                    self.record("ring_timeout", json!({ "afterMs": self.settings.ring_timeout_ms }));
                    self.effects.push_back(Effect::SendHangup);
                    self.close(Ended::Unanswered, RANG_TOO_LONG, now);
                }
            }
            State::Talking(talk) => {
                talk.listening.handle_timeout(now);
                talk.speaking.handle_timeout(now);
                if self.flow.poll_timeout().is_some_and(|due| due <= now) {
                    self.flow.handle_timeout(now);
                }
                let overdue =
                    talk.awaited_words.filter(|(_, since)| now.ms_since(*since) >= RECOGNITION_WAIT_MS);
                let too_long = now.ms_since(talk.answered_at) >= self.settings.max_call_ms;
                if let Some((utterance, _)) = overdue {
                    self.recognised(utterance, None, now);
                }
                if too_long {
                    self.record("call_limit", json!({ "afterMs": self.settings.max_call_ms }));
                    self.hang_up(Ended::ByBot, now);
                }
            }
            State::Closing { ended_at, .. } => {
                if now.ms_since(*ended_at) >= CDR_WAIT_MS {
                    self.finish(now);
                }
            }
            State::Finished => {}
        }
        self.settle(now);
    }

    /// When [`Self::handle_timeout`] must be called next; `None` when the call is finished.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        match &self.state {
            State::Dialing => Some(CallTime::from_ms(self.settings.ring_timeout_ms)),
            State::Talking(talk) => {
                let children = soonest(talk.listening.poll_timeout(), talk.speaking.poll_timeout());
                let words = talk.awaited_words.map(|(_, since)| since + RECOGNITION_WAIT_MS);
                let own = soonest(words, Some(talk.answered_at + self.settings.max_call_ms));
                soonest(soonest(children, self.flow.poll_timeout()), own)
            }
            State::Closing { ended_at, .. } => Some(*ended_at + CDR_WAIT_MS),
            State::Finished => None,
        }
    }

    /// The next thing to do, in order; drained to empty after every input.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn status(&mut self, status: DialStatus, now: CallTime) {
        if !matches!(self.state, State::Dialing) {
            return;
        }
        self.record("dial_status", json!({ "status": status }));
        match status {
            DialStatus::Dialing => {}
            DialStatus::Ringing => {
                self.ringing_at.get_or_insert(now);
            }
            DialStatus::Busy => self.close(Ended::Unanswered, 17, now),
            DialStatus::Failed => self.close(Ended::Unanswered, 0, now),
            DialStatus::Connected => self.answer(now),
        }
    }

    fn answer(&mut self, now: CallTime) {
        let detects = self.settings.machine_detection != MachineDetection::Disabled;
        let manner = Manner {
            amd: detects.then(|| self.settings.amd.clone()),
            end_silence_ms: self.settings.end_silence_ms,
            recognises: self.settings.recognises,
        };
        self.answered_at = Some(now);
        self.state = State::Talking(Box::new(Talk {
            answered_at: now,
            listening: Listening::new(manner, now),
            speaking: Speaking::new(self.settings.playback),
            awaited_words: None,
            mailbox_open: false,
        }));
        self.notify(Stage::Answered, now);
        self.flow.handle(flow::Input::Answered, now);
        if !detects {
            self.flow.handle(flow::Input::Outcome(Outcome::Human), now);
        }
    }

    fn digit(&mut self, digit: char, now: CallTime) {
        let State::Talking(talk) = &mut self.state else {
            return;
        };
        let interrupts = talk.speaking.barge_in(now).by_dtmf();
        if interrupts {
            talk.speaking.interrupt(now);
        }
        self.record("digit", json!({ "interrupts": interrupts }));
        if interrupts {
            self.record("interruption", json!({ "by": "dtmf" }));
            self.report_prompts(now);
        }
        self.flow.handle(flow::Input::Digit(digit), now);
    }

    fn remote_hangup(&mut self, now: CallTime) {
        match &self.state {
            State::Dialing => {
                let cause = self.carrier_cause.unwrap_or(0);
                self.close(Ended::Unanswered, cause, now);
            }
            State::Talking(_) => {
                self.record("hangup", json!({ "by": "callee" }));
                self.close(Ended::ByCallee, 16, now);
            }
            State::Closing { .. } | State::Finished => {}
        }
    }

    fn carrier_record(&mut self, cdr: CarrierCdr, now: CallTime) {
        self.carrier_cause = Some(cdr.hangup_cause_code);
        self.cdr = Some(cdr);
        match &self.state {
            State::Dialing => {
                self.close(Ended::Unanswered, self.carrier_cause.unwrap_or(0), now);
                self.finish(now);
            }
            State::Talking(_) => {
                self.close(Ended::ByCallee, 16, now);
                self.finish(now);
            }
            State::Closing { .. } => self.finish(now),
            State::Finished => {}
        }
    }

    fn recognised(&mut self, utterance: u32, text: Option<String>, now: CallTime) {
        let State::Talking(talk) = &mut self.state else {
            return;
        };
        if talk.awaited_words.is_none_or(|(awaited, _)| awaited != utterance) {
            return;
        }
        talk.awaited_words = None;
        if let Some(text) = &text {
            talk.listening.transcript(text);
            let detail = json!({ "utterance": utterance, "text": text });
            self.effects.push_back(Effect::Record(Fact::new("transcript", detail)));
        }
        self.flow.handle(flow::Input::Utterance { text }, now);
    }

    /// Passes on everything the children have to say until all are quiet.
    fn settle(&mut self, now: CallTime) {
        loop {
            let before = self.effects.len();
            let moved = self.hear(now) | self.report_prompts(now) | self.obey_flow(now);
            if !moved && self.effects.len() == before {
                return;
            }
        }
    }

    fn hear(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let State::Talking(talk) = &mut self.state
            && let Some(found) = talk.listening.poll()
        {
            moved = true;
            match found {
                Found::SpeechStarted { at_ms } => {
                    self.record("speech_started", json!({ "mediaMs": at_ms }));
                    self.flow.handle(flow::Input::SpeechStarted, now);
                }
                Found::Utterance { start_ms, end_ms, audio } => {
                    self.record("speech_ended", json!({ "mediaMs": end_ms, "startMs": start_ms }));
                    self.utterance(audio, now);
                }
                Found::Tone(tone) => {
                    self.record("tone", json!(tone));
                    if opens_mailbox(&tone) {
                        if let State::Talking(talk) = &mut self.state {
                            talk.mailbox_open = true;
                        }
                        self.flow.handle(flow::Input::BeepEnded, now);
                    }
                }
                Found::Amd(event) => self.amd_event(event, now),
            }
        }
        moved
    }

    fn utterance(&mut self, audio: Option<std::sync::Arc<[i16]>>, now: CallTime) {
        self.utterances += 1;
        let utterance = self.utterances;
        match (audio, &mut self.state) {
            (Some(audio), State::Talking(talk)) => {
                talk.awaited_words = Some((utterance, now));
                self.effects.push_back(Effect::Recognise { utterance, audio });
            }
            _ => self.flow.handle(flow::Input::Utterance { text: None }, now),
        }
    }

    fn amd_event(&mut self, event: amd::Event, now: CallTime) {
        self.record("amd", json!(event));
        let kind = event.kind;
        if kind.is_decision() {
            self.amd = Some(event.clone());
            self.decisive = Some(kind);
        }
        self.notify(Stage::InProgress(event.clone()), now);
        match kind {
            EventKind::MachineDetected | EventKind::ToneDetected
                if self.settings.machine_detection == MachineDetection::Disconnect =>
            {
                self.decisive = Some(kind);
                self.outcome = Some("machine_detected".into());
                self.hang_up(Ended::ByBot, now);
            }
            EventKind::HumanDetected
            | EventKind::MachineDetected
            | EventKind::NoSpeechDetected
            | EventKind::DecisionTimeout => {
                self.flow.handle(flow::Input::Outcome(outcome_of(&event)), now);
            }
            EventKind::MachineStoppedSpeaking => {
                if let State::Talking(talk) = &mut self.state {
                    talk.mailbox_open = true;
                }
                self.flow.handle(flow::Input::GreetingEnded, now);
            }
            EventKind::Error => {
                self.flow.handle(flow::Input::Outcome(Outcome::Timeout), now);
            }
            EventKind::ToneDetected | EventKind::Stopped => {}
        }
    }

    fn report_prompts(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let State::Talking(talk) = &mut self.state {
            if let Some(out) = talk.speaking.poll_out() {
                self.effects.push_back(match out {
                    Out::Audio(chunk) => Effect::SendAudio(chunk),
                    Out::Mark(name) => Effect::SendCheckPoint(name),
                    Out::Flush => Effect::SendInterruption,
                });
            } else if let Some(said) = talk.speaking.poll() {
                self.said(said, now);
            } else {
                break;
            }
            moved = true;
        }
        moved
    }

    fn said(&mut self, said: Said, now: CallTime) {
        match said {
            Said::Reached(name) => {
                self.record("checkpoint", json!({ "name": name }));
                self.last_checkpoint = Some(name.clone());
                self.flow.handle(flow::Input::Checkpoint(name), now);
            }
            Said::Over(over) => {
                let detail =
                    json!({ "play": over.id, "heardMs": over.heard_ms, "completed": over.completed });
                self.record("prompt_ended", detail);
                let met_machine = self.amd.as_ref().is_some_and(|e| e.kind == EventKind::MachineDetected);
                self.message_left |= over.completed && over.is_message && met_machine;
                let end = PlaybackEnd {
                    id: over.id,
                    heard_ms: over.heard_ms,
                    completed: over.completed,
                    error: over.error,
                };
                self.flow.handle(flow::Input::PlaybackEnded(end), now);
            }
        }
    }

    fn obey_flow(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let Some(command) = self.flow.poll_command() {
            moved = true;
            let State::Talking(talk) = &mut self.state else {
                continue;
            };
            match command {
                Command::Play { id, parts, barge_in } => {
                    let is_message = talk.mailbox_open;
                    let wanted = talk.speaking.speak(Speech { id, parts, barge_in, is_message }, now);
                    self.record("prompt", json!({ "play": id, "bargeIn": barge_in }));
                    for (part, what) in wanted {
                        self.effects.push_back(Effect::Render { play: id, part, what });
                    }
                }
                Command::Stop { id } => talk.speaking.stop(id, now),
                Command::SendDigits(digits) => {
                    let duration_ms = 200;
                    let keys = digits.chars().map(|digit| Effect::SendDigit { digit, duration_ms });
                    self.effects.extend(keys);
                }
                Command::Hangup { outcome } => {
                    self.outcome = outcome.or(self.outcome.take());
                    self.hang_up(Ended::ByBot, now);
                }
                Command::Note { what, detail } => self.record(what, detail),
            }
        }
        moved
    }

    /// Ends the call from our side.
    fn hang_up(&mut self, ended: Ended, now: CallTime) {
        match self.state {
            State::Dialing => {
                self.effects.push_back(Effect::SendHangup);
                self.close(Ended::Unanswered, 16, now);
            }
            State::Talking(_) => {
                self.record("hangup", json!({ "by": "bot", "outcome": self.outcome }));
                self.effects.push_back(Effect::SendHangup);
                self.close(ended, 16, now);
            }
            State::Closing { .. } | State::Finished => {}
        }
    }

    /// The call is over; what remains is the carrier's record.
    fn close(&mut self, ended: Ended, cause: u16, now: CallTime) {
        match &mut self.state {
            State::Talking(talk) => {
                talk.listening.stop_detection();
                talk.speaking.interrupt(now);
                self.evidence = talk.listening.evidence();
                self.hear(now);
                self.last_words(now);
            }
            State::Dialing | State::Closing { .. } | State::Finished => {}
        }
        if matches!(self.state, State::Dialing | State::Talking(_)) {
            self.state = State::Closing { ended, ended_at: now, cause };
        }
    }

    /// What was heard of the prompt that the end cut short.
    fn last_words(&mut self, now: CallTime) {
        while let State::Talking(talk) = &mut self.state
            && let Some(said) = talk.speaking.poll()
        {
            self.said(said, now);
        }
    }

    fn finish(&mut self, now: CallTime) {
        let State::Closing { ended, ended_at, cause } = self.state else {
            return;
        };
        self.state = State::Finished;
        // The carrier calls our giving up a cancelled call; for whoever asked, nobody answered.
        let gave_up = cause == RANG_TOO_LONG;
        let code = self.carrier_cause.filter(|_| !gave_up).unwrap_or(cause);
        let answered = self.answered_at.is_some();
        let disposition = match &self.cdr {
            Some(cdr) if !gave_up => cdr.disposition,
            _ if answered => Disposition::Answered,
            _ => super::cause(code).unanswered,
        };
        let stage = match self.answered_at {
            Some(answered_at) => Stage::Completed {
                answered_at,
                reason_code: ended.reason_code(),
                machine_detection: self.decisive,
            },
            None => Stage::Failed { cause: code },
        };
        let outcome = self.outcome.take().unwrap_or_else(|| {
            match ended {
                Ended::ByCallee => "callee_hung_up",
                Ended::ByBot => "ended",
                Ended::ByFault => "carrier_lost",
                Ended::Unanswered => unanswered_word(disposition, code),
            }
            .into()
        });
        self.record("ended", json!({ "disposition": disposition, "cause": code, "outcome": outcome }));
        self.notify(stage, ended_at);
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
            evidence: self.evidence.take(),
        };
        self.effects.push_back(Effect::Finish(Box::new(summary)));
        tracing::debug!(at_ms = now.as_ms(), "call finished");
    }

    fn record(&mut self, kind: &'static str, detail: serde_json::Value) {
        self.effects.push_back(Effect::Record(Fact::new(kind, detail)));
    }

    fn notify(&mut self, stage: Stage, at: CallTime) {
        let connected = self.answered_at.unwrap_or(at);
        let notice = Notice {
            stage,
            at,
            ring_ms: self.ringing_at.map_or(0, |ringing| connected.ms_since(ringing)),
            connect_ms: connected.as_ms(),
        };
        self.effects.push_back(Effect::Notify(notice));
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

/// The verdict as a flow branches on it.
const fn outcome_of(event: &amd::Event) -> Outcome {
    match (event.kind, event.subtype) {
        (EventKind::HumanDetected, _) => Outcome::Human,
        (EventKind::NoSpeechDetected, _) => Outcome::NoSpeech,
        (EventKind::MachineDetected, Some(Subtype::Fax)) => Outcome::Fax,
        (EventKind::MachineDetected, Some(Subtype::Screening)) => Outcome::Screening,
        (EventKind::MachineDetected, Some(Subtype::Ivr)) => Outcome::Ivr,
        (EventKind::MachineDetected, Some(Subtype::Unavailable | Subtype::Network)) => Outcome::Unavailable,
        (EventKind::MachineDetected, Some(Subtype::Voicemail | Subtype::Human) | None) => Outcome::Voicemail,
        (
            EventKind::DecisionTimeout
            | EventKind::ToneDetected
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped,
            _,
        ) => Outcome::Timeout,
    }
}
