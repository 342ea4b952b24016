//! Steps that need something done outside the conversation, and wait for the result.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::expr::Facts;
use super::io::{Command, ExternalStepEnd, ExternalStepOrder, Part, PlaybackEnd, Request};
use super::note::Note;
use super::state::{Doing, Filling, Position, State};
use super::{Run, start};
use crate::clock::CallTime;
use crate::flow::model::{
    BargeIn, Confirm, ExternalStep, Fact, Filler, Flow, Http, JsonText, Record, SceneId, Step, Transfer,
    is_number,
};
use crate::ids::ExternalStepId;

/// Most external steps of one call: a flow that goes in a cycle must not flood anybody.
const MOST_EXTERNAL_STEPS: u32 = 300;

/// The shell enforces the time; this much later the flow goes on without a result.
const GRACE_MS: u64 = 2_000;

/// No filler is heard out for longer, ms.
const LONGEST_FILLER_MS: u64 = 15_000;

/// The external step at `at`, if that is where the flow stands.
fn external_step_at(flow: &Flow, at: Position) -> Option<&ExternalStep> {
    match flow.scenes.get(at.scene.0)?.steps.get(at.step) {
        Some(Step::External(external)) => Some(external),
        Some(_) | None => None,
    }
}

impl Run {
    pub(super) fn begin_external_step(&mut self, external: &ExternalStep, now: CallTime) {
        let begun = match external {
            ExternalStep::Record(record) => {
                self.begin_record(record, now);
                Ok(())
            }
            ExternalStep::Http(http) => self.begin_request(http, now),
            ExternalStep::Notify { event, data } => self.notify(event, data),
            ExternalStep::Transfer(transfer) => self.begin_transfer(transfer, now),
        };
        if let Err(reason) = begun {
            self.fail(&reason);
        }
    }

    /// Numbers an external step and hands it out; `None` when the call has had too many.
    fn order(&mut self, order: ExternalStepOrder) -> Option<ExternalStepId> {
        let id = self.external_ids.issue();
        if id.0 > MOST_EXTERNAL_STEPS {
            self.give_up(&format!(
                "the call took more than {MOST_EXTERNAL_STEPS} requests, recordings and notifications"
            ));
            return None;
        }
        self.commands.push_back(Command::External { id, order });
        Some(id)
    }

    fn begin_record(&mut self, record: &Record, now: CallTime) {
        self.keys_ahead.clear();
        if !record.beep {
            return self.record_now(record, now);
        }
        let play = self.order_play(vec![Part::Beep], BargeIn::Off, Confirm::default());
        self.state = State::Doing(Doing::Beeping { play });
    }

    fn record_now(&mut self, record: &Record, now: CallTime) {
        let Record { max_ms, end_silence_ms, .. } = *record;
        if let Some(id) = self.order(ExternalStepOrder::Record { max_ms, end_silence_ms }) {
            self.state = State::Doing(Doing::Recording { id, until: now + max_ms + GRACE_MS });
        }
    }

    fn begin_request(&mut self, http: &Http, now: CallTime) -> Result<(), String> {
        let mut headers = Vec::with_capacity(http.headers.len());
        for (name, value) in &http.headers {
            headers.push((name.clone(), self.text(value, None)?));
        }
        let request = Request {
            method: http.method,
            url: self.text(&http.url, None)?,
            shown_url: http.shown_url.clone(),
            headers,
            body: http.json.as_ref().map(|json| self.json(json)).transpose()?.map(|json| json.to_string()),
            timeout_ms: http.timeout_ms,
        };
        if let Some(id) = self.order(ExternalStepOrder::Request(request)) {
            let until = now + http.timeout_ms + GRACE_MS;
            let filler =
                http.filler.as_ref().map_or(Filling::Silent, |filler| Filling::Due(now + filler.delay_ms));
            self.state = State::Doing(Doing::Requesting { id, until, filler });
        }
        Ok(())
    }

    fn notify(&mut self, event: &str, data: &JsonText) -> Result<(), String> {
        let data = self.json(data)?;
        if self.order(ExternalStepOrder::Notify { event: event.to_owned(), data }).is_some() {
            self.go(None);
        }
        Ok(())
    }

    fn begin_transfer(&mut self, transfer: &Transfer, now: CallTime) -> Result<(), String> {
        let to = self.text(&transfer.to, None)?;
        let to: String = to.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        if !is_number(&to) {
            return Err("the number to transfer to is not a telephone number".to_owned());
        }
        let timeout_ms = transfer.timeout_ms;
        if let Some(id) = self.order(ExternalStepOrder::Transfer { to, timeout_ms }) {
            let until = now + timeout_ms;
            self.state = State::Doing(Doing::Transferring { id, until });
        }
        Ok(())
    }

