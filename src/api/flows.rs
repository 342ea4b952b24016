//! `/v1/flows`: versions of flows, uploaded as a zip or as YAML, and the labels that decide which one runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use callcore::flow::{Diagnostic, JSON_SCHEMA};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query};
use super::fields::{Fields, Given, json as read_json, optional};
use super::may::{EditedFlow, FlowInPath, May};
use super::problems::{BadBody, NoSuchVersion, TooLarge};
use super::uploads::Turn;
use crate::access::SeeFlows;
use crate::flows::{self, Added, Author, Bundle, Check, Described, FileTests, Refused, Running, Usable};
use crate::wallclock::iso;

/// Largest upload, bytes.
pub(crate) const LARGEST: usize = 48 * 1024 * 1024;
/// Longest message of a version, in characters.
const LONGEST_MESSAGE: usize = 500;
/// Longest label, and longest way to name a version, characters.
const LONGEST_LABEL: usize = 64;

/// Every flow.
#[derive(Serialize, ToSchema)]
pub(super) struct FlowList {
    flows: Vec<FlowSummary>,
}

/// A flow with its labels.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FlowSummary {
    flow: String,
    runs: Running,
    /// Digests by label.
    labels: BTreeMap<String, String>,
    /// How many there are.
    versions: usize,
    #[schema(format = DateTime)]
    last_change: Option<String>,
}

/// A flow with its versions, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct FlowHistory {
    flow: String,
    runs: Running,
    versions: Vec<FlowVersion>,
}

/// A version of a flow.
#[derive(Serialize, ToSchema)]
struct FlowVersion {
    /// SHA-256 of what it says.
    digest: String,
    author: String,
    message: String,
    #[schema(format = DateTime)]
    created: String,
    labels: Vec<String>,
    /// Whether a plain name runs it.
    runs: bool,
}

/// What became of an upload.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    flow: String,
    digest: String,
    /// `false` when the flow had this version already.
    new: bool,
    runs: Running,
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Diagnostic>,
    tests_passed: usize,
}

/// Where the labels of a flow point now.
#[derive(Serialize, ToSchema)]
pub(super) struct Moved {
    flow: String,
    runs: Running,
    /// Digests by label.
    labels: BTreeMap<String, String>,
}

/// Every flow with its labels and what runs; for who is tied to bots, those that they run.
#[utoipa::path(get, path = "/v1/flows", operation_id = "listFlows", tag = "flows",
    responses(
        (status = 200, description = "The flows by name.", body = FlowList),
    ))]
pub(super) async fn list(State(api): State<Api>, may: May<SeeFlows>) -> Json<FlowList> {
    let own = |flow: &str| may.tied_to().is_none_or(|bots| api.runs(bots, flow));
    let flows = api
        .flows
        .all()
        .into_iter()
        .filter(|flow| own(&flow.flow))
        .map(|flow| FlowSummary {
            flow: flow.flow,
            runs: flow.runs,
            labels: flow.labels,
            versions: flow.versions.len(),
            last_change: flow.versions.first().map(|row| iso(row.created_ms)),
        })
        .collect();
    Json(FlowList { flows })
}

