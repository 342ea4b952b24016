//! The pages of flows: what runs where, versions and labels, the graph beside the text, and a way to bring a new version.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use callcore::flow::{Diagnostic, Ears, Outcome, Severity};
use serde::Serialize;

use super::forms::Does;
use super::frame::{Crumb, Frame, Room, Sees, may};
use super::when::At;
use crate::access::{EditFlows, SeeFlows, TalkToFlows};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::api::judging::{Rejected, judged, judged_whole};
use crate::flows::{Author, Described};

/// Longest reason for a version, characters.
const LONGEST_MESSAGE: usize = 500;

#[derive(Serialize)]
struct List {
    flows: Vec<Line>,
    edits: bool,
}

#[derive(Serialize)]
struct Line {
    name: String,
    runs: String,
    label: String,
    versions: usize,
    author: String,
    changed: Option<At>,
}

fn short(digest: &str) -> String {
    digest.get(..8).unwrap_or(digest).to_owned()
}

/// Every flow.
pub(super) async fn list(sees: Sees<SeeFlows>, State(api): State<Api>) -> Response {
    let flows = api.flows.all().into_iter().map(|flow| Line {
        runs: short(&flow.runs.digest),
        label: flow.runs.label,
        versions: flow.versions.len(),
        author: flow.versions.first().map(|row| row.author.clone()).unwrap_or_default(),
        changed: flow.versions.first().map(|row| sees.zone.at(row.created_ms)),
        name: flow.flow,
    });
    let page = List { flows: flows.collect(), edits: may::<EditFlows>(&sees.who) };
    sees.page(&api, ("flows.html", Room::Flows), sees.say("nav_flows"), &[], &page)
}

#[derive(Serialize)]
struct One {
    name: String,
    /// The version that is shown.
    version: String,
    runs: bool,
    lines: Vec<String>,
    versions: Vec<Version>,
    edits: bool,
    /// Whether who looks may talk to it in their browser.
    talks: bool,
    /// Whether only the answers of questions that know theirs are heard.
    hears_answers: bool,
    /// Scenes whose questions take words that are not heard.
    deaf_scenes: String,
    /// Verdicts that are mostly told by words, where those are not heard.
    deaf_verdicts: String,
}

#[derive(Serialize)]
struct Version {
    digest: String,
    short: String,
    author: String,
    message: String,
    made: At,
    labels: Vec<String>,
    runs: bool,
    shown: bool,
}

fn versions(frame: &Frame, flow: &Described, shown: &str) -> Vec<Version> {
    let labels = |digest: &str| {
        let of = flow.labels.iter().filter(|(_, pointed)| pointed.as_str() == digest);
        of.map(|(label, _)| label.clone()).collect()
    };
    let version = |row: &crate::store::FlowVersionRow| Version {
        short: short(&row.digest),
        author: row.author.clone(),
        message: row.message.clone(),
        made: frame.zone.at(row.created_ms),
        labels: labels(&row.digest),
        runs: row.digest == flow.runs.digest,
        shown: row.digest == shown,
        digest: row.digest.clone(),
    };
    flow.versions.iter().map(version).collect()
}

