//! The report of a campaign: by weekday and hour, attempt, trunk, list and version, the calls in which the bot let a person wait, and
//! all of it as files.

use axum::extract::State;
use axum::response::Response;
use callcore::campaign::Reason;
use reqwest::Url;
use serde::Serialize;

use super::said;
use crate::access::SeeCampaigns;
use crate::api::Api;
use crate::api::campaigns::{
    Abandoned, AbandonedDay, Funnel, Report, ReportFile, USUAL_DAYS, WeekHourCount, found,
};
use crate::api::error::Problem;
use crate::api::extract::{Pairs, Path};
use crate::campaigns::Wording;
use crate::console::frame::{Crumb, Frame, Room, Sees};
use crate::wallclock::iso;

/// Windows of the ledger that the page offers, days.
const WINDOWS: [i64; 4] = [1, 7, 30, 90];
/// Of a cell of the week, in the picture.
const CELL: usize = 20;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[derive(Serialize)]
struct Page {
    id: String,
    funnel: Funnel,
    contacts: i64,
    minutes: i64,
    week: Vec<Cell>,
    /// Attempts at contacts whose zone nobody knows.
    zoneless: i64,
    days: Vec<Day>,
    tables: Vec<Table>,
    waits: Waits,
    canary: bool,
}

/// An hour of the week.
#[derive(Serialize)]
struct Cell {
    x: usize,
    y: usize,
    /// Of people among attempts, 0.00 to 1.00: how dark it is.
    shade: String,
    day: &'static str,
    hour: String,
    funnel: Funnel,
}

/// A row of the picture.
#[derive(Serialize)]
struct Day {
    y: usize,
    name: &'static str,
}

/// Attempts by one thing that they have in common.
#[derive(Serialize)]
struct Table {
    title: &'static str,
    column: &'static str,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    tag: &'static str,
    /// Where its calls, or what it is, can be seen.
    href: Option<String>,
    funnel: Funnel,
    /// Of the largest, for the bars.
    all: i64,
    people: i64,
}

/// Calls in which the bot let a person wait.
#[derive(Serialize)]
pub(super) struct Waits {
    days_back: i64,
    windows: Vec<i64>,
    zone: String,
    limit: Option<String>,
    people: i64,
    abandoned: i64,
    unknown: i64,
    percent: Option<String>,
    above: bool,
    days: Vec<WaitsDay>,
}

#[derive(Serialize)]
struct WaitsDay {
    day: String,
    href: String,
    people: i64,
    late: i64,
    never: i64,
    unknown: i64,
    percent: Option<String>,
    above: bool,
}

pub(super) fn percent(percent: f64) -> String {
    format!("{percent:.1}")
}

/// The list of calls, narrowed.
fn calls(pairs: &[(&str, &str)]) -> Option<String> {
    let url = Url::parse_with_params("http://page/calls", pairs).ok()?;
    Some(format!("/calls?{}", url.query()?))
}

impl Waits {
    fn of(id: &str, found: Abandoned) -> Self {
        let day = |day: AbandonedDay| WaitsDay {
            href: calls(&[
                ("campaign", id),
                ("since", &iso(day.begins_ms)),
                ("until", &iso(day.begins_ms + DAY_MS)),
                ("verdict", "human"),
            ])
            .unwrap_or_default(),
            day: day.day,
            people: day.count.people,
            late: day.count.late,
            never: day.count.never,
            unknown: day.count.unknown,
            percent: day.count.percent.map(percent),
            above: day.count.above_limit,
        };
        Self {
            days_back: found.days_back,
            windows: WINDOWS.into(),
            zone: found.zone,
            limit: found.limit_percent.map(|limit| limit.to_string()),
            people: found.all.people,
            abandoned: found.all.abandoned,
            unknown: found.all.unknown,
            percent: found.all.percent.map(percent),
            above: found.all.above_limit,
            days: found.days.into_iter().map(day).collect(),
        }
    }
}

const WEEK: [(&str, &str); 7] = [
    ("mon", "weekday_mon"),
    ("tue", "weekday_tue"),
    ("wed", "weekday_wed"),
    ("thu", "weekday_thu"),
    ("fri", "weekday_fri"),
    ("sat", "weekday_sat"),
    ("sun", "weekday_sun"),
];

