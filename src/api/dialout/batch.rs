//! Many calls by one request: a body per line in, a result per line out, in the same order.
//!
//! Lines are read as they come and no faster than they are written down, so a batch costs memory for the
//! lines under way and for the results that the client has not read yet, never for the whole of it. Results
//! wait for the client in a queue with room for all of them: who sends everything before reading anything
//! is served as well as who does both at once.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use callcore::number::Country;
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesOrdered};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::super::error::{Code, Problem};
use super::super::extract::Query;
use super::super::fields::{self, Fields, Object};
use super::super::may::Dialler;
use super::super::numbers;
use super::super::{Api, BODY_LIMIT};
use super::lines::{BatchLine, Lines, TooLong};
use super::{Done, LineResult, Manner, perform};
use crate::access::{self, Principal};
use crate::kore::DialOut;

/// Most lines of a batch.
const MOST_LINES: u32 = 10_000;
/// Longest wait for a line's turn where the caller may ask so much a second, ms; beyond it a line is refused.
const LONGEST_PAUSE_MS: u64 = 1_000;
/// Lines that are being written down at the same time; they share commits.
const AT_ONCE: usize = 64;

/// Ask for many calls.
///
/// NDJSON: a body of a dial-out per line in, a result per line out, in the same order, while the rest is still being
/// read. A line may bring an `idempotencyKey`. At most 10,000 lines of 256 KiB each; a bad one harms no other. Lines are
/// taken no faster than the app may send requests; one whose turn would be more than a second away has the status 429.
#[utoipa::path(post, path = "/api/1.1/public/bot/{bot_id}/smartassist/dialout/batch", operation_id = "dialOutBatch",
    tag = "dial-out", security(("appToken" = []), ("appBearer" = [])),
    params(("bot_id" = String, Path, description = "The bot."), BatchQuery),
    request_body(content = DialOut, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "A result per line, with its `line` and its `status`; of a line that was refused \
            the members of a problem.", body = LineResult, content_type = "application/x-ndjson"),
    ))]
pub(in super::super) async fn batch(
    State(api): State<Api>,
    dialler: Dialler,
    Query(query): Query<BatchQuery>,
    body: Body,
) -> Result<Response, Problem> {
    let (results, waiting) = mpsc::channel(MOST_LINES as usize + 1);
    let Dialler { app, bot_id, principal } = dialler;
    let batch = Batch { api, principal, app_id: app.id, bot_id, country: query.country };
    tokio::spawn(work(batch, body, results));
    let out = stream::unfold(waiting, |mut waiting| async move {
        let result: Bytes = waiting.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(result), waiting))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(out)).into_response())
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct BatchQuery {
    /// The country of targets that do not name their own, in lines that name none: `ID`, or its calling code `62`.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
}

impl fields::Given for BatchQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { country: numbers::country(fields) }
    }
}

/// Whose batch it is.
#[derive(Clone)]
struct Batch {
    api: Api,
    principal: Principal,
    app_id: String,
    bot_id: String,
    /// Of numbers whose line names none.
    country: Option<Country>,
}

async fn work(batch: Batch, body: Body, results: mpsc::Sender<Bytes>) {
    let mut chunks = body.into_data_stream();
    let mut lines = Lines::new(BODY_LIMIT);
    let mut pending = FuturesOrdered::new();
    let mut reading = true;
    let mut taken = 0;
    // Lines with the same key are done one after the other: which of them is the first decides.
    let mut keys = HashSet::new();
    let mut held: Option<Asked> = None;
    let mut paused: Option<Instant> = None;
    loop {
        if pending.is_empty() {
            keys.clear();
        }
        while reading && paused.is_none() && pending.len() < AT_ONCE {
            let Some(mut asked) = held.take().or_else(|| lines.next().map(Asked::read)) else { break };
            let key = asked.key();
            if key.as_ref().is_some_and(|key| keys.contains(key)) {
                held = Some(asked);
                break;
            }
            match batch.api.access.take_line(&batch.principal) {
                Ok(()) => {}
                Err(status) if status.retry_ms <= LONGEST_PAUSE_MS => {
                    paused = Some(Instant::now() + Duration::from_millis(status.retry_ms));
                    held = Some(asked);
                    break;
                }
                Err(status) => {
                    let refused = Problem::from(access::Error::RateLimited(status));
                    asked.body = Err(refused.with_member("retryAfter", json!(status.wait_s())));
                }
            }
            keys.extend(key);
            reading = take(&batch, asked, &mut taken, &mut pending);
        }
        let room = pending.len() < AT_ONCE && held.is_none();
        let pause = async move {
            match paused {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(result) = pending.next(), if !pending.is_empty() => {
                // Who does not wait for the results does not want the rest done.
                if results.send(result).await.is_err() {
                    return;
                }
            }
            () = pause, if paused.is_some() => paused = None,
            chunk = chunks.next(), if reading && room => match chunk {
                Some(Ok(chunk)) => lines.push(chunk),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a batch broke off");
                    reading = false;
                }
                None => match lines.last() {
                    Some(line) => held = Some(Asked::read(line)),
                    None => reading = false,
                },
            },
            else => return,
        }
    }
}

/// A line as it was understood.
struct Asked {
    number: u32,
    body: Result<Object, Problem>,
}

impl Asked {
    fn read(line: BatchLine) -> Self {
        let body = line.text.map_err(|TooLong| {
            let detail = format!("the line is longer than {} KiB; send less metadata", BODY_LIMIT / 1024);
            Problem::new(Code::TooLarge, detail)
        });
        let body = body.and_then(|text| Object::read(&text, "line"));
        Self { number: line.number, body }
    }

    /// Its idempotency key, if it can be read.
    fn key(&self) -> Option<String> {
        let body = self.body.as_ref().ok()?;
        let (_, key) = body.members().iter().find(|(name, _)| name.eq_ignore_ascii_case("idempotencyKey"))?;
        key.as_str().map(str::to_owned)
    }
}

/// Begins a line; false when it is one too many.
fn take(
    batch: &Batch,
    asked: Asked,
    taken: &mut u32,
    pending: &mut FuturesOrdered<futures_util::future::BoxFuture<'static, Bytes>>,
) -> bool {
    *taken += 1;
    let within = *taken <= MOST_LINES;
    let batch = batch.clone();
    pending.push_back(Box::pin(async move {
        let result = if within {
            match asked.body {
                Ok(mut body) => {
                    if let Some(country) = batch.country {
                        body.add("country", json!(country));
                    }
                    perform(&batch.api, &batch.app_id, &batch.bot_id, body, Manner::Batch, None).await
                }
                Err(problem) => Err(problem),
            }
        } else {
            let detail = format!("a batch has at most {MOST_LINES} lines; send the rest in another one");
            Err(Problem::new(Code::TooLarge, detail))
        };
        written(asked.number, result)
    }));
    within
}

fn written(number: u32, result: Result<Done, Problem>) -> Bytes {
    let line = match result {
        Ok(Done { answer, ignored, again }) => LineResult::done(number, answer, again, ignored),
        Err(problem) => LineResult::refused(number, &problem),
    };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text.into()
}
