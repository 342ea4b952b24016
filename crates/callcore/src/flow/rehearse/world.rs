//! What is outside the conversation in a rehearsed call: services with scripted answers, recordings,
//! notifications.

use std::collections::VecDeque;

use crate::clock::{CallTime, soonest};
use crate::flow::run::{ExternalStepEnd, ExternalStepOrder, Input, Request};
use crate::ids::ExternalStepId;

/// A callee who says nothing for this long leaves no message.
pub(super) const NO_MESSAGE_MS: u64 = 5_000;

/// How long a transfer takes.
const TRANSFER_MS: u64 = 1_000;

/// What a service answers to one request.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub after_ms: u64,
    pub end: ExternalStepEnd,
}

/// A message being recorded.
struct Recording {
    id: ExternalStepId,
    began: CallTime,
    end_silence_ms: u64,
    until: CallTime,
    talking: bool,
    /// When the callee last stopped talking.
    spoke: Option<CallTime>,
}

pub(super) struct World {
    pub replies: VecDeque<Reply>,
    pub transfer: ExternalStepEnd,
    /// Requests without a reply wait for one until their time is over; else they fail at once.
    pub waits_for_replies: bool,
    /// The request that waits.
    pub waiting: Option<String>,
    /// `METHOD url body` of each request.
    pub requests: Vec<String>,
    /// `event {data}` of each notification.
    pub notified: Vec<String>,
    due: Option<(CallTime, ExternalStepId, ExternalStepEnd)>,
    recording: Option<Recording>,
    messages: u32,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            replies: VecDeque::new(),
            transfer: ExternalStepEnd::Unsupported,
            waits_for_replies: false,
            waiting: None,
            requests: Vec::new(),
            notified: Vec::new(),
            due: None,
            recording: None,
            messages: 0,
        }
    }

    /// Takes an order and says how the log shows it.
    pub(super) fn take(&mut self, id: ExternalStepId, order: ExternalStepOrder, now: CallTime) -> String {
        match order {
            ExternalStepOrder::Request(request) => self.request(id, &request, now),
            ExternalStepOrder::Notify { event, data } => {
                let shown = format!("{event} {data}");
                self.notified.push(shown.clone());
                format!("notify {shown}")
            }
            ExternalStepOrder::Record { max_ms, end_silence_ms } => {
                let until = now + max_ms;
                self.recording =
                    Some(Recording { id, began: now, end_silence_ms, until, talking: false, spoke: None });
                "record".to_owned()
            }
            ExternalStepOrder::Transfer { to, .. } => {
                let end = self.transfer.clone();
                let takes = if end == ExternalStepEnd::Unsupported { 0 } else { TRANSFER_MS };
                self.due = Some((now + takes, id, end));
                format!("transfer to {to}")
            }
        }
    }

    fn request(&mut self, id: ExternalStepId, request: &Request, now: CallTime) -> String {
        let body = request.body.as_deref().unwrap_or_default();
        let shown = format!("{} {} {body}", request.method.as_str(), request.url).trim_end().to_owned();
        self.requests.push(shown.clone());
        let reply = self.replies.pop_front();
        if reply.is_none() && self.waits_for_replies {
            self.waiting = Some(shown.clone());
        }
        let Reply { after_ms, end } = reply.unwrap_or_else(|| Reply {
            after_ms: if self.waits_for_replies { u64::MAX } else { 0 },
            end: ExternalStepEnd::Failed("the test has no reply for this request".to_owned()),
        });
        let late = ExternalStepEnd::Failed("the service did not answer in time".to_owned());
        let end = if after_ms > request.timeout_ms { late } else { end };
        self.due = Some((now + after_ms.min(request.timeout_ms), id, end));
        format!("request {shown}")
    }

    /// The request that waits is answered now; without one the answer is for the next.
    pub(super) fn reply(&mut self, end: ExternalStepEnd, now: CallTime) {
        match (&mut self.due, self.waiting.take()) {
            (Some((at, _, due)), Some(_)) => (*at, *due) = (now, end),
            _ => self.replies.push_back(Reply { after_ms: 0, end }),
        }
    }

    pub(super) fn speech_started(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.talking = true;
        }
    }

    pub(super) fn speech_ended(&mut self, now: CallTime) {
        if let Some(recording) = &mut self.recording {
            recording.talking = false;
            recording.spoke = Some(now);
        }
    }

    pub(super) fn end_recording(&mut self, id: ExternalStepId, now: CallTime) {
        if let Some(recording) = &mut self.recording
            && recording.id == id
        {
            recording.until = now;
        }
    }

    /// When something comes back.
    pub(super) fn next(&self) -> Option<CallTime> {
        let recorded = self.recording.as_ref().map(|recording| {
            let silent = match recording.spoke {
                _ if recording.talking => recording.until,
                Some(spoke) => spoke + recording.end_silence_ms,
                None => recording.began + NO_MESSAGE_MS,
            };
            silent.min(recording.until)
        });
        soonest(recorded, self.due.as_ref().map(|(at, ..)| *at))
    }

    /// What has come back by now.
    pub(super) fn poll(&mut self, now: CallTime) -> Option<Input> {
        if let Some((_, id, end)) = self.due.take_if(|(at, ..)| *at <= now) {
            self.waiting = None;
            return Some(Input::ExternalStepEnded { id, end });
        }
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        let recording = self.recording.take()?;
        let end = if recording.talking || recording.spoke.is_some() {
            self.messages += 1;
            let name = format!("message-{}.wav", self.messages);
            ExternalStepEnd::Recorded { name, ms: now.ms_since(recording.began) }
        } else {
            ExternalStepEnd::NothingSaid
        };
        Some(Input::ExternalStepEnded { id: recording.id, end })
    }
}
