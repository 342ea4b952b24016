//! The page of calls: gathers what it shows.

use axum::extract::State;
use axum::response::Response;
use callcore::amd::{EventKind, Subtype};
use callcore::call::Direction;

use super::render::{CallLine, calls_page, calls_rows};
use super::viewer::Viewer;
use crate::access::SeeServer;
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::may::May;
use crate::store::{CallFilter, CallRow, Progress, Visibility};
use crate::telemetry::mask;
use crate::wallclock::iso;

/// Ended calls shown.
const LATEST: u32 = 20;

/// The page of calls: those that run and the latest that ended.
#[utoipa::path(get, path = "/", operation_id = "callsPage", tag = "server",
    security(("basic" = []), ("apiKey" = []), ("appToken" = []), ("appBearer" = [])),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(super) async fn calls(viewer: Viewer, State(api): State<Api>) -> Result<Response, Problem> {
    let (live, ended) = lines(&api, viewer.0.visibility()).await?;
    Ok(calls_page(&live, &ended))
}

/// What changes on the page of calls.
#[utoipa::path(get, path = "/calls/rows", operation_id = "callsRows", tag = "server",
    responses((status = 200, description = "Rows of HTML.", body = String, content_type = "text/html")))]
pub(super) async fn rows(may: May<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    let (live, ended) = lines(&api, may.visibility()).await?;
    Ok(calls_rows(&live, &ended))
}

async fn lines(api: &Api, visibility: Visibility) -> Result<(Vec<CallLine>, Vec<CallLine>), Problem> {
    let live = api.calls.live().into_iter().map(|call| CallLine {
        number: mask(&call.number),
        flow: call.flow,
        phase: call.phase.as_str().to_owned(),
        who: call.amd.map(|kind| who(kind, None)).unwrap_or_default(),
        latest: call.latest,
        began: String::new(),
        call_id: call.call_id,
    });
    let filter = CallFilter { progress: Progress::Ended, ..CallFilter::within(visibility) };
    let page = api.store.calls(&filter, None, LATEST).await?;
    Ok((live.collect(), page.items.into_iter().map(ended_line).collect()))
}

fn ended_line(call: CallRow) -> CallLine {
    // The number at the other end.
    let number = if call.direction == Direction::Inbound { &call.caller } else { &call.target };
    CallLine {
        number: mask(number),
        flow: call.flow,
        phase: "ended".into(),
        who: call.amd_event.map(|kind| who(kind, call.amd_subtype)).unwrap_or_default(),
        latest: call.outcome.unwrap_or_default().replace('_', " "),
        began: iso(call.created_ms),
        call_id: call.id,
    }
}

fn who(event: EventKind, subtype: Option<Subtype>) -> String {
    let word = event.as_str().trim_start_matches("amd_").trim_end_matches("_detected").replace('_', " ");
    match subtype.map(Subtype::as_str) {
        Some(subtype) if subtype != word => format!("{word}, {subtype}"),
        Some(_) | None => word,
    }
}
