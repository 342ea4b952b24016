//! The page on which somebody talks to a flow through their microphone.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use callcore::flow::MachineDetection;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::files;
use super::forms::Does;
use super::frame::{Crumb, Room, Sees};
use crate::access::TalkToFlows;
use crate::api::Api;
use crate::api::browser::{self, Grant, Placed, Wanted};
use crate::api::error::Problem;
use crate::api::extract::{Pairs, Path};

/// Stands in front of the names of variables in the form.
const VARIABLE: &str = "v_";
/// Of the pages that may use the microphone, and nothing else of the kind.
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(self), payment=()");

/// As [`PERMISSIONS`], and the camera.
const WITH_CAMERA: HeaderValue =
    HeaderValue::from_static("camera=(self), geolocation=(), microphone=(self), payment=()");

#[derive(Serialize)]
struct Talk {
    name: String,
    /// The version that takes the call.
    version: String,
    /// Whether this server takes calls of browsers.
    is_open: bool,
    variables: Vec<Variable>,
    script: &'static str,
}

/// What the flow wants to know.
#[derive(Serialize)]
struct Variable {
    name: String,
    /// As the metadata of a call names it.
    field: String,
    usual: String,
    is_required: bool,
}

/// The page for one version of a flow; the one that runs, where none is named.
pub(super) async fn page(
    sees: Sees<TalkToFlows>,
    State(api): State<Api>,
    Path(name): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    sees.who.require_bot(&name)?;
    let flow = api.flows.describe(&name)?;
    let wanted = query.iter().find(|(known, _)| known == "version").map(|(_, value)| value.as_str());
    let (_, digest) = api.flows.resolve(&format!("{name}@{}", wanted.unwrap_or(&flow.runs.digest)))?;
    let stored = api.flows.find(&format!("{name}@{digest}")).await?;
    let variables = stored.flow.variables().iter().map(|(name, variable)| Variable {
        field: format!("{VARIABLE}{}", variable.from.as_ref().unwrap_or(name)),
        usual: match &variable.default {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        },
        is_required: variable.default.is_none(),
        name: name.clone(),
    });
    let page = Talk {
        is_open: api.browsers.is_open(),
        version: digest.get(..8).unwrap_or(&digest).to_owned(),
        variables: variables.collect(),
        script: files::talk(),
        name: name.clone(),
    };
    let crumbs = [Crumb::new("/flows", sees.say("nav_flows")), Crumb::new(format!("/flows/{name}"), &name)];
    let mut shown = sees.page(&api, ("talk.html", Room::Flows), sees.say("talk_title"), &crumbs, &page);
    with_microphone(&mut shown);
    Ok(shown)
}

/// Lets a page use the microphone.
pub(super) fn with_microphone(page: &mut Response) {
    page.headers_mut().insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
}

/// Lets a page use microphone and camera.
pub(super) fn with_camera(page: &mut Response) {
    page.headers_mut().insert(HeaderName::from_static("permissions-policy"), WITH_CAMERA);
}

/// Answers the offer of a browser.
pub(super) async fn call(
    State(api): State<Api>,
    Path(name): Path<String>,
    form: Does<TalkToFlows>,
) -> Result<Response, Problem> {
    let who = &form.by.who;
    api.access.may_place(who, &name).await?;
    let version = form.written.text("version");
    let flow = if version.is_empty() { name } else { format!("{name}@{version}") };
    api.flows.find(&flow).await?;
    let written = form.written.pairs().into_iter().filter(|(_, value)| !value.trim().is_empty());
    let variables: Map<String, Value> = written
        .filter_map(|(name, value)| Some((name.strip_prefix(VARIABLE)?.to_owned(), Value::String(value))))
        .collect();
    let sdp = form.written.exactly("sdp");
    let grant = Grant { flow, variables, app_id: who.asks_as(), subject: who.subject() };
    let address = api.access.origin(form.peer, &form.headers);
    let wanted = Wanted { sdp: &sdp, grant, address, machine_detection: MachineDetection::Detect };
    let Placed { call_id, sdp, secret } = browser::place(&api, wanted).await?;
    let told = json!({ "callId": call_id, "sdp": sdp, "end": format!("/v1/browser-calls/{secret}") });
    Ok((StatusCode::CREATED, Json(told)).into_response())
}
