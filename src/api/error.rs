//! What a caller gets when something is wrong: problem details (RFC 9457) with a code that stays the
//! same from version to version. The type leads to a page about the code; the title is the status phrase.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use strum::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use super::BODY_LIMIT;
use crate::{access, store};

/// What went wrong, for programs. The text is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, VariantArray, ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ErrorCode)]
pub enum Code {
    /// Neither a token nor a key came with the request.
    CredentialsMissing,
    /// The token or key is not one of ours.
    CredentialsInvalid,
    TokenExpired,
    TokenNotYetValid,
    /// A token that is good for one request came again.
    TokenReplayed,
    ScopeMissing,
    BotNotAllowed,
    /// A browser sent it along, but not from a page of ours.
    CrossSite,
    NotFound,
    /// It was there, and was deleted.
    Gone,
    MethodNotAllowed,
    /// The body or a parameter cannot be read.
    Malformed,
    /// It can be read, but not be done.
    Invalid,
    Conflict,
    /// An idempotency key that stands for another request.
    KeyReused,
    /// The number's owner asked not to be called again.
    DoNotCall,
    TooLarge,
    /// A body of another kind is needed.
    MediaType,
    /// A part of a file that it does not have.
    RangeInvalid,
    /// A link to a file that was changed, or whose key is retired.
    LinkInvalid,
    LinkExpired,
    TimedOut,
    RateLimited,
    Unavailable,
    Internal,
}

impl Code {
    /// As answers spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Where its page is, below the address of this server.
    #[must_use]
    pub fn page(self) -> String {
        format!("/problems/{}", self.name())
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::CredentialsMissing
            | Self::CredentialsInvalid
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::TokenReplayed => StatusCode::UNAUTHORIZED,
            Self::ScopeMissing
            | Self::BotNotAllowed
            | Self::CrossSite
            | Self::DoNotCall
            | Self::LinkInvalid => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Gone => StatusCode::GONE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Invalid | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::LinkExpired => StatusCode::GONE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldProblem>,
    /// Beside those of the standard.
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `detail` is a sentence that says what to do.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), members: Map::new(), headers: Vec::new() }
    }

    /// Something that can be done a little later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, detail).with_header(RETRY_AFTER, HeaderValue::from_static("2"))
    }

    /// One request too many; another may come in `wait_s` seconds.
    #[must_use]
    pub fn too_many(detail: &str, wait_s: u64) -> Self {
        Self::new(Code::RateLimited, detail).with_header(RETRY_AFTER, HeaderValue::from(wait_s))
    }

    /// Something that is not there.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}"))
    }

    /// A field that is wrong, named in the member `errors`. May be called again for the next one.
    #[must_use]
    pub fn with_field(mut self, field: &str, problem: &str) -> Self {
        self.errors.push(FieldProblem { field: field.to_owned(), problem: problem.to_owned() });
        self
    }

    /// A member of its own, beside those of the standard.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// A member of its own.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// A header of the answer, `Retry-After` for example.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The fields that are wrong, each with what is wrong with it.
    #[must_use]
    pub fn errors(&self) -> &[FieldProblem] {
        &self.errors
    }

    /// Its members, for an answer that holds several problems.
    #[must_use]
    pub fn members(self) -> Map<String, Value> {
        let mut members = self.members;
        members.insert("status".to_owned(), json!(self.code.status().as_u16()));
        members.insert("code".to_owned(), json!(self.code));
        members.insert("detail".to_owned(), json!(self.detail));
        if !self.errors.is_empty() {
            members.insert("errors".to_owned(), json!(self.errors));
        }
        members
    }

    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// A page that says what the code means and what to do, below the address of the server.
    #[schema(example = "/problems/malformed", format = "uri-reference")]
    r#type: String,
    /// The phrase of the status.
    title: &'static str,
    status: u16,
    /// A sentence that says what is wrong and what to do.
    detail: String,
    code: Code,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    pub field: String,
    pub problem: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        // For whoever makes a page of it.
        let told = self.clone();
        let body = ProblemDocument {
            r#type: self.code.page(),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code,
            errors: (!self.errors.is_empty()).then_some(self.errors),
            members: self.members,
        };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(told);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)).collect::<Vec<_>>());
        response
    }
}

