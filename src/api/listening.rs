//! `GET /v1/calls/{id}/live.wav`: a running call to listen to.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use callcore::audio::{SAMPLE_RATE, wav};
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
    live(&api, &call, &who, For::Programs, holds).await
}

/// For whom the sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// 8 kHz, sample for sample as a recording.
    Programs,
    /// 48 kHz: a browser begins to play a stream after some 250 kB, which would be eight seconds at 8 kHz.
    Browsers,
}

impl For {
    const fn times(self) -> u16 {
        match self {
            Self::Programs => 1,
            Self::Browsers => 6,
        }
    }
}

/// Somebody who listens.
struct Listener<H> {
    times: u16,
    /// The latest sample of both sides.
    last: [i16; 2],
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
                block = self.ears.next() => return block.map(|block| self.widened(block)),
                _ = self.look.tick() => if !(self.holds)().await {
                    return None;
                }
            }
        }
    }
}

impl<H> Listener<H> {
    /// So many samples for each, on the line from the one before.
    fn widened(&mut self, block: Bytes) -> Bytes {
        if self.times == 1 {
            return block;
        }
        let times = i32::from(self.times);
        let mut wide = Vec::with_capacity(block.len() * usize::from(self.times));
        for moment in block.as_chunks::<4>().0 {
            let [a, b, c, d] = *moment;
            let now = [i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])];
            for step in 1..=times {
                for (from, to) in self.last.into_iter().zip(now) {
                    let (from, to) = (i32::from(from), i32::from(to));
                    let between = i16::try_from(from + (to - from) * step / times).unwrap_or_default();
                    wide.extend_from_slice(&between.to_le_bytes());
                }
            }
            self.last = now;
        }
        wide.into()
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
    whom: For,
    holds: impl FnMut() -> BoxFuture<'static, bool> + Send + 'static,
) -> Result<Response, Problem> {
    let ears = api.calls.listen(&call.id).await?;
    api.access.record(who, AuditAction::CallListen, &call.id).await;
    let look = interval_at(Instant::now() + LOOKED_AFTER, LOOKED_AFTER);
    let listener = Listener {
        times: whom.times(),
        last: [0; 2],
        head: Some(endless(whom.times()).into()),
        ears,
        holds,
        look,
    };
    let blocks = unfold(listener, |mut listener| async move {
        let block = listener.next().await?;
        Some((Ok::<_, io::Error>(block), listener))
    });
    Ok((HEADERS, Body::from_stream(blocks)).into_response())
}

/// The header of a WAV of which nobody knows how long it will be.
fn endless(times: u16) -> Vec<u8> {
    let mut header = wav::write_8k(&[&[], &[]]);
    let rate = SAMPLE_RATE * u32::from(times);
    for (place, value) in [(24..28, rate), (28..32, rate * 4)] {
        if let Some(bytes) = header.get_mut(place) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }
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
        let mut listener =
            Listener { times: 1, last: [0; 2], head: None, ears: Ears::new(blocks), holds, look };
        call.send(Bytes::from_static(b"one")).unwrap();
        assert_eq!(listener.next().await.unwrap(), "one");
        may.store(false, Ordering::Relaxed);
        assert_eq!(listener.next().await, None);
        drop(listener);
        assert_eq!(call.receiver_count(), 0, "nothing is made for them any more");
    }

    #[test]
    fn a_stream_begins_with_a_header_that_players_read_to_the_end() {
        let header = endless(1);
        assert_eq!(header.len(), 44);
        assert_eq!((&header[36..40], &header[40..44]), (&b"data"[..], &[0xFF; 4][..]));
        assert_eq!(header[22..28], [2, 0, 0x40, 0x1F, 0, 0], "stereo, 8 kHz");
        let header = endless(6);
        assert_eq!(header[22..32], [2, 0, 0x80, 0xBB, 0, 0, 0, 0xEE, 2, 0], "stereo, 48 kHz");
    }

    #[tokio::test]
    async fn a_browser_gets_more_samples_of_the_same_sound() {
        let (call, blocks) = broadcast::channel(4);
        let holds = || -> BoxFuture<'static, bool> { Box::pin(async { true }) };
        let look = interval_at(Instant::now() + LOOKED_AFTER, LOOKED_AFTER);
        let mut listener =
            Listener { times: 6, last: [0; 2], head: None, ears: Ears::new(blocks), holds, look };
        let block: Vec<u8> =
            [600_i16, -32_768, 0, 32_767].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        call.send(block.into()).unwrap();
        let wide = listener.next().await.unwrap();
        let samples: Vec<i16> =
            wide.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        let callee: Vec<i16> = samples.iter().step_by(2).copied().collect();
        assert_eq!(callee, [100, 200, 300, 400, 500, 600, 500, 400, 300, 200, 100, 0]);
        assert_eq!((samples[11], samples[23]), (-32_768, 32_767), "each sixth is what was heard");
    }
}
