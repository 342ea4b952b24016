//! The body of a Kore dial-out request: any case of its names, any order, unknown fields reported.

use std::collections::BTreeMap;

use callcore::amd::EventKind;
use callcore::flow::{MachineDetection, TimerOverrides};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::fields::{Fields, Invalid, invalid};
use super::times::times;
use crate::session::{BadControl, CallControl};

/// Shortest and longest number accepted, digits.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 3..=20;
/// How long a call may ring, ms.
const RING_MS: std::ops::RangeInclusive<u64> = 1_000..=300_000;
/// How long each AMD timer may be, ms.
const TIMER_MS: std::ops::RangeInclusive<u64> = 100..=120_000;
/// Most headers to send along with notifications.
const MOST_HEADERS: usize = 50;
/// Longest name of a caller, a trunk, a flow or a recogniser, characters.
const LONGEST_NAME: usize = 128;

/// What a dial-out asks for, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DialOut {
    pub(super) number: String,
    pub(super) caller: Option<String>,
    pub(super) trunk: Option<String>,
    pub(super) metadata: Map<String, Value>,
    pub(super) machine_detection: Option<MachineDetection>,
    pub(super) timers: TimerOverrides,
    pub(super) threshold_word_count: Option<u32>,
    /// How the call is to be heard.
    pub(super) control: CallControl,
    pub(super) amd_params: Option<String>,
    pub(super) ring_timeout_ms: Option<u64>,
    pub(super) notify_url: Option<String>,
    pub(super) notify_headers: BTreeMap<String, String>,
    pub(super) amd_events: Option<Vec<EventKind>>,
    pub(super) ignore_do_not_call: bool,
    /// Which version of the bot's flow.
    pub(super) flow: Option<String>,
    /// Not before, ms since 1970.
    pub(super) start_ms: Option<i64>,
    /// Not from then on, ms since 1970.
    pub(super) expires_ms: Option<i64>,
    pub(super) idempotency_key: Option<String>,
    /// Say what would become of it, and do nothing.
    pub(super) dry_run: bool,
    /// Fields that mean nothing here; the reply names them.
    pub(super) ignored: Vec<String>,
}

/// Reads a body that came at `now_ms`.
pub(super) fn parse(body: Map<String, Value>, now_ms: i64) -> Result<DialOut, Invalid> {
    let mut fields = Fields::new(body);
    // The bot is named by the path; bodies name it once more.
    let _named_again = (fields.take("bot"), fields.take("botId"));
    let number = number(fields.text("target")?)?;
    let caller = caller(fields.text("caller")?)?;
    let trunk = name("trunk", fields.text("trunk")?)?;
    let metadata = fields.object("metadata")?.unwrap_or_default();
    let machine_detection = match fields.text("machineDetection")? {
        None => None,
        Some(mode) => Some(machine_detection(&mode)?),
    };
    let (timers, strange_timers) = timers(fields.object("timers")?.unwrap_or_default())?;
    let threshold_word_count = match fields.whole("thresholdWordCount")? {
        None => None,
        Some(count) => match u32::try_from(count) {
            Ok(count) if count > 0 => Some(count),
            _ => return invalid("thresholdWordCount", "must be a whole number above 0"),
        },
    };
    let control = fields.object("callControlParameter")?.unwrap_or_default();
    let (control, strange_controls) = CallControl::read(control)?;
    let amd_params = name("amdParams", fields.text("amdParams")?)?;
    let ring_timeout_ms = fields.whole("timeoutInMs")?;
    if ring_timeout_ms.is_some_and(|ms| !RING_MS.contains(&ms)) {
        return invalid("timeoutInMs", "must lie between 1000 and 300000 milliseconds");
    }
    let notify_url = fields.text("notifyUrl")?;
    let notify_headers = headers(fields.object("notifyHeaders")?.unwrap_or_default())?;
    let amd_events = match fields.take("amdEventsSubscription") {
        None | Some(Value::Null) => None,
        Some(value) => Some(subscription(&value)?),
    };
    let ignore_do_not_call = fields.yes("ignoreDoNotCall")?;
    let flow = name("flow", fields.text("flow")?)?;
    let (start_ms, expires_ms) = times(fields.text("scheduleAt")?, fields.text("expiresAt")?, now_ms)?;
    let idempotency_key = fields.text("idempotencyKey")?;
    let dry_run = fields.yes("dryRun")?;
    let ignored = fields.rest("").chain(strange_timers).chain(strange_controls).collect();
    Ok(DialOut {
        number,
        caller,
        trunk,
        metadata,
        machine_detection,
        timers,
        threshold_word_count,
        control,
        amd_params,
        ring_timeout_ms,
        notify_url,
        notify_headers,
        amd_events,
        ignore_do_not_call,
        flow,
        start_ms,
        expires_ms,
        idempotency_key,
        dry_run,
        ignored,
    })
}

impl From<BadControl> for Invalid {
    fn from(BadControl { field, problem }: BadControl) -> Self {
        Self { field, problem }
    }
}

