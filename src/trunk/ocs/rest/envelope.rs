//! How a carrier's REST side wraps its answers, and how it says no.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::trunk::carrier_json::Text;
use crate::trunk::order::DialError;

/// How long a carrier is left alone that has too much to do and does not say for how long.
const USUAL_WAIT: Duration = Duration::from_secs(2);
/// No carrier is waited for any longer, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Why the carrier's REST side did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    #[error("{0}")]
    Transport(String),
    #[error("{status}: {reason}")]
    Status { status: u16, reason: String },
    /// It has too much to do and asks to wait.
    #[error("{status}: {reason}; to be asked again in {} s", wait.as_secs_f32())]
    Busy { status: u16, reason: String, wait: Duration },
    #[error("{0}")]
    Answer(String),
}

impl RestError {
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        // reqwest's own text stops before the cause, which is what helps.
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Self::Transport(text)
    }

    /// Whether the same request may succeed a little later.
    pub(in crate::trunk::ocs) const fn may_pass(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Busy { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Answer(_) => false,
        }
    }

    pub(super) fn into_dial_error(self, number: &str) -> DialError {
        match self {
            Self::Status { status: 400 | 422, reason } => {
                DialError::BadNumber { number: number.to_owned(), reason }
            }
            Self::Status { status: status @ (401 | 403), reason } => {
                DialError::Unauthorized { reason: format!("{status}: {reason}") }
            }
            Self::Status { status: 404, reason } => DialError::Protocol {
                reason: format!("it has no POST /pbx/call (404: {reason}); check the trunk's base URL"),
            },
            Self::Status { status, reason } => {
                DialError::Unavailable { reason: format!("{status}: {reason}") }
            }
            Self::Busy { status, reason, wait } => {
                DialError::Busy { reason: format!("{status}: {reason}"), wait }
            }
            Self::Transport(reason) => DialError::Unavailable { reason },
            Self::Answer(reason) => DialError::Protocol { reason },
        }
    }
}

/// Answers are `{status, errors, data}`; a failure may come as HTTP status, as `status` under HTTP 200, or
/// as the 1.0.5 form `{code, message, errors: {field: […]}}`.
pub(super) fn unwrap_envelope(answer: &Answer) -> Result<Value, RestError> {
    whole_envelope(answer).map(|mut envelope| envelope.get_mut("data").map(Value::take).unwrap_or_default())
}

