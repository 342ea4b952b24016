//! One line of the log for each request, where `log.access` asks for it. It names the route and not the path, which may hold numbers, ids and
//! signatures, and nothing that a client wrote.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use uuid::Uuid;

use crate::api::may::Asker;

/// The header that tells a client how the log calls its request.
const REQUEST_ID: &str = "x-request-id";
/// What stands for a path that leads nowhere.
const NOWHERE: &str = "none";

/// Writes the line when the last byte of the answer is gone, or nobody waits for it any more.
pub(super) async fn written(mut request: Request, next: Next) -> Response {
    let mut line = Line::begin(&request);
    request.extensions_mut().insert(line.asker.clone());
    let mut response = next.run(request).await;
    line.status = Some(response.status().as_u16());
    if let Ok(id) = HeaderValue::try_from(line.id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.map(|body| Body::new(Counted { body, line }))
}

/// What is written of a request, once, when it goes.
#[derive(Debug)]
struct Line {
    began: Instant,
    id: String,
    method: &'static str,
    route: Option<MatchedPath>,
    asker: Asker,
    /// `None`: whoever asked went away before there was an answer.
    status: Option<u16>,
    bytes: u64,
}

impl Line {
    fn begin(request: &Request) -> Self {
        Self {
            began: Instant::now(),
            id: Uuid::now_v7().simple().to_string(),
            method: known(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            asker: Asker::default(),
            status: None,
            bytes: 0,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        tracing::info!(
            method = self.method,
            route = self.route.as_ref().map_or(NOWHERE, MatchedPath::as_str),
            status = self.status,
            ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes = self.bytes,
            id = self.id,
            who = self.asker.name(),
            "request"
        );
    }
}

/// A client may make up methods, so only those that mean something are named.
pub(super) fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The body of an answer, counted on its way.
struct Counted {
    body: Body,
    line: Line,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
