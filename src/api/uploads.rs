//! Limits uploads to a few at a time: unpacking, decoding and testing are the only things the API does that take seconds and
//! memory, and a check continues even if its request is abandoned.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Api;
use super::error::{Code, Problem};
use crate::flows::Check;

/// Uploads at a time, from the first byte of the body to the end of the check.
const AT_ONCE: usize = 2;
/// When to try again, seconds.
const RETRY_S: u64 = 5;

/// Who may upload when.
#[derive(Clone, Debug)]
pub struct Uploads {
    turns: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Uploads {
    /// Checks end when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), stop }
    }
}

/// The right to upload one bundle, taken before its body is read.
#[derive(Debug)]
pub(super) struct Turn {
    permit: OwnedSemaphorePermit,
    stop: CancellationToken,
}

impl FromRequestParts<Api> for Turn {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Self::take(api)
    }
}

impl Turn {
    /// # Errors
    /// When others are being checked.
    pub(super) fn take(api: &Api) -> Result<Self, Problem> {
        let Uploads { turns, stop } = &api.uploads;
        let permit = Arc::clone(turns).try_acquire_owned().map_err(|_| {
            let detail = format!("{AT_ONCE} uploads are being checked already; try again in {RETRY_S} s");
            Problem::too_many(&detail, RETRY_S)
        })?;
        Ok(Self { permit, stop: stop.clone() })
    }
}

/// Ends a check when nobody waits for it any more.
struct Watched(Check);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Turn {
    /// Does `work` beside the runtime. The turn ends with it, which is soon after the request was given up or the
    /// server stops.
    pub(super) async fn check<T: Send + 'static>(
        self,
        work: impl FnOnce(&Check) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let Self { permit, stop } = self;
        let watched = Watched(Check::default());
        let check = watched.0.clone();
        let checking = tokio::task::spawn_blocking(move || {
            let _until_the_end = permit;
            work(&check)
        });
        tokio::select! {
            done = checking => {
                done.map_err(|error| Problem::new(Code::Internal, format!("the check failed: {error}")))?
            }
            () = stop.cancelled() => {
                Err(Problem::new(Code::Unavailable, "the server is shutting down; upload it again later"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_ends_when_its_request_is_given_up_or_the_server_stops() {
        for server_stops in [false, true] {
            let uploads = Uploads::new(CancellationToken::new());
            let permit = Arc::clone(&uploads.turns).try_acquire_owned().unwrap();
            let turn = Turn { permit, stop: uploads.stop.clone() };
            let (began, begun) = tokio::sync::oneshot::channel();
            let endless = turn.check(move |check| {
                began.send(()).unwrap();
                while !check.is_stopped() {
                    std::thread::yield_now();
                }
                Ok(())
            });
            let request = tokio::spawn(endless);
            begun.await.unwrap();
            assert_eq!(uploads.turns.available_permits(), AT_ONCE - 1);
            if server_stops {
                uploads.stop.cancel();
                assert!(request.await.unwrap().is_err());
            } else {
                request.abort();
            }
            // The turn comes back when the work has really ended.
            let all = u32::try_from(AT_ONCE).unwrap();
            drop(uploads.turns.acquire_many(all).await.unwrap());
        }
    }
}
