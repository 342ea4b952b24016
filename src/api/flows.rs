//! `/v1/flows`: versions of flows, uploaded as a zip or as YAML, and the labels that decide which one runs.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use callcore::flow::{Diagnostic, JSON_SCHEMA};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::{Code, Problem};
use crate::flows::{self, Bundle, Described, FileTests, Refused, Running, Usable};
use crate::wallclock::iso;

/// Largest upload, bytes.
pub(super) const LARGEST: usize = 48 * 1024 * 1024;
/// Longest message of a version, in characters.
const LONGEST_MESSAGE: usize = 500;

/// Whose key it is.
#[derive(Clone, Debug)]
pub(super) struct Author(pub(super) String);

/// `GET /v1/flows`: every flow with its labels and what runs.
pub(super) async fn list(State(api): State<Api>) -> Json<Value> {
    let flows: Vec<Value> = api
        .flows
        .all()
        .into_iter()
        .map(|flow| {
            json!({
                "flow": flow.flow,
                "runs": flow.runs,
                "labels": flow.labels,
                "versions": flow.versions.len(),
                "lastChange": flow.versions.first().map(|row| iso(row.created_ms)),
            })
        })
        .collect();
    Json(json!({ "flows": flows }))
}

/// `GET /v1/flows/{name}/versions`: newest first.
pub(super) async fn history(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(shown(&api.flows.describe(&name)?)))
}

/// `GET /v1/flows/{name}/versions/{version}`: the text of one, named by a label or a digest.
pub(super) async fn text(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let text = api.flows.text(&format!("{name}@{version}")).await?;
    let yaml = HeaderValue::from_static("application/yaml; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, yaml)], text).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UploadQuery {
    #[serde(default)]
    message: String,
    /// A label to point at the version, when it is taken.
    label: Option<String>,
    /// `false` leaves the tests in the bundle alone.
    tests: Option<bool>,
}

/// `POST /v1/flows/{name}/versions`: a zip with one flow and its audio, or the YAML of a flow without audio.
/// Checked before anything is kept, the tests in the zip included.
pub(super) async fn upload(
    State(api): State<Api>,
    Extension(Author(author)): Extension<Author>,
    Path(name): Path<String>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    if query.message.chars().count() > LONGEST_MESSAGE {
        let detail = format!("the message has more than {LONGEST_MESSAGE} characters; shorten it");
        return Err(Problem::new(Code::Invalid, detail));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let most = LARGEST / 1024 / 1024;
            Problem::new(
                Code::TooLarge,
                format!("the upload is larger than {most} MiB; leave out what the flow does not play"),
            )
        }
        _ => Problem::new(Code::Malformed, rejection.body_text()),
    })?;
    let with_tests = query.tests.unwrap_or(true);
    let checking = tokio::task::spawn_blocking(move || checked(&body, with_tests));
    let (usable, tests) = checking
        .await
        .map_err(|error| Problem::new(Code::Internal, format!("the check failed: {error}")))??;
    if usable.flow.name() != name {
        let detail = format!(
            "the flow in the upload is called `{}`, not `{name}`; use its own name",
            usable.flow.name()
        );
        return Err(Problem::new(Code::Invalid, detail));
    }
    let warnings = usable.warnings.clone();
    let added = api.flows.add(usable, author.clone(), query.message).await?;
    let mut runs = added.runs.clone();
    if let Some(label) = &query.label {
        runs = api.flows.label(&name, label, &added.digest, &author).await?;
    }
    tracing::info!(flow = %name, digest = %added.digest, %author, new = added.new, "a version of a flow was uploaded");
    let status = if added.new { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({
        "flow": added.flow,
        "digest": added.digest,
        "new": added.new,
        "runs": runs,
        "warnings": warnings,
        "testsPassed": tests,
    });
    Ok((status, Json(body)).into_response())
}

/// The flow in an upload and how many tests it passed.
fn checked(body: &[u8], with_tests: bool) -> Result<(Usable, usize), Problem> {
    let bundle = Bundle::read(body)?;
    let usable = bundle.check()?;
    let mut passed = 0;
    for (file, bytes) in bundle.tests().filter(|_| with_tests) {
        let tests =
            FileTests::read(file, bytes, &bundle.name, &usable.flow, |path| bundle.files.get(path).cloned());
        let Some(tests) = tests else { continue };
        let failures = tests.map_or_else(
            |found| found,
            |tests| {
                let (count, failures) = tests.run(&usable.flow);
                passed += count;
                failures
            },
        );
        if !failures.is_empty() {
            let detail = format!("the tests in `{file}` fail; mend them, or upload with `tests=false`");
            return Err(Problem::new(Code::Invalid, detail).with_member("diagnostics", told(&failures)));
        }
    }
    Ok((usable, passed))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    /// A label, or the beginning of a digest.
    version: String,
}