/// A name of something, short enough to be one.
fn name(field: &'static str, text: Option<String>) -> Result<Option<String>, Invalid> {
    match text {
        Some(text) if text.chars().count() > LONGEST_NAME => {
            invalid(field, format!("is longer than {LONGEST_NAME} characters"))
        }
        text => Ok(text),
    }
}

/// Our number or its user part. Carriers want letters and digits at most, and no line breaks in a header.
fn caller(text: Option<String>) -> Result<Option<String>, Invalid> {
    let text = name("caller", text)?;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._@:;=() ".contains(c));
    match text {
        Some(text) if !plain(&text) => {
            invalid("caller", "has signs that no caller id has; give a number, as in \"+6221555\"")
        }
        text => Ok(text),
    }
}

/// The number to dial from `tel:` or `sip:` or a bare number: digits, with a leading plus when given.
fn number(target: Option<String>) -> Result<String, Invalid> {
    let Some(target) = target else {
        return invalid("target", "is missing; give the number to call, as in \"tel:911234567890\"");
    };
    let user = match target.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tel") => rest,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") => {
            rest.split('@').next().unwrap_or_default()
        }
        Some((scheme, _)) => {
            return invalid("target", format!("starts with \"{scheme}:\"; use tel: or sip:"));
        }
        None => target.as_str(),
    };
    let user = user.split(';').next().unwrap_or_default();
    let digits: String = user.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let bare = digits.strip_prefix('+').unwrap_or(&digits);
    if !NUMBER_DIGITS.contains(&bare.len()) || !bare.bytes().all(|b| b.is_ascii_digit()) {
        return invalid("target", "is not a phone number: 3 to 20 digits, with the country code, are needed");
    }
    Ok(digits)
}

fn machine_detection(mode: &str) -> Result<MachineDetection, Invalid> {
    match mode.to_ascii_lowercase().as_str() {
        "disconnect" => Ok(MachineDetection::Disconnect),
        "detect" => Ok(MachineDetection::Detect),
        "disabled" => Ok(MachineDetection::Disabled),
        _ => invalid("machineDetection", "must be \"disconnect\", \"detect\" or \"disabled\""),
    }
}

/// The timers, and the names among them that mean nothing.
fn timers(given: Map<String, Value>) -> Result<(TimerOverrides, Vec<String>), Invalid> {
    let mut fields = Fields::new(given);
    let mut parsed = TimerOverrides::default();
    let slots: [(&'static str, &mut Option<u64>); 4] = [
        ("noSpeechTimeoutMs", &mut parsed.no_speech_timeout_ms),
        ("decisionTimeoutMs", &mut parsed.decision_timeout_ms),
        ("toneTimeoutMs", &mut parsed.tone_timeout_ms),
        ("greetingCompletionTimeoutMs", &mut parsed.greeting_completion_timeout_ms),
    ];
    for (field, slot) in slots {
        if let Some(ms) = fields.whole(field)? {
            if !TIMER_MS.contains(&ms) {
                return invalid(field, "must lie between 100 and 120000 milliseconds");
            }
            *slot = Some(ms);
        }
    }
    Ok((parsed, fields.rest("timers.").collect()))
}

pub(super) fn headers(given: Map<String, Value>) -> Result<BTreeMap<String, String>, Invalid> {
    if given.len() > MOST_HEADERS {
        return invalid("notifyHeaders", format!("has more than {MOST_HEADERS} headers"));
    }
    given.into_iter().map(header).collect()
}

fn header((name, value): (String, Value)) -> Result<(String, String), Invalid> {
    let wrong = |why: &str| invalid("notifyHeaders", format!("{why} \"{}\"", name.escape_default()));
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return wrong("a text is needed as the value of"),
    };
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return wrong("this cannot be the name of a header:");
    }
    if HeaderValue::from_str(&text).is_err() {
        return wrong("there are signs that no header can carry in the value of");
    }
    Ok((name, text))
}

