//! What is posted to a `notifyUrl`: one body for each kind of notification. The description of the API shows these types.

use callcore::amd::EventKind;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Who or what answered, as detection found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AmdEvent {
    AmdHumanDetected,
    AmdMachineDetected,
    AmdNoSpeechDetected,
    AmdDecisionTimeout,
    AmdToneDetected,
    AmdMachineStoppedSpeaking,
    AmdError,
    AmdStopped,
}

macro_rules! pairs {
    ($($neutral:ident = $kore:ident),+ $(,)?) => {
        impl From<EventKind> for AmdEvent {
            fn from(kind: EventKind) -> Self {
                match kind { $(EventKind::$neutral => Self::$kore),+ }
            }
        }

        impl From<AmdEvent> for EventKind {
            fn from(event: AmdEvent) -> Self {
                match event { $(AmdEvent::$kore => Self::$neutral),+ }
            }
        }
    };
}

pairs! {
    HumanDetected = AmdHumanDetected,
    MachineDetected = AmdMachineDetected,
    NoSpeechDetected = AmdNoSpeechDetected,
    DecisionTimeout = AmdDecisionTimeout,
    ToneDetected = AmdToneDetected,
    MachineStoppedSpeaking = AmdMachineStoppedSpeaking,
    Error = AmdError,
    Stopped = AmdStopped,
}

macro_rules! notification {
    ($(#[$about:meta])* $name:ident { $($body:tt)* }) => {
        $(#[$about])*
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The `callId` of the dial-out's answer.
            pub(super) conversation_id: String,
            /// Counts 1, 2, 3 … within a call.
            #[schema(minimum = 1)]
            pub(super) sequence: u64,
            /// How long it rang, ms.
            #[serde(rename = "ringDurationInMS")]
            pub(super) ring_duration_in_ms: u64,
            /// From the request to the answer, ms.
            #[serde(rename = "connectDurationInMS")]
            pub(super) connect_duration_in_ms: u64,
            /// SIP code and its text.
            #[schema(example = "200 OK")]
            pub(super) reason: String,
            $($body)*
        }
    };
}

notification! {
    /// The callee picked up.
    Answered {
        #[schema(pattern = "^Answered$")]
        pub(super) status: &'static str,
        #[schema(example = "OK")]
        pub(super) reason_code: String,
        /// ISO 8601 UTC with milliseconds.
        #[schema(format = DateTime)]
        pub(super) call_connect_time: String,
    }
}

notification! {
    /// Detection found something. Fields that are not known are left out.
    AmdNotification {
        #[schema(pattern = "^Call-In-Progress$")]
        pub(super) status: &'static str,
        #[schema(example = "OK")]
        pub(super) reason_code: String,
        #[schema(format = DateTime)]
        pub(super) call_connect_time: String,
        pub(super) machine_detection: AmdEvent,
        /// Counts the AMD events of the call.
        pub(super) amd_sequence: u64,
        /// From the answer to the decision, ms.
        pub(super) amd_decision_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_subtype: Option<String>,
        #[schema(minimum = 0.0, maximum = 1.0)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_confidence: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_speech_onset_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_speech_end_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) amd_greeting: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) hint: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) language: Option<String>,
        /// Of a tone, Hz.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) frequency: Option<f64>,
    }
}

notification! {
    /// A `notify` step of the flow.
    FlowNotification {
        #[schema(pattern = "^Call-In-Progress$")]
        pub(super) status: &'static str,
        #[schema(example = "OK")]
        pub(super) reason_code: String,
        #[schema(format = DateTime)]
        pub(super) call_connect_time: String,
        /// As the flow names it.
        pub(super) event: String,
        #[schema(value_type = Object)]
        pub(super) data: Value,
    }
}

notification! {
    /// An answered call is over.
    Completed {
        #[schema(pattern = "^completed$")]
        pub(super) status: &'static str,
        /// Who ended it: `caller-disconnected`, `bot-disconnected`, or `KoreVG-disconnected` when the carrier vanished.
        pub(super) reason_code: String,
        #[schema(format = DateTime)]
        pub(super) call_connect_time: String,
        #[schema(format = DateTime)]
        pub(super) call_disconnect_time: String,
        /// Seconds from answer to end.
        pub(super) call_duration: u64,
        /// The same.
        pub(super) duration: u64,
        /// The carrier's name of the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) session_id: Option<String>,
        /// What decided who answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) machine_detection: Option<AmdEvent>,
        /// The callee asked not to be called again.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) do_not_call: Option<bool>,
        /// What nobody on our side saw of the call: it was answered, by the carrier's record, while the server or the line was away.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) detail: Option<String>,
    }
}

notification! {
    /// The call was never answered.
    Failed {
        #[schema(pattern = "^Failed$")]
        pub(super) status: &'static str,
        /// The text of the SIP code.
        #[schema(example = "Busy Here")]
        pub(super) reason_code: String,
        #[schema(format = DateTime)]
        pub(super) call_connect_time: String,
        #[schema(format = DateTime)]
        pub(super) call_disconnect_time: String,
        /// Why the call was not dialled at all (it expired, was called off, or could not be), or what is not known about its end.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) detail: Option<String>,
    }
}
