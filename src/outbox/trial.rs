//! Trying an address: an example of a notification is signed and posted as the worker posts them, and nothing of it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::message::Message;
use super::options::{Error, Options};
use super::post::Poster;
use crate::kore;
use crate::store::{Attempt, CampaignEvent, CampaignNotice, DeliveryOutcome};
use crate::wallclock::iso;

/// Tells a receiver that nothing happened.
const MARK: &str = "dering-test";

/// An example of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// As the ledger has it, such as `completed`.
    pub kind: String,
    pub body: Value,
}

/// An example of each kind, as of `now_ms`.
#[must_use]
pub fn examples(app_id: &str, now_ms: i64) -> Vec<Example> {
    let at = iso(now_ms);
    let calls = kore::examples(app_id, now_ms).into_iter().map(|(kind, body)| Example { kind, body });
    let campaigns = CampaignEvent::iter().map(|event| Example {
        kind: event.as_str().to_owned(),
        body: json!(CampaignNotice::example(event, &at)),
    });
    calls.chain(campaigns).collect()
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Tried {
    pub kind: String,
    /// Its `webhook-id`.
    pub id: String,
    pub attempt: Attempt,
    /// The receiver took it.
    pub taken: bool,
    /// The body of the answer came to its end, or as far as it is read, in time.
    pub read: bool,
}

/// Posts examples. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trial(Arc<Poster>);

impl Trial {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Poster::new(options)?)))
    }

    pub(super) const fn of(poster: Arc<Poster>) -> Self {
        Self(poster)
    }

    /// Posts `example` to `url` once, signed with `secrets`.
    pub async fn post(&self, app_id: &str, secrets: &[SecretString], url: &str, example: Example) -> Tried {
        let id = format!("msg_{}", Uuid::now_v7().simple());
        let headers = BTreeMap::from([(MARK.to_owned(), "true".to_owned())]);
        let body = example.body.to_string();
        let message = Message { id: &id, app_id, url, headers: &headers, body: &body, secrets };
        let posted = self.0.send(message, 0).await;
        Tried {
            kind: example.kind,
            taken: posted.outcome == DeliveryOutcome::Delivered,
            read: posted.read,
            attempt: posted.attempt,
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_example_of_each_kind_and_none_names_anybody() {
        let all = examples("shop", 1_750_947_610_000);
        let kinds: Vec<&str> = all.iter().map(|example| example.kind.as_str()).collect();
        for kind in ["Answered", "amd_human_detected", "completed", "Failed", "campaign.done"] {
            assert_eq!(kinds.iter().filter(|known| **known == kind).count(), 1, "{kinds:?}");
        }
        for Example { kind, body } in &all {
            let about = body.get("conversationId").or_else(|| body.get("campaign_id"));
            assert_eq!(about, Some(&json!("dering-test")), "{kind}");
        }
        let completed = all.iter().find(|example| example.kind == "completed").unwrap();
        assert_eq!(completed.body["callDuration"], 40);
    }
}
