//! `GET /v1/calls/{id}/events`: the timeline of a call, as a list or live.
//!
//! Live, each event is read from the database after it has been stored, and only when the reader takes it: a slow reader
//! falls behind and catches up, and no call ever waits for a reader. An event's number is its id, so a reader that
//! reconnects with `Last-Event-ID` continues where it stopped, without a gap.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Query, wrong};
use super::fields::{Fields, Given};
use super::may::CallInPath;
use super::problems::{BadParameter, NoSuchCall};
use crate::access::SeeCalls;
use crate::bus::Watch;
use crate::store::{self, EventRow, Store};

const LONGEST_TIMELINE: u32 = 10_000;
/// Events read at once for one reader.
const BATCH: u32 = 100;
/// A line without meaning goes out this often, so that nobody on the way thinks the connection dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a reader waits before it comes back, ms.
const RETRY: Duration = Duration::from_secs(2);

/// The timeline of a call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeline {
    call_id: String,
    events: Vec<TimelineEvent>,
}

/// One entry of a call's timeline; `seq` counts from 1 without gaps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TimelineEvent {
    seq: i64,
    /// Since 1970-01-01 UTC.
    at_ms: i64,
    /// Since the call began.
    t_ms: i64,
    kind: String,
    detail: Value,
}

impl From<EventRow> for TimelineEvent {
    fn from(row: EventRow) -> Self {
        Self { seq: row.seq, at_ms: row.at_ms, t_ms: row.t_ms, kind: row.kind, detail: row.detail }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only events behind this `seq`. The header `Last-Event-ID` goes before it.
    #[param(minimum = 0, maximum = 4_294_967_295_i64, value_type = Option<i64>)]
    after: Option<u32>,
}

impl Given for EventsQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { after: fields.small("after", 0..=u32::MAX) }
    }
}

/// Where a reader stopped.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Resumed {
    /// The `seq` of the last event that was received.
    #[param(rename = "last-event-id", required = false, value_type = u32)]
    last_event_id: Option<u32>,
}

impl<S: Send + Sync> FromRequestParts<S> for Resumed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self { last_event_id: last_event_id(&parts.headers)? })
    }
}

/// The timeline of a call, as a list or live.
///
/// Dial, ring, answer, detection, prompts, check points that were heard, speech, keys, interruptions, the end, and the
/// recording once it is ready. With `Accept: text/event-stream` the answer is a stream of server-sent events: what
/// happened so far, then what happens, each with its `seq` as id; after the last event of a call that has ended comes
/// one named `end`, and the stream closes. `Last-Event-ID` resumes; 204 says that there is nothing more to come.
#[utoipa::path(get, path = "/v1/calls/{call_id}/events", operation_id = "getTimeline", tag = "calls",
    params(
        ("call_id" = String, Path, description = "The call."),
        EventsQuery,
        Resumed,
    ),
    responses(
        (status = 200, description = "The timeline.", content(
            (Timeline = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = 204, description = "The call has ended and there is nothing behind that event; streams only."),
        BadParameter,
        NoSuchCall,
        (status = 429, description = "Too many timelines are watched at the same time.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn events(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    Query(query): Query<EventsQuery>,
    resumed: Resumed,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let call = call.found()?;
    let call_id = call.id;
    let after = resumed.last_event_id.or(query.after).map_or(0, i64::from);
    if !wants_stream(&headers) {
        let events = api.store.events(&call_id, after, LONGEST_TIMELINE).await?;
        let events = events.into_iter().map(TimelineEvent::from).collect();
        return Ok(Json(Timeline { call_id, events }).into_response());
    }
    let watch = api.store.bus().watch_call(&call_id).ok_or_else(|| {
        let detail = "too many timelines are watched; read the list instead, or try again later";
        Problem::new(Code::RateLimited, detail)
    })?;
    if call.ended_ms.is_some() && after > 0 && api.store.events(&call_id, after, 1).await?.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let reader = Reader {
        store: api.store,
        call_id,
        after,
        waiting: VecDeque::new(),
        watch,
        progress: Progress::Live,
    };
    let stream = Sse::new(reader.stream()).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    let mut response = stream.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the kind of nginx hold a stream back otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| wrong("last-event-id", "must be the number of an event"))
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Live,
    /// The farewell was said.
    Over,
}

/// One reader of a live timeline.
struct Reader {
    store: Store,
    call_id: String,
    /// The last event that went out, or that waits.
    after: i64,
    /// Read and not yet taken, [`BATCH`] at most.
    waiting: VecDeque<EventRow>,
    watch: Watch,
    progress: Progress,
}

impl Reader {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, |mut reader| async move { reader.next().await.map(|event| (Ok(event), reader)) })
    }

    async fn next(&mut self) -> Option<Event> {
        if self.progress == Progress::Over {
            return None;
        }
        match self.read().await {
            Ok(Some(row)) => {
                Event::default().id(row.seq.to_string()).retry(RETRY).json_data(TimelineEvent::from(row)).ok()
            }
            Ok(None) => {
                self.progress = Progress::Over;
                Some(Event::default().event("end").data("the call has ended"))
            }
            Err(error) => {
                // The reader comes back by itself and goes on where it stopped.
                tracing::warn!(call.id = %self.call_id, %error, "a live timeline broke off");
                None
            }
        }
    }

    /// The next event; `None` when the call has ended and all are told.
    async fn read(&mut self) -> Result<Option<EventRow>, store::Error> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Ok(Some(row));
            }
            // The end is asked for first: it is written together with the last events.
            let ended = self.store.call(&self.call_id).await?.is_none_or(|call| call.ended_ms.is_some());
            self.waiting = self.store.events(&self.call_id, self.after, BATCH).await?.into();
            if let Some(last) = self.waiting.back() {
                self.after = last.seq;
            } else if ended {
                return Ok(None);
            } else {
                self.watch.changed().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_stream_is_for_those_who_ask_for_one() {
        assert!(wants_stream(&headers("accept", "text/event-stream")));
        assert!(wants_stream(&headers("accept", "application/json;q=0.1, Text/Event-Stream;q=1")));
        assert!(!wants_stream(&headers("accept", "*/*")));
        assert!(!wants_stream(&HeaderMap::new()));
    }

    #[test]
    fn the_last_event_is_a_number_or_an_error() {
        assert_eq!(last_event_id(&headers("last-event-id", "7")).unwrap(), Some(7));
        assert_eq!(last_event_id(&headers("last-event-id", "")).unwrap(), None);
        assert!(last_event_id(&headers("last-event-id", "x")).is_err());
    }
}
