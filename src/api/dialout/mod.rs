//! `…/smartassist/dialout`: Kore's way to ask for a call, and what Dering adds to it.

pub(super) mod batch;
mod body;
mod fields;
mod forecast;
pub(super) mod interactions;
mod lines;
pub(super) mod single;
mod times;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::body::DialOut;
use self::fields::{Invalid, invalid};
use super::Api;
use super::error::{Code, Problem};
use crate::flows;
use crate::session::{DialRequest, Dialed, Key, NotifyTarget, Refusal};
use crate::wallclock::{iso, now_ms};

/// Longest idempotency key, characters.
const LONGEST_KEY: usize = 255;

/// What is answered to one dial-out, alone or in a batch.
#[derive(Debug)]
struct Answer {
    body: Map<String, Value>,
    /// Fields that mean nothing here.
    ignored: Vec<String>,
    /// It is the answer of before, under the same idempotency key.
    again: bool,
}

/// Does what a body asks for. `key` is the idempotency key that came beside it.
async fn perform(
    api: &Api,
    app_id: &str,
    bot_id: &str,
    body: Map<String, Value>,
    manner: Manner,
    key: Option<String>,
) -> Result<Answer, Problem> {
    let digest = digest(bot_id, &body);
    let asked = body::parse(body, now_ms())?;
    let mut ignored = asked.ignored.clone();
    let key = match (key, &asked.idempotency_key) {
        (Some(key), _) => Some(key),
        (None, Some(key)) => Some(key.clone()),
        (None, None) => None,
    };
    let dry_run = asked.dry_run;
    let mut request = request(api, app_id, bot_id, asked)?;
    request.patient = manner == Manner::Batch;
    if dry_run {
        let forecast = api.calls.foresee(&request).await?;
        return Ok(Answer { body: forecast::shown(forecast), ignored, again: false });
    }
    request.key = match key {
        Some(key) => Some(Key { key: checked_key(key)?, digest }),
        None => None,
    };
    let dialed = api.calls.dial(request).await?;
    ignored.extend(dialed.ignored.iter().cloned());
    Ok(Answer { body: shown(&dialed), ignored, again: dialed.again })
}

/// How a dial-out came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Single,
    Batch,
}

fn shown(dialed: &Dialed) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("sid".into(), json!(dialed.sid));
    body.insert("callId".into(), json!(dialed.call_id));
    body.insert("conversationId".into(), json!(dialed.call_id));
    if let Some(start_ms) = dialed.start_ms {
        body.insert("scheduledAt".into(), json!(iso(start_ms)));
    }
    body
}

