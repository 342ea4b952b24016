//! Fetching records that no `cdr` event brought.

use std::sync::Arc;
use std::time::Duration;

use callcore::call::CarrierCdr;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::options::Version;
use super::rest::Rest;

/// Waits before the second and third attempt: carriers write the record after the call.
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Requests for records under way.
#[derive(Default)]
pub(super) struct Records(JoinSet<(Arc<str>, Option<CarrierCdr>)>);

impl Records {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fetch(&mut self, rest: Rest, version: Option<Version>, id: Arc<str>) {
        self.0.spawn(async move {
            let cdr = fetch(&rest, version, &id).await;
            (id, cdr)
        });
    }

    /// The next one that is settled; `None` when none is under way.
    pub(super) async fn next(&mut self) -> Option<(Arc<str>, Option<CarrierCdr>)> {
        loop {
            // A task that panicked has told so itself.
            if let Ok(fetched) = self.0.join_next().await? {
                return Some(fetched);
            }
        }
    }
}

async fn fetch(rest: &Rest, version: Option<Version>, id: &str) -> Option<CarrierCdr> {
    if version == Some(Version::V1_0_3) {
        return None;
    }
    let mut waits = RETRIES.into_iter();
    loop {
        match rest.cdr(id).await {
            Ok(Some(cdr)) => return Some(cdr),
            Ok(None) => tracing::debug!(session = id, "the carrier has no record of the call yet"),
            Err(error) => tracing::debug!(session = id, %error, "the call's record could not be fetched"),
        }
        let Some(wait) = waits.next() else {
            tracing::warn!(session = id, "the carrier gives no record of the call");
            return None;
        };
        sleep(wait).await;
    }
}