/// One flow, in the version that runs or another.
pub(super) async fn one(
    sees: Sees<SeeFlows>,
    State(api): State<Api>,
    Path(name): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let flow = api.flows.describe(&name)?;
    let wanted = query.iter().find(|(known, _)| known == "version").map(|(_, value)| value.as_str());
    let (_, digest) = api.flows.resolve(&format!("{name}@{}", wanted.unwrap_or(&flow.runs.digest)))?;
    let text = api.flows.text(&format!("{name}@{digest}")).await?;
    let ears = api.calls.ears(&name);
    let needs = match api.flows.find(&format!("{name}@{digest}")).await {
        Ok(stored) => {
            let verdicts = stored.flow.verdicts_unheard(ears).into_iter().map(Outcome::as_str);
            (stored.flow.scenes_unheard(ears).join(", "), verdicts.collect::<Vec<_>>().join(", "))
        }
        Err(_) => (String::new(), String::new()),
    };
    let page = One {
        hears_answers: ears == Ears::Answers,
        deaf_scenes: needs.0,
        deaf_verdicts: needs.1,
        version: short(&digest),
        runs: digest == flow.runs.digest,
        lines: text.lines().map(str::to_owned).collect(),
        versions: versions(&sees, &flow, &digest),
        edits: may::<EditFlows>(&sees.who),
        talks: api.browsers.is_open() && may::<TalkToFlows>(&sees.who) && sees.who.may_use(&name),
        name: name.clone(),
    };
    let crumbs = [Crumb::new("/flows", sees.say("nav_flows"))];
    Ok(sees.page(&api, ("flow.html", Room::Flows), &name, &crumbs, &page))
}

/// The graph of a version.
pub(super) async fn graph(
    _: Sees<SeeFlows>,
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let stored = api.flows.find(&format!("{name}@{version}")).await?;
    let svg = callcore::flow::svg(&stored.flow);
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, super::picture::policy(&svg)),
    ];
    Ok((headers, svg).into_response())
}

/// Goes back to what ran before, or makes a version run.
pub(super) async fn roll_back(
    State(api): State<Api>,
    Path(name): Path<String>,
    form: Does<EditFlows>,
) -> Result<Response, Problem> {
    let version = form.written.text("version");
    let author = Author::new(form.by.who.name(), form.by.who.actor());
    // Somebody else may have moved it since the page was opened.
    let seen = form.written.text("ran");
    let flow = api.flows.describe(&name)?;
    if !seen.is_empty() && !flow.runs.digest.starts_with(seen) {
        return Err(Problem::new(Code::Conflict, form.by.say("flow_moved")));
    }
    api.flows.roll_back(&name, Some(version).filter(|version| !version.is_empty()), &author).await?;
    Ok(Redirect::to(&format!("/flows/{name}?done=rolled_back")).into_response())
}

#[derive(Default, Serialize)]
struct Upload {
    /// What was found in a file that was brought, and why it is not taken at all.
    bundle_findings: Vec<Finding>,
    bundle_error: String,
    /// It was only to be checked, and is right.
    bundle_right: String,
    text: String,
    message: String,
    findings: Vec<Finding>,
    errors: usize,
    lines: Vec<Marked>,
}

#[derive(Serialize)]
struct Finding {
    file: String,
    place: String,
    line: u32,
    error: bool,
    message: String,
    hint: String,
}

/// A line of the text, and what is wrong with it.
#[derive(Serialize)]
struct Marked {
    text: String,
    error: bool,
    messages: Vec<String>,
}

fn marked(text: &str, findings: &[Diagnostic]) -> Vec<Marked> {
    let mut by_line: BTreeMap<u32, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in findings {
        by_line.entry(finding.line).or_default().push(finding);
    }
    let lines = text.lines().zip(1_u32..).map(|(text, line)| {
        let found = by_line.get(&line).map(Vec::as_slice).unwrap_or_default();
        Marked {
            text: text.to_owned(),
            error: found.iter().any(|finding| finding.severity == Severity::Error),
            messages: found.iter().map(|finding| finding.message.clone()).collect(),
        }
    });
    lines.collect()
}

fn finding(found: &Diagnostic) -> Finding {
    Finding {
        file: found.file.clone(),
        place: format!("{}:{}", found.line, found.column),
        line: found.line,
        error: found.severity == Severity::Error,
        message: found.message.clone(),
        hint: found.hint.clone().unwrap_or_default(),
    }
}

/// The page on which one brings a flow, begun with the version that runs.
pub(super) async fn draft(
    sees: Sees<EditFlows>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let from = query.iter().find(|(known, _)| known == "from").map(|(_, value)| value.as_str());
    let text = match from {
        Some(name) => api.flows.text(name).await?,
        None => String::new(),
    };
    Ok(upload_page(&api, &sees, &Upload { text, ..Upload::default() }))
}

