//! The pages of the ledger: a list with how endpoints fare, and one notification with its attempts and a button that
//! sends it again.

mod page;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::Value;

use self::page::{AttemptLine, DeliveryLine, EndpointLine, ListPage, OnePage, Tab, WantedFields};
use super::forms::Does;
use super::frame::{Crumb, Frame, Room, Sees, may};
use crate::access::{ResendWebhooks, Right, SeeServer};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::{Pairs, Path};
use crate::api::fields::{self, Fields, Given};
use crate::api::webhooks::show::{self, Fate};
use crate::api::webhooks::{BATCH, ENDPOINTS, Wanted, delivery, send_again, send_again_all};
use crate::api::when::When;
use crate::outbox::BreakerState;
use crate::store::{
    AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, EndpointRow, NotificationState, Visibility,
};
use crate::trunk::webrtc::without_tokens;
use crate::wallclock::now_ms;

/// Notifications of a page.
const PAGE: u32 = 50;
/// Dead letters are counted up to here.
const COUNTED: u32 = 10_000;

/// The page of notifications, and of how endpoints fare.
pub(super) async fn list(
    sees: Sees<SeeServer>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let (mut wanted, everything) = fields::query(filled(query), wanted)?;
    // Whoever names no state looks for what went wrong.
    wanted.state = (!everything).then_some(wanted.state.unwrap_or(Fate::Dead));
    let filter = wanted.filter(sees.who.visibility(&SeeServer::RULE));
    let found = api.store.deliveries(&filter, wanted.after.as_deref(), PAGE).await?;
    let dead =
        DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::within(Visibility::all()) };
    let matching = if wanted.state == Some(Fate::Dead) && may::<ResendWebhooks>(&sees.who) {
        api.store.count_deliveries(&filter, COUNTED).await?
    } else {
        0
    };
    let endpoints = api.store.endpoints(ENDPOINTS).await?;
    let shown = ListPage {
        tabs: tabs(&sees, &shown_state(&wanted)),
        fields: fields(&wanted),
        deliveries: found.items.iter().map(|row| line(&sees, row)).collect(),
        endpoints: endpoints.iter().map(|row| endpoint_line(&sees, row, now_ms())).collect(),
        next: found.next.map(|after| link(&Wanted { after: Some(after), ..wanted.clone() })),
        dead: api.store.count_deliveries(&dead, COUNTED).await?,
        matching,
        most: u64::from(BATCH),
    };
    Ok(sees.page(&api, ("webhooks.html", Room::Webhooks), sees.say("nav_webhooks"), &[], &shown))
}

/// Browsers send the fields of a form that nobody filled in.
fn filled(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let ours = |name: &str| name == "done" || name == "token";
    pairs.into_iter().filter(|(name, value)| !value.is_empty() && !ours(name)).collect()
}

/// What a page is narrowed to, and whether it is to show every state.
fn wanted(fields: &mut Fields<'_>) -> (Wanted, bool) {
    let everything = fields.is("state", "all");
    (Wanted::read(fields), everything)
}

/// The page of one notification.
pub(super) async fn one(
    sees: Sees<SeeServer>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = delivery(&api, &id).await?;
    let attempts = api.store.attempts(&id).await?;
    let told = without_tokens(&row.notification.body);
    let body = serde_json::from_str::<Value>(&told).map_or(told, |body| format!("{body:#}"));
    let shown = OnePage {
        settled: row.notification.settled_ms.is_some(),
        resends: may::<ResendWebhooks>(&sees.who),
        url: row.notification.url.clone(),
        app_id: row.notification.app_id.clone(),
        seq: row.notification.seq,
        redelivered: row.notification.redelivered,
        headers: show::headers(&row).into_iter().collect(),
        body,
        attempts: attempts.iter().map(|row| attempt_line(&sees, row)).collect(),
        line: line(&sees, &row),
    };
    let crumbs = [Crumb::new("/webhooks", sees.say("nav_webhooks"))];
    let title = sees.tell("webhook_title", &[("kind", &row.notification.kind)]);
    Ok(sees.page(&api, ("webhook.html", Room::Webhooks), &title, &crumbs, &shown))
}

/// The button of the page of one notification.
pub(super) async fn redeliver_one(
    State(api): State<Api>,
    Path(id): Path<String>,
    form: Does<ResendWebhooks>,
) -> Result<Response, Problem> {
    match send_again(&api, &id, form.by.who.actor()).await {
        // Pressed twice: it is on its way, which is what the page shows.
        Err(problem) if problem.code() == Code::Conflict => {}
        sent => sent?,
    }
    Ok(Redirect::to(&format!("/webhooks/{id}")).into_response())
}

/// The button of the page of notifications.
pub(super) async fn redeliver(
    State(api): State<Api>,
    form: Does<ResendWebhooks>,
) -> Result<Response, Problem> {
    let (wanted, _) = fields::form(filled(form.written.pairs()), wanted)?;
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        ..wanted.filter(form.by.who.visibility(&ResendWebhooks::RULE))
    };
    send_again_all(&api, filter, BATCH, form.by.who.actor()).await?;
    Ok(Redirect::to(&link(&Wanted { state: Some(Fate::Open), ..wanted })).into_response())
}

