//! The body of a dial-out and its answer, as the description shows them. `api::dialout` reads the body, in any
//! case of its names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A call to place.
#[derive(ToSchema)]
#[schema(as = DialOut, example = json!({
    "target": "tel:+15550003", "caller": "+15550100", "machineDetection": "detect",
    "notifyUrl": "https://example.com/notify",
    "metadata": { "name": "Alex", "amount": "120 dollars", "due": "Friday" }
}))]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts; the values are read by `api::dialout`")]
pub(in crate::api) struct DialOutBody {
    /// The number to call: `tel:` or `sip:`, 3 to 20 digits.
    #[schema(pattern = r"^((tel|sip):)?\+?[0-9 .()-]{3,30}")]
    target: String,
    /// Our number, as the callee sees it.
    caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent.
    trunk: Option<String>,
    /// The flow's variables.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// What the flow says when absent.
    machine_detection: Option<MachineDetection>,
    timers: Option<Timers>,
    /// Words that make a machine, when there is speech-to-text.
    #[schema(minimum = 1)]
    threshold_word_count: Option<u32>,
    call_control_parameter: Option<CallControl>,
    /// A set of detection parameters by its name in the configuration.
    amd_params: Option<String>,
    /// How long it may ring, ms.
    #[schema(minimum = 1000, maximum = 300_000)]
    timeout_in_ms: Option<u64>,
    /// Where status changes are posted.
    #[schema(format = "uri")]
    notify_url: Option<String>,
    /// Headers to send along with them.
    notify_headers: Option<BTreeMap<String, String>>,
    /// AMD events to post; `[]` for none, all when absent.
    amd_events_subscription: Option<Vec<super::webhooks::AmdEvent>>,
    /// Call a number although its owner asked not to be called again. Only with a new consent.
    ignore_do_not_call: Option<bool>,
}

/// What happens when a machine answers.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is the shape that counts")]
enum MachineDetection {
    Disconnect,
    Detect,
    Disabled,
}

/// How long detection waits, ms.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
struct Timers {
    #[schema(minimum = 100, maximum = 120_000)]
    no_speech_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    decision_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    tone_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    greeting_completion_timeout_ms: Option<u64>,
}

/// Settings of the recogniser; of these the language has an effect.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
struct CallControl {
    /// The callee's language, for words as evidence.
    stt_language: Option<String>,
}

/// The call was accepted and written down.
#[derive(ToSchema)]
#[schema(as = DialOutAccepted)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
pub(in crate::api) struct DialOutReply {
    /// The caller's handle on the request.
    sid: String,
    call_id: String,
    /// The same as `callId`; notifications carry it.
    conversation_id: String,
}
