//! A campaign looked ahead for, begun and paused by enabling and disabling its schedule.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use utoipa::ToSchema;

use super::{Reply, in_kores_words, parameter, shown};
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::{Pairs, wrong};
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::may::Campaigner;
use crate::api::problems::{BadField, TooLarge};
use crate::campaigns::{Desk, Preflight, Refused};
use crate::kore::{Campaign, kores_field};
use crate::store::{Actor, CampaignRow, CampaignState};

/// How long a request waits for a look ahead that another one began.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Of a statement of consent, characters; a shorter one says nothing.
const SHORTEST_STATEMENT: usize = 10;
const LONGEST_STATEMENT: usize = 1_900;
const LONGEST_MOMENT: usize = 40;
const LONGEST_WORD: usize = 20;

/// When a campaign runs.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(as = KoreScheduling, example = json!({ "startDateTime": "2026-12-01 08:00:00",
    "endDateTime": "2026-12-24 18:00:00", "description": "Customers with a contract; consent given in the app" }))]
#[serde(rename_all = "camelCase")]
pub(super) struct Scheduling {
    /// Not before, in the campaign's zone: `2026-12-01 08:00:00`.
    start_date_time: Option<String>,
    /// Not from then on.
    end_date_time: Option<String>,
    /// `{ "recurType": "Daily", "dailyDetails": { "onceEveryNdays": 1 } }`; no other. Days belong to the calling hours.
    #[schema(value_type = Option<Object>)]
    recurrence_object: (),
    /// On which ground these people may be called; kept with the launch. The campaign's `description` when absent.
    #[schema(min_length = 10, max_length = 1900)]
    description: Option<String>,
}

fn scheduling(body: &[u8]) -> Result<(Scheduling, Vec<String>), Problem> {
    if body.trim_ascii().is_empty() {
        return Ok((Scheduling::default(), Vec::new()));
    }
    let mut faults = Faults::default();
    let read = Object::read(body, "body")?.fields(Names::AnyCase, &mut faults, |fields| {
        let start_date_time = fields.read("startDateTime", LONGEST_MOMENT, minute);
        let end_date_time = fields.read("endDateTime", LONGEST_MOMENT, minute);
        if fields.within("recurrenceObject", every_day) == Some(false) {
            fields.fault("recurrenceObject", ONCE);
        }
        let description = fields.text("description", LONGEST_STATEMENT);
        if description.as_ref().is_some_and(|text| text.chars().count() < SHORTEST_STATEMENT) {
            fields.fault("description", "is too short; say on which ground these people may be called");
        }
        Scheduling { start_date_time, end_date_time, recurrence_object: (), description }
    });
    Ok((read, faults.end(Code::Malformed)?))
}

const ONCE: &str = "must be Daily with onceEveryNdays 1, or left out: a campaign goes on on every day of its calling hours \
                    until everybody was called, and is not run again after that";

/// Whether it recurs as every campaign here does.
fn every_day(fields: &mut Fields<'_>) -> bool {
    let daily = fields.text("recurType", LONGEST_WORD).is_some_and(|kind| kind.eq_ignore_ascii_case("Daily"));
    let every =
        fields.within("dailyDetails", |fields| fields.whole("onceEveryNdays", 1..=i64::MAX)).flatten();
    daily && every.is_none_or(|days| days == 1)
}

/// `2026-12-01 08:00:00` as `2026-12-01 08:00`; what else is written is for the settings to judge.
fn minute(text: &str) -> Result<String, String> {
    Ok(match text.get(16..) {
        Some(":00") => text.chars().take(16).collect(),
        Some(seconds) if seconds.len() == 3 && seconds.starts_with(':') => {
            return Err("must be a whole minute, as in \"2026-12-01 08:00:00\"".to_owned());
        }
        _ => text.to_owned(),
    })
}