fn tabs(frame: &Frame, state: &str) -> Vec<Tab> {
    let all = [
        ("dead", frame.say("webhooks_dead")),
        ("open", frame.say("webhooks_open")),
        ("delivered", frame.say("webhooks_delivered")),
        ("all", frame.say("webhooks_all")),
    ];
    all.map(|(name, title)| Tab { name: name.into(), title: title.into(), here: name == state }).into()
}

/// The word for which states the list shows.
fn shown_state(wanted: &Wanted) -> String {
    wanted.state.map_or_else(|| "all".to_owned(), |fate| word(&fate))
}

/// How a query writes a value.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn fields(wanted: &Wanted) -> WantedFields {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let when = |value: &Option<When>| value.as_ref().map(word).unwrap_or_default();
    WantedFields {
        state: shown_state(wanted),
        call_id: text(&wanted.call_id),
        app_id: text(&wanted.app_id),
        endpoint: text(&wanted.endpoint),
        kind: text(&wanted.kind),
        reason: wanted.reason.as_ref().map(word).unwrap_or_default(),
        since: when(&wanted.since),
        until: when(&wanted.until),
    }
}

/// The list, narrowed like this.
fn link(wanted: &Wanted) -> String {
    let query = serde_json::to_value(wanted).ok();
    let pairs = query.as_ref().and_then(Value::as_object).into_iter().flatten();
    let pairs = pairs
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str().filter(|text| !text.is_empty())?)));
    let everything = wanted.state.is_none().then_some(("state", "all"));
    let mut url = reqwest::Url::parse("http://page/webhooks").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs.chain(everything));
    }
    url.map_or_else(
        || "/webhooks".to_owned(),
        |url| format!("{}?{}", url.path(), url.query().unwrap_or_default()),
    )
}

fn line(frame: &Frame, row: &DeliveryRow) -> DeliveryLine {
    let n = &row.notification;
    DeliveryLine {
        id: n.id.clone(),
        of_campaign: n.campaign_id.is_some(),
        about: match &n.campaign_id {
            Some(campaign) => format!("/campaigns/{campaign}"),
            None => format!("/calls/{}", n.call_id),
        },
        call_id: n.call_id.clone(),
        kind: n.kind.clone(),
        state: n.state.as_str().to_owned(),
        why: super::faults::sentence(&show::why(row)),
        endpoint: row.endpoint.clone(),
        attempts: n.attempts,
        made: frame.zone.at(n.created_ms),
        due: (n.state == NotificationState::Due).then(|| frame.zone.at(n.due_ms)),
    }
}

fn attempt_line(frame: &Frame, row: &AttemptRow) -> AttemptLine {
    AttemptLine {
        attempt: row.attempt,
        at: frame.zone.at(row.at_ms),
        took_ms: row.duration_ms,
        status: row.status.map(|status| status.to_string()).unwrap_or_default(),
        error: row.error.clone().unwrap_or_default(),
        response: row.response.clone().unwrap_or_default(),
    }
}

fn endpoint_line(frame: &Frame, row: &EndpointRow, now_ms: i64) -> EndpointLine {
    let state = BreakerState::of(row.open_until_ms, now_ms);
    let (word, until) = match state {
        BreakerState::Open => {
            (frame.say("endpoint_held").to_owned(), row.open_until_ms.map(|until| frame.zone.at(until)))
        }
        BreakerState::HalfOpen => (frame.say("endpoint_tried").to_owned(), None),
        BreakerState::Closed if row.failures > 0 => {
            (frame.tell("endpoint_fails", &[("count", &row.failures.to_string())]), None)
        }
        BreakerState::Closed if row.is_refusing() => (frame.say("endpoint_refuses").to_owned(), None),
        BreakerState::Closed => (frame.say("endpoint_works").to_owned(), None),
    };
    let ill = row.failures > 0 || row.is_refusing() || state != BreakerState::Closed;
    EndpointLine {
        endpoint: row.endpoint.clone(),
        link: link(&Wanted { endpoint: Some(row.endpoint.clone()), ..Wanted::default() }),
        breaker: state.as_str().to_owned(),
        works: !ill,
        word,
        until,
        answer: row.answer_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        delivered: row.delivered,
        failed: row.failed,
        due: row.due,
        dead: row.dead,
        problem: row.last_problem.clone().filter(|_| ill).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_what_the_list_was_narrowed_to() {
        let wanted = Wanted {
            endpoint: Some("https://a.test:1".into()),
            state: Some(Fate::Dead),
            ..Wanted::default()
        };
        assert_eq!(link(&wanted), "/webhooks?endpoint=https%3A%2F%2Fa.test%3A1&state=dead");
    }
}
