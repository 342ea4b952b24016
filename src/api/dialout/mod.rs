//! `…/smartassist/dialout`: Kore's way to ask for a call, and what Dering adds to it.

mod answer;
pub(super) mod batch;
mod body;
mod control;
pub(super) mod forecast;
pub(super) mod interactions;
mod lines;
pub(super) mod parts;
pub(super) mod single;
mod times;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub(super) use self::answer::{DialOutAnswer, LineResult};
use self::body::Asked;
use super::Api;
use super::error::{Code, Problem};
use super::fields::Object;
use crate::flows;
use crate::session::{Key, Refusal};
use crate::wallclock::now_ms;

/// What one dial-out came to, alone or in a batch.
#[derive(Debug)]
struct Done {
    answer: DialOutAnswer,
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
) -> Result<Done, Problem> {
    let digest = digest(bot_id, body.members());
    let runs = api.bots.get(bot_id).map_or(bot_id, String::as_str);
    let asked = body::parse(body, Asked { bot_id, runs, policy: &api.policy, now_ms: now_ms() })?;
    let mut ignored = asked.ignored.clone();
    if key.is_some() && asked.idempotency_key.is_some() && key != asked.idempotency_key {
        ignored.push("idempotencyKey".to_owned());
    }
    let key = key.or_else(|| asked.idempotency_key.clone());
    let dry_run = asked.dry_run;
    let mut request = asked.request(app_id, bot_id);
    request.queue_if_busy = manner == Manner::Batch;
    if dry_run {
        let forecast = api.calls.foresee(&request).await?;
        ignored.extend(forecast.ignored.iter().cloned());
        let answer = DialOutAnswer::Forecast(Box::new(forecast::shown(forecast)));
        return Ok(Done { answer, ignored, again: false });
    }
    request.key = key.map(|key| Key { key, digest });
    let dialed = api.calls.dial(request).await?;
    ignored.extend(dialed.ignored.iter().cloned());
    Ok(Done { answer: DialOutAnswer::Accepted((&dialed).into()), ignored, again: dialed.again })
}

/// How a dial-out came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Single,
    Batch,
}

/// Tells one request from another, however its JSON is spaced and ordered. `to` is what it was sent to.
pub(super) fn digest(to: &str, body: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(to.as_bytes());
    hash.update([0]);
    hash.update(Value::from(body.clone()).to_string().as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::Variables(_)
            | Refusal::Language(_)
            | Refusal::UnknownTrunk { .. }
            | Refusal::NoLink { .. }
            | Refusal::UnknownParams { .. }
            | Refusal::Both(..)
            | Refusal::Expired { .. } => Code::Invalid,
            Refusal::Number(_) => Code::Malformed,
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
            Refusal::UnknownTrunk { .. } | Refusal::NoLink { .. } => problem.with_field("trunk", &why),
            Refusal::UnknownParams { .. } => problem.with_field("amdParams", &why),
            Refusal::Number(bad) => problem.with_field("target", &bad.to_string()),
            Refusal::Both(one, other) => [Self::from(*one), Self::from(*other)]
                .iter()
                .flat_map(Self::errors)
                .fold(problem, |problem, error| problem.with_field(&error.field, &error.problem)),
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