/// `PUT /v1/flows/{name}/labels/{label}` with `{"version": …}`.
pub(super) async fn label(
    State(api): State<Api>,
    Extension(Author(author)): Extension<Author>,
    Path((name, label)): Path<(String, String)>,
    body: Result<Json<Version>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Version { version }) = body.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let runs = api.flows.label(&name, &label, &version, &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// `DELETE /v1/flows/{name}/labels/{label}`.
pub(super) async fn unlabel(
    State(api): State<Api>,
    Extension(Author(author)): Extension<Author>,
    Path((name, label)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let runs = api.flows.unlabel(&name, &label, &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// `POST /v1/flows/{name}/rollback`: to what ran before, or to the `version` of the body.
pub(super) async fn roll_back(
    State(api): State<Api>,
    Extension(Author(author)): Extension<Author>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let wanted: Option<Version> = if body.is_empty() {
        None
    } else {
        let malformed =
            |error| Problem::new(Code::Malformed, format!("the body is not {{\"version\": …}}: {error}"));
        Some(serde_json::from_slice(&body).map_err(malformed)?)
    };
    let runs = api.flows.roll_back(&name, wanted.as_ref().map(|w| w.version.as_str()), &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// `GET /schema/flow.json`: what editors complete and check flows with.
pub(super) async fn schema() -> Response {
    let kind = HeaderValue::from_static("application/schema+json");
    ([(header::CONTENT_TYPE, kind)], JSON_SCHEMA).into_response()
}

fn moved(api: &Api, name: &str, runs: &Running, author: &str) -> Json<Value> {
    tracing::info!(flow = %name, digest = %runs.digest, %author, "a label of a flow was moved");
    let labels = api.flows.describe(name).map(|flow| flow.labels).unwrap_or_default();
    Json(json!({ "flow": name, "runs": runs, "labels": labels }))
}

fn shown(flow: &Described) -> Value {
    let versions: Vec<Value> = flow
        .versions
        .iter()
        .map(|row| {
            let labels: Vec<&String> = flow
                .labels
                .iter()
                .filter(|(_, digest)| **digest == row.digest)
                .map(|(label, _)| label)
                .collect();
            json!({
                "digest": row.digest,
                "author": row.author,
                "message": row.message,
                "created": iso(row.created_ms),
                "labels": labels,
                "runs": row.digest == flow.runs.digest,
            })
        })
        .collect();
    json!({ "flow": flow.flow, "runs": flow.runs, "versions": versions })
}

/// Findings as they are and as a terminal shows them.
fn told(findings: &[Diagnostic]) -> Value {
    let told = findings.iter().map(|finding| {
        let mut value = json!(finding);
        value["shown"] = json!(finding.to_string());
        value
    });
    Value::Array(told.collect())
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Bundle(why) => Self::new(Code::Invalid, why),
            Refused::Flow(findings) => {
                let first =
                    findings.iter().find(|finding| finding.severity == callcore::flow::Severity::Error);
                let first =
                    first.map(|f| format!("; the first: {}:{}:{}: {}", f.file, f.line, f.column, f.message));
                let detail = format!("the flow has errors{}", first.unwrap_or_default());
                Self::new(Code::Invalid, detail).with_member("diagnostics", told(&findings))
            }
        }
    }
}

impl From<flows::Error> for Problem {
    fn from(error: flows::Error) -> Self {
        let code = match error {
            flows::Error::Store(error) => return error.into(),
            flows::Error::Unknown { .. } | flows::Error::UnknownVersion { .. } => Code::NotFound,
            flows::Error::Ambiguous { .. } | flows::Error::NothingBefore { .. } => Code::Conflict,
            flows::Error::Broken { .. }
            | flows::Error::Read { .. }
            | flows::Error::Label { .. }
            | flows::Error::Damaged { .. } => Code::Invalid,
            flows::Error::Keep { .. } => {
                // The cause names a path; it is for the log.
                tracing::error!(%error, "a version of a flow could not be written");
                return Self::new(
                    Code::Internal,
                    "the version could not be written to disk; the log says why",
                );
            }
        };
        Self::new(code, error.to_string())
    }
}
