//! Two campaigns side by side, or the version on trial beside the usual one: shares with their bounds, and what can be told of the
//! difference.

use axum::Json;
use axum::extract::{FromRef, State};
use callcore::campaign::{self, Measure, Tally, Told};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::report::{Funnel, tally};
use super::{Desk, found};
use crate::access::SeeCampaigns;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::{Path, Query};
use crate::api::fields::{self, Fields};
use crate::api::may::May;
use crate::api::problems::BadParameter;
use crate::store::CampaignRow;

/// Longest name or id of a campaign, characters.
const LONGEST_NAME: usize = 120;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(compare))
}

/// Two sides and how they differ. Shares are 0.0 to 1.0, and bounds hold with 95 %.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignComparison)]
pub(crate) struct Comparison {
    pub(crate) first: Side,
    pub(crate) second: Side,
    pub(crate) measures: Vec<Compared>,
}

/// One side.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignSide)]
pub(crate) struct Side {
    pub(crate) campaign_id: String,
    pub(crate) name: String,
    /// Only attempts with the version on trial, or only the others; `null`: all of them.
    pub(crate) canary: Option<bool>,
    /// The flow, as it is pinned now.
    pub(crate) flow: String,
    /// How many other versions ran in calls that are counted here: the flow was changed meanwhile.
    pub(crate) other_versions: usize,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
    pub(crate) minutes: i64,
    /// Contacts whose call a person answered.
    pub(crate) contacts_reached: i64,
    /// `null`: nobody was reached.
    pub(crate) minutes_per_contact_reached: Option<f64>,
}

/// A share on both sides.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CampaignCompared)]
pub(crate) struct Compared {
    /// `answered` (of attempts), `people` and `messages_left` (of those answered), `heard_to_the_end` and `opted_out` (of those that a
    /// person answered).
    #[schema(value_type = String)]
    pub(crate) measure: Measure,
    pub(crate) first: Estimate,
    pub(crate) second: Estimate,
    pub(crate) difference: Difference,
    /// What can be told, as a sentence.
    pub(crate) words: String,
}

/// So many of so many, with the bounds of their share after Wilson.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = CampaignEstimate)]
pub(crate) struct Estimate {
    pub(crate) count: u64,
    pub(crate) of: u64,
    /// `null`: of nothing.
    pub(crate) share: Option<f64>,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl From<campaign::Estimate> for Estimate {
    fn from(found: campaign::Estimate) -> Self {
        let campaign::Estimate { count, of, share, low, high } = found;
        Self { count, of, share, low, high }
    }
}

/// By how much the second share exceeds the first, with the bounds of Newcombe's hybrid score.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = CampaignDifference)]
pub(crate) struct Difference {
    /// `null`: one of the shares is unknown.
    pub(crate) difference: Option<f64>,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// `higher`, `lower`, `no_difference_yet` (the bounds include zero) or `nothing_known`.
    #[schema(value_type = String)]
    pub(crate) told: Told,
}

impl From<campaign::Difference> for Difference {
    fn from(found: campaign::Difference) -> Self {
        let campaign::Difference { difference, low, high, told } = found;
        Self { difference, low, high, told }
    }
}

/// What is compared with what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Against<'c> {
    /// The version on trial, with the usual one first.
    Canary,
    Campaign(&'c CampaignRow),
}

impl Comparison {
    /// Compares a campaign.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn of(desk: &Desk, row: &CampaignRow, against: Against<'_>) -> Result<Self, Problem> {
        let ((first, before), (second, after)) = match against {
            Against::Canary => {
                (Side::of(desk, row, Some(false)).await?, Side::of(desk, row, Some(true)).await?)
            }
            Against::Campaign(other) => {
                (Side::of(desk, row, None).await?, Side::of(desk, other, None).await?)
            }
        };
        let measures = campaign::compare(&before, &after).into_iter().map(|one| Compared {
            measure: one.measure,
            first: one.first.into(),
            second: one.second.into(),
            difference: one.difference.into(),
            words: words(one.measure, &one.difference),
        });
        Ok(Self { first, second, measures: measures.collect() })
    }
}

