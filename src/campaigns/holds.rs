//! What holds a campaign back as a whole, as the runner saw it last.

use std::collections::BTreeMap;
use std::sync::Arc;

use callcore::campaign::{Binding, Reason};
use parking_lot::Mutex;
use serde::Serialize;

/// What holds a campaign back now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
pub enum Hold {
    /// A limit of its pacing, or of the trunk. `until_ms`: when only time is missing.
    Pacing { limit: Binding, until_ms: Option<i64> },
    /// Its minutes, or its caller ids, are used up.
    Limit { reason: Reason },
    /// What its calls need is not there; a sentence.
    Broken { why: String },
    /// Nobody is due before then; `None`: nobody waits.
    NobodyDue { until_ms: Option<i64> },
    /// Those who wait cannot be called before something changes, such as a time zone that nobody knows.
    Stuck,
}

/// The holds of all campaigns under way. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds(Arc<Mutex<BTreeMap<String, Hold>>>);

impl Holds {
    pub(super) fn set(&self, campaign: &str, hold: Hold) {
        self.0.lock().insert(campaign.to_owned(), hold);
    }

    pub(super) fn of(&self, campaign: &str) -> Option<Hold> {
        self.0.lock().get(campaign).cloned()
    }

    pub(super) fn forget(&self, campaign: &str) {
        self.0.lock().remove(campaign);
    }
}