    /// The JSON with its variables filled in.
    fn json(&self, json: &JsonText) -> Result<Value, String> {
        Ok(match json {
            JsonText::Literal(value) => value.clone(),
            JsonText::Variable(name) => match Fact::named(name) {
                Some(fact) => self.knowledge.fact(fact),
                None => self.knowledge.variable(name),
            },
            JsonText::Text(text) => Value::from(self.text(text, None)?),
            JsonText::List(items) => {
                Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            JsonText::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.clone(), self.json(value)?);
                }
                Value::Object(map)
            }
        })
    }

    pub(super) fn external_digit(&mut self, digit: char) {
        let flow = Arc::clone(&self.flow);
        match (&self.state, external_step_at(&flow, self.at)) {
            (State::Doing(Doing::Recording { id, .. }), Some(ExternalStep::Record(record))) => {
                if record.end_keys.contains(digit) {
                    self.commands.push_back(Command::EndRecording { id: *id });
                }
            }
            (State::Doing(Doing::Beeping { .. }), _) => {}
            _ => self.keep_key(digit),
        }
    }

    pub(super) fn external_playback_ended(&mut self, end: &PlaybackEnd, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let external = external_step_at(&flow, self.at);
        match (&mut self.state, external) {
            (State::Doing(Doing::Beeping { play }), Some(ExternalStep::Record(record)))
                if *play == end.id =>
            {
                self.record_now(record, now);
            }
            (State::Doing(Doing::Requesting { filler, .. }), Some(ExternalStep::Http(http)))
                if *filler == Filling::Playing(end.id) =>
            {
                let again = http.filler.as_ref().is_some_and(|filler| filler.repeat && end.completed);
                // The pause before the next time is that before the first.
                let delay_ms = http.filler.as_ref().map_or(0, |filler| filler.delay_ms);
                *filler = if again { Filling::Due(now + delay_ms) } else { Filling::Silent };
            }
            (State::Doing(Doing::HearingOut { play, then, .. }), _) if *play == end.id => {
                let then = *then;
                self.go(then);
            }
            _ => {}
        }
    }

    pub(super) fn external_timed_out(&mut self, now: CallTime) {
        let flow = Arc::clone(&self.flow);
        let State::Doing(doing) = &mut self.state else { return };
        match doing {
            Doing::Requesting { until, filler: filling @ Filling::Due(_), .. } if *until > now => {
                *filling = Filling::Silent;
                if let Some(ExternalStep::Http(http)) = external_step_at(&flow, self.at)
                    && let Some(filler) = &http.filler
                {
                    self.play_filler(filler);
                }
            }
            Doing::HearingOut { then, .. } => {
                let then = *then;
                self.go(then);
            }
            Doing::Recording { id, .. } | Doing::Requesting { id, .. } | Doing::Transferring { id, .. } => {
                let id = *id;
                self.external_step_ended(
                    id,
                    ExternalStepEnd::Failed("nothing came of it in time".to_owned()),
                );
            }
            Doing::Beeping { .. } => {}
        }
    }

    /// A filler that cannot be made is silence; the request goes on.
    fn play_filler(&mut self, filler: &Filler) {
        let played = self.play(&filler.prompt);
        if let (Ok(Some(play)), State::Doing(Doing::Requesting { filler, .. })) = (played, &mut self.state) {
            *filler = Filling::Playing(play);
        }
    }

    /// What comes of a step that the flow no longer waits for is dropped.
    pub(super) fn external_step_ended(&mut self, id: ExternalStepId, end: ExternalStepEnd) {
        let flow = Arc::clone(&self.flow);
        let State::Doing(
            Doing::Recording { id: awaited, .. }
            | Doing::Requesting { id: awaited, .. }
            | Doing::Transferring { id: awaited, .. },
        ) = &self.state
        else {
            return;
        };
        let Some(external) = external_step_at(&flow, self.at).filter(|_| *awaited == id) else { return };
        match external {
            ExternalStep::Record(record) => self.recorded(record, end),
            ExternalStep::Http(http) => self.answered_by_service(http, end),
            ExternalStep::Transfer(transfer) => self.transferred(transfer, end),
            ExternalStep::Notify { .. } => {}
        }
    }

    fn recorded(&mut self, record: &Record, end: ExternalStepEnd) {
        match end {
            ExternalStepEnd::Recorded { name, ms } => {
                if let Some(into) = &record.into {
                    self.set_variable(into, Value::from(name));
                }
                if let Some(into) = &record.length_into {
                    self.set_variable(into, Value::from(ms));
                }
                self.go(None);
            }
            ExternalStepEnd::NothingSaid => {
                self.note(Note::NothingSaid {});
                self.go(record.on_empty);
            }
            ExternalStepEnd::Failed(reason) => {
                self.fail(&format!("a message could not be recorded: {reason}"))
            }
            ExternalStepEnd::Answered { .. }
            | ExternalStepEnd::Transferred
            | ExternalStepEnd::Unsupported => {}
        }
    }

    fn answered_by_service(&mut self, http: &Http, end: ExternalStepEnd) {
        let (status, outcome) = match end {
            ExternalStepEnd::Answered { status, body } => {
                (status, self.take_answer(http, status, body.as_ref()))
            }
            ExternalStepEnd::Failed(reason) => (0, Err(reason)),
            ExternalStepEnd::Recorded { .. }
            | ExternalStepEnd::NothingSaid
            | ExternalStepEnd::Transferred
            | ExternalStepEnd::Unsupported => return,
        };
        if let Some(into) = &http.status_into {
            self.set_variable(into, Value::from(status));
        }
        let then = match outcome {
            Ok(then) => then,
            Err(reason) if http.on_error.is_some() => {
                self.note(Note::HttpFailed { url: http.shown_url.clone(), reason });
                http.on_error
            }
            Err(reason) => return self.fail(&format!("{} failed: {reason}", http.shown_url)),
        };
        let State::Doing(Doing::Requesting { filler: Filling::Playing(play), until, .. }) = self.state else {
            return self.go(then);
        };
        if http.filler.as_ref().is_some_and(|filler| filler.heard_out) {
            let until = until + LONGEST_FILLER_MS;
            self.state = State::Doing(Doing::HearingOut { play, until, then });
        } else {
            self.commands.push_back(Command::Stop { id: play });
            self.go(then);
        }
    }

    /// Where an answer leads, its values kept; or why it is none.
    fn take_answer(
        &mut self,
        http: &Http,
        status: u16,
        body: Option<&Value>,
    ) -> Result<Option<SceneId>, String> {
        if let Some((_, scene)) = http.on_status.iter().find(|(range, _)| range.contains(status)) {
            return Ok(Some(*scene));
        }
        if !(200..300).contains(&status) {
            return Err(format!("the service answered {status}"));
        }
        if http.into.is_empty() {
            return Ok(None);
        }
        let body = body.ok_or("the service answered without JSON")?;
        let mut values = Vec::with_capacity(http.into.len());
        for (name, pointer) in &http.into {
            let Some(value) = body.pointer(pointer).filter(|value| !value.is_null()) else {
                self.note(Note::NotInAnswer { variable: name.clone(), at: pointer.clone() });
                continue;
            };
            let Some(variable) = self.flow.variables.get(name) else { continue };
            let value = start::converted(&self.flow, name, variable.kind, value).map_err(|_| {
                format!("what the answer has at `{pointer}` does not fit the variable `{name}`")
            })?;
            values.push((name, value));
        }
        for (name, value) in values {
            self.set_variable(name, value);
        }
        Ok(None)
    }

    fn transferred(&mut self, transfer: &Transfer, end: ExternalStepEnd) {
        match end {
            ExternalStepEnd::Transferred => {
                self.note(Note::Transferred {});
                self.go(None);
            }
            ExternalStepEnd::Unsupported => {
                self.note(Note::NoTransfer { reason: "this trunk cannot transfer calls".into() });
                match transfer.on_unsupported {
                    Some(scene) => self.go(Some(scene)),
                    None => self.fail("this trunk cannot transfer calls"),
                }
            }
            ExternalStepEnd::Failed(reason) => {
                self.note(Note::NoTransfer { reason: reason.clone() });
                match transfer.on_failed {
                    Some(scene) => self.go(Some(scene)),
                    None => self.fail(&format!("the transfer failed: {reason}")),
                }
            }
            ExternalStepEnd::Recorded { .. }
            | ExternalStepEnd::NothingSaid
            | ExternalStepEnd::Answered { .. } => {}
        }
    }

    fn set_variable(&mut self, name: &str, value: Value) {
        self.note(Note::Set { variable: name.to_owned(), value: value.clone() });
        self.context.insert(name.to_owned(), &value);
        self.knowledge.variables.insert(name.to_owned(), value);
    }
}
