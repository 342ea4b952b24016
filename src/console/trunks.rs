//! The ways to carriers: whether each is within reach, how busy it is, and what limits it.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::frame::{Frame, Room, Sees};
use super::when::{At, length};
use crate::access::SeeServer;
use crate::api::Api;
use crate::api::error::Problem;
use crate::trunk::Trunk;
use crate::wallclock::now_ms;

#[derive(Serialize)]
struct Page {
    lines: Vec<Line>,
    at: At,
}

#[derive(Serialize)]
struct Line {
    name: String,
    kind: &'static str,
    reachable: bool,
    busy: String,
    waiting: String,
    rate: String,
    patience: String,
    records: bool,
    caller: bool,
    /// What holds calls up now; empty when nothing does.
    holds: String,
}

impl Line {
    fn of(frame: &Frame, trunk: &Trunk) -> Self {
        let ((busy, waiting), limits) = (trunk.load(), trunk.limits());
        let of = |part: usize, whole: Option<usize>| match whole {
            Some(whole) => {
                frame.tell("figure_of", &[("part", &part.to_string()), ("whole", &whole.to_string())])
            }
            None => part.to_string(),
        };
        let reachable = trunk.is_reachable();
        let holds = match limits.calls {
            _ if !reachable => "trunk_away",
            Some(most) if busy >= most => "trunk_full",
            _ if waiting > 0 => "trunk_rate",
            _ => "",
        };
        Self {
            name: trunk.name().to_owned(),
            kind: trunk.kind(),
            reachable,
            busy: of(busy, limits.calls),
            waiting: of(waiting, Some(limits.queue)),
            rate: limits.per_second.map(|rate| rate.to_string()).unwrap_or_default(),
            patience: i64::try_from(limits.queue_timeout.as_millis()).map(length).unwrap_or_default(),
            records: trunk.keeps_records(),
            caller: trunk.shows_caller(),
            holds: if holds.is_empty() { String::new() } else { frame.say(holds).to_owned() },
        }
    }
}

/// All of them.
pub(super) async fn page(sees: Sees<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    let lines = api.calls.trunks().iter().map(|trunk| Line::of(&sees, trunk)).collect();
    let page = Page { lines, at: sees.zone.clock(now_ms()) };
    Ok(sees.page(&api, ("trunks.html", Room::Trunks), sees.say("nav_trunks"), &[], &page))
}
