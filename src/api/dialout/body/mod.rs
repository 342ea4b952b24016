//! The body of a Kore dial-out request: any case of its names, any order; all that is wrong with it is told at once, and
//! what is not followed is named.

use std::collections::BTreeMap;

use callcore::amd::EventKind;
use callcore::flow::{self, TimerOverrides};
use callcore::number::Country;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::control::{CallControl, control};
use super::parts::{LONGEST_NAME, LONGEST_URL, caller, checked_key, headers};
use super::times::times;
use crate::api::error::{Code, Problem};
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::numbers;
use crate::kore::AmdEvent;
use crate::net::guard::AddressPolicy;
use crate::session::{self, DialRequest, NotifyTarget};

/// How long a call may ring, ms.
const RING_MS: std::ops::RangeInclusive<u32> = 1_000..=300_000;
/// How long each AMD timer may be, ms.
const TIMER_MS: std::ops::RangeInclusive<u32> = 100..=120_000;
/// Words that may make a machine.
const WORDS: std::ops::RangeInclusive<u32> = 1..=1_000;
const MOST_EVENTS: usize = 50;

/// A call to place.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = DialOut, example = json!({
    "target": "tel:+15550003", "caller": "+15550100", "machineDetection": "detect",
    "notifyUrl": "https://example.com/notify",
    "metadata": { "name": "Alex", "amount": "120 dollars", "due": "Friday" }
}))]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DialOut {
    /// The number to call: `tel:` or `sip:`, 3 to 15 digits.
    #[schema(pattern = r"^((tel|sip):)?(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14})$")]
    pub(super) target: String,
    /// The country of a target that does not name its own: `ID`, or its calling code `62`. When absent, that of the flow,
    /// else that of the server.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    pub(super) country: Option<Country>,
    /// Our number, as the callee sees it.
    #[schema(pattern = "^ *[A-Za-z0-9+_.@:;=()-][A-Za-z0-9+_.@:;=() -]*$", max_length = 128)]
    pub(super) caller: Option<String>,
    /// Which carrier, by its name in the configuration; the first one when absent.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) trunk: Option<String>,
    /// The flow's variables: `userName` fills `user_name`, unless that is there, too.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Map<String, Value>,
    /// What the flow says when absent.
    pub(super) machine_detection: Option<MachineDetection>,
    pub(super) timers: Option<Timers>,
    /// Words that make a machine, when there is speech-to-text.
    #[schema(minimum = 1, maximum = 1000)]
    pub(super) threshold_word_count: Option<u32>,
    pub(super) call_control_parameter: Option<CallControl>,
    /// A set of detection parameters by its name in the configuration.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) amd_params: Option<String>,
    /// How long it may ring, ms.
    #[schema(minimum = 1000, maximum = 300_000)]
    pub(super) timeout_in_ms: Option<u64>,
    /// Where status changes are posted.
    #[schema(format = "uri", max_length = 2048)]
    pub(super) notify_url: Option<String>,
    /// Headers to send along with them: 50 at most, each value ASCII of at most 4 KiB, 16 KiB in all. Those that are ours to
    /// write are not followed.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub(super) notify_headers: BTreeMap<String, String>,
    /// AMD events to post; `[]` for none, all when absent.
    pub(super) amd_events_subscription: Option<Vec<AmdEvent>>,
    /// Call a number although its owner asked not to be called again. Only with a new consent.
    #[schema(value_type = Option<bool>)]
    pub(super) ignore_do_not_call: bool,
    /// Which version of the bot's flow: `name@label`, `name@digest`, or what stands behind the `@`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    pub(super) flow: String,
    /// Not before this moment, at most a year ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) schedule_at: Option<i64>,
    /// Not dialled any more from this moment on. One that has passed is a 422.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) expires_at: Option<i64>,
    /// As the header `Idempotency-Key`, for a line of a batch.
    #[schema(pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255)]
    pub(super) idempotency_key: Option<String>,
    /// Say what would become of the call, and do nothing.
    #[schema(value_type = Option<bool>)]
    pub(super) dry_run: bool,
    /// Fields that are not followed; the answer names them.
    #[schema(ignore)]
    pub(super) ignored: Vec<String>,
}

/// What happens when a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum MachineDetection {
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

/// How long detection waits, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timers {
    #[schema(minimum = 100, maximum = 120_000)]
    no_speech_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    decision_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    tone_timeout_ms: Option<u64>,
    #[schema(minimum = 100, maximum = 120_000)]
    greeting_completion_timeout_ms: Option<u64>,
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

impl DialOut {
    /// What is asked of the session, for an app that calls for a bot.
    pub(super) fn request(self, app_id: &str, bot_id: &str) -> DialRequest {
        let headers = self.notify_headers;
        let amd_events = self.amd_events_subscription;
        let amd_events = amd_events.map(|events| events.into_iter().map(EventKind::from).collect());
        DialRequest {
            app_id: app_id.to_owned(),
            bot_id: bot_id.to_owned(),
            flow: self.flow,
            number: self.target,
            country: self.country,
            caller: self.caller,
            trunk: self.trunk,
            metadata: self.metadata,
            // Absent means what the flow says, and a flow that says nothing has it disabled, as at Kore.
            machine_detection: self.machine_detection.map(flow::MachineDetection::from),
            timers: self.timers.map(TimerOverrides::from).unwrap_or_default(),
            threshold_word_count: self.threshold_word_count,
            control: self.call_control_parameter.map(session::CallControl::from).unwrap_or_default(),
            amd_params: self.amd_params,
            ring_timeout_ms: self.timeout_in_ms,
            notify: self.notify_url.map(|url| NotifyTarget { url, headers, amd_events }),
            ignore_do_not_call: self.ignore_do_not_call,
            start_ms: self.schedule_at,
            expires_ms: self.expires_at,
            ..DialRequest::default()
        }
    }
}

