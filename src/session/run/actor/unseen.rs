//! The record of a call whose end was not seen.

use std::time::Duration;

use callcore::call::Input;

use crate::trunk::Trunk;

/// How often the record of a call whose end was not seen is asked for.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// Has the carrier end the call, and asks for its record until there is one or nobody waits for it any more.
pub(super) async fn record_of(trunk: Trunk, session_id: String) -> Input {
    loop {
        if let Err(error) = trunk.end(&session_id).await {
            tracing::debug!(%error, "a call that nobody hears cannot be ended yet");
        }
        tokio::time::sleep(RECORD_EVERY).await;
        match trunk.record(&session_id).await {
            Ok(Some(cdr)) => return Input::Cdr(cdr),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the carrier gives no record yet"),
        }
    }
}
