//! What came of a campaign, in figures: the funnel, outcomes, hours, versions and more; as a document and as files.

mod abandoned;
mod files;
mod funnel;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRef, State};
use callcore::campaign::{Outcome, Tally};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::abandoned::{Abandoned, AbandonedDay};
pub(crate) use self::files::ReportFile;
use self::funnel::add;
pub(crate) use self::funnel::{
    Funnel, HourCount, ListCount, NthCount, OutcomeCount, TrunkCount, VersionCount, WeekHourCount,
};
use super::shapes::Contacts;
use super::{Desk, found};
use crate::access::SeeCampaigns;
use crate::api::error::{Problem, ProblemDocument};
use crate::api::extract::{Path, Query};
use crate::api::fields::{self, Fields};
use crate::api::may::May;
use crate::api::problems::BadParameter;
use crate::store::{self, AttemptCount, CampaignRow, Facet, FacetCount};
use crate::wallclock::{iso, now_ms};

/// Days that the ledger of abandoned calls looks back when nobody says how many.
pub(crate) const USUAL_DAYS: i64 = 30;
/// Most of them.
const MOST_DAYS: i64 = 366;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(files::file))
}

/// What came of a campaign. Every figure counts attempts, except those of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignReport)]
pub(crate) struct Report {
    pub(crate) contacts: Contacts,
    pub(crate) funnel: Funnel,
    /// By outcome, most first.
    pub(crate) outcomes: Vec<OutcomeCount>,
    pub(crate) by_hour: Vec<HourCount>,
    /// By weekday and hour on the clock of each contact.
    pub(crate) by_week_hour: Vec<WeekHourCount>,
    /// By which attempt at the contact it was. What counts as no attempt is left out.
    pub(crate) by_attempt: Vec<NthCount>,
    pub(crate) by_trunk: Vec<TrunkCount>,
    pub(crate) by_list: Vec<ListCount>,
    /// By version of the flow, that on trial apart.
    pub(crate) by_version: Vec<VersionCount>,
    /// Calls that a person answered and in which the bot let them wait.
    pub(crate) abandoned: Abandoned,
    /// From answer to end, each call rounded up.
    pub(crate) minutes: i64,
}

impl Report {
    /// Reads what came of a campaign; the ledger of abandoned calls looks back so many days.
    ///
    /// # Errors
    /// When the database fails, or the settings cannot be used any more.
    pub(crate) async fn read(desk: &Desk, row: &CampaignRow, days: i64) -> Result<Self, Problem> {
        let store = desk.store();
        let contacts = Contacts::of(&store.place_counts(&row.id).await?);
        let counts = store.attempt_counts(&row.id).await?;
        let facets = store.attempt_facets(&row.id).await?;
        let abandoned = Self::abandoned(desk, row, days).await?;
        let mut lists = Vec::new();
        for (list_id, funnel) in by_facet(&facets, Facet::List) {
            let known = store.list(&list_id).await?;
            let name = known.as_ref().map(|list| list.name.clone());
            lists.push(ListCount { list_id: known.map(|list| list.id), name, funnel: funnel.into() });
        }
        let mut report = Self::of(contacts, &counts, &facets, abandoned);
        report.by_list = lists;
        Ok(report)
    }

