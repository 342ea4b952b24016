//! Paths and queries, read so that what cannot be understood is a problem document that names it.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::request::Parts;
use reqwest::Url;

use super::error::{Code, Problem};
use super::fields::{self, Fields, Given};
use crate::store::Cursor;

/// The variable parts of a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        if let PathRejection::FailedToDeserializePathParams(failed) = &rejection
            && let ErrorKind::InvalidUtf8InPathParam { key } = failed.kind()
        {
            return wrong(key, "is not UTF-8");
        }
        tracing::debug!(error = %rejection, "a path could not be read");
        Self::new(Code::Malformed, "the path cannot be read")
    }
}

/// The parameters behind the question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: Given, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        fields::query(pairs(parts.uri.query().unwrap_or_default()), T::read).map(Self)
    }
}

/// The same, as they came.
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(pairs(parts.uri.query().unwrap_or_default())))
    }
}

/// Names and values of a query or a form, decoded; what is not UTF-8 is replaced.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let Ok(mut url) = Url::parse("http://query/") else { return Vec::new() };
    url.set_query(Some(text));
    url.query_pairs().into_owned().collect()
}

/// Entries of a page when nobody says how many, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;
/// Longest cursor, characters.
const LONGEST_CURSOR: usize = 200;

/// Reads the parameter `limit`.
pub(crate) fn page_size(fields: &mut Fields<'_>) -> u32 {
    fields.small("limit", 1..=LONGEST_PAGE).unwrap_or(PAGE)
}

/// Reads the parameter `after`.
pub(crate) fn cursor(fields: &mut Fields<'_>) -> Option<Cursor> {
    fields.read("after", LONGEST_CURSOR, str::parse)
}

/// A field that is wrong.
pub(crate) fn wrong(field: &str, problem: &str) -> Problem {
    Problem::new(Code::Malformed, format!("{field}: {problem}")).with_field(field, problem)
}
