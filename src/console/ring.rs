//! The page of a link that rings. It is the same for every link: which one it is stands behind the `#` of its address, which no
//! server sees.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::files;
use super::frame::Room;
use super::signing::Asked;
use super::talk::with_camera;
use crate::api::Api;

#[derive(Serialize)]
struct Ring {
    script: &'static str,
}

/// The page.
pub(super) async fn page(State(api): State<Api>, frame: Asked) -> Response {
    let frame = frame.0.shown_once();
    let page = Ring { script: files::ring() };
    let mut shown = frame.page(&api, ("ring.html", Room::Elsewhere), frame.say("ring_title"), &[], &page);
    with_camera(&mut shown);
    shown.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    shown
}
