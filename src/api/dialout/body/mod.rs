//! Reads the body of a dial-out: names in any case and order; every error is reported at once, and fields without effect are
//! listed.

use callcore::amd::EventKind;
use callcore::flow::{self, TimerOverrides};
use callcore::number::Country;

use super::control::control;
use super::parts::{LONGEST_NAME, LONGEST_URL, caller, checked_key, headers};
use super::times::times;
use crate::api::error::{Code, Problem};
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::numbers;
use crate::kore::{AmdEvent, DialOut, Greet, MachineDetection, Timers};
use crate::net::guard::AddressPolicy;
use crate::session::{self, DialRequest, NotifyTarget};

/// How long a call may ring, ms.
const RING_MS: std::ops::RangeInclusive<u32> = 1_000..=300_000;
/// How long each AMD timer may be, ms.
const TIMER_MS: std::ops::RangeInclusive<u32> = 100..=120_000;
/// Words that may make a machine.
const WORDS: std::ops::RangeInclusive<u32> = 1..=1_000;
const MOST_EVENTS: usize = 50;

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
            greet: self.greet.map(flow::Greet::from),
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
        metadata: fields.values("metadata").unwrap_or_default(),
        machine_detection: fields.word(
            "machineDetection",
            &[
                ("disconnect", MachineDetection::Disconnect),
                ("detect", MachineDetection::Detect),
                ("disabled", MachineDetection::Disabled),
            ],
        ),
        greet: fields.word("greet", &[("early", Greet::Early), ("sure", Greet::Sure)]),
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
