//! The body of a Kore dial-out request: any case of its names, any order, unknown fields reported.

use std::collections::BTreeMap;

use callcore::amd::EventKind;
use callcore::flow::{MachineDetection, TimerOverrides};
use serde_json::{Map, Value};

use crate::session::{BadControl, CallControl};

/// Shortest and longest number accepted, digits.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 3..=20;
/// How long a call may ring, ms.
const RING_MS: std::ops::RangeInclusive<u64> = 1_000..=300_000;
/// How long each AMD timer may be, ms.
const TIMER_MS: std::ops::RangeInclusive<u64> = 100..=120_000;

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
    pub(super) control: CallControl,
    pub(super) amd_params: Option<String>,
    pub(super) ring_timeout_ms: Option<u64>,
    pub(super) notify_url: Option<String>,
    pub(super) notify_headers: BTreeMap<String, String>,
    pub(super) amd_events: Option<Vec<EventKind>>,
    pub(super) ignore_do_not_call: bool,
    /// Fields that mean nothing here; the reply names them.
    pub(super) ignored: Vec<String>,
}

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(super) struct Invalid {
    pub(super) field: &'static str,
    pub(super) problem: String,
}

impl From<BadControl> for Invalid {
    fn from(BadControl { field, problem }: BadControl) -> Self {
        Self { field, problem }
    }
}

fn invalid<T>(field: &'static str, problem: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { field, problem: problem.into() })
}

/// Fields that Kore documents and that are accepted without effect today.
const WITHOUT_EFFECT: [&str; 2] = ["bot", "botid"];

/// Reads a body.
pub(super) fn parse(body: Map<String, Value>) -> Result<DialOut, Invalid> {
    let mut fields = Fields::new(body);
    let number = number(fields.text("target")?)?;
    let caller = fields.text("caller")?;
    let trunk = fields.text("trunk")?;
    let metadata = fields.object("metadata")?.unwrap_or_default();
    let machine_detection = match fields.text("machineDetection")? {
        None => None,
        Some(mode) => Some(machine_detection(&mode)?),
    };
    let timers = timers(fields.object("timers")?.unwrap_or_default())?;
    let threshold_word_count = match fields.whole("thresholdWordCount")? {
        None => None,
        Some(count) => match u32::try_from(count) {
            Ok(count) if count > 0 => Some(count),
            _ => return invalid("thresholdWordCount", "must be a whole number above 0"),
        },
    };
    let (control, strange) = CallControl::read(fields.object("callControlParameter")?.unwrap_or_default())?;
    let amd_params = fields.text("amdParams")?;
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
        ignored: fields.rest().into_iter().chain(strange).collect(),
    })
}

/// A JSON object whose names are looked up in any case.
struct Fields(BTreeMap<String, (String, Value)>);

impl Fields {
    fn new(body: Map<String, Value>) -> Self {
        Self(body.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), (name, value))).collect())
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(&field.to_ascii_lowercase()).map(|(_, value)| value)
    }

    fn text(&mut self, field: &'static str) -> Result<Option<String>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => invalid(field, "must be a text in quotes"),
        }
    }

    fn whole(&mut self, field: &'static str) -> Result<Option<u64>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => invalid(field, "must be a whole number, 0 or more"),
            },
        }
    }

    fn yes(&mut self, field: &'static str) -> Result<bool, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(yes)) => Ok(yes),
            Some(_) => invalid(field, "must be true or false"),
        }
    }

    fn object(&mut self, field: &'static str) -> Result<Option<Map<String, Value>>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => invalid(field, "must be an object, { … }"),
        }
    }

    fn rest(self) -> Vec<String> {
        let known = |name: &str| WITHOUT_EFFECT.contains(&name);
        self.0.into_iter().filter(|(name, _)| !known(name)).map(|(_, (name, _))| name).collect()
    }
}

/// The number to dial from `tel:` or `sip:` or a bare number: digits, with a leading plus when given.
fn number(target: Option<String>) -> Result<String, Invalid> {
    let Some(target) = target else {
        return invalid("target", "is missing; give the number to call, as in \"tel:911234567890\"");
    };
    let user = match target.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tel") => rest,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => {
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

fn timers(given: Map<String, Value>) -> Result<TimerOverrides, Invalid> {
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
    Ok(parsed)
}

fn headers(given: Map<String, Value>) -> Result<BTreeMap<String, String>, Invalid> {
    given
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            Value::Number(value) => Ok((name, value.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                invalid("notifyHeaders", format!("the value of \"{name}\" must be a text"))
            }
        })
        .collect()
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

    fn parsed(body: Value) -> Result<DialOut, String> {
        parse(body.as_object().cloned().unwrap()).map_err(|e| e.to_string())
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
            "callControlParameter": {"sttProvider": "deepgram"},
            "metadata": {"userName": "John Doe"}
        });
        let dial = parsed(sample).unwrap();
        assert_eq!((dial.number.as_str(), dial.trunk.as_deref()), ("911234567890", Some("TRUNK")));
        assert_eq!(dial.timers.greeting_completion_timeout_ms, Some(10_000));
        assert_eq!(dial.machine_detection, Some(MachineDetection::Detect));
        assert_eq!(dial.notify_headers.get("x-channel-type").map(String::as_str), Some("X42_IVR"));
        assert_eq!((dial.amd_events, dial.ignored), (None, vec![]));
    }

    #[test]
    fn names_are_taken_in_any_case_and_strangers_are_reported() {
        let dial =
            parsed(json!({"TARGET": "sip:+628123@1.2.3.4:5060", "NotifyURL": "https://x", "colour": 1}))
                .unwrap();
        assert_eq!((dial.number.as_str(), dial.notify_url.as_deref()), ("+628123", Some("https://x")));
        assert_eq!(dial.ignored, ["colour"]);
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
        ] {
            let error = parsed(body).unwrap_err();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