/// Whom a request reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) bot_id: &'a str,
    /// What the bot runs.
    pub(super) runs: &'a str,
    /// Which addresses notifications may go to.
    pub(super) policy: &'a AddressPolicy,
    pub(super) now_ms: i64,
}

/// Reads a body.
///
/// # Errors
/// Says all that is wrong with it.
pub(super) fn parse(body: Object, asked: Asked<'_>) -> Result<DialOut, Problem> {
    let mut faults = Faults::default();
    let mut read = body.fields(Names::AnyCase, &mut faults, |fields| read(fields, asked));
    read.ignored = faults.end(Code::Malformed)?;
    Ok(read)
}

fn read(fields: &mut Fields<'_>, asked: Asked<'_>) -> DialOut {
    // The bot is named by the path; bodies name it once more.
    for name in ["bot", "botId"] {
        if fields.take(name).is_some_and(|bot| !bot.is_null() && bot != asked.bot_id) {
            fields.ignore(name);
        }
    }
    let (schedule_at, expires_at) = times(fields, asked.now_ms);
    let country = numbers::country(fields);
    DialOut {
        target: target(fields, country),
        country,
        caller: caller(fields),
        trunk: fields.text("trunk", LONGEST_NAME),
        metadata: fields.object("metadata").unwrap_or_default(),
        machine_detection: fields.word(
            "machineDetection",
            &[
                ("disconnect", MachineDetection::Disconnect),
                ("detect", MachineDetection::Detect),
                ("disabled", MachineDetection::Disabled),
            ],
        ),
        timers: fields.within("timers", timers),
        threshold_word_count: fields.small("thresholdWordCount", WORDS),
        call_control_parameter: control(fields),
        amd_params: fields.text("amdParams", LONGEST_NAME),
        timeout_in_ms: fields.ms("timeoutInMs", RING_MS),
        notify_url: notify_url(fields, asked.policy),
        notify_headers: headers(fields, "notifyHeaders"),
        amd_events_subscription: amd_events(fields),
        ignore_do_not_call: fields.yes("ignoreDoNotCall").unwrap_or_default(),
        flow: version(fields, asked),
        schedule_at,
        expires_at,
        idempotency_key: fields
            .any_text("idempotencyKey")
            .and_then(|key| fields.checked("idempotencyKey", |_| checked_key(&key))),
        dry_run: fields.yes("dryRun").unwrap_or_default(),
        ignored: Vec::new(),
    }
}

fn target(fields: &mut Fields<'_>, country: Option<Country>) -> String {
    let example = "give the number to call, as in \"tel:911234567890\"";
    let (number, ignored) =
        fields.required("target", example, |fields, name| numbers::number(fields, name, country));
    for part in ignored {
        fields.ignore(&format!("target.{part}"));
    }
    number
}

fn timers(fields: &mut Fields<'_>) -> Timers {
    Timers {
        no_speech_timeout_ms: fields.ms("noSpeechTimeoutMs", TIMER_MS),
        decision_timeout_ms: fields.ms("decisionTimeoutMs", TIMER_MS),
        tone_timeout_ms: fields.ms("toneTimeoutMs", TIMER_MS),
        greeting_completion_timeout_ms: fields.ms("greetingCompletionTimeoutMs", TIMER_MS),
    }
}

/// Where status changes go. What belongs to notifications is not followed where none are sent.
fn notify_url(fields: &mut Fields<'_>, policy: &AddressPolicy) -> Option<String> {
    let lonely = !fields.holds("notifyUrl");
    for name in ["notifyHeaders", "amdEventsSubscription"] {
        if lonely && fields.holds(name) {
            fields.ignore(name);
        }
    }
    fields.read("notifyUrl", LONGEST_URL, |url| {
        policy.check(url).map(|_| url.to_owned()).map_err(|error| error.to_string())
    })
}

fn amd_events(fields: &mut Fields<'_>) -> Option<Vec<AmdEvent>> {
    fields.list("amdEventsSubscription", MOST_EVENTS, |name| {
        let event = serde_json::from_value::<EventKind>(name.into());
        event.map(AmdEvent::from).map_err(|_| format!("\"{}\" is not an AMD event", name.escape_debug()))
    })
}

/// The version to run: that of the bot, or another one of the same flow.
fn version(fields: &mut Fields<'_>, asked: Asked<'_>) -> String {
    let pinned = fields.read("flow", LONGEST_NAME, |pin| pinned(asked, pin));
    pinned.unwrap_or_else(|| asked.runs.to_owned())
}

fn pinned(Asked { bot_id, runs, .. }: Asked<'_>, pin: &str) -> Result<String, String> {
    let name = runs.split('@').next().unwrap_or_default();
    match pin.split_once('@') {
        None if pin == name => Ok(name.to_owned()),
        None => Ok(format!("{name}@{pin}")),
        Some((flow, version)) if flow == name || flow.is_empty() => Ok(format!("{name}@{version}")),
        Some((flow, _)) => Err(format!(
            "the bot {bot_id} runs the flow `{name}`, not `{flow}`; choose a version of it, as in \"{name}@latest\""
        )),
    }
}

#[cfg(test)]
mod tests;