    /// Calls in which the bot let a person wait, for so many days back.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn abandoned(desk: &Desk, row: &CampaignRow, days: i64) -> Result<Abandoned, Problem> {
        let rules = desk.rules(row)?;
        let since_ms = Abandoned::since_ms(&rules, days, now_ms());
        Ok(Abandoned::of(&rules, days, &desk.store().first_words(&row.id, since_ms).await?))
    }

    /// Counts attempts, all but those by list, whose names stand elsewhere.
    fn of(contacts: Contacts, counts: &[AttemptCount], facets: &[FacetCount], abandoned: Abandoned) -> Self {
        let mut funnel = Tally::default();
        let mut outcomes = BTreeMap::<Outcome, i64>::new();
        let mut hours = BTreeMap::<i64, Tally>::new();
        let mut versions = BTreeMap::<(bool, String), Tally>::new();
        for count in counts {
            let Some(outcome) = Outcome::named(&count.outcome) else { continue };
            *outcomes.entry(outcome).or_default() += count.attempts;
            let version = (count.canary, count.flow_digest.clone());
            for tally in
                [&mut funnel, hours.entry(count.hour_ms).or_default(), versions.entry(version).or_default()]
            {
                add(tally, &count.outcome, count.attempts, count.minutes);
            }
        }
        let mut outcomes: Vec<OutcomeCount> = outcomes
            .into_iter()
            .map(|(outcome, attempts)| OutcomeCount { outcome: outcome.as_str().to_owned(), attempts })
            .collect();
        outcomes.sort_by_key(|count| std::cmp::Reverse(count.attempts));
        let by_hour = hours.into_iter().map(|(hour_ms, tally)| HourCount {
            hour: iso(hour_ms),
            hour_ms,
            funnel: tally.into(),
        });
        let by_version = versions.into_iter().map(|((canary, flow_digest), tally)| VersionCount {
            flow_digest,
            canary,
            funnel: tally.into(),
        });
        let by_trunk = by_facet(facets, Facet::Trunk)
            .into_iter()
            .map(|(trunk, tally)| TrunkCount { trunk, funnel: tally.into() });
        Self {
            contacts,
            funnel: funnel.into(),
            outcomes,
            by_hour: by_hour.collect(),
            by_week_hour: by_week_hour(facets),
            by_attempt: by_attempt(facets),
            by_trunk: by_trunk.collect(),
            by_list: Vec::new(),
            by_version: by_version.collect(),
            abandoned,
            minutes: counts.iter().map(|count| count.minutes).sum(),
        }
    }
}

fn by_facet(facets: &[FacetCount], facet: Facet) -> BTreeMap<String, Tally> {
    let mut found = BTreeMap::<String, Tally>::new();
    for count in facets.iter().filter(|count| count.facet == facet.as_str()) {
        let tally = found.entry(count.value.clone()).or_default();
        add(tally, &count.outcome, count.attempts, count.minutes);
    }
    found
}

fn by_week_hour(facets: &[FacetCount]) -> Vec<WeekHourCount> {
    let mut hours: Vec<(Option<u32>, Tally)> = by_facet(facets, Facet::WeekHour)
        .into_iter()
        .map(|(value, tally)| (value.parse::<u32>().ok(), tally))
        .collect();
    hours.sort_by_key(|(hour, _)| hour.unwrap_or(u32::MAX));
    let count = |(at, tally): (Option<u32>, Tally)| WeekHourCount {
        weekday: at.and_then(|at| WEEKDAYS.get(at as usize / 24).copied()),
        hour: at.map(|at| at % 24),
        funnel: tally.into(),
    };
    hours.into_iter().map(count).collect()
}

fn by_attempt(facets: &[FacetCount]) -> Vec<NthCount> {
    let known = by_facet(facets, Facet::Nth).into_iter();
    let mut counts: Vec<NthCount> = known
        .filter_map(|(value, tally)| Some(NthCount { attempt: value.parse().ok()?, funnel: tally.into() }))
        .collect();
    counts.sort_by_key(|count| count.attempt);
    counts
}

/// How far one version of a campaign came, or all of them.
///
/// # Errors
/// When the database fails.
pub(super) async fn tally(
    desk: &Desk,
    campaign: &str,
    canary: Option<bool>,
) -> Result<(Tally, i64), store::Error> {
    let wanted = |one: bool| canary.is_none_or(|canary| canary == one);
    let mut tally = Tally::default();
    for count in desk.store().attempt_counts(campaign).await?.iter().filter(|count| wanted(count.canary)) {
        add(&mut tally, &count.outcome, count.attempts, count.minutes);
    }
    let reached = desk.store().contacts_reached(campaign).await?;
    let reached = reached.iter().filter(|count| wanted(count.canary)).map(|count| count.contacts).sum();
    Ok((tally, reached))
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportQuery {
    /// Days that the ledger of abandoned calls looks back, today among them; 30 when absent.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 366)]
    pub(super) days: i64,
}

impl fields::Given for ReportQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { days: fields.whole("days", 1..=MOST_DAYS).unwrap_or(USUAL_DAYS) }
    }
}

/// What came of a campaign, in figures.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/report", operation_id = "reportCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign."), ReportQuery),
    responses(
        (status = 200, description = "The figures.", body = Report),
        BadParameter,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn report(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Json<Report>, Problem> {
    let row = found(&desk, &id).await?;
    Ok(Json(Report::read(&desk, &row, query.days).await?))
}