impl From<access::Error> for Problem {
    fn from(error: access::Error) -> Self {
        use access::Error;
        let code = match &error {
            Error::Store(error) => return error.clone().into(),
            Error::RateLimited(status) => {
                let problem = Self::too_many(&error.to_string(), status.wait_s());
                return status
                    .headers()
                    .into_iter()
                    .fold(problem, |told, (name, value)| told.with_header(name, value));
            }
            Error::TooManyLogins { wait_s } => return Self::too_many(&error.to_string(), *wait_s),
            Error::Missing | Error::KeyMissing => Code::CredentialsMissing,
            Error::Malformed(_)
            | Error::Algorithm(_)
            | Error::Unsigned { .. }
            | Error::Ageless
            | Error::NotSeconds(_)
            | Error::NotForOnce(_)
            | Error::KeyUnknown
            | Error::SignIn => Code::CredentialsInvalid,
            Error::NoHash => return Self::unavailable(error.to_string()),
            Error::Expired { .. } | Error::TooOld { .. } | Error::KeyExpired => Code::TokenExpired,
            Error::NotYetValid { .. } => Code::TokenNotYetValid,
            Error::Replayed => Code::TokenReplayed,
            Error::CrossSite | Error::PasswordNever => Code::CrossSite,
            Error::Scope(_)
            | Error::KeyScope(_)
            | Error::NoneOf(_)
            | Error::OthersCall
            | Error::Role(_)
            | Error::KeyWithoutApp => Code::ScopeMissing,
            Error::Bot(_) | Error::KeyBot(_) | Error::BotsOnly(..) => Code::BotNotAllowed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::UnknownCall(_) | store::Error::UnknownApp(_) | store::Error::NoSuch { .. } => {
                Self::new(Code::NotFound, error.to_string())
            }
            store::Error::Exists { .. }
            | store::Error::Conflict(_)
            | store::Error::LastSecret(_)
            | store::Error::LastAdmin(_) => Self::new(Code::Conflict, error.to_string()),
            store::Error::Closed => Self::unavailable("the server is shutting down; try again"),
            store::Error::Failing(_) => {
                tracing::error!(%error, "a request failed because the database cannot be used");
                Self::unavailable("the server cannot use its database just now; try again")
            }
            store::Error::InUse { .. }
            | store::Error::Missing { .. }
            | store::Error::Open { .. }
            | store::Error::Newer { .. }
            | store::Error::Copy { .. }
            | store::Error::Restored { .. }
            | store::Error::Migrate(_)
            | store::Error::Database(_)
            | store::Error::Key(_)
            | store::Error::ReadOnly => {
                // The cause is for the log; it may name paths and statements.
                tracing::error!(%error, "a request failed in the database");
                Self::new(Code::Internal, "the server could not reach its database; the log says why")
            }
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let detail = format!("the body is larger than {} KiB; send less metadata", BODY_LIMIT / 1024);
            return Self::new(Code::TooLarge, detail);
        }
        Self::new(Code::Malformed, rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_the_standard_and_a_code() {
        let problem = Problem::new(Code::Invalid, "the call cannot be placed")
            .with_field("target", "is not a telephone number")
            .with_field("caller", "is missing");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body_of(response).await,
            json!({
                "type": "/problems/invalid",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "the call cannot be placed",
                "code": "invalid",
                "errors": [
                    {"field": "target", "problem": "is not a telephone number"},
                    {"field": "caller", "problem": "is missing"},
                ],
            })
        );
    }

    #[tokio::test]
    async fn a_failure_of_the_database_is_not_told_to_the_caller() {
        let error = store::Error::Open { path: "/secret/place".into(), reason: "disk full".to_owned() };
        let body = body_of(Problem::from(error).into_response()).await;
        assert_eq!(body["status"], 500);
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn who_is_not_known_is_told_how_to_introduce_himself() {
        let response = Problem::from(access::Error::Missing).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
