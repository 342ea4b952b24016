//! What of a call nobody may read or hear later: the digits of a flow that hides them, and the answers to the
//! questions that do.
//!
//! The conversation itself knows everything; only what leaves it for the timeline, the transcript and the
//! notifications goes through here.

use serde_json::{Value, json};

use super::super::input::RecordingMute;
use crate::amd;
use crate::clock::CallTime;
use crate::detect::{Tone, ToneKind};
use crate::flow::{Flow, Note, Part, Trigger};
use crate::language::masked;

/// What is hidden at the moment.
#[derive(Debug)]
pub(super) struct Redaction {
    /// The whole flow hides digits.
    always: bool,
    language: String,
    /// The question under way hides its answer.
    question: bool,
    /// There has been such a question: its answer may turn up in texts and variables from then on.
    ever: bool,
    /// Words that were said to it may come until then.
    until: CallTime,
}

impl Redaction {
    /// As `flow`, or a flow that it calls, wants it.
    pub(super) fn new(flow: &Flow) -> Self {
        let always = flow.recording_policy().redacts
            || flow.called_flows().iter().any(|flow| flow.recording_policy().redacts);
        let language = flow.language().to_owned();
        Self { always, language, question: false, ever: false, until: CallTime::ZERO }
    }

    /// The question under way hides its answer, or the next one does not; words said to it may come until `until`.
    /// Whom the recording leaves out from now on, if that changes.
    pub(super) fn set_question(&mut self, on: bool, until: CallTime) -> Option<RecordingMute> {
        let was = std::mem::replace(&mut self.question, on);
        if on == was {
            return None;
        }
        self.ever |= on;
        if !on {
            self.until = until;
        }
        Some(if on { RecordingMute::Callee } else { RecordingMute::None })
    }

    /// The callee begins to answer: what the bot says from here on may repeat it.
    pub(super) fn answering(&self) -> Option<RecordingMute> {
        self.question.then_some(RecordingMute::Both)
    }

    /// What the callee said, as it may be kept.
    pub(super) fn their_words(&self, text: &str, now: CallTime) -> String {
        if self.hides_theirs(now) { masked(text, &self.language) } else { text.to_owned() }
    }

    /// What the bot said, as it may be kept.
    pub(super) fn our_words(&self, text: &str) -> String {
        if self.hides_ours() { masked(text, &self.language) } else { text.to_owned() }
    }

    /// Whether the audio of a part says nothing that is to be hidden.
    pub(super) fn is_public(&self, part: &Part) -> bool {
        match part {
            Part::Say { text, .. } => self.our_words(text) == *text,
            Part::File(_) | Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => true,
        }
    }

    /// Data that a flow's author chose to send, as the timeline may keep it.
    pub(super) fn data(&self, data: &Value) -> Value {
        let mut data = data.clone();
        if self.hides_ours() {
            self.hide(&mut data);
        }
        data
    }

    /// A note of the flow, as the timeline may keep it: some quote what the callee has given.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others quote nobody")]
    pub(super) fn note(&self, mut note: Note, now: CallTime) -> Note {
        if !self.hides_ours() && !self.hides_theirs(now) {
            return note;
        }
        match &mut note {
            Note::Set { value, .. } => self.hide(value),
            Note::Choice { choice: text }
            | Note::DoNotCall(Trigger::Speech { words: text } | Trigger::Dtmf { key: text }) => {
                *text = masked(text, &self.language);
            }
            _ => {}
        }
        note
    }

    /// An event of detection, as it may be kept and told.
    pub(super) fn event(&self, event: &amd::Event) -> amd::Event {
        let mut event = event.clone();
        if self.always {
            for text in [&mut event.greeting, &mut event.hint].into_iter().flatten() {
                *text = masked(text, &self.language);
            }
        }
        event
    }

    /// A tone, as it may be kept: a hidden key is not told by its name nor by its two frequencies.
    pub(super) fn tone(&self, mut tone: Tone, now: CallTime) -> Tone {
        if self.hides_theirs(now)
            && let ToneKind::Dtmf(key) = &mut tone.kind
        {
            *key = masked(key.encode_utf8(&mut [0; 4]), &self.language).chars().next().unwrap_or(*key);
            tone.hz = [0.0; 2];
        }
        tone
    }

    /// The detector's trace without words that are hidden.
    pub(super) fn trace(&self, mut trace: amd::Trace) -> amd::Trace {
        if self.always {
            trace.cut_before_words();
        }
        trace
    }

    /// What detection heard, as it may be kept: its texts without their digits where the flow hides them.
    pub(super) fn evidence(&self, mut evidence: Value) -> Value {
        if self.hides_ours()
            && let Some(tones) = evidence.get_mut("tones").and_then(Value::as_array_mut)
        {
            tones.iter_mut().for_each(|tone| hide_key(tone, &self.language));
        }
        if self.always {
            self.hide_texts(&mut evidence);
        }
        evidence
    }

    const fn hides_ours(&self) -> bool {
        self.always || self.ever
    }

    fn hides_theirs(&self, now: CallTime) -> bool {
        self.always || self.question || now < self.until
    }

    fn hide(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = masked(text, &self.language),
            Value::Number(number) => *value = Value::from(masked(&number.to_string(), &self.language)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide(field)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Texts alone: figures that count or measure something stay.
    fn hide_texts(&self, value: &mut Value) {
        match value {
            Value::String(_) => self.hide(value),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_texts(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide_texts(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn hide_key(tone: &mut Value, language: &str) {
    let Some(Value::String(key)) = tone.pointer_mut("/kind/dtmf") else { return };
    *key = masked(key, language);
    tone["hz"] = json!([0.0, 0.0]);
}
