//! How a carrier's REST side wraps its answers, and how it says no.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::messages::Text;
use crate::trunk::DialError;

/// Why the carrier's REST side did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    #[error("{0}")]
    Transport(String),
    #[error("{status}: {reason}")]
    Status { status: u16, reason: String },
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
            Self::Transport(reason) => DialError::Unavailable { reason },
            Self::Answer(reason) => DialError::Protocol { reason },
        }
    }
}

/// Answers are `{status, errors, data}`; a failure may come as HTTP status, as `status` under HTTP 200, or
/// as the 1.0.5 form `{code, message, errors: {field: […]}}`.
pub(super) fn unwrap_envelope(http: StatusCode, body: &[u8]) -> Result<Value, RestError> {
    whole_envelope(http, body)
        .map(|mut envelope| envelope.get_mut("data").map(Value::take).unwrap_or_default())
}

/// As [`unwrap_envelope`], with what stands beside `data`.
pub(super) fn whole_envelope(http: StatusCode, body: &[u8]) -> Result<Value, RestError> {
    let parsed: Result<Value, _> = serde_json::from_slice(body);
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
    Err(RestError::Status { status, reason: reason(&envelope).unwrap_or_else(fallback) })
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

    fn dial_error(http: u16, body: &str) -> DialError {
        let http = StatusCode::from_u16(http).expect("a status");
        unwrap_envelope(http, body.as_bytes()).expect_err("a failure").into_dial_error("0811")
    }

    #[test]
    fn documented_failures_become_dial_errors_that_say_why() {
        let bad = dial_error(400, r#"{"status":400,"errors":"Invalid phone number format","data":null}"#);
        assert_eq!(bad.to_string(), "the carrier refuses the number 0811: Invalid phone number format");
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
        let body = br#"{"status":200,"errors":"","data":{"sessionId":"s"}}"#;
        assert_eq!(unwrap_envelope(StatusCode::OK, body).expect("success"), json!({"sessionId": "s"}));
    }
}
