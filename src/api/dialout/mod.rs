//! `…/smartassist/dialout`: Kore's way to ask for a call, and what Dering adds to it.

pub(super) mod batch;
mod body;
mod control;
mod forecast;
pub(super) mod interactions;
mod lines;
pub(super) mod parts;
pub(super) mod single;
mod times;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::body::{Asked, DialOut};
use super::Api;
use super::error::{Code, Problem};
use super::fields::Object;
use crate::flows;
use crate::session::{DialRequest, Dialed, Key, Refusal};
use crate::wallclock::{iso, now_ms};

/// What is answered to one dial-out, alone or in a batch.
#[derive(Debug)]
struct Answer {
    body: Map<String, Value>,
    /// Fields that are not followed.
    ignored: Vec<String>,
    /// It is the answer of before, under the same idempotency key.
    again: bool,
}

/// Does what a body asks for. `key` is the idempotency key that came beside it.
async fn perform(
    api: &Api,
    app_id: &str,
    bot_id: &str,
    body: Object,
    manner: Manner,
    key: Option<String>,
) -> Result<Answer, Problem> {
    let digest = digest(bot_id, body.members());
    let runs = api.bots.get(bot_id).map_or(bot_id, String::as_str);
    let asked = body::parse(body, Asked { bot_id, runs, policy: &api.policy, now_ms: now_ms() })?;
    let mut ignored = asked.ignored.clone();
    if key.is_some() && asked.idempotency_key.is_some() && key != asked.idempotency_key {
        ignored.push("idempotencyKey".to_owned());
    }
    let key = key.or_else(|| asked.idempotency_key.clone());
    let dry_run = asked.dry_run;
    let mut request = request(app_id, bot_id, asked);
    request.patient = manner == Manner::Batch;
    if dry_run {
        let forecast = api.calls.foresee(&request).await?;
        ignored.extend(forecast.ignored.iter().cloned());
        return Ok(Answer { body: forecast::shown(forecast), ignored, again: false });
    }
    request.key = key.map(|key| Key { key, digest });
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

/// Tells one request from another, however its JSON is spaced and ordered. `to` is what it was sent to.
pub(super) fn digest(to: &str, body: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(to.as_bytes());
    hash.update([0]);
    hash.update(Value::from(body.clone()).to_string().as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn request(app_id: &str, bot_id: &str, asked: DialOut) -> DialRequest {
    DialRequest {
        app_id: app_id.to_owned(),
        bot_id: bot_id.to_owned(),
        flow: asked.flow,
        number: asked.number,
        country: asked.country,
        caller: asked.caller,
        trunk: asked.trunk,
        metadata: asked.metadata,
        contact: None,
        // Absent means what the flow says, and a flow that says nothing has it disabled, as at Kore.
        machine_detection: asked.machine_detection,
        timers: asked.timers,
        threshold_word_count: asked.threshold_word_count,
        control: asked.control,
        amd_params: asked.amd_params,
        ring_timeout_ms: asked.ring_timeout_ms,
        notify: asked.notify,
        ignore_do_not_call: asked.ignore_do_not_call,
        start_ms: asked.start_ms,
        expires_ms: asked.expires_ms,
        patient: false,
        key: None,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::Variables(_)
            | Refusal::Language(_)
            | Refusal::UnknownTrunk { .. }
            | Refusal::UnknownParams { .. }
            | Refusal::Expired { .. } => Code::Invalid,
            Refusal::KeyReused => Code::KeyReused,
            Refusal::DoNotCall { .. } => Code::DoNotCall,
            Refusal::Full { .. } | Refusal::Queue { .. } => Code::RateLimited,
            Refusal::Stopping => return Self::unavailable(refusal.to_string()),
            Refusal::Unwritable(_) | Refusal::Store(_) | Refusal::Flow(_) => Code::Internal,
        };
        let problem = Self::new(code, refusal.to_string());
        let why = problem.detail().to_owned();
        match refusal {
            Refusal::Store(error) | Refusal::Flow(flows::Error::Store(error)) => error.into(),
            Refusal::Flow(error) => error.into(),
            Refusal::Variables(error) => error
                .each()
                .into_iter()
                .fold(problem, |problem, (name, why)| problem.with_field(&format!("metadata.{name}"), &why)),
            Refusal::Language(_) => problem.with_field("callControlParameter.sttLanguage", &why),
            Refusal::UnknownTrunk { .. } => problem.with_field("trunk", &why),
            Refusal::UnknownParams { .. } => problem.with_field("amdParams", &why),
            Refusal::Expired { .. } => problem.with_field("expiresAt", &why),
            Refusal::KeyReused => problem.with_field("Idempotency-Key", &why),
            Refusal::DoNotCall { .. }
            | Refusal::Full { .. }
            | Refusal::Queue { .. }
            | Refusal::Stopping
            | Refusal::Unwritable(_) => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