fn cell(frame: &Frame, count: &WeekHourCount) -> Option<Cell> {
    let (weekday, hour) = (count.weekday?, count.hour?);
    let row = WEEK.iter().position(|(name, _)| *name == weekday)?;
    let funnel = count.funnel.clone();
    let shade = funnel.people as f64 / funnel.attempts.max(1) as f64;
    Some(Cell {
        x: hour as usize * CELL,
        y: row * CELL,
        shade: format!("{:.2}", 0.1 + 0.9 * shade),
        day: frame.say(WEEK[row].1),
        hour: format!("{hour:02}:00"),
        funnel,
    })
}

fn table(
    title: &'static str,
    column: &'static str,
    rows: Vec<(String, &'static str, Option<String>, Funnel)>,
) -> Table {
    let most = rows.iter().map(|(.., funnel)| funnel.attempts).max().unwrap_or(1).max(1);
    let lines = rows.into_iter().map(|(name, tag, href, funnel)| Line {
        name,
        tag,
        href,
        all: funnel.attempts * 100 / most,
        people: funnel.people * 100 / most,
        funnel,
    });
    Table { title, column, lines: lines.collect() }
}

fn tables(frame: &Frame, id: &str, flow: &str, report: &Report) -> Vec<Table> {
    let by_attempt = report.by_attempt.iter().map(|one| {
        (frame.tell("report_nth", &[("n", &one.attempt.to_string())]), "", None, one.funnel.clone())
    });
    let by_trunk = report.by_trunk.iter().map(|one| {
        let href = calls(&[("campaign", id), ("trunk", &one.trunk)]);
        (one.trunk.clone(), "", href, one.funnel.clone())
    });
    let by_list = report.by_list.iter().map(|one| {
        let name = one.name.clone().unwrap_or_else(|| frame.say("report_list_gone").to_owned());
        (name, "", one.list_id.as_ref().map(|list| format!("/lists/{list}")), one.funnel.clone())
    });
    let by_version = report.by_version.iter().map(|one| {
        let digest = one.flow_digest.get(..12).unwrap_or(&one.flow_digest).to_owned();
        let tag = if one.canary { frame.say("campaign_canary") } else { "" };
        let href = calls(&[("campaign", id), ("flow", flow), ("version", &digest)]);
        (digest, tag, href, one.funnel.clone())
    });
    vec![
        table(frame.say("report_by_attempt"), frame.say("report_attempt"), by_attempt.collect()),
        table(frame.say("campaign_versions"), frame.say("campaign_version"), by_version.collect()),
        table(frame.say("report_by_trunk"), frame.say("filter_trunk"), by_trunk.collect()),
        table(frame.say("report_by_list"), frame.say("report_list"), by_list.collect()),
    ]
}

/// The report.
pub(in crate::console) async fn page(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let days = query.iter().find(|(name, _)| name == "days").and_then(|(_, value)| value.parse().ok());
    let days = days.filter(|days| WINDOWS.contains(days)).unwrap_or(USUAL_DAYS);
    let report = Report::read(&api.campaigns, &row, days).await?;
    let flow = row.settings.flow.split('@').next().unwrap_or_default();
    let zoneless = report.by_week_hour.iter().filter(|one| one.weekday.is_none());
    let page = Page {
        week: report.by_week_hour.iter().filter_map(|one| cell(&sees, one)).collect(),
        zoneless: zoneless.map(|one| one.funnel.attempts).sum(),
        days: WEEK
            .iter()
            .enumerate()
            .map(|(row, (_, key))| Day { y: row * CELL + CELL - 5, name: sees.say(key) })
            .collect(),
        tables: tables(&sees, &row.id, flow, &report),
        contacts: report.contacts.total(),
        minutes: report.minutes,
        funnel: report.funnel,
        waits: Waits::of(&row.id, report.abandoned),
        canary: report.by_version.iter().any(|version| version.canary),
        id: row.id.clone(),
    };
    let crumbs = [
        Crumb::new("/campaigns", sees.say("nav_campaigns")),
        Crumb::new(format!("/campaigns/{}", row.id), row.name),
    ];
    Ok(sees.page(&api, ("campaign_report.html", Room::Campaigns), sees.say("report_title"), &crumbs, &page))
}

impl Wording for Frame {
    fn number(&self, number: &str) -> String {
        Self::number(self, number)
    }

    fn reason(&self, reason: &Reason) -> String {
        said::reason(self, reason)
    }
}

/// The report as a file.
pub(in crate::console) async fn file(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let row = found(&api.campaigns, &id).await?;
    let wanted: ReportFile =
        name.parse().map_err(|_| Problem::not_found(&format!("file {name:?} of a report")))?;
    wanted.answer(&api.campaigns, &row, sees.frame.clone()).await
}