fn subscription(value: &Value) -> Result<Vec<EventKind>, Invalid> {
    let Some(names) = value.as_array() else {
        return invalid("amdEventsSubscription", "must be a list of AMD event names, [] for none");
    };
    let event = |name: &Value| match serde_json::from_value::<EventKind>(name.clone()) {
        Ok(kind) => Ok(kind),
        Err(_) => invalid("amdEventsSubscription", format!("{name} is not an AMD event")),
    };
    names.iter().map(event).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_750_942_157_600;

    fn parsed(body: Value) -> Result<DialOut, String> {
        parse(body.as_object().cloned().unwrap(), NOW).map_err(|e| e.to_string())
    }

    #[test]
    fn the_documented_sample_is_understood() {
        let sample = json!({
            "bot": "st-e38782ff", "target": "tel:911234567890", "caller": "+11234567890", "trunk": "TRUNK",
            "timers": {"noSpeechTimeoutMs": 12000, "decisionTimeoutMs": 15000, "toneTimeoutMs": 20000,
                       "greetingCompletionTimeoutMs": 10000},
            "timeoutInMs": 60000, "thresholdWordCount": 4, "machineDetection": "detect",
            "notifyurl": "https://example.com/notify",
            "notifyHeaders": {"Accept": "application/json", "x-channel-type": "X42_IVR"},
            "callControlParameter": {"sttProvider": "deepgram", "sttLanguage": "en-AU", "interim": true,
                "sttLabel": "deepgram-abcd", "continuousASRTimeoutInMS": 2000,
                "deepgramUtteranceEndMs": 1000, "deepgramEndpointing": 300},
            "metadata": {"userName": "John Doe"}
        });
        let dial = parsed(sample).unwrap();
        assert_eq!((dial.number.as_str(), dial.trunk.as_deref()), ("911234567890", Some("TRUNK")));
        assert_eq!(dial.timers.greeting_completion_timeout_ms, Some(10_000));
        assert_eq!(dial.machine_detection, Some(MachineDetection::Detect));
        assert_eq!(dial.notify_headers.get("x-channel-type").map(String::as_str), Some("X42_IVR"));
        assert_eq!((dial.amd_events, dial.ignored), (None, vec![]));
        assert_eq!(dial.control.language.as_deref(), Some("en-AU"));
        assert_eq!((dial.control.interim, dial.control.continuous_ms), (Some(true), Some(2_000)));
    }

    #[test]
    fn names_are_taken_in_any_case_and_strangers_are_reported() {
        let dial =
            parsed(json!({"TARGET": "sip:+628123@1.2.3.4:5060", "NotifyURL": "https://x", "colour": 1}))
                .unwrap();
        assert_eq!((dial.number.as_str(), dial.notify_url.as_deref()), ("+628123", Some("https://x")));
        assert_eq!(dial.ignored, ["colour"]);
        let dial = parsed(json!({
            "target": "tel:+62 812-345.67", "timers": {"foo": 1, "decisiontimeoutms": 500.0},
            "callControlParameter": {"sttMood": "good"}, "botId": "x", "Shade": 2
        }))
        .unwrap();
        assert_eq!((dial.number.as_str(), dial.timers.decision_timeout_ms), ("+6281234567", Some(500)));
        assert_eq!(dial.ignored, ["Shade", "timers.foo", "callControlParameter.sttMood"]);
    }

    #[test]
    fn an_empty_subscription_is_not_an_absent_one() {
        let dial = parsed(json!({"target": "tel:123", "amdEventsSubscription": []})).unwrap();
        assert_eq!(dial.amd_events, Some(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({}), "target"),
            (json!({"target": "tel:12ab"}), "target"),
            (json!({"target": "mailto:a@b"}), "target"),
            (json!({"target": 7}), "target"),
            (json!({"target": "tel:123", "machineDetection": "maybe"}), "machineDetection"),
            (json!({"target": "tel:123", "timeoutInMs": 5}), "timeoutInMs"),
            (json!({"target": "tel:123", "timers": {"decisionTimeoutMs": -1}}), "decisionTimeoutMs"),
            (json!({"target": "tel:123", "amdEventsSubscription": ["amd_joy"]}), "amdEventsSubscription"),
            (json!({"target": "tel:123", "ignoreDoNotCall": "yes"}), "ignoreDoNotCall"),
            (json!({"target": "sip:alice@example.com"}), "target"),
            (json!({"target": "tel:123", "caller": "a\nb"}), "caller"),
            (json!({"target": "tel:123", "caller": "1".repeat(200)}), "caller"),
            (json!({"target": "tel:123", "trunk": 1}), "trunk"),
            (json!({"target": "tel:123", "flow": ["x"]}), "flow"),
            (json!({"target": "tel:123", "metadata": [1]}), "metadata"),
            (json!({"target": "tel:123", "thresholdWordCount": 0}), "thresholdWordCount"),
            (json!({"target": "tel:123", "thresholdWordCount": 1.5}), "thresholdWordCount"),
            (json!({"target": "tel:123", "timers": 7}), "timers"),
            (json!({"target": "tel:123", "timers": {"toneTimeoutMs": 1e9}}), "toneTimeoutMs"),
            (json!({"target": "tel:123", "notifyUrl": 7}), "notifyUrl"),
            (json!({"target": "tel:123", "notifyHeaders": {"a b": "x"}}), "notifyHeaders"),
            (json!({"target": "tel:123", "notifyHeaders": {"a": "x\r\ny: z"}}), "notifyHeaders"),
            (json!({"target": "tel:123", "notifyHeaders": {"a": {}}}), "notifyHeaders"),
            (json!({"target": "tel:123", "callControlParameter": "deepgram"}), "callControlParameter"),
            (json!({"target": "tel:123", "callControlParameter": {"interim": "yes"}}), "interim"),
            (
                json!({"target": "tel:123", "callControlParameter": {"deepgramEndpointing": 600000}}),
                "deepgramEndpointing",
            ),
            (json!({"target": "tel:123", "scheduleAt": "soon"}), "scheduleAt"),
            (json!({"target": "tel:123", "expiresAt": 5}), "expiresAt"),
            (json!({"target": "tel:123", "dryRun": 1}), "dryRun"),
        ] {
            let error = parsed(body).unwrap_err();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
