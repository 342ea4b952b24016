//! Paths, queries and bodies, read so that what cannot be understood is a problem document.

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use serde::de::DeserializeOwned;

use super::error::{Code, Problem};
use crate::store::Cursor;

/// The variable parts of a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// The parameters behind the question mark.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(Code::Malformed, rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(Code::Malformed, rejection.body_text())
    }
}

/// Reads a body as JSON, whatever its `Content-Type` says.
pub(super) fn json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body?;
    // Serde would take a list for an object whose fields stand in this order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::new(Code::Malformed, "the body must be an object, { … }, and not a list"));
    }
    serde_json::from_slice(&body)
        .map_err(|error| Problem::new(Code::Malformed, format!("the body cannot be read: {error}")))
}

/// Entries of a page when nobody says how many, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;

/// Reads the parameter `limit`.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=LONGEST_PAGE => Ok(limit),
        _ => Err(wrong("limit", "must lie between 1 and 500")),
    }
}

/// Reads the parameter `after`.
pub(super) fn cursor(after: Option<&str>) -> Result<Option<Cursor>, Problem> {
    after.map(str::parse::<Cursor>).transpose().map_err(|problem| wrong("after", &problem))
}

/// A field that is wrong.
pub(super) fn wrong(field: &str, problem: &str) -> Problem {
    Problem::new(Code::Malformed, format!("{field}: {problem}")).with_field(field, problem)
}