/// Enable a campaign's schedule, or disable it.
///
/// Enabled, a campaign that waits is looked ahead for and launched, and a paused one goes on; with it the ground is kept on which
/// its contacts may be called: `description` of this request, else that of the campaign, else a sentence that says that the
/// app gave none. Disabled, a campaign is paused: no calls begin, those under way go on.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign/schedule",
    operation_id = "koreScheduleCampaign", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("enableSchedule" = bool, Query, description = "Whether it is to run."),
        ("campaignName" = String, Query, description = "The campaign's name, or its id."),
    ),
    request_body(content = Option<Scheduling>),
    responses(
        (status = 200, description = "The campaign as it is now.", body = inline(Reply<Campaign>),
            headers(("dering-ignored-fields" = Option<String>, description = "Fields without a meaning here."))),
        BadField,
        (status = 404, description = "The app has no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It is over, or is still being prepared.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The look ahead found something in the way; `errors` names it.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn schedule(
    State(api): State<Api>,
    Campaigner { app_id, principal, .. }: Campaigner,
    Pairs(query): Pairs,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let enable = parameter(&query, "enableSchedule").and_then(|text| text.to_ascii_lowercase().parse().ok());
    let enable: bool = enable.ok_or_else(|| wrong("enableSchedule", "must be true or false"))?;
    let name = parameter(&query, "campaignName")
        .ok_or_else(|| wrong("campaignName", "is missing; name the campaign"))?;
    let (asked, ignored) = scheduling(&body?)?;
    let found = api.store.campaign_named(name).await?.filter(|row| row.app_id == app_id);
    let row = found.ok_or_else(|| Problem::not_found(&format!("campaign {name} of this client app")))?;
    let actor = principal.actor();
    let (row, message) = if enable {
        let row = planned(&api.campaigns, row, &asked, actor.clone()).await?;
        let statement = statement(&row, asked.description.as_deref(), &app_id);
        (begun(&api.campaigns, row, &statement, actor).await?, "enabled")
    } else {
        (held(&api.campaigns, row, actor).await?, "disabled")
    };
    let data = shown(&api, &row).await?;
    Ok(Reply::new(format!("Schedule of campaign {} {message} successfully", row.name), data)
        .ignoring(&ignored))
}

/// With the first and last moment that the request names.
async fn planned(
    desk: &Desk,
    row: CampaignRow,
    asked: &Scheduling,
    actor: Actor,
) -> Result<CampaignRow, Problem> {
    if row.state.is_over() || (asked.start_date_time.is_none() && asked.end_date_time.is_none()) {
        return Ok(row);
    }
    let mut settings = row.settings.clone();
    settings.starts = asked.start_date_time.clone().or(settings.starts);
    settings.ends = asked.end_date_time.clone().or(settings.ends);
    if settings == row.settings {
        return Ok(row);
    }
    desk.change(&row.id, row.revision, None, settings, actor).await.map_err(in_kores_words)
}

/// On which ground the contacts may be called.
pub(super) fn statement(row: &CampaignRow, given: Option<&str>, app_id: &str) -> String {
    let given = given.or(row.settings.description.as_deref()).map(str::trim);
    match given.filter(|text| text.chars().count() >= SHORTEST_STATEMENT) {
        Some(text) => {
            let text: String = text.chars().take(LONGEST_STATEMENT).collect();
            format!("The client app {app_id} states: {text}")
        }
        None => format!(
            "The client app {app_id} began this campaign by Kore's API and gave no ground; whoever runs the app answers for it"
        ),
    }
}

/// Lets a campaign run.
async fn begun(desk: &Desk, row: CampaignRow, statement: &str, actor: Actor) -> Result<CampaignRow, Problem> {
    match row.state {
        CampaignState::Running => Ok(row),
        CampaignState::Paused => Ok(desk.resume(&row.id, actor).await?),
        CampaignState::Draft | CampaignState::Ready => {
            // Also when it is ready: contacts may have come since.
            let found = looked_ahead(desk, &row.id).await?;
            if found.blockers.is_empty() {
                return Ok(desk.launch(&row.id, found.revision, statement, actor).await?);
            }
            let what = "the campaign cannot begin yet; `errors` names what is in the way";
            Err(found.blockers.iter().fold(Problem::new(Code::Invalid, what), |problem, blocker| {
                problem.with_field(&kores_field(&blocker.field), &blocker.problem)
            }))
        }
        CampaignState::Draining | CampaignState::Done | CampaignState::Stopped => {
            let text = format!("the campaign {} is over and cannot run again; make another one", row.name);
            Err(Problem::new(Code::Conflict, text))
        }
    }
}

/// Lets no more calls begin. One that does not run has no schedule that is enabled.
async fn held(desk: &Desk, row: CampaignRow, actor: Actor) -> Result<CampaignRow, Problem> {
    if row.state == CampaignState::Running { Ok(desk.pause(&row.id, actor).await?) } else { Ok(row) }
}

/// Looks ahead; waits for a look ahead that is under way first.
async fn looked_ahead(desk: &Desk, id: &str) -> Result<Preflight, Problem> {
    let looking = async {
        loop {
            match desk.preflight(id).await {
                Err(Refused::Busy) => tokio::time::sleep(LOOK_EVERY).await,
                other => return other,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(Some(found))) => Ok(found),
        Ok(Err(refused)) => Err(in_kores_words(refused)),
        Ok(Ok(None)) | Err(_) => {
            let text = "the campaign is still being prepared; enable its schedule when its status is Ready";
            Err(Problem::new(Code::Conflict, text))
        }
    }
}

/// Looks ahead in the background, and begins where that was asked for, with this statement.
pub(super) fn prepare(desk: &Desk, row: &CampaignRow, begins: Option<(String, Actor)>) {
    let (desk, row) = (desk.clone(), row.clone());
    tokio::spawn(async move {
        let id = row.id.clone();
        let done = match begins {
            Some((statement, actor)) => begun(&desk, row, &statement, actor).await.map(|_| ()),
            None => looked_ahead(&desk, &id).await.map(|_| ()),
        };
        if let Err(problem) = done {
            tracing::warn!(campaign.id = %id, why = problem.detail(), "a campaign made by Kore's API is not ready");
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<Scheduling, Problem> {
        scheduling(body.to_string().as_bytes()).map(|(read, _)| read)
    }

    #[test]
    fn a_schedule_has_whole_minutes_and_no_other_recurrence_than_every_day() {
        let daily = json!({ "recurType": "Daily", "dailyDetails": { "onceEveryNdays": 1 } });
        let body = json!({ "startDateTime": "2026-12-01 08:30:00", "endDateTime": "2026-12-24", "recurrenceObject": daily });
        let asked = read(&body).unwrap();
        assert_eq!(asked.start_date_time.as_deref(), Some("2026-12-01 08:30"));
        assert_eq!(asked.end_date_time.as_deref(), Some("2026-12-24"));
        let weekly =
            json!({ "recurType": "Weekly", "weeklyDetails": { "onceEveryNweeks": 1, "whichDays": ["Mon"] } });
        for (field, value) in [
            ("startDateTime", json!("2026-12-01 08:30:30")),
            ("recurrenceObject", weekly),
            ("recurrenceObject", json!({ "recurType": "Daily", "dailyDetails": { "onceEveryNdays": 2 } })),
            ("description", json!("yes")),
        ] {
            let problem = read(&json!({ field: value })).unwrap_err();
            assert_eq!(problem.errors().first().unwrap().field, field, "{problem:?}");
        }
        assert_eq!(scheduling(b" ").unwrap().0, Scheduling::default());
    }
}
