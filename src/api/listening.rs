//! `GET /v1/calls/{id}/live.wav`: a running call to listen to.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use callcore::audio::wav;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use tokio::time::{Instant, Interval, interval_at};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::may::CallInPath;
use super::problems::NoSuchCall;
use crate::access::{Principal, Right, SeeCalls};
use crate::session::{Ears, Unheard};
use crate::store::{AuditAction, CallRow};

/// How long somebody who may no longer hear still does, at most.
const LOOKED_AFTER: Duration = Duration::from_secs(5);

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav")),
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Proxies of the kind of nginx hold a stream back otherwise.
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

impl From<Unheard> for Problem {
    fn from(why: Unheard) -> Self {
        let code = match why {
            Unheard::Silent => Code::Conflict,
            Unheard::Crowded => Code::RateLimited,
        };
        Self::new(code, why.to_string())
    }
}

/// Listen to a running call.
///
/// Both sides while they talk, about a second late: a WAV without an end, 8 kHz stereo, callee left, bot right, until the
/// call or the right to hear it ends. It works whether the call is recorded or not, and leaves out what recordings leave out. A listener
/// who is slow loses what is old. Who listened to which call is in the audit log.
#[utoipa::path(get, path = "/v1/calls/{call_id}/live.wav", operation_id = "listenIn", tag = "recordings",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The audio.", body = Vec<u8>, content_type = "audio/wav"),
        NoSuchCall,
        (status = 409, description = "Nobody talks on this call now.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many listen to this call already.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn listen(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let who = (*call.may).clone();
    let call = call.found()?;
    let (access, watched) = (api.access.clone(), call.clone());
    let holds = move || -> BoxFuture<'static, bool> {
        let (access, headers, watched) = (access.clone(), headers.clone(), watched.clone());
        Box::pin(async move {
            let who = access.identify(&headers).await;
            who.is_ok_and(|who| who.require_call(&watched, &SeeCalls::RULE).is_ok())
        })
    };
    live(&api, &call, &who, holds).await
}

/// Somebody who listens.
struct Listener<H> {
    /// What goes out before everything else.
    head: Option<Bytes>,
    ears: Ears,
    /// Whether they may still hear it.
    holds: H,
    look: Interval,
}

impl<H: FnMut() -> BoxFuture<'static, bool>> Listener<H> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(head) = self.head.take() {
            return Some(head);
        }
        loop {
            tokio::select! {
                block = self.ears.next() => return block,
                _ = self.look.tick() => if !(self.holds)().await {
                    return None;
                }
            }
        }
    }
}

/// The sound of a running call for `who`, as long as `holds` says that they may hear it; they stand in the audit log.
///
/// # Errors
/// When nobody talks, or too many listen already.
pub(crate) async fn live(
    api: &Api,
    call: &CallRow,
    who: &Principal,
    holds: impl FnMut() -> BoxFuture<'static, bool> + Send + 'static,
) -> Result<Response, Problem> {
    let ears = api.calls.listen(&call.id).await?;
    api.access.record(who, AuditAction::CallListen, &call.id).await;
    let look = interval_at(Instant::now() + LOOKED_AFTER, LOOKED_AFTER);
    let listener = Listener { head: Some(endless().into()), ears, holds, look };
    let blocks = unfold(listener, |mut listener| async move {
        let block = listener.next().await?;
        Some((Ok::<_, io::Error>(block), listener))
    });
    Ok((HEADERS, Body::from_stream(blocks)).into_response())
}

/// The header of a WAV of which nobody knows how long it will be.
fn endless() -> Vec<u8> {
    let mut header = wav::write_8k(&[&[], &[]]);
    for lengths in [4..8, 40..44] {
        if let Some(length) = header.get_mut(lengths) {
            length.fill(0xFF);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::broadcast;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_may_hear_a_call_no_more_is_cut_off_while_it_goes_on() {
        let (call, blocks) = broadcast::channel(4);
        let may = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&may);
        let holds = move || -> BoxFuture<'static, bool> {
            let asked = Arc::clone(&asked);
            Box::pin(async move { asked.load(Ordering::Relaxed) })
        };
        let look = interval_at(Instant::now() + LOOKED_AFTER, LOOKED_AFTER);
        let mut listener = Listener { head: None, ears: Ears::new(blocks), holds, look };
        call.send(Bytes::from_static(b"one")).unwrap();
        assert_eq!(listener.next().await.unwrap(), "one");
        may.store(false, Ordering::Relaxed);
        assert_eq!(listener.next().await, None);
        drop(listener);
        assert_eq!(call.receiver_count(), 0, "nothing is made for them any more");
    }

    #[test]
    fn a_stream_begins_with_a_header_that_players_read_to_the_end() {
        let header = endless();
        assert_eq!(header.len(), 44);
        assert_eq!((&header[36..40], &header[40..44]), (&b"data"[..], &[0xFF; 4][..]));
        assert_eq!(header[22..28], [2, 0, 0x40, 0x1F, 0, 0], "stereo, 8 kHz");
    }
}