/// The versions of a flow, newest first.
#[utoipa::path(get, path = "/v1/flows/{name}/versions", operation_id = "listVersions", tag = "flows",
    params(("name" = String, Path, description = "The flow.")),
    responses(
        (status = 200, description = "The versions.", body = FlowHistory),
        (status = 404, description = "There is no such flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The file of the flow has errors.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn history(
    State(api): State<Api>,
    FlowInPath(name): FlowInPath,
) -> Result<Json<FlowHistory>, Problem> {
    Ok(Json(shown(&api.flows.describe(&name)?)))
}

/// The text of a version.
#[utoipa::path(get, path = "/v1/flows/{name}/versions/{version}", operation_id = "getVersion", tag = "flows",
    params(
        ("name" = String, Path, description = "The flow."),
        ("version" = String, Path, description = "A label, or the beginning of a digest."),
    ),
    responses(
        (status = 200, description = "The flow as YAML.", body = Object, content_type = "application/yaml"),
        NoSuchVersion,
        (status = 409, description = "The beginning of the digest fits several versions.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The file of the flow has errors.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn text(
    State(api): State<Api>,
    FlowInPath(name): FlowInPath,
    Path((_, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let text = api.flows.text(&format!("{name}@{version}")).await?;
    let yaml = HeaderValue::from_static("application/yaml; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, yaml)], text).into_response())
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadQuery {
    /// Why it was made.
    #[param(value_type = Option<String>, max_length = 500)]
    message: String,
    /// A label to point at the version, when it is taken.
    #[param(min_length = 1, max_length = 64)]
    label: Option<String>,
    /// `false` leaves the tests in the bundle alone.
    tests: Option<bool>,
}

impl Given for UploadQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let message = fields.any_text("message").unwrap_or_default();
        let length = message.chars().count();
        if length > LONGEST_MESSAGE {
            fields.fault("message", format!("has {length} characters; {LONGEST_MESSAGE} is the most"));
        }
        Self { message, label: fields.text("label", LONGEST_LABEL), tests: fields.yes("tests") }
    }
}

/// Upload a version of a flow.
///
/// The body is a zip with one flow and its audio, or the YAML of a flow without audio. It is checked before
/// anything is kept, the tests in the zip included.
#[utoipa::path(post, path = "/v1/flows/{name}/versions", operation_id = "uploadVersion", tag = "flows",
    params(("name" = String, Path, description = "The flow."), UploadQuery),
    request_body(description = "A zip, or YAML.", content(
        (Vec<u8> = "application/zip"),
        (String = "application/yaml"),
    )),
    responses(
        (status = 200, description = "The flow had this version already.", body = Uploaded),
        (status = 201, description = "The version is kept.", body = Uploaded),
        (status = 400, description = "The body or a parameter cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchVersion,
        (status = 409, description = "The beginning of the digest fits several versions, or there is nothing to go back to.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "The upload is larger than 48 MiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The flow, the bundle, its tests or the label have errors; `diagnostics` lists them.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Two uploads are being checked already.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn upload(
    State(api): State<Api>,
    EditedFlow { name, author }: EditedFlow,
    Query(query): Query<UploadQuery>,
    turn: Turn,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
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
    let (usable, tests) = turn.check(move |check| checked(&body, with_tests, check)).await?;
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
    tracing::info!(flow = %name, digest = %added.digest, author = author.name(), new = added.new, "a version of a flow was uploaded");
    let status = if added.new { StatusCode::CREATED } else { StatusCode::OK };
    let Added { flow, digest, new, .. } = added;
    let body = Uploaded { flow, digest, new, runs, warnings, tests_passed: tests };
    Ok((status, Json(body)).into_response())
}

/// The flow in an upload and how many tests it passed.
fn checked(body: &[u8], with_tests: bool, check: &Check) -> Result<(Usable, usize), Problem> {
    let bundle = Bundle::read(body, check)?;
    let usable = bundle.check(check)?;
    let mut passed = 0;
    for (file, bytes) in bundle.tests().filter(|_| with_tests) {
        let read = |path: &str| bundle.files.get(path).cloned();
        let tests = FileTests::read(file, bytes, &bundle.name, &usable.flow, check, read);
        let Some(tests) = tests else { continue };
        let failures = tests.map_or_else(
            |found| found,
            |tests| {
                let (count, failures) = tests.run(&usable.flow, check);
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

/// A version of a flow, named.
#[derive(Debug, ToSchema)]
#[schema(as = VersionName)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    /// A label, or the beginning of a digest.
    #[schema(min_length = 1, max_length = 64)]
    version: String,
}

impl Given for Version {
    fn read(fields: &mut Fields<'_>) -> Self {
        let example = "name a label or the beginning of a digest";
        let text = |fields: &mut Fields<'_>, name| fields.text(name, LONGEST_LABEL);
        Self { version: fields.required("version", example, text) }
    }
}

/// Point a label at a version.
#[utoipa::path(put, path = "/v1/flows/{name}/labels/{label}", operation_id = "setLabel", tag = "flows",
    params(
        ("name" = String, Path, description = "The flow."),
        ("label" = String, Path, description = "Lower-case letters, digits, `-` and `_`."),
    ),
    request_body(content = Version),
    responses(
        (status = 200, description = "It points there.", body = Moved),
        BadBody,
        NoSuchVersion,
        (status = 409, description = "The beginning of the digest fits several versions.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The label cannot be one.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn label(
    State(api): State<Api>,
    EditedFlow { name, author }: EditedFlow,
    Path((_, label)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Moved>, Problem> {
    let Version { version } = read_json(body)?;
    let runs = api.flows.label(&name, &label, &version, &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// Take a label away.
#[utoipa::path(delete, path = "/v1/flows/{name}/labels/{label}", operation_id = "removeLabel", tag = "flows",
    params(
        ("name" = String, Path, description = "The flow."),
        ("label" = String, Path, description = "Lower-case letters, digits, `-` and `_`."),
    ),
    responses(
        (status = 200, description = "It is gone.", body = Moved),
        NoSuchVersion,
        (status = 422, description = "The flow has no such label, or it cannot be taken away.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn unlabel(
    State(api): State<Api>,
    EditedFlow { name, author }: EditedFlow,
    Path((_, label)): Path<(String, String)>,
) -> Result<Json<Moved>, Problem> {
    let runs = api.flows.unlabel(&name, &label, &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// Go back to what ran before, or to a version.
#[utoipa::path(post, path = "/v1/flows/{name}/rollback", operation_id = "rollBack", tag = "flows",
    params(("name" = String, Path, description = "The flow.")),
    request_body(content = Option<Version>, description = "Without a body: to what ran before."),
    responses(
        (status = 200, description = "It runs now.", body = Moved),
        BadBody,
        NoSuchVersion,
        (status = 409, description = "The beginning of the digest fits several versions, or there is nothing to go back to.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
pub(super) async fn roll_back(
    State(api): State<Api>,
    EditedFlow { name, author }: EditedFlow,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Moved>, Problem> {
    let wanted: Option<Version> = optional(body, Code::Malformed)?;
    let runs = api.flows.roll_back(&name, wanted.as_ref().map(|w| w.version.as_str()), &author).await?;
    Ok(moved(&api, &name, &runs, &author))
}

/// The JSON Schema of a flow, which editors complete and check flows with.
#[utoipa::path(get, path = "/schema/flow.json", operation_id = "flowSchema", tag = "flows",
    responses(
        (status = 200, description = "The schema.", body = Object, content_type = "application/schema+json"),
    ))]
pub(super) async fn schema() -> Response {
    let kind = HeaderValue::from_static("application/schema+json");
    ([(header::CONTENT_TYPE, kind)], JSON_SCHEMA).into_response()
}

fn moved(api: &Api, name: &str, runs: &Running, author: &Author) -> Json<Moved> {
    tracing::info!(flow = %name, digest = %runs.digest, author = author.name(), "a label of a flow was moved");
    let labels = api.flows.describe(name).map(|flow| flow.labels).unwrap_or_default();
    Json(Moved { flow: name.to_owned(), runs: runs.clone(), labels })
}

fn shown(flow: &Described) -> FlowHistory {
    let versions = flow
        .versions
        .iter()
        .map(|row| {
            let labels = flow
                .labels
                .iter()
                .filter(|(_, digest)| **digest == row.digest)
                .map(|(label, _)| label.clone())
                .collect();
            FlowVersion {
                digest: row.digest.clone(),
                author: row.author.clone(),
                message: row.message.clone(),
                created: iso(row.created_ms),
                labels,
                runs: row.digest == flow.runs.digest,
            }
        })
        .collect();
    FlowHistory { flow: flow.flow.clone(), runs: flow.runs.clone(), versions }
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
                return Self::unavailable("the version could not be written to disk; the log says why");
            }
        };
        Self::new(code, error.to_string())
    }
}
