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
    /// The number to call: `tel:` or `sip:`, 3 to 15 digits.
    #[schema(pattern = r"^((tel|sip):)?(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14})$")]
    target: String,
    /// The country of a target that does not name its own: `ID`, or its calling code `62`. When absent, that of the flow,
    /// else that of the server.
    #[schema(pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<String>,
    /// Our number, as the callee sees it.
    #[schema(pattern = "^ *[A-Za-z0-9+_.@:;=()-][A-Za-z0-9+_.@:;=() -]*$", max_length = 128)]
    caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent.
    #[schema(min_length = 1, max_length = 128)]
    trunk: Option<String>,
    /// The flow's variables: `userName` fills `user_name`, unless that is there, too.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// What the flow says when absent.
    machine_detection: Option<MachineDetection>,
    timers: Option<Timers>,
    /// Words that make a machine, when there is speech-to-text.
    #[schema(minimum = 1, maximum = 1000)]
    threshold_word_count: Option<u32>,
    call_control_parameter: Option<CallControl>,
    /// A set of detection parameters by its name in the configuration.
    #[schema(min_length = 1, max_length = 128)]
    amd_params: Option<String>,
    /// How long it may ring, ms.
    #[schema(minimum = 1000, maximum = 300_000)]
    timeout_in_ms: Option<u64>,
    /// Where status changes are posted.
    #[schema(format = "uri", max_length = 2048)]
    notify_url: Option<String>,
    /// Headers to send along with them: 50 at most, each value ASCII of at most 4 KiB, 16 KiB in all. Those that are ours to
    /// write are not followed.
    notify_headers: Option<BTreeMap<String, String>>,
    /// AMD events to post; `[]` for none, all when absent.
    amd_events_subscription: Option<Vec<super::webhooks::AmdEvent>>,
    /// Call a number although its owner asked not to be called again. Only with a new consent.
    ignore_do_not_call: Option<bool>,
    /// Which version of the bot's flow: `name@label`, `name@digest`, or what stands behind the `@`.
    #[schema(min_length = 1, max_length = 128)]
    flow: Option<String>,
    /// Not before this moment, at most a year ahead.
    #[schema(format = DateTime)]
    schedule_at: Option<String>,
    /// Not dialled any more from this moment on. One that has passed is a 422.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// As the header `Idempotency-Key`, for a line of a batch.
    #[schema(pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
    /// Say what would become of the call, and do nothing.
    dry_run: Option<bool>,
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

/// How the callee is heard in this call.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
struct CallControl {
    /// Name or kind of a recogniser.
    #[schema(min_length = 1, max_length = 64)]
    stt_provider: Option<String>,
    /// The callee's language, also for words as evidence.
    #[schema(pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
    stt_language: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    stt_label: Option<String>,
    /// Whether words count before the callee has finished.
    interim: Option<bool>,
    /// Silence that ends an answer, ms.
    #[serde(rename = "continuousASRTimeoutInMS")]
    #[schema(minimum = 0, maximum = 60_000)]
    continuous_asr_timeout_in_ms: Option<u64>,
    #[schema(minimum = 0, maximum = 60_000)]
    deepgram_utterance_end_ms: Option<u64>,
    #[schema(minimum = 0, maximum = 60_000)]
    deepgram_endpointing: Option<u64>,
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
    /// When a call with `scheduleAt` will be dialled.
    #[schema(format = DateTime)]
    scheduled_at: Option<String>,
}

/// What would become of a call.
#[derive(ToSchema)]
#[schema(as = DialOutForecast)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
pub(in crate::api) struct Forecast {
    dry_run: bool,
    would_dial: bool,
    /// `now`, `queued`, `scheduled` or `never`.
    when: String,
    /// Calls that would be dialled first.
    ahead: Option<u64>,
    #[schema(format = DateTime)]
    scheduled_at: Option<String>,
    /// What the real request would be answered.
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
    /// The trunk: `name`, `lines` (null without a limit), `busy`, `waiting`.
    #[schema(value_type = Option<Object>)]
    trunk: Option<Value>,
    /// `name` and `digest` of the version that would run.
    #[schema(value_type = Option<Object>)]
    flow: Option<Value>,
    estimated_minutes: Option<f64>,
    estimate_basis: Option<String>,
}

/// What a dial-out is answered.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is the shape that counts")]
pub(in crate::api) enum DialOutAnswer {
    Accepted(DialOutReply),
    Forecast(Forecast),
}

/// The result of one line of a batch.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is the shape that counts")]
pub(in crate::api) struct BatchLine {
    /// From 1; empty lines count and have no result.
    line: u32,
    /// As if the line had been a request of its own.
    status: u16,
    sid: Option<String>,
    call_id: Option<String>,
    conversation_id: Option<String>,
    /// The answer of an earlier line or request with the same key.
    replayed: Option<bool>,
    ignored_fields: Option<Vec<String>>,
    /// Of a line that was refused.
    code: Option<String>,
    detail: Option<String>,
    errors: Option<Vec<crate::api::error::FieldProblem>>,
    /// Of a line with the status 429: after how many seconds to send it again.
    retry_after: Option<u64>,
}
