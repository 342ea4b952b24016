//! What a flow does and meets, as the timeline of its call tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumDiscriminants, EnumIter, IntoStaticStr};

use crate::flow::model::Method;
use crate::ids::ExternalStepId;

/// One line of a timeline about the flow. The call adds those that it alone can know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, EnumDiscriminants)]
#[strum_discriminants(name(NoteKind), derive(IntoStaticStr, EnumIter), strum(serialize_all = "snake_case"))]
#[cfg_attr(test, derive(strum::EnumMessage, strum::VariantNames))]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[strum(serialize_all = "snake_case")]
pub enum Note {
    /// The flow takes a beep for the beginning of the recording.
    Beep {},
    /// The beep, or the end of the greeting, did not come.
    NoSignal {},
    /// The callee has heard everything before it, or the flow came past it; `estimated` where the carrier confirms
    /// nothing.
    Checkpoint {
        name: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        estimated: bool,
    },
    /// A mailbox was not listening yet: the message is taken back.
    MessageWithdrawn { because: Withdrawal },
    /// The message is said again from its start.
    MessageAgain {},
    /// The flow enters a scene.
    Scene { scene: String },
    /// An answer was one of the choices.
    Choice { choice: String },
    /// A typed answer, or the answer of a web service.
    Answer(Answered),
    /// The question was answered before it was asked.
    AnsweredAhead {},
    /// The callee said whether the answer is right.
    Confirmed { right: bool },
    /// Nothing was answered.
    NoInput {
        /// How often the question was asked again.
        retry: u32,
        /// How often it may be.
        of: u32,
    },
    /// What was answered fits nothing.
    NoMatch { retry: u32, of: u32 },
    /// A variable was set.
    Set {
        variable: String,
        #[serde(default)]
        value: Value,
    },
    /// Words or a key that count in the whole call.
    Handler(Trigger),
    /// The callee wants no more calls.
    DoNotCall(Trigger),
    /// Another flow is called.
    Call { flow: String },
    /// A scene or flow that was called comes back.
    Return { word: String },
    /// A web service is asked.
    Request { request: ExternalStepId, method: Method, url: String },
    /// It did not answer as it should.
    HttpFailed { url: String, reason: String },
    /// Its answer lacks a value.
    NotInAnswer {
        variable: String,
        /// JSON pointer (RFC 6901).
        at: String,
    },
    /// The flow told the webhook something.
    Notify {
        event: String,
        #[serde(default)]
        data: Value,
    },
    /// There is no webhook to tell it to.
    NotifyIgnored { event: String, why: String },
    /// The callee is to be connected with somebody.
    Transfer { to: String, possible: bool },
    /// They are.
    Transferred {},
    /// They could not be.
    NoTransfer { reason: String },
    /// No message was left.
    NothingSaid {},
    /// Something outside the call failed.
    ErrandFailed { errand: ExternalStepId, reason: String },
    /// The flow cannot go on.
    Error { reason: String },
}

impl NoteKind {
    /// The name of this kind in a timeline.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Note {
    /// The name of this kind in a timeline.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// What the timeline says about it.
    #[must_use]
    pub fn detail(&self) -> Value {
        detail_of(self)
    }
}

/// The `detail` of something that is written as `kind` and `detail`.
pub(crate) fn detail_of(line: &impl Serialize) -> Value {
    match serde_json::to_value(line) {
        Ok(Value::Object(mut fields)) => fields.remove("detail").unwrap_or_default(),
        Ok(_) | Err(_) => Value::Null,
    }
}

/// An answer that the flow got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answered {
    /// Of the callee, to a question for a value of this type.
    Callee {
        #[serde(rename = "type")]
        value_type: String,
    },
    /// Of a web service, with this status of HTTP.
    Service { request: ExternalStepId, status: u16 },
}

/// What the callee said or pressed. A key that is hidden is told by a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Trigger {
    Speech {
        #[serde(default)]
        words: String,
    },
    Dtmf {
        #[serde(default)]
        key: String,
    },
}

/// What showed that a mailbox was not listening yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Withdrawal {
    Beep,
    Speech,
}
