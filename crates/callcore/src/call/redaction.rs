//! What of a call nobody may read or hear later: the digits of a flow that hides them, and the answers to the
//! questions that do.
//!
//! The conversation itself knows everything; only what leaves it for the timeline, the transcript and the
//! notifications goes through here.

use serde_json::{Value, json};

use super::input::{Effect, Silence};
use super::machine::Call;
use crate::amd;
use crate::clock::CallTime;
use crate::detect::{Tone, ToneKind};
use crate::flow::{Note, Part, Trigger};
use crate::ids::PlayId;
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
    pub(super) const fn new(always: bool, language: String) -> Self {
        Self { always, language, question: false, ever: false, until: CallTime::ZERO }
    }

    const fn hides_ours(&self) -> bool {
        self.always || self.ever
    }

    fn hides_theirs(&self, now: CallTime) -> bool {
        self.always || self.question || now < self.until
    }

    fn hidden(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = masked(text, &self.language),
            Value::Number(number) => *value = Value::from(masked(&number.to_string(), &self.language)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hidden(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hidden(field)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Texts alone: figures that count or measure something stay.
    fn hidden_texts(&self, value: &mut Value) {
        match value {
            Value::String(_) => self.hidden(value),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hidden_texts(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hidden_texts(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn hide_key(tone: &mut Value, language: &str) {
    let Some(Value::String(key)) = tone.pointer_mut("/kind/dtmf") else { return };
    *key = masked(key, language);
    tone["hz"] = json!([0.0, 0.0]);
}

impl Call {
    /// What the callee said, as it may be kept.
    pub(super) fn their_words(&self, text: &str, now: CallTime) -> String {
        if self.redaction.hides_theirs(now) {
            masked(text, &self.redaction.language)
        } else {
            text.to_owned()
        }
    }

    /// What the bot said, as it may be kept.
    pub(super) fn our_words(&self, text: &str) -> String {
        if self.redaction.hides_ours() { masked(text, &self.redaction.language) } else { text.to_owned() }
    }

    /// Has audio made of a part; what says digits that are to be hidden is not kept.
    pub(super) fn make(&mut self, play: PlayId, part: u16, what: Part) {
        let keep = match &what {
            Part::Say { text, .. } => self.our_words(text) == *text,
            Part::File(_) | Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => true,
        };
        self.effects.push_back(Effect::Render { play, part, what, keep });
    }

    /// Data that a flow's author chose to send, as the timeline may keep it.
    pub(super) fn our_data(&self, data: &Value) -> Value {
        let mut data = data.clone();
        if self.redaction.hides_ours() {
            self.redaction.hidden(&mut data);
        }
        data
    }

    /// A note of the flow, as the timeline may keep it: some quote what the callee has given.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others quote nobody")]
    pub(super) fn kept_note(&self, mut note: Note, now: CallTime) -> Note {
        if !self.redaction.hides_ours() && !self.redaction.hides_theirs(now) {
            return note;
        }
        let language = &self.redaction.language;
        match &mut note {
            Note::Set { value, .. } => self.redaction.hidden(value),
            Note::Choice { choice: text }
            | Note::DoNotCall(Trigger::Speech { words: text } | Trigger::Dtmf { key: text }) => {
                *text = masked(text, language);
            }
            _ => {}
        }
        note
    }

    /// An event of detection, as it may be kept and told.
    pub(super) fn kept_event(&self, event: &amd::Event) -> amd::Event {
        let mut event = event.clone();
        if self.redaction.always {
            for text in [&mut event.greeting, &mut event.hint].into_iter().flatten() {
                *text = masked(text, &self.redaction.language);
            }
        }
        event
    }

    /// A tone, as it may be kept: a hidden key is not told by its name nor by its two frequencies.
    pub(super) fn kept_tone(&self, mut tone: Tone, now: CallTime) -> Tone {
        if self.redaction.hides_theirs(now)
            && let ToneKind::Dtmf(key) = &mut tone.kind
        {
            *key =
                masked(key.encode_utf8(&mut [0; 4]), &self.redaction.language).chars().next().unwrap_or(*key);
            tone.hz = [0.0; 2];
        }
        tone
    }

    /// The detector's trace without words that are hidden.
    pub(super) fn kept_trace(&self, mut trace: amd::Trace) -> amd::Trace {
        if self.redaction.always {
            trace.cut_before_words();
        }
        trace
    }

    /// What detection heard, as it may be kept: its texts without their digits where the flow hides them.
    pub(super) fn kept_evidence(&self, mut evidence: Value) -> Value {
        if self.redaction.hides_ours()
            && let Some(tones) = evidence.get_mut("tones").and_then(Value::as_array_mut)
        {
            tones.iter_mut().for_each(|tone| hide_key(tone, &self.redaction.language));
        }
        if self.redaction.always {
            self.redaction.hidden_texts(&mut evidence);
        }
        evidence
    }

    /// The question under way hides its answer, or the next one does not.
    pub(super) fn redact_question(&mut self, on: bool, now: CallTime) {
        let was = std::mem::replace(&mut self.redaction.question, on);
        if on == was {
            return;
        }
        self.redaction.ever |= on;
        if !on {
            self.redaction.until = now + self.settings.words_wait_ms;
        }
        self.effects.push_back(Effect::Silence(if on { Silence::Callee } else { Silence::None }));
    }

    /// The callee begins to answer: what the bot says from here on may repeat it.
    pub(super) fn answering(&mut self) {
        if self.redaction.question {
            self.effects.push_back(Effect::Silence(Silence::Both));
        }
    }
}