fn upload_page(api: &Api, frame: &Frame, page: &Upload) -> Response {
    let crumbs = [Crumb::new("/flows", frame.say("nav_flows"))];
    frame.page(api, ("upload.html", Room::Flows), frame.say("upload_title"), &crumbs, page)
}

/// Whether what a form brings is only to be checked. Nothing runs because a form was cut short.
fn only_checks(form: &Does<EditFlows>) -> Result<bool, Problem> {
    match form.written.text("do") {
        "check" => Ok(true),
        "keep" => Ok(false),
        _ => Err(Problem::new(Code::Invalid, form.by.say("upload_do_bad"))),
    }
}

/// Takes a flow with its audio from a file: checks it, its tests included, and keeps it when it is right and not only to be checked.
pub(super) async fn bring(State(api): State<Api>, form: Does<EditFlows>) -> Result<Response, Problem> {
    let message: String = form.written.text("message").chars().take(LONGEST_MESSAGE).collect();
    let only_check = only_checks(&form)?;
    let mut page = Upload { message: message.clone(), ..Upload::default() };
    let judged = match form.written.file() {
        Some(file) => judged_whole(&api, file).await,
        None => Err(Rejected::Problem(Problem::new(Code::Invalid, form.by.say("import_no_file")))),
    };
    match judged {
        Ok((usable, passed)) if only_check => {
            page.bundle_findings = usable.warnings.iter().map(finding).collect();
            let parts = [("flow", usable.flow.name()), ("n", &passed.to_string())];
            page.bundle_right = form.by.tell("upload_bundle_right", &parts);
        }
        Ok((usable, _)) => {
            let author = Author::new(form.by.who.name(), form.by.who.actor());
            let added = api.flows.add(usable, author, message).await?;
            let done = if added.new { "uploaded" } else { "uploaded_before" };
            return Ok(Redirect::to(&format!("/flows/{}?version={}&done={done}", added.flow, added.digest))
                .into_response());
        }
        Err(Rejected::Findings(findings)) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
            page.bundle_error = form.by.tell("upload_errors", &[("n", &errors.to_string())]);
            page.bundle_findings = findings.iter().map(finding).collect();
        }
        Err(Rejected::Problem(problem)) => {
            page.bundle_error = super::faults::sentence(&form.by.language.reason(problem.detail()))
        }
    }
    let failed = !page.bundle_error.is_empty();
    let mut response = upload_page(&api, &form.by, &page);
    if failed {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Checks a flow, and keeps it as a version when it has no errors and is not only to be checked.
pub(super) async fn upload(State(api): State<Api>, form: Does<EditFlows>) -> Result<Response, Problem> {
    let text = form.written.exactly("text").replace("\r\n", "\n");
    let message: String = form.written.text("message").chars().take(LONGEST_MESSAGE).collect();
    let only_check = only_checks(&form)?;
    let mut page = Upload { text: text.clone(), message: message.clone(), ..Upload::default() };
    let found = match judged(&api, text.clone().into_bytes()).await {
        Ok(usable) if !only_check => {
            let author = Author::new(form.by.who.name(), form.by.who.actor());
            let added = api.flows.add(usable, author, message).await?;
            let done = if added.new { "uploaded" } else { "uploaded_before" };
            return Ok(Redirect::to(&format!("/flows/{}?version={}&done={done}", added.flow, added.digest))
                .into_response());
        }
        Ok(usable) => usable.warnings.clone(),
        Err(Rejected::Findings(findings)) => findings,
        Err(Rejected::Problem(problem)) => return Err(problem),
    };
    page.errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
    page.lines = marked(&text, &found);
    page.findings = found.iter().map(finding).collect();
    let failed = page.errors > 0;
    let mut response = upload_page(&api, &form.by, &page);
    if failed {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}
