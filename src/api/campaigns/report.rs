//! What came of a campaign, in figures: the funnel, outcomes, hours, versions.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRef, State};
use callcore::campaign::Outcome;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shapes::Contacts;
use super::{Desk, found};
use crate::access::SeeCampaigns;
use crate::api::error::{Problem, ProblemDocument};
use crate::api::extract::Path;
use crate::api::may::May;
use crate::api::problems::BadId;
use crate::store::AttemptCount;
use crate::wallclock::iso;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(report))
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
    /// By version of the flow, that on trial apart.
    pub(crate) by_version: Vec<VersionCount>,
    /// From answer to end, each call rounded up.
    pub(crate) minutes: i64,
}

/// From attempts to those who heard all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignFunnel)]
pub(crate) struct Funnel {
    /// Attempts that are over.
    pub(crate) attempts: i64,
    /// Somebody or something answered.
    pub(crate) answered: i64,
    /// A person did.
    pub(crate) people: i64,
    /// A person came to the end of the flow.
    pub(crate) heard_to_the_end: i64,
    /// A message was left on a machine.
    pub(crate) messages_left: i64,
    pub(crate) opted_out: i64,
}

impl Funnel {
    fn count(&mut self, outcome: Outcome, attempts: i64) {
        self.attempts += attempts;
        let answered = !matches!(
            outcome,
            Outcome::Busy
                | Outcome::NoAnswer
                | Outcome::Declined
                | Outcome::NoSuchNumber
                | Outcome::NetworkFault
                | Outcome::Cancelled
                | Outcome::NotDialled
                | Outcome::Impossible
        );
        self.answered += if answered { attempts } else { 0 };
        self.people += if outcome.is_person() { attempts } else { 0 };
        for (kind, count) in [
            (Outcome::HeardToTheEnd, &mut self.heard_to_the_end),
            (Outcome::VoicemailLeft, &mut self.messages_left),
            (Outcome::OptedOut, &mut self.opted_out),
        ] {
            *count += if outcome == kind { attempts } else { 0 };
        }
    }
}

/// Attempts with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignOutcomeCount)]
pub(crate) struct OutcomeCount {
    pub(crate) outcome: String,
    pub(crate) attempts: i64,
}

/// Attempts in an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignHourCount)]
pub(crate) struct HourCount {
    /// When the hour began, UTC.
    #[schema(format = DateTime)]
    pub(crate) hour: String,
    #[serde(skip)]
    pub(crate) hour_ms: i64,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts with a version of the flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignVersionCount)]
pub(crate) struct VersionCount {
    pub(crate) flow_digest: String,
    /// It was on trial.
    pub(crate) canary: bool,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

impl Report {
    /// Counts attempts.
    pub(crate) fn of(contacts: Contacts, counts: &[AttemptCount]) -> Self {
        let mut funnel = Funnel::default();
        let mut outcomes = BTreeMap::<Outcome, i64>::new();
        let mut hours = BTreeMap::<i64, Funnel>::new();
        let mut versions = BTreeMap::<(bool, String), Funnel>::new();
        for count in counts {
            let Some(outcome) = Outcome::named(&count.outcome) else { continue };
            funnel.count(outcome, count.attempts);
            *outcomes.entry(outcome).or_default() += count.attempts;
            hours.entry(count.hour_ms).or_default().count(outcome, count.attempts);
            let version = (count.canary, count.flow_digest.clone());
            versions.entry(version).or_default().count(outcome, count.attempts);
        }
        let mut outcomes: Vec<OutcomeCount> = outcomes
            .into_iter()
            .map(|(outcome, attempts)| OutcomeCount { outcome: outcome.as_str().to_owned(), attempts })
            .collect();
        outcomes.sort_by_key(|count| std::cmp::Reverse(count.attempts));
        let by_hour =
            hours.into_iter().map(|(hour_ms, funnel)| HourCount { hour: iso(hour_ms), hour_ms, funnel });
        let by_version = versions.into_iter().map(|((canary, flow_digest), funnel)| VersionCount {
            flow_digest,
            canary,
            funnel,
        });
        Self {
            contacts,
            funnel,
            outcomes,
            by_hour: by_hour.collect(),
            by_version: by_version.collect(),
            minutes: counts.iter().map(|count| count.minutes).sum(),
        }
    }
}

/// What came of a campaign, in figures.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/report", operation_id = "reportCampaign", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The campaign.")),
    responses(
        (status = 200, description = "The figures.", body = Report),
        BadId,
        (status = 404, description = "There is no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn report(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Problem> {
    let row = found(&desk, &id).await?;
    let contacts = Contacts::of(&desk.store().place_counts(&row.id).await?);
    let counts = desk.store().attempt_counts(&row.id).await?;
    Ok(Json(Report::of(contacts, &counts)))
}