/// As [`unwrap_envelope`], with what stands beside `data`.
pub(super) fn whole_envelope(answer: &Answer) -> Result<Value, RestError> {
    let Answer { http, wait, ref body } = *answer;
    let parsed: Result<Value, _> = serde_json::from_slice(body.as_slice());
    let envelope = match parsed {
        Ok(envelope) => envelope,
        Err(error) if http.is_success() => {
            return Err(RestError::Answer(format!("the answer is not JSON: {error}")));
        }
        Err(_) => Value::Null,
    };
    let stated = ["status", "code"].iter().find_map(|field| whole(envelope.get(field)?));
    let status = match stated {
        Some(stated) if http.is_success() => u16::try_from(stated).unwrap_or(500),
        _ => http.as_u16(),
    };
    if (200..300).contains(&status) {
        return Ok(envelope);
    }
    let fallback = || http.canonical_reason().unwrap_or("no reason given").to_owned();
    let reason = reason(&envelope).unwrap_or_else(fallback);
    match (status, wait) {
        (429, wait) => Err(RestError::Busy { status, reason, wait: wait.unwrap_or(USUAL_WAIT) }),
        (503, Some(wait)) => Err(RestError::Busy { status, reason, wait }),
        _ => Err(RestError::Status { status, reason }),
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) http: StatusCode,
    /// For how long the carrier asks to be left alone.
    pub(super) wait: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// `Retry-After`: seconds, or the time until which to wait.
pub(super) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        // The zone of HTTP is written GMT, which RFC 2822 reads, too.
        Err(_) => {
            let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
            Duration::try_from(until - now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

fn whole(value: &Value) -> Option<u64> {
    Text::deserialize(value).ok()?.whole()
}

fn reason(envelope: &Value) -> Option<String> {
    let errors = match envelope.get("errors") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(fields)) => {
            let told: Vec<String> =
                fields.iter().map(|(field, why)| format!("{field}: {}", plain(why))).collect();
            told.join("; ")
        }
        Some(Value::Array(list)) => list.iter().map(plain).collect::<Vec<_>>().join("; "),
        _ => String::new(),
    };
    let message = envelope.get("message").map(plain).unwrap_or_default();
    let text = if errors.is_empty() { message } else { errors };
    (!text.is_empty()).then(|| text.chars().take(300).collect())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(http: u16, wait: Option<Duration>, body: &str) -> Answer {
        Answer { http: StatusCode::from_u16(http).expect("a status"), wait, body: body.into() }
    }

    fn dial_error(http: u16, body: &str) -> DialError {
        unwrap_envelope(&answer(http, None, body)).expect_err("a failure").into_dial_error("0811")
    }

    #[test]
    fn a_carrier_that_has_too_much_to_do_says_for_how_long() {
        let wait = |http, wait: Option<u64>, body: &str| {
            let answer = answer(http, wait.map(Duration::from_secs), body);
            let error = unwrap_envelope(&answer).expect_err("a failure").into_dial_error("0811");
            if let DialError::Busy { wait, .. } = error { Some(wait.as_secs()) } else { None }
        };
        assert_eq!(wait(429, Some(7), ""), Some(7));
        assert_eq!(wait(429, None, "Too Many Requests"), Some(USUAL_WAIT.as_secs()));
        assert_eq!(wait(200, Some(3), r#"{"status":429,"errors":"too many calls","data":null}"#), Some(3));
        assert_eq!(wait(429, Some(3), r#"{"code":429,"message":"Too many"}"#), Some(3));
        assert_eq!(wait(503, Some(5), ""), Some(5));
        assert_eq!((wait(503, None, ""), wait(500, Some(5), "")), (None, None));
    }

    #[test]
    fn the_time_to_wait_is_read_in_both_forms_of_http() {
        let now = OffsetDateTime::from_unix_timestamp(1_445_412_480).expect("21 October 2015, 07:28:00");
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a header"))]);
            retry_after(&headers, now).map(|wait| wait.as_millis())
        };
        assert_eq!(read("3"), Some(3_000));
        assert_eq!(read(" 0.5 "), Some(500));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:30 GMT"), Some(30_000));
        assert_eq!(read("Wed, 21 Oct 2015 07:27:00 GMT"), Some(0));
        assert_eq!(read("99999999"), Some(LONGEST_WAIT.as_millis()));
        assert_eq!((read("soon"), read("-1"), read("NaN")), (None, None, None));
    }

    #[test]
    fn documented_failures_become_dial_errors_that_say_why() {
        let bad = dial_error(400, r#"{"status":400,"errors":"Invalid phone number format","data":null}"#);
        assert_eq!(bad.to_string(), "the carrier refuses the number …11: Invalid phone number format");
        let token =
            dial_error(401, r#"{"status":401,"errors":"Authentication token is required","data":null}"#);
        assert!(matches!(token, DialError::Unauthorized { .. }));
        let failed = dial_error(200, r#"{"status":"500","errors":"no channel","data":null}"#);
        assert!(matches!(failed, DialError::Unavailable { reason } if reason == "500: no channel"));
        let fields = dial_error(
            422,
            r#"{"code":422,"message":"Validation failed","errors":{"phoneNumber":["too short"]}}"#,
        );
        assert!(matches!(fields, DialError::BadNumber { reason, .. } if reason == "phoneNumber: too short"));
    }

    #[test]
    fn answers_of_something_else_than_the_carrier_are_recognised() {
        assert!(matches!(dial_error(502, "<html>bad gateway</html>"), DialError::Unavailable { .. }));
        assert!(matches!(dial_error(404, ""), DialError::Protocol { .. }));
        assert!(matches!(dial_error(200, "<html>welcome</html>"), DialError::Protocol { .. }));
    }

    #[test]
    fn a_successful_answer_yields_its_data() {
        let body = r#"{"status":200,"errors":"","data":{"sessionId":"s"}}"#;
        assert_eq!(unwrap_envelope(&answer(200, None, body)).expect("success"), json!({"sessionId": "s"}));
    }
}
