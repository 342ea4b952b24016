//! What a request for a call contains.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callcore::amd::{DecisionThresholds, EventKind, ShadowSet};
use callcore::flow::{Greet, MachineDetection, TimerOverrides};
use callcore::number::Country;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::session::control::CallControl;

/// One call to place. A planned call is kept as this, and dialled from it when its time has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DialRequest {
    /// The client app that asks; its secret signs the notifications.
    pub app_id: String,
    pub bot_id: String,
    /// The flow to run: `name`, `name@label` or `name@digest`.
    pub flow: String,
    /// The number to call, as it goes to the carrier.
    pub number: String,
    /// The country of a number that does not name its own; goes before that of the flow and of the server.
    #[serde(default)]
    pub country: Option<Country>,
    /// A link that rings in the place of a number. It is not kept: such a call is never planned.
    #[serde(skip)]
    pub link: Option<RingLink>,
    /// The callee is to be seen, too, and to see something.
    #[serde(default)]
    pub video: bool,
    /// Our number, as the caller asked for it.
    pub caller: Option<String>,
    /// Which trunk; the first one configured when absent.
    pub trunk: Option<String>,
    /// Variables of the flow, as they came with the request.
    pub metadata: Map<String, Value>,
    /// Whose call it is, where a contact is called.
    #[serde(default)]
    pub contact: Option<Contact>,
    /// Overrides the flow's own mode.
    pub machine_detection: Option<MachineDetection>,
    /// When the call may begin to speak; goes before what the flow says.
    #[serde(default)]
    pub greet: Option<Greet>,
    /// Go before the flow's own timers.
    pub timers: TimerOverrides,
    pub threshold_word_count: Option<u32>,
    /// How this call is to be heard.
    #[serde(default)]
    pub control: CallControl,
    /// Which set of detection parameters, by name.
    pub amd_params: Option<String>,
    /// How long an unanswered call rings, ms.
    pub ring_timeout_ms: Option<u64>,
    pub notify: Option<NotifyTarget>,
    /// Call although the number's owner asked never to be called again.
    pub ignore_do_not_call: bool,
    /// Not before this time, ms since 1970; at once when absent.
    #[serde(default)]
    pub start_ms: Option<i64>,
    /// Not from this time on, ms since 1970.
    #[serde(default)]
    pub expires_ms: Option<i64>,
    /// Wait in the plan while there is no free line, where others would be refused.
    #[serde(default, rename = "patient")]
    pub queue_if_busy: bool,
    /// Under which the request may be sent again without being done again.
    #[serde(skip)]
    pub key: Option<Key>,
}

impl DialRequest {
    /// What the flow is to know: what is kept of the contact, and above it what came with the request, in whichever
    /// case either spells its names.
    pub(in crate::session) fn variables(&self) -> Map<String, Value> {
        let folded = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        let sent: BTreeSet<String> = self.metadata.keys().map(|name| folded(name)).collect();
        let kept = self.contact.iter().flat_map(|contact| &contact.data);
        let kept = kept.filter(|(name, _)| !sent.contains(&folded(name)));
        kept.chain(&self.metadata).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A contact that is called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub id: String,
    /// On whose behalf.
    pub user_id: Option<String>,
    /// What is kept of the contact for flows: name and metadata, as they are when it is called.
    pub data: Map<String, Value>,
}

/// A link that rings in a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingLink {
    /// What the trunk knows it by.
    pub address: String,
    /// Who opens it may answer: it is told to whoever asked for the call, and is a secret until it is used or too old.
    pub url: String,
    /// ms since 1970.
    pub expires_ms: i64,
}

/// An idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub key: String,
    /// Tells this request from another one under the same key.
    pub digest: String,
}

/// Parameters of the verdict that calls choose from.
#[derive(Clone, Debug, Default)]
pub struct ParamSets {
    pub usual: DecisionThresholds,
    /// By the name a dial request gives, or that of a flow.
    pub named: BTreeMap<String, DecisionThresholds>,
    /// What somebody promoted, in place of the usual ones.
    pub promoted: Promoted,
    /// The name of those that are tried in shadow beside every call.
    pub shadow: Option<String>,
}

/// Parameters that may change while calls run; every clone has the same.
#[derive(Clone, Debug, Default)]
pub struct Promoted(Arc<RwLock<Option<DecisionThresholds>>>);

impl Promoted {
    /// Calls that begin from now on take these; `None` takes them back.
    pub fn put(&self, params: Option<DecisionThresholds>) {
        *self.0.write() = params;
    }

    fn get(&self) -> Option<DecisionThresholds> {
        *self.0.read()
    }
}

impl ParamSets {
    /// Those of that name or purpose, else the flow's own, else those promoted, else the usual ones; `None` for a name that is not
    /// known.
    /// `flow` may be pinned: all versions of a flow share its parameters.
    pub(in crate::session) fn choose(&self, name: Option<&str>, flow: &str) -> Option<DecisionThresholds> {
        let flow = flow.split('@').next().unwrap_or_default();
        match name {
            Some(name) => self.named.get(name).copied().or_else(|| DecisionThresholds::for_purpose(name)),
            None => {
                let own = self.named.get(flow).copied();
                Some(own.or_else(|| self.promoted.get()).unwrap_or(self.usual))
            }
        }
    }

    /// Those that are tried in shadow.
    pub(in crate::session) fn in_shadow(&self) -> Option<ShadowSet> {
        let name = self.shadow.clone()?;
        let params = self.choose(Some(&name), "")?;
        Some(ShadowSet { name, params })
    }
}

/// Where status changes are posted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotifyTarget {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    /// AMD events to send; `None` sends all of them.
    pub amd_events: Option<Vec<EventKind>>,
}

impl NotifyTarget {
    /// Everything goes to `url`, without headers of the caller's.
    #[must_use]
    pub const fn new(url: String) -> Self {
        Self { url, headers: BTreeMap::new(), amd_events: None }
    }
}

/// A call that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialed {
    /// The caller's handle on the request.
    pub sid: String,
    /// The call, and its conversation in notifications.
    pub call_id: String,
    /// When it is to start, ms since 1970, if not at once.
    pub start_ms: Option<i64>,
    /// It was accepted before, under the same key.
    #[serde(skip)]
    pub again: bool,
    /// Fields of the request that could not be followed.
    #[serde(default)]
    pub ignored: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_with_the_call_goes_before_what_is_kept_of_the_contact() {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let data = object(json!({"name": "Jaya", "amount": 1, "user_id": "kept", "due": "Friday"}));
        let request = DialRequest {
            metadata: object(json!({"amount": 2, "userId": "sent"})),
            contact: Some(Contact { id: "a".into(), user_id: None, data }),
            ..DialRequest::default()
        };
        let expected = json!({"name": "Jaya", "amount": 2, "due": "Friday", "userId": "sent"});
        assert_eq!(Value::Object(request.variables()), expected);
    }
}
