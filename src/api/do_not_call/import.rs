//! `POST /v1/do-not-call/import`: many numbers at once. A line that is wrong costs only itself, and is told.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use callcore::number::{self, Country};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{Desk, LONGEST};
use crate::access::KeepDoNotCall;
use crate::api::contacts::columns::Column;
use crate::api::contacts::sheet::{self, Sheet};
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::Query;
use crate::api::fields::{self, Fields};
use crate::api::may::May;
use crate::api::numbers;
use crate::store::{Actor, AuditAction, NewAudit};

/// Largest file, bytes.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;
/// Most numbers of one file.
const MOST: usize = 200_000;
/// Lines whose errors are told; the rest is counted.
const MOST_ERRORS: usize = 1_000;
/// Numbers of one commit, so that calls that are written down meanwhile wait a moment only.
const CHUNK: usize = 1_000;

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoNotCallImported)]
pub(crate) struct Imported {
    /// Numbers that were not on the list before.
    added: u64,
    /// Numbers that were, or stand in the file more than once.
    there_before: u64,
    failed: u64,
    /// How a table was read that is not plain CSV in UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_as: Option<String>,
    /// What was wrong, of the first 1000 lines that failed.
    errors: Vec<LineError>,
}

/// A line that was left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DoNotCallLineError)]
struct LineError {
    /// From 1; of a table the header is line 1.
    line: u64,
    problem: String,
}

impl Imported {
    fn wrong(&mut self, line: u64, problem: String) {
        self.failed += 1;
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(LineError { line, problem });
        }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// Why these numbers are not to be called, as in `register of 2026-11`.
    #[param(min_length = 1, max_length = 200)]
    reason: String,
    /// The country of numbers that do not name their own. That of the server when absent.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
}

impl fields::Given for ImportQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        let why = "say why these numbers are not to be called";
        let reason = fields.required("reason", why, |fields, name| fields.text(name, LONGEST));
        Self { reason, country: numbers::country(fields) }
    }
}

/// Put many numbers on the list.
///
/// A table as spreadsheets save it, with a column of numbers (`phone_number`, `Nomor HP`, …), or a number on each line and
/// nothing else. Whatever is wrong with a line costs only that line. Sending a file again is harmless.
#[utoipa::path(post, path = "/v1/do-not-call/import", operation_id = "importDoNotCall", tag = "do-not-call",
    params(ImportQuery),
    request_body(description = "At most 200,000 numbers and 32 MiB.", content(
        (String = "text/csv", example = "phone_number\n+6281234567890\n"),
    )),
    responses(
        (status = 200, description = "The file was read; lines that failed are listed.", body = Imported),
        (status = 400, description = "The file as a whole cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "The file is larger than 32 MiB or has more than 200,000 numbers.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn import(
    State(desk): State<Desk>,
    keeper: May<KeepDoNotCall>,
    Query(query): Query<ImportQuery>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Imported>, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::new(Code::Malformed, rejection.body_text()),
    })?;
    keep(&desk, body, &query.reason, query.country, keeper.actor()).await.map(Json)
}

/// Reads a file and puts its numbers on the list. `country` is that of numbers which do not name their own; that of the
/// server when absent.
///
/// # Errors
/// When the file as a whole cannot be read, or the database fails.
pub(crate) async fn keep(
    desk: &Desk,
    body: Bytes,
    reason: &str,
    country: Option<Country>,
    actor: Actor,
) -> Result<Imported, Problem> {
    let country = country.or(desk.country);
    let (numbers, mut told) = tokio::task::spawn_blocking(move || read(&body, country))
        .await
        .map_err(|error| Problem::new(Code::Internal, format!("reading the file failed: {error}")))??;
    let mut done = Ok(());
    for chunk in numbers.chunks(CHUNK) {
        match desk.store.put_many_on_do_not_call(chunk, reason, &actor.name).await {
            Ok(added) => {
                told.added += added;
                told.there_before += (chunk.len() as u64).saturating_sub(added);
            }
            Err(error) => {
                done = Err(error);
                break;
            }
        }
    }
    // One line for a file, and also for one of which a part was taken.
    let detail = json!({ "reason": reason, "added": told.added, "failed": told.failed });
    desk.store.audit(NewAudit::new(actor, AuditAction::DoNotCallImport, "", detail)).await?;
    done?;
    tracing::info!(added = told.added, failed = told.failed, "numbers were put on the do-not-call list");
    Ok(told)
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge, "a file may have 32 MiB and 200,000 numbers; send it in parts")
}

