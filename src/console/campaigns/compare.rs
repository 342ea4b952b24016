//! Two campaigns side by side, or the version on trial beside the usual one.

use axum::extract::State;
use axum::response::Response;
use callcore::campaign::{Measure, Told};
use serde::Serialize;

use super::report::percent;
use crate::access::SeeCampaigns;
use crate::api::Api;
use crate::api::campaigns::{Against, Comparison, Difference, Estimate, Side, found};
use crate::api::error::Problem;
use crate::api::extract::{Pairs, Path};
use crate::console::frame::{Crumb, Frame, Room, Sees};

/// Campaigns that are offered, the latest ones.
const OFFERED: u32 = 200;
/// Half of the picture of a difference, in which 100 points are as long.
const HALF: f64 = 100.0;

#[derive(Serialize)]
struct Page {
    id: String,
    name: String,
    /// Others that it can be compared with.
    others: Vec<(String, String)>,
    with: String,
    has_canary: bool,
    canary: bool,
    compared: Option<Compared>,
}

#[derive(Serialize)]
struct Compared {
    first: Head,
    second: Head,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Head {
    id: String,
    name: String,
    flow: String,
    attempts: i64,
    minutes: i64,
    reached: i64,
    per_contact: Option<String>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    first: String,
    second: String,
    told: String,
    /// Whether a difference can be told.
    sure: bool,
    picture: Picture,
}

/// A difference with its bounds, on a line whose middle is no difference.
#[derive(Serialize)]
struct Picture {
    low: String,
    width: String,
    at: Option<String>,
}

const fn measure_key(measure: Measure) -> &'static str {
    match measure {
        Measure::Answered => "compare_answered",
        Measure::People => "compare_people",
        Measure::HeardToTheEnd => "compare_heard_to_the_end",
        Measure::MessagesLeft => "compare_messages_left",
        Measure::OptedOut => "compare_opted_out",
    }
}

fn points(share: f64) -> String {
    format!("{:+.1}", share * 100.0)
}

impl Picture {
    fn of(found: &Difference) -> Self {
        let x = |share: f64| HALF + share * HALF;
        Self {
            low: format!("{:.1}", x(found.low)),
            width: format!("{:.1}", (x(found.high) - x(found.low)).max(1.0)),
            at: found.difference.map(|difference| format!("{:.1}", x(difference))),
        }
    }
}

fn share(frame: &Frame, found: &Estimate) -> String {
    let (count, of) = (found.count.to_string(), found.of.to_string());
    let Some(share) = found.share else {
        return frame.tell("compare_of_none", &[("n", &count), ("of", &of)]);
    };
    frame.tell(
        "compare_share",
        &[
            ("n", &count),
            ("of", &of),
            ("share", &percent(share * 100.0)),
            ("low", &percent(found.low * 100.0)),
            ("high", &percent(found.high * 100.0)),
        ],
    )
}

fn told(frame: &Frame, found: &Difference) -> String {
    let key = match found.told {
        Told::NothingKnown => return frame.say("compare_nothing_known").to_owned(),
        Told::Higher => "compare_higher",
        Told::Lower => "compare_lower",
        Told::NoDifferenceYet => "compare_no_difference_yet",
    };
    let by = points(found.difference.unwrap_or_default());
    frame.tell(key, &[("by", &by), ("low", &points(found.low)), ("high", &points(found.high))])
}

impl Compared {
    fn of(frame: &Frame, found: Comparison) -> Self {
        let head = |side: Side| Head {
            id: side.campaign_id,
            name: match side.canary {
                Some(true) => frame.say("compare_canary").to_owned(),
                Some(false) => frame.say("compare_base").to_owned(),
                None => side.name,
            },
            flow: match side.other_versions {
                0 => side.flow,
                others => format!("{} (+{others})", side.flow),
            },
            attempts: side.funnel.attempts,
            minutes: side.minutes,
            reached: side.contacts_reached,
            per_contact: side.minutes_per_contact_reached.map(|minutes| format!("{minutes:.2}")),
        };
        let lines = found.measures.iter().map(|one| Line {
            name: frame.say(measure_key(one.measure)),
            first: share(frame, &one.first),
            second: share(frame, &one.second),
            told: told(frame, &one.difference),
            sure: matches!(one.difference.told, Told::Higher | Told::Lower),
            picture: Picture::of(&one.difference),
        });
        Self { lines: lines.collect(), first: head(found.first), second: head(found.second) }
    }
}

/// The comparison.
pub(in crate::console) async fn page(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let given = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
    let with = given("with").filter(|with| !with.is_empty()).map(str::to_owned);
    let canary = with.is_none() && given("canary") == Some("true");
    let comparison = match &with {
        Some(with) => {
            let other = found(&api.campaigns, with).await?;
            Some(Comparison::of(&api.campaigns, &row, Against::Campaign(&other)).await?)
        }
        None if canary => Some(Comparison::of(&api.campaigns, &row, Against::Canary).await?),
        None => None,
    };
    let others = api.store.campaigns(None, OFFERED).await?.items.into_iter();
    let has_canary = api.store.attempt_counts(&row.id).await?.iter().any(|count| count.canary);
    let page = Page {
        others: others.filter(|other| other.id != row.id).map(|other| (other.id, other.name)).collect(),
        with: with.unwrap_or_default(),
        has_canary: has_canary || row.settings.canary.is_some(),
        canary,
        compared: comparison.map(|found| Compared::of(&sees, found)),
        name: row.name.clone(),
        id: row.id.clone(),
    };
    let crumbs = [
        Crumb::new("/campaigns", sees.say("nav_campaigns")),
        Crumb::new(format!("/campaigns/{}", row.id), row.name),
    ];
    Ok(sees.page(&api, ("campaign_compare.html", Room::Campaigns), sees.say("compare_title"), &crumbs, &page))
}
