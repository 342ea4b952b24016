//! The first page: is all well, and how does today compare?

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::frame::{Frame, Room, Sees};
use super::when::{At, length};
use super::who::{Who, who_of_event};
use crate::access::SeeServer;
use crate::api::Api;
use crate::api::error::Problem;
use crate::outbox::BreakerState;
use crate::store::{CallFigures, CallFilter, DeliveryFilter, DeliveryState, EndpointRow, Visibility};
use crate::wallclock::now_ms;

/// Running calls shown.
const MOST_LIVE: usize = 50;
/// Calls that ended, shown.
const LATEST: u32 = 10;
/// Endpoints looked at.
const ENDPOINTS: u32 = 100;
/// Dead letters are counted up to here.
const COUNTED: u32 = 10_000;

#[derive(Serialize)]
struct Home {
    /// What is not well, as sentences, each with where to look.
    alarms: Vec<(String, &'static str)>,
    figures: Vec<Figure>,
    day: String,
    campaigns: Vec<super::campaigns::Line>,
    now: Now,
    latest: Vec<super::calls::Line>,
}

/// A figure that leads to what it counts.
#[derive(Serialize)]
struct Figure {
    label: String,
    value: String,
    note: String,
    href: String,
}

/// What runs now.
#[derive(Serialize)]
struct Now {
    calls: Vec<Live>,
    /// Calls beyond those shown.
    more: usize,
    at: At,
}

#[derive(Serialize)]
struct Live {
    id: String,
    number: String,
    flow: String,
    phase: &'static str,
    phase_word: String,
    who: Who,
    latest: String,
}

/// The first page.
pub(super) async fn page(sees: Sees<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    let now_ms = now_ms();
    let (begins, ends) = sees.zone.day_of(now_ms);
    let figures = api.store.call_figures(begins, ends).await?;
    let latest = api
        .store
        .calls(
            &CallFilter { progress: crate::store::Progress::Ended, ..CallFilter::within(Visibility::all()) },
            None,
            LATEST,
        )
        .await?;
    let day = sees.zone.day_text(begins);
    let home = Home {
        alarms: alarms(&api, &sees).await?,
        figures: tiles(&sees, &day, &figures),
        day,
        campaigns: super::campaigns::under_way(&api, &sees).await?,
        now: now(&api, &sees),
        latest: latest.items.into_iter().map(|call| super::calls::Line::of(&sees, call)).collect(),
    };
    Ok(sees.page(&api, ("home.html", Room::Home), sees.say("home_title"), &[], &home))
}

/// The part of the first page that renews itself.
pub(super) async fn live(sees: Sees<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Part {
        now: Now,
    }
    let part = Part { now: now(&api, &sees) };
    Ok(sees.page(&api, ("now.html", Room::Elsewhere), "", &[], &part))
}

fn now(api: &Api, frame: &Frame) -> Now {
    let live = api.calls.live();
    let more = live.len().saturating_sub(MOST_LIVE);
    let calls = live.into_iter().take(MOST_LIVE).map(|call| Live {
        number: frame.number(&call.number),
        flow: call.flow,
        phase: call.phase.as_str(),
        phase_word: frame.say(&format!("phase_{}", call.phase.as_str())).to_owned(),
        who: call.amd.map_or_else(Who::default, |event| who_of_event(frame, event, None)),
        latest: call.latest,
        id: call.call_id,
    });
    Now { calls: calls.collect(), more, at: frame.zone.clock(now_ms()) }
}

async fn alarms(api: &Api, frame: &Frame) -> Result<Vec<(String, &'static str)>, Problem> {
    let away = api.calls.trunks().iter().filter_map(|trunk| frame.trunk_away(trunk));
    let mut alarms: Vec<_> = away.map(|told| (told, "/trunks")).collect();
    if api.store.check_writing().await.is_err() {
        alarms.push((frame.say("alarm_disk").to_owned(), ""));
    }
    let endpoints = api.store.endpoints(ENDPOINTS).await?;
    let is_held = |row: &&EndpointRow| BreakerState::of(row.open_until_ms, now_ms()) != BreakerState::Closed;
    let held: Vec<_> = endpoints.iter().filter(is_held).collect();
    if let Some(first) = held.first() {
        let count = held.len().to_string();
        let told = frame.tell("alarm_webhooks", &[("count", &count), ("endpoint", &first.endpoint)]);
        alarms.push((told, "/webhooks?state=open"));
    }
    let refusing = api.outbox.refusing();
    if let Some(first) = endpoints.iter().find(|row| row.is_refusing()).filter(|_| refusing > 0) {
        let count = refusing.to_string();
        let told = frame.tell("alarm_refused", &[("count", &count), ("endpoint", &first.endpoint)]);
        alarms.push((told, "/webhooks?state=open"));
    }
    let dead =
        DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::within(Visibility::all()) };
    let dead = api.store.count_deliveries(&dead, COUNTED).await?;
    if dead > 0 {
        alarms.push((frame.tell("alarm_dead", &[("count", &dead.to_string())]), "/webhooks?state=dead"));
    }
    Ok(alarms)
}

/// `part` of `whole` in percent; a dash where there is nothing to divide.
fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 { "–".to_owned() } else { format!("{:.0} %", part as f64 * 100.0 / whole as f64) }
}

fn tiles(frame: &Frame, day: &str, figures: &CallFigures) -> Vec<Figure> {
    let counts = &figures.counts;
    let decided = counts.people + counts.machines + counts.nobody + counts.undecided;
    let tile = |label: &str, value: String, note: String, query: &str| Figure {
        label: frame.say(label).to_owned(),
        value,
        note,
        href: format!("/calls?since={day}&until={day}{query}"),
    };
    let of = |part: i64, whole: i64| {
        frame.tell("figure_of", &[("part", &part.to_string()), ("whole", &whole.to_string())])
    };
    vec![
        tile("figure_calls", counts.calls.to_string(), String::new(), ""),
        tile(
            "figure_answered",
            percent(counts.answered, counts.settled),
            of(counts.answered, counts.settled),
            "&disposition=ANSWERED",
        ),
        tile("figure_people", percent(counts.people, decided), of(counts.people, decided), "&verdict=human"),
        tile(
            "figure_machines",
            percent(counts.machines, decided),
            of(counts.machines, decided),
            "&verdict=machine",
        ),
        tile("figure_messages", counts.messages_left.to_string(), String::new(), "&verdict=machine"),
        tile(
            "figure_verdict",
            figures.verdict_median_ms.map_or_else(|| "–".to_owned(), length),
            frame.say("figure_verdict_note").to_owned(),
            "",
        ),
        tile("figure_interruptions", figures.interruptions.to_string(), String::new(), ""),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_not_zero() {
        assert_eq!(
            (percent(0, 0).as_str(), percent(1, 3).as_str(), percent(0, 4).as_str()),
            ("–", "33 %", "0 %")
        );
    }
}
