//! A running call, for its page: a stream that says when there is news, and nothing of what it is. The page then asks for
//! itself again.
//!
//! The news is read from the database by whoever watches, at most once a second for each, so many open pages cost the call
//! nothing. Who is signed out or loses the right hears nothing more within seconds.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;

use crate::access::SeeCalls;
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::bus::Watch;
use crate::console::frame::Sees;
use crate::console::seat::{LOOKED_AFTER, Seat};
use crate::store;

/// A page is told of news this often at most.
const PACE: Duration = Duration::from_secs(1);
/// A line without meaning goes out this often, so that nobody on the way thinks the connection dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a page waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// Events read at once.
const BATCH: u32 = 100;

/// Says whenever something was written about a call, until it has ended.
pub(in crate::console) async fn stream(
    _: Sees<SeeCalls>,
    seat: Seat<SeeCalls>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let call = super::one::call(&api, &id).await?;
    let watch = api.store.bus().watch_call(&call.id).ok_or_else(|| {
        Problem::new(Code::RateLimited, "too many running calls are watched; load the page again later")
    })?;
    let after = query.iter().find(|(name, _)| name == "after").and_then(|(_, seq)| seq.parse().ok());
    let after = seat.last_event_id().or(after).unwrap_or_default();
    let watcher = Watcher { api, seat, id: call.id, after, watch, progress: Progress::Begun };
    let stream = unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the kind of nginx hold a stream back otherwise.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begun,
    /// Something was told a moment ago.
    Told,
    Waiting,
    Over,
}

struct Watcher {
    api: Api,
    seat: Seat<SeeCalls>,
    id: String,
    /// The last event of which the page knows.
    after: i64,
    watch: Watch,
    progress: Progress,
}

/// What there is to tell.
struct News {
    is_new: bool,
    ended: bool,
}

impl Watcher {
    /// `None`: the call has ended and the page knows it, or who watches may no longer, or the database fails. A page comes back
    /// by itself unless it was told the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.progress {
                Progress::Over => return None,
                Progress::Begun => {}
                Progress::Told => tokio::time::sleep(PACE).await,
                Progress::Waiting => {
                    // Whichever comes first: both lead to another look.
                    let _late = tokio::time::timeout(LOOKED_AFTER, self.watch.changed()).await;
                }
            }
            if !self.seat.holds(&self.api).await {
                return None;
            }
            let news = match self.read().await {
                Ok(news) => news,
                Err(error) => {
                    tracing::warn!(call.id = %self.id, %error, "a page of a running call is told no more");
                    return None;
                }
            };
            if news.is_new {
                self.progress = Progress::Told;
                let event = Event::default().event("changed").id(self.after.to_string()).retry(RETRY);
                return Some(event.data(self.after.to_string()));
            }
            if news.ended {
                self.progress = Progress::Over;
                return Some(Event::default().event("end").data("the call has ended"));
            }
            self.progress = Progress::Waiting;
        }
    }

    async fn read(&mut self) -> Result<News, store::Error> {
        // The end is asked for first: it is written together with the last events.
        let ended = self.api.store.call(&self.id).await?.is_none_or(|call| call.ended_ms.is_some());
        let mut is_new = false;
        while let Some(last) = self.api.store.events(&self.id, self.after, BATCH).await?.last() {
            self.after = last.seq;
            is_new = true;
        }
        Ok(News { is_new, ended })
    }
}