impl Side {
    async fn of(desk: &Desk, row: &CampaignRow, canary: Option<bool>) -> Result<(Self, Tally), Problem> {
        let (tally, reached) = tally(desk, &row.id, canary).await?;
        let trial = row.settings.canary.as_ref().filter(|_| canary == Some(true));
        let pinned = trial.map_or_else(|| row.settings.flow.clone(), |trial| trial.flow.clone());
        let attempts = desk.store().attempt_counts(&row.id).await?;
        let digest = pinned.rsplit('@').next().unwrap_or_default();
        let mut others: Vec<&str> = attempts
            .iter()
            .filter(|count| canary.is_none_or(|canary| canary == count.canary))
            .map(|count| count.flow_digest.as_str())
            .filter(|other| !other.is_empty() && !other.starts_with(digest))
            .collect();
        others.sort_unstable();
        others.dedup();
        let side = Self {
            campaign_id: row.id.clone(),
            name: row.name.clone(),
            canary,
            flow: pinned,
            other_versions: others.len(),
            funnel: tally.into(),
            minutes: tally.minutes.cast_signed(),
            contacts_reached: reached,
            minutes_per_contact_reached: (reached > 0).then(|| tally.minutes as f64 / reached as f64),
        };
        Ok((side, tally))
    }
}

/// Whether a version is on trial, or was.
async fn has_had_trial(desk: &Desk, row: &CampaignRow) -> Result<bool, Problem> {
    let attempts = desk.store().attempt_counts(&row.id).await?;
    Ok(row.settings.canary.is_some() || attempts.iter().any(|count| count.canary))
}

fn words(measure: Measure, found: &campaign::Difference) -> String {
    let what = measure.as_str().replace('_', " ");
    let points = |share: f64| format!("{:.1}", share.abs() * 100.0);
    let (near, far) =
        if found.low.abs() < found.high.abs() { (found.low, found.high) } else { (found.high, found.low) };
    let difference = points(found.difference.unwrap_or_default());
    match found.told {
        Told::Higher | Told::Lower => {
            let way = if found.told == Told::Higher { "higher" } else { "lower" };
            format!(
                "{what}: {way} in the second, by {difference} points ({} to {})",
                points(near),
                points(far)
            )
        }
        Told::NoDifferenceYet => format!("{what}: no difference can be told yet"),
        Told::NothingKnown => format!("{what}: one of them has no calls that count here"),
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareQuery {
    /// The other campaign, by its id or its name.
    #[param(min_length = 1, max_length = 120)]
    with: Option<String>,
    /// Compare the version on trial with the usual one, instead of two campaigns.
    #[param(value_type = Option<bool>)]
    canary: bool,
}

impl fields::Given for CompareQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { with: fields.text("with", LONGEST_NAME), canary: fields.yes("canary").unwrap_or_default() }
    }
}

/// Compare two campaigns, or the version of the flow on trial with the usual one: each share as so many of so many with its bounds, the
/// difference with its bounds, and what can be told of it. Attempts are counted, and taken to be independent of each other: where many
/// contacts were tried several times, the bounds are a little too narrow.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/compare", operation_id = "compareCampaigns", tag = "campaigns",
    params(("campaign_id" = String, Path, description = "The first campaign."), CompareQuery),
    responses(
        (status = 200, description = "Both sides, and how they differ.", body = Comparison),
        BadParameter,
        (status = 404, description = "One of the campaigns is not there.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "Neither `with` nor `canary` is given, or both are.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn compare(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path(id): Path<String>,
    Query(query): Query<CompareQuery>,
) -> Result<Json<Comparison>, Problem> {
    let row = found(&desk, &id).await?;
    let comparison = match (query.with, query.canary) {
        (Some(other), false) => {
            let other = found(&desk, &other).await?;
            Comparison::of(&desk, &row, Against::Campaign(&other)).await?
        }
        (None, true) if !has_had_trial(&desk, &row).await? => {
            let why = "the campaign has had no version on trial; give it a `canary`, or compare it `with` another campaign";
            return Err(Problem::new(Code::Invalid, why).with_field("canary", why));
        }
        (None, true) => Comparison::of(&desk, &row, Against::Canary).await?,
        (Some(_), true) | (None, false) => {
            let why = "say either `with`, the other campaign, or `canary=true`";
            return Err(Problem::new(Code::Invalid, why).with_field("with", why));
        }
    };
    Ok(Json(comparison))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_words() {
        let told = |a, m, b, n| {
            let (first, second) = (campaign::Estimate::new(a, m), campaign::Estimate::new(b, n));
            words(Measure::HeardToTheEnd, &campaign::Difference::between(&first, &second))
        };
        assert_eq!(
            told(48, 80, 56, 70),
            "heard to the end: higher in the second, by 20.0 points (5.2 to 33.4)"
        );
        assert_eq!(
            told(56, 70, 48, 80),
            "heard to the end: lower in the second, by 20.0 points (5.2 to 33.4)"
        );
        assert_eq!(told(5, 10, 6, 10), "heard to the end: no difference can be told yet");
        assert_eq!(told(0, 0, 6, 10), "heard to the end: one of them has no calls that count here");
    }
}
