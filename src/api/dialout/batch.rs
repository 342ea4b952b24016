//! Many calls by one request: a body per line in, a result per line out, in the same order.
//!
//! Lines are read as they come and no faster than they are written down, so a batch costs memory for the
//! lines under way and for the results that the client has not read yet, never for the whole of it. Results
//! wait for the client in a queue with room for all of them: who sends everything before reading anything
//! is served as well as who does both at once.

use std::collections::HashSet;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesOrdered};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::super::error::{Code, Problem};
use super::super::openapi::{BatchLine, DialOutBody};
use super::super::{Api, BODY_LIMIT};
use super::lines::{Line, Lines, TooLong};
use super::{Answer, Manner, perform};

/// Most lines of a batch.
const MOST_LINES: u32 = 10_000;
/// Lines that are being written down at the same time; they share commits.
const AT_ONCE: usize = 64;

/// Ask for many calls.
///
/// NDJSON: a body of a dial-out per line in, a result per line out, in the same order, while the rest is still being
/// read. A line may bring an `idempotencyKey`. At most 10,000 lines of 256 KiB each; a bad one harms no other.
#[utoipa::path(post, path = "/api/1.1/public/bot/{bot_id}/smartassist/dialout/batch", operation_id = "dialOutBatch",
    tag = "dial-out", security(("appToken" = []), ("appBearer" = [])),
    params(("bot_id" = String, Path, description = "The bot.")),
    request_body(content = DialOutBody, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "A result per line, with its `line` and its `status`; of a line that was refused \
            the members of a problem.", body = BatchLine, content_type = "application/x-ndjson"),
    ))]
pub(in super::super) async fn batch(
    State(api): State<Api>,
    Path(bot_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let app = api.auth.dialout(&headers, &bot_id).await?;
    let (results, waiting) = mpsc::channel(MOST_LINES as usize + 1);
    tokio::spawn(work(Batch { api, app_id: app.id, bot_id }, body, results));
    let out = stream::unfold(waiting, |mut waiting| async move {
        let result: Bytes = waiting.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(result), waiting))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(out)).into_response())
}

/// Whose batch it is.
#[derive(Clone)]
struct Batch {
    api: Api,
    app_id: String,
    bot_id: String,
}

async fn work(batch: Batch, body: Body, results: mpsc::Sender<Bytes>) {
    let mut chunks = body.into_data_stream();
    let mut lines = Lines::new(BODY_LIMIT);
    let mut pending = FuturesOrdered::new();
    let mut reading = true;
    let mut taken = 0;
    // Lines with the same key are done one after the other: which of them is the first decides.
    let mut keys = HashSet::new();
    let mut held: Option<Line> = None;
    loop {
        if pending.is_empty() {
            keys.clear();
        }
        while reading && pending.len() < AT_ONCE {
            let Some(line) = held.take().or_else(|| lines.next()) else { break };
            if key_of(&line).is_some_and(|key| !keys.insert(key)) {
                held = Some(line);
                break;
            }
            reading = take(&batch, line, &mut taken, &mut pending);
        }
        let room = pending.len() < AT_ONCE && held.is_none();
        tokio::select! {
            Some(result) = pending.next(), if !pending.is_empty() => {
                // Who does not wait for the results does not want the rest done.
                if results.send(result).await.is_err() {
                    return;
                }
            }
            chunk = chunks.next(), if reading && room => match chunk {
                Some(Ok(chunk)) => lines.push(chunk),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a batch broke off");
                    reading = false;
                }
                None => match lines.last() {
                    Some(line) => held = Some(line),
                    None => reading = false,
                },
            },
            else => return,
        }
    }
}

/// The idempotency key in a line, if it can be read.
fn key_of(line: &Line) -> Option<String> {
    let body: Map<String, Value> = serde_json::from_slice(line.text.as_deref().ok()?).ok()?;
    let (_, key) = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("idempotencyKey"))?;
    key.as_str().map(str::to_owned)
}

/// Begins a line; false when it is one too many.
fn take(
    batch: &Batch,
    line: Line,
    taken: &mut u32,
    pending: &mut FuturesOrdered<futures_util::future::BoxFuture<'static, Bytes>>,
) -> bool {
    *taken += 1;
    let within = *taken <= MOST_LINES;
    let batch = batch.clone();
    pending.push_back(Box::pin(async move {
        let result = if within {
            batch.line(line.text).await
        } else {
            let detail = format!("a batch has at most {MOST_LINES} lines; send the rest in another one");
            Err(Problem::new(Code::TooLarge, detail))
        };
        written(line.number, result)
    }));
    within
}

impl Batch {
    async fn line(&self, text: Result<Vec<u8>, TooLong>) -> Result<Answer, Problem> {
        let text = text.map_err(|TooLong| {
            let detail = format!("the line is longer than {} KiB; send less metadata", BODY_LIMIT / 1024);
            Problem::new(Code::TooLarge, detail)
        })?;
        let body: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| {
            Problem::new(Code::Malformed, format!("the line is not a JSON object: {error}"))
        })?;
        perform(&self.api, &self.app_id, &self.bot_id, body, Manner::Batch, None).await
    }
}

fn written(number: u32, result: Result<Answer, Problem>) -> Bytes {
    let mut line = match result {
        Ok(answer) => {
            let mut line = answer.body;
            line.insert("status".into(), json!(200));
            if answer.again {
                line.insert("replayed".into(), json!(true));
            }
            if !answer.ignored.is_empty() {
                line.insert("ignoredFields".into(), json!(answer.ignored));
            }
            line
        }
        Err(problem) => problem.members(),
    };
    line.insert("line".into(), json!(number));
    let mut text = Value::from(line).to_string();
    text.push('\n');
    text.into()
}
