//! What came of a campaign as files for spreadsheets.

use std::convert::Infallible;
use std::io;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use callcore::campaign::Reason;
use futures_util::{Stream, StreamExt};

use super::{Funnel, Report, USUAL_DAYS};
use crate::access::SeeCampaigns;
use crate::api::campaigns::{Desk, found};
use crate::api::error::{Problem, ProblemDocument};
use crate::api::extract::Path;
use crate::api::may::May;
use crate::campaigns::{Wording, attempts_file, contacts_file, words};
use crate::sheets::{Block, Cell, Format, Row, file as sheet};
use crate::store::CampaignRow;

const FIGURES: &[&str] = &[
    "figure",
    "of",
    "count",
    "attempts",
    "answered",
    "people",
    "heard_to_the_end",
    "messages_left",
    "opted_out",
];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase")]
enum Table {
    Contacts,
    Attempts,
    Figures,
}

/// A file of a report, such as `contacts.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportFile {
    table: Table,
    format: Format,
}

/// Its name is none of those that there are.
#[derive(Debug, thiserror::Error)]
#[error("there are contacts, attempts and figures, each as .csv and as .xlsx")]
pub(crate) struct NoSuchFile;

impl FromStr for ReportFile {
    type Err = NoSuchFile;

    fn from_str(name: &str) -> Result<Self, NoSuchFile> {
        let (table, format) = name.split_once('.').ok_or(NoSuchFile)?;
        let table = table.parse().map_err(|_| NoSuchFile)?;
        Ok(Self { table, format: format.parse().map_err(|_| NoSuchFile)? })
    }
}

impl ReportFile {
    /// The file as an answer.
    ///
    /// # Errors
    /// When the database fails before the first row.
    pub(crate) async fn answer(
        self,
        desk: &Desk,
        row: &CampaignRow,
        words: impl Wording,
    ) -> Result<Response, Problem> {
        let Self { table, format } = self;
        let (store, id) = (desk.store().clone(), row.id.clone());
        let body = match table {
            Table::Contacts => Body::from_stream(contacts_file(store, id, format, words)),
            Table::Attempts => {
                let campaign = (id, row.settings.zone.clone());
                Body::from_stream(attempts_file(store, campaign, format, words))
            }
            Table::Figures => {
                Body::from_stream(figures_file(&Report::read(desk, row, USUAL_DAYS).await?, format))
            }
        };
        let name = format!("{}-{}.{}", plain(&row.name), <&str>::from(table), format.extension());
        let headers = [
            (header::CONTENT_TYPE, format.media_type().to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        Ok((headers, body).into_response())
    }
}

/// The name of a campaign as a part of a file's name, whatever stands in it.
fn plain(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let plain: String = name.chars().map(letter).collect();
    let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if plain.is_empty() { "campaign".to_owned() } else { plain }
}

/// The figures of a report as a file.
fn figures_file(report: &Report, format: Format) -> impl Stream<Item = Result<Bytes, io::Error>> + use<> {
    let rows = rows(report);
    sheet(format, FIGURES, rows, |rows| async move { Ok::<Block<Vec<Row>>, Infallible>((rows, None)) })
        .boxed()
}

fn rows(report: &Report) -> Vec<Row> {
    let count = |figure: &str, of: String, count: i64| -> Row {
        let mut row = vec![figure.into(), of.into(), Cell::Whole(count)];
        row.resize(FIGURES.len(), Cell::Empty);
        row
    };
    let funnel = |figure: &str, of: String, funnel: &Funnel| -> Row {
        let Funnel { attempts, answered, people, heard_to_the_end, messages_left, opted_out } = *funnel;
        let parts = [attempts, answered, people, heard_to_the_end, messages_left, opted_out];
        let head = [Cell::from(figure), Cell::from(of), Cell::Empty];
        head.into_iter().chain(parts.map(Cell::Whole)).collect()
    };
    let text = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
    let mut rows = vec![
        count("contacts", String::new(), report.contacts.total()),
        count("minutes", String::new(), report.minutes),
        funnel("all", String::new(), &report.funnel),
    ];
    rows.extend(report.outcomes.iter().map(|one| count("outcome", one.outcome.clone(), one.attempts)));
    rows.extend(report.by_hour.iter().map(|one| funnel("hour_utc", one.hour.clone(), &one.funnel)));
    rows.extend(report.by_week_hour.iter().map(|one| {
        let of = one.weekday.zip(one.hour).map(|(day, hour)| format!("{day} {hour:02}:00"));
        funnel("hour_of_contact", text(of.as_deref()), &one.funnel)
    }));
    rows.extend(report.by_attempt.iter().map(|one| funnel("attempt", one.attempt.to_string(), &one.funnel)));
    rows.extend(report.by_trunk.iter().map(|one| funnel("trunk", one.trunk.clone(), &one.funnel)));
    rows.extend(report.by_list.iter().map(|one| funnel("list", text(one.name.as_deref()), &one.funnel)));
    rows.extend(report.by_version.iter().map(|one| {
        let figure = if one.canary { "version_on_trial" } else { "version" };
        funnel(figure, one.flow_digest.clone(), &one.funnel)
    }));
    for day in &report.abandoned.days {
        for (figure, calls) in [
            ("first_word_known", day.count.people),
            ("abandoned", day.count.abandoned),
            ("first_word_unknown", day.count.unknown),
        ] {
            rows.push(count(figure, format!("{} {}", day.day, report.abandoned.zone), calls));
        }
    }
    rows
}

/// Words for programs and terminals.
struct English;

impl Wording for English {
    fn number(&self, number: &str) -> String {
        number.to_owned()
    }

    fn reason(&self, reason: &Reason) -> String {
        words::reason(reason)
    }
}

/// What came of a campaign as a file for spreadsheets: its contacts with the reason of each in words, its attempts, or the figures of the
/// report. It is read while you take it, so a million rows need no patience and no memory; a file that breaks off is not whole.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/report/{file}", operation_id = "getCampaignReportFile",
    tag = "campaigns",
    params(
        ("campaign_id" = String, Path, description = "The campaign."),
        ("file" = String, Path, description = "What it holds, and its kind: `contacts.xlsx`, for example.",
            pattern = r"^(contacts|attempts|figures)\.(csv|xlsx)$"),
    ),
    responses(
        (status = 200, description = "The file.", content(
            (String = "text/csv", example = "phone_number,name,external_id,zone,state,rule,reason,outcome,attempts,last_call_utc,last_call,minutes\r\n"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 404, description = "There is no such campaign, or no such file.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn file(
    State(desk): State<Desk>,
    _: May<SeeCampaigns>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let row = found(&desk, &id).await?;
    let wanted: ReportFile =
        name.parse().map_err(|error: NoSuchFile| Problem::not_found(&format!("file {name:?}: {error}")))?;
    wanted.answer(&desk, &row, English).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name_and_no_other() {
        let file: ReportFile = "attempts.xlsx".parse().unwrap();
        assert_eq!(file, ReportFile { table: Table::Attempts, format: Format::Xlsx });
        for wrong in ["attempts", "attempts.pdf", "people.csv", ".csv", "contacts.csv.csv", ""] {
            assert!(wrong.parse::<ReportFile>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_name_of_a_campaign_cannot_break_out_of_the_name_of_a_file() {
        assert_eq!(plain("May \"reminders\"\r\nX: 1/../é"), "may-reminders-x-1");
        assert_eq!(plain("提醒"), "campaign");
    }
}
