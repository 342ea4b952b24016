//! A dial-out with the names and the case of Kore's page, and what Dering adds to it. Which values are accepted is decided by the
//! reader of the body.

use std::collections::BTreeMap;

use callcore::flow::{self, TimerOverrides};
use callcore::number::Country;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::AmdEvent;

/// A call to place.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = DialOut, example = json!({
    "target": "tel:+15550003", "caller": "+15550100", "machineDetection": "detect",
    "notifyUrl": "https://example.com/notify",
    "metadata": { "name": "Alex", "amount": "120 dollars", "due": "Friday" }
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DialOut {
    /// The number to call: `tel:` or `sip:`, 3 to 15 digits.
    #[schema(pattern = r"^((tel|sip):)?(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14})$")]
    pub(crate) target: String,
    /// The country of a target that does not name its own: `ID`, or its calling code `62`. When absent, that of the flow,
    /// else that of the server.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    pub(crate) country: Option<Country>,
    /// Our number, as the callee sees it.
    #[schema(pattern = "^ *[A-Za-z0-9+_.@:;=()-][A-Za-z0-9+_.@:;=() -]*$", max_length = 128)]
    pub(crate) caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent.
    #[schema(min_length = 1, max_length = 128)]
    pub(crate) trunk: Option<String>,
    /// The flow's variables: `userName` fills `user_name`, unless that is there, too.
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Map<String, Value>,
    /// What the flow says when absent.
    pub(crate) machine_detection: Option<MachineDetection>,
    /// When a flow that waits for the verdict begins to speak to a person: as soon as one is likely, or when one is certain.
    /// What the flow says when absent, else `early`.
    pub(crate) greet: Option<Greet>,
    pub(crate) timers: Option<Timers>,
    /// Words that make a machine, when there is speech-to-text.
    #[schema(minimum = 1, maximum = 1000)]
    pub(crate) threshold_word_count: Option<u32>,
    pub(crate) call_control_parameter: Option<CallControlParameter>,
    /// A set of detection parameters by its name in the configuration.
    #[schema(min_length = 1, max_length = 128)]
    pub(crate) amd_params: Option<String>,
    /// How long it may ring, ms.
    #[schema(minimum = 1000, maximum = 300_000)]
    pub(crate) timeout_in_ms: Option<u64>,
    /// Where status changes are posted.
    #[schema(format = "uri", max_length = 2048)]
    pub(crate) notify_url: Option<String>,
    /// Headers to send along with them: 50 at most, each value ASCII of at most 4 KiB, 16 KiB in all. Those that are ours to
    /// write are not followed.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub(crate) notify_headers: BTreeMap<String, String>,
    /// AMD events to post; `[]` for none, all when absent.
    pub(crate) amd_events_subscription: Option<Vec<AmdEvent>>,
    /// Call a number although its owner asked not to be called again. Only with a new consent.
    #[schema(value_type = Option<bool>)]
    pub(crate) ignore_do_not_call: bool,
    /// Which version of the bot's flow: `name@label`, `name@digest`, or what stands behind the `@`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    pub(crate) flow: String,
    /// Not before this moment, at most a year ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) schedule_at: Option<i64>,
    /// Not dialled any more from this moment on. One that has passed is a 422.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<i64>,
    /// As the header `Idempotency-Key`, for a line of a batch.
    #[schema(pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255)]
    pub(crate) idempotency_key: Option<String>,
    /// Say what would become of the call, and do nothing.
    #[schema(value_type = Option<bool>)]
    pub(crate) dry_run: bool,
    /// Fields that are not followed; the answer names them.
    #[schema(ignore)]
    pub(crate) ignored: Vec<String>,
}

/// What happens when a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MachineDetection {
    Disconnect,
    Detect,
    Disabled,
}

impl From<MachineDetection> for flow::MachineDetection {
    fn from(asked: MachineDetection) -> Self {
        match asked {
            MachineDetection::Disconnect => Self::Disconnect,
            MachineDetection::Detect => Self::Detect,
            MachineDetection::Disabled => Self::Disabled,
        }
    }
}

/// When the bot begins to speak to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Greet {
    Early,
    Sure,
}

impl From<Greet> for flow::Greet {
    fn from(asked: Greet) -> Self {
        match asked {
            Greet::Early => Self::Early,
            Greet::Sure => Self::Sure,
        }
    }
}

/// How long detection waits, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timers {
    #[schema(minimum = 100, maximum = 120_000)]
    pub(crate) no_speech_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    pub(crate) decision_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    pub(crate) tone_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    pub(crate) greeting_completion_timeout_ms: Option<u64>,
}

impl From<Timers> for TimerOverrides {
    fn from(asked: Timers) -> Self {
        Self {
            no_speech_timeout_ms: asked.no_speech_timeout_ms,
            decision_timeout_ms: asked.decision_timeout_ms,
            tone_timeout_ms: asked.tone_timeout_ms,
            greeting_completion_timeout_ms: asked.greeting_completion_timeout_ms,
        }
    }
}

/// How the callee is heard in this call.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallControl)]
pub(crate) struct CallControlParameter {
    /// Name or kind of a recogniser.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) stt_provider: Option<String>,
    /// The callee's language, also for words as evidence.
    #[schema(pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
    pub(crate) stt_language: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) stt_label: Option<String>,
    /// Whether words count before the callee has finished.
    pub(crate) interim: Option<bool>,
    /// Silence that ends an answer, ms.
    #[serde(rename = "continuousASRTimeoutInMS")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    pub(crate) continuous_asr_timeout_in_ms: Option<u32>,
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    pub(crate) deepgram_utterance_end_ms: Option<u32>,
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    pub(crate) deepgram_endpointing: Option<u32>,
}