/// Tells one request from another, however its JSON is spaced and ordered.
fn digest(bot_id: &str, body: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(bot_id.as_bytes());
    hash.update([0]);
    hash.update(Value::from(body.clone()).to_string().as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checked_key(key: String) -> Result<String, Invalid> {
    // The draft of the header writes it as a quoted string; most clients do not.
    let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(&key);
    let plain = bare.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if bare.trim().is_empty() || bare.len() > LONGEST_KEY || !plain {
        return invalid("Idempotency-Key", "must be 1 to 255 plain characters, a UUID for example");
    }
    Ok(bare.to_owned())
}

fn request(api: &Api, app_id: &str, bot_id: &str, asked: DialOut) -> Result<DialRequest, Problem> {
    let notify = match asked.notify_url {
        None => None,
        Some(url) => {
            api.reach
                .check(&url)
                .map_err(|error| Invalid { field: "notifyUrl", problem: error.to_string() })?;
            Some(NotifyTarget { url, headers: asked.notify_headers, amd_events: asked.amd_events })
        }
    };
    let runs = api.bots.get(bot_id).map_or(bot_id, String::as_str);
    Ok(DialRequest {
        app_id: app_id.to_owned(),
        bot_id: bot_id.to_owned(),
        flow: pinned(bot_id, runs, asked.flow.as_deref())?,
        number: asked.number,
        caller: asked.caller,
        trunk: asked.trunk,
        metadata: asked.metadata,
        // Absent means what the flow says, and a flow that says nothing has it disabled, as at Kore.
        machine_detection: asked.machine_detection,
        timers: asked.timers,
        threshold_word_count: asked.threshold_word_count,
        control: asked.control,
        amd_params: asked.amd_params,
        ring_timeout_ms: asked.ring_timeout_ms,
        notify,
        ignore_do_not_call: asked.ignore_do_not_call,
        start_ms: asked.start_ms,
        expires_ms: asked.expires_ms,
        patient: false,
        key: None,
    })
}

/// Headers to send along with notifications.
///
/// # Errors
/// What is wrong with one of them.
pub(super) fn notify_headers(given: Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    body::headers(given).map_err(|invalid| invalid.problem)
}

/// The version to run: that of the bot, or another one of the same flow.
fn pinned(bot_id: &str, runs: &str, pin: Option<&str>) -> Result<String, Invalid> {
    let name = runs.split('@').next().unwrap_or_default();
    let Some(pin) = pin else { return Ok(runs.to_owned()) };
    match pin.split_once('@') {
        None if pin == name => Ok(name.to_owned()),
        None => Ok(format!("{name}@{pin}")),
        Some((flow, version)) if flow == name || flow.is_empty() => Ok(format!("{name}@{version}")),
        Some((flow, _)) => {
            let problem = format!(
                "the bot {bot_id} runs the flow `{name}`, not `{flow}`; choose a version of it, as in \"{name}@latest\""
            );
            invalid("flow", problem)
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(Code::Malformed, invalid.to_string()).with_field(invalid.field, &invalid.problem)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Store(error) => return error.into(),
            Refusal::Flow(flows::Error::Store(error)) => return error.into(),
            Refusal::Flow(error) => return error.into(),
            Refusal::Variables(_)
            | Refusal::Language(_)
            | Refusal::UnknownTrunk { .. }
            | Refusal::UnknownParams { .. }
            | Refusal::Expired { .. } => Code::Invalid,
            Refusal::KeyReused => Code::KeyReused,
            Refusal::DoNotCall { .. } => Code::DoNotCall,
            Refusal::Full { .. } | Refusal::Queue { .. } => Code::RateLimited,
            Refusal::Stopping => return Self::unavailable(refusal.to_string()),
            Refusal::Unwritable(_) => Code::Internal,
        };
        Self::new(code, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(pin: Option<&str>) -> Result<String, String> {
        pinned("sales", "short@beta", pin).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_may_choose_a_version_of_the_bots_flow_and_no_other_flow() {
        assert_eq!(version(None).unwrap(), "short@beta");
        assert_eq!(version(Some("short")).unwrap(), "short");
        assert_eq!(version(Some("short@campaign-7")).unwrap(), "short@campaign-7");
        assert_eq!(version(Some("campaign-7")).unwrap(), "short@campaign-7");
        assert_eq!(version(Some("@3f9c1d2ab0e4")).unwrap(), "short@3f9c1d2ab0e4");
        let error = version(Some("other@latest")).unwrap_err();
        assert!(error.starts_with("flow: the bot sales runs the flow `short`, not `other`"), "{error}");
    }

    #[test]
    fn a_key_is_short_and_plain_with_or_without_quotes() {
        let taken = |key: &str| checked_key(key.to_owned()).ok();
        assert_eq!(taken("\"8e03978e\"").as_deref(), Some("8e03978e"));
        assert_eq!(taken("8e03978e").as_deref(), Some("8e03978e"));
        for key in ["", "\"\"", "  ", "schlüssel", &"x".repeat(256)] {
            assert_eq!(taken(key), None, "{key}");
        }
    }

    #[test]
    fn a_request_is_the_same_however_it_is_spaced_and_another_for_another_bot() {
        let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let one = read(r#"{"target":"tel:123","metadata":{"a":1,"b":2}}"#);
        let same = read("{ \"metadata\": { \"b\": 2, \"a\": 1 },\n \"target\": \"tel:123\" }");
        assert_eq!(digest("sales", &one), digest("sales", &same));
        assert_ne!(digest("sales", &one), digest("other", &one));
        assert_ne!(digest("sales", &one), digest("sales", &read(r#"{"target":"tel:124"}"#)));
    }
}
