//! The list of calls as a file for spreadsheets: CSV (RFC 4180), in UTF-8 with a mark, or they take it for something else.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::list::Narrowed;
use crate::access::SeeCalls;
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::console::frame::{Frame, Sees};
use crate::sheets::csv_line;
use crate::store::{CallFilter, CallRow, Cursor};
use crate::wallclock::iso;

/// Calls read at a time.
const BLOCK: u32 = 500;
/// Calls that one file holds at most.
const MOST: u32 = 200_000;

const HEAD: &str = "\u{feff}call,created_utc,direction,number,flow,version,trunk,app,state,disposition,verdict,kind,verdict_ms,outcome,last_checkpoint,message_left,answered_utc,ended_utc\r\n";

/// The calls of the list, newest first.
pub(in crate::console) async fn csv(
    sees: Sees<SeeCalls>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let filter = Narrowed::read(&api, &sees, query)?.filter;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(blocks(api, sees.frame.clone(), filter))).into_response())
}

/// Where the file goes on.
enum Place {
    Head,
    Behind(Option<Cursor>, u32),
    End,
}

/// Read block by block as the browser takes them: a long file needs no memory.
fn blocks(
    api: Api,
    frame: Frame,
    filter: CallFilter,
) -> impl futures_util::Stream<Item = Result<Bytes, crate::store::Error>> {
    stream::try_unfold((Place::Head, api, frame, filter), |(place, api, frame, filter)| async move {
        let (after, before) = match place {
            Place::Head => {
                let go_on = (Place::Behind(None, 0), api, frame, filter);
                return Ok(Some((Bytes::from_static(HEAD.as_bytes()), go_on)));
            }
            Place::Behind(after, before) => (after, before),
            Place::End => return Ok(None),
        };
        let page = api.store.calls(&filter, after.as_ref(), BLOCK).await?;
        let count = u32::try_from(page.items.len()).unwrap_or(BLOCK);
        let text: String = page.items.iter().map(|call| line(&frame, call)).collect();
        let place = match page.next {
            Some(next) if before + count < MOST => Place::Behind(Some(next), before + count),
            Some(_) | None => Place::End,
        };
        Ok(Some((Bytes::from(text), (place, api, frame, filter))))
    })
}

fn line(frame: &Frame, call: &CallRow) -> String {
    let inbound = call.direction == callcore::call::Direction::Inbound;
    let number = if inbound { &call.caller } else { &call.target };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let cells = [
        call.id.clone(),
        iso(call.created_ms),
        call.direction.as_str().to_owned(),
        frame.number(number),
        call.flow.clone(),
        call.flow_digest.clone(),
        call.trunk.clone(),
        call.app_id.clone(),
        call.state.as_str().to_owned(),
        text(call.disposition.map(|one| one.as_str())),
        text(call.amd_event.map(|one| one.as_str())),
        text(call.amd_subtype.map(|one| one.as_str())),
        call.amd_ms.map(|ms| ms.to_string()).unwrap_or_default(),
        text(call.outcome.as_deref()),
        text(call.last_checkpoint.as_deref()),
        call.message_left.map(|left| left.to_string()).unwrap_or_default(),
        call.answered_ms.map(iso).unwrap_or_default(),
        call.ended_ms.map(iso).unwrap_or_default(),
    ];
    csv_line(cells.iter().map(String::as_str))
}
