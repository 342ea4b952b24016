//! What goes wrong, as a page for people: programs get the problem document that it is.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use super::frame::{Frame, Room, wants_page};
use crate::api::Api;
use crate::api::error::Problem;

#[derive(Serialize)]
struct Fault {
    status: u16,
    /// A sentence that says what to do.
    detail: String,
    errors: Vec<(String, String)>,
    /// Who is asked to sign in may do so here.
    sign_in: bool,
}

/// Makes a page of every problem that is told to somebody who wants one.
pub(crate) async fn shown(State(api): State<Api>, request: Request, next: Next) -> Response {
    if !wants_page(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let frame = match Frame::of(&asked, &api).await {
        Ok(frame) => frame,
        Err(_) => Frame::bare(&asked.headers, &asked.uri),
    };
    let status = response.status();
    let fault = Fault {
        status: status.as_u16(),
        detail: sentence(problem.detail()),
        errors: problem.errors().iter().map(|error| (error.field.clone(), error.problem.clone())).collect(),
        sign_in: status == 401,
    };
    let title = if status == 404 { "fault_missing" } else { "fault_title" };
    let mut page = frame.page(&api, ("fault.html", Room::Elsewhere), frame.say(title), &[], &fault);
    *page.status_mut() = status;
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

/// With a capital at its beginning and a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut told: String =
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    if !told.is_empty() && !told.ends_with(['.', '!', '?']) {
        told.push('.');
    }
    told
}