/// The digits of the numbers of a file, and what is wrong with the other lines.
fn read(body: &[u8], country: Option<Country>) -> Result<(Vec<String>, Imported), Problem> {
    let mut told = Imported::default();
    let mut found = Vec::new();
    let mut take = |line: u64, written: Result<&str, String>, home: Option<Country>, told: &mut Imported| {
        let read = written.and_then(|text| number::read(text, home).map_err(|bad| bad.to_string()));
        match read {
            Ok(number) => found.push(number.as_str().trim_start_matches('+').to_owned()),
            Err(problem) => told.wrong(line, problem),
        }
        if found.len() as u64 + told.failed > MOST as u64 { Err(too_large()) } else { Ok(()) }
    };
    match Sheet::read(body) {
        Ok(sheet) => {
            told.read_as.clone_from(&sheet.read_as);
            let numbers = sheet.number_columns();
            let home = sheet.columns.iter().position(|column| matches!(column, Column::Country(_)));
            for (line, row) in sheet.rows() {
                let fields = match row {
                    Ok(fields) => fields,
                    Err(problem) => {
                        take(line, Err(problem), None, &mut told)?;
                        continue;
                    }
                };
                let own = home
                    .and_then(|at| fields.get(at))
                    .map(|text| text.trim())
                    .filter(|text| !text.is_empty());
                let home = match own.map(str::parse).transpose() {
                    Ok(own) => own.or(country),
                    Err(_) => {
                        let problem = format!("the country {} is not known", own.unwrap_or_default());
                        take(line, Err(problem), None, &mut told)?;
                        continue;
                    }
                };
                let written = |at: &usize| fields.get(*at).map_or("", String::as_str);
                let mut given = numbers.iter().map(written).filter(|text| !text.trim().is_empty()).peekable();
                if given.peek().is_none() {
                    take(line, Ok(""), home, &mut told)?;
                }
                for text in given {
                    take(line, Ok(text), home, &mut told)?;
                }
            }
        }
        Err(no_table) => {
            let text = sheet::text(body);
            let lines = || (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
            // Neither a table nor numbers: what a table needs is the better advice.
            if !lines().any(|(_, line)| number::read(line, country).is_ok()) {
                return Err(unreadable(&no_table));
            }
            for (line, written) in lines() {
                take(line, Ok(written), country, &mut told)?;
            }
        }
    }
    Ok((found, told))
}

fn unreadable(why: &str) -> Problem {
    Problem::new(Code::Malformed, format!("{why}; a file without a header has one number on each line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in_indonesia(text: &str) -> (Vec<String>, Imported) {
        read(text.as_bytes(), "ID".parse().ok()).unwrap()
    }

    #[test]
    fn a_table_and_bare_lines_are_read_alike_and_wrong_lines_are_told() {
        let table = "Nama;Nomor HP\nAni;0812-3456-901\nBudi;\nCici;2026-11-29\n";
        let lines = "0812-3456-901\n\n+62 812 3456 902\nhello\n";
        let (numbers, told) = read_in_indonesia(table);
        assert_eq!(numbers, ["628123456901"]);
        let wrong: Vec<u64> = told.errors.iter().map(|error| error.line).collect();
        assert_eq!((wrong, told.failed), (vec![3, 4], 2));
        let (numbers, told) = read_in_indonesia(lines);
        assert_eq!(numbers, ["628123456901", "628123456902"]);
        assert_eq!(told.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn every_number_of_a_row_counts_and_belongs_to_the_country_of_its_row() {
        let table =
            "phone,mobile,country\n020 7946 0999,,GB\n0812-3456-901,0812-3456-902,\n030 123456,,Narnia\n";
        let (numbers, told) = read_in_indonesia(table);
        assert_eq!(numbers, ["442079460999", "628123456901", "628123456902"]);
        assert!(told.failed == 1 && told.errors[0].problem.contains("Narnia"), "{told:?}");
    }

    #[test]
    fn a_list_may_begin_with_something_else_and_be_in_any_encoding() {
        let wide: Vec<u8> = "# ours\r0812-3456-901\r".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (numbers, told) = read(&[&[0xff, 0xfe], wide.as_slice()].concat(), "ID".parse().ok()).unwrap();
        assert_eq!((numbers, told.failed), (vec!["628123456901".to_owned()], 1));
    }

    #[test]
    fn a_file_that_holds_no_numbers_is_refused_with_what_it_needs() {
        for text in ["", "name\nAni\n", "hello\nworld\n"] {
            let problem = read(text.as_bytes(), None).unwrap_err();
            assert!(problem.detail().contains("one number on each line"), "{text:?}: {}", problem.detail());
        }
    }
}
