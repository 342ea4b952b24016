//! `POST /v1/contacts/import`: many contacts at once, as CSV or as lines of JSON. A line that is wrong costs
//! only itself.

use std::io::Cursor;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::person::{self, Given};
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::fields::{Object, without_mark};
use crate::store::{Kept, NewContact};

/// Largest file, bytes.
pub(in crate::api) const LARGEST: usize = 32 * 1024 * 1024;
/// Most contacts of one file.
const MOST: usize = 100_000;
/// Lines whose errors are told; the rest is counted.
const MOST_ERRORS: usize = 1_000;
/// Contacts of one commit, so that calls that are written down meanwhile wait a moment only.
const CHUNK: usize = 500;

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::api) struct Imported {
    /// Contacts that the file holds, wrong ones included.
    contacts: usize,
    created: usize,
    updated: usize,
    failed: usize,
    /// What was wrong, of the first 1000 that failed.
    errors: Vec<LineError>,
}

/// A line that was left out.
#[derive(Debug, Serialize, ToSchema)]
struct LineError {
    /// From 1; in a CSV the header is line 1.
    line: u64,
    field: Option<String>,
    problem: String,
}

impl Imported {
    /// A line with all that is wrong with it.
    fn refused(&mut self, line: u64, problem: &Problem) {
        let mut fields = problem.fields().into_iter();
        match fields.next() {
            Some((field, problem)) => self.wrong(line, Some(&field), &problem),
            None => self.wrong(line, None, problem.detail()),
        }
        let room = MOST_ERRORS.saturating_sub(self.errors.len());
        let more = fields.take(room).map(|(field, problem)| LineError { line, field: Some(field), problem });
        self.errors.extend(more);
    }

    fn wrong(&mut self, line: u64, field: Option<&str>, problem: &str) {
        self.failed += 1;
        if self.errors.len() < MOST_ERRORS {
            let (field, problem) = (field.map(str::to_owned), problem.to_owned());
            self.errors.push(LineError { line, field, problem });
        }
    }
}

/// Reads one kind of file: its contacts, each with its line.
type Reader = fn(&[u8], &mut Imported) -> Result<Vec<(u64, NewContact)>, Problem>;

/// Import contacts from CSV or from lines of JSON.
///
/// A contact with a known `contact_id` is replaced; one without an id replaces the contact of its number when there
/// is just one. Columns of a CSV beside `contact_id`, `phone_number`, `name` and `flow` become members of `metadata`.
/// What was kept stays kept when the connection breaks; sending the file again is harmless for contacts with an id
/// or a number of their own.
#[utoipa::path(post, path = "/v1/contacts/import", operation_id = "importContacts", tag = "contacts",
    request_body(description = "At most 100,000 contacts and 32 MiB, UTF-8.", content(
        (String = "text/csv", example = "contact_id,phone_number,name,amount\njj084,+6281234567890,Jaya,120 dollars\n"),
        (String = "application/x-ndjson", example = "{\"contact_id\":\"jj084\",\"phone_number\":\"+6281234567890\"}\n"),
    )),
    responses(
        (status = 200, description = "The file was read; lines that failed are listed.", body = Imported),
        (status = 400, description = "The file as a whole cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "The file is larger than 32 MiB or has more than 100,000 contacts.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "The `Content-Type` is neither `text/csv` nor `application/x-ndjson`.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(in crate::api) async fn import(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Imported>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let read: Reader = match kind.as_str() {
        "text/csv" => read_csv,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => read_lines,
        _ => {
            let detail = "send the file as `Content-Type: text/csv` or `application/x-ndjson`";
            return Err(Problem::new(Code::MediaType, detail));
        }
    };
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::new(Code::Malformed, rejection.body_text()),
    })?;
    let reading = tokio::task::spawn_blocking(move || {
        let mut told = Imported::default();
        read(&body, &mut told).map(|contacts| (contacts, told))
    });
    let (contacts, mut told) = reading
        .await
        .map_err(|error| Problem::new(Code::Internal, format!("reading the file failed: {error}")))??;
    told.contacts = contacts.len() + told.failed;
    let mut waiting = contacts.into_iter().peekable();
    while waiting.peek().is_some() {
        let (lines, chunk): (Vec<u64>, Vec<NewContact>) = waiting.by_ref().take(CHUNK).unzip();
        let kept = api.store.put_contacts(chunk).await?;
        for (line, kept) in lines.into_iter().zip(kept) {
            match kept {
                Kept::Created => told.created += 1,
                Kept::Updated => told.updated += 1,
                Kept::Ambiguous => {
                    told.wrong(
                        line,
                        Some("phone_number"),
                        "several contacts have this number; give a contact_id",
                    );
                }
            }
        }
    }
    told.errors.sort_by_key(|error| error.line);
    tracing::info!(
        created = told.created,
        updated = told.updated,
        failed = told.failed,
        "contacts were imported"
    );
    Ok(Json(told))
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge, "a file may have 32 MiB and 100,000 contacts; send it in parts")
}

/// Takes one contact, or notes what is wrong with it.
fn take(
    line: u64,
    checked: Result<NewContact, Problem>,
    contacts: &mut Vec<(u64, NewContact)>,
    told: &mut Imported,
) {
    match checked {
        Ok(contact) => contacts.push((line, contact)),
        Err(problem) => told.refused(line, &problem),
    }
}

fn read_lines(body: &[u8], told: &mut Imported) -> Result<Vec<(u64, NewContact)>, Problem> {
    let mut contacts = Vec::new();
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let number = at as u64 + 1;
        take(number, Object::read(line, "line").and_then(person::checked), &mut contacts, told);
        if contacts.len() + told.failed > MOST {
            return Err(too_large());
        }
    }
    Ok(contacts)
}

fn read_csv(body: &[u8], told: &mut Imported) -> Result<Vec<(u64, NewContact)>, Problem> {
    // Spreadsheets begin UTF-8 with a byte order mark.
    let body = without_mark(body);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(Cursor::new(body));
    let malformed =
        |error: csv::Error| Problem::new(Code::Malformed, format!("the header cannot be read: {error}"));
    let columns: Vec<String> = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
    if !columns.iter().any(|column| column == "phone_number") {
        let detail = "the first line must name the columns, `phone_number` among them";
        return Err(Problem::new(Code::Malformed, detail));
    }
    let mut contacts = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() == columns.len() {
                    take(line, person(&columns, &record).checked(), &mut contacts, told);
                } else {
                    let problem = format!("has {} fields, the header has {}", record.len(), columns.len());
                    told.wrong(line, None, &problem);
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                told.wrong(line, None, "is not UTF-8");
            }
        }
        if contacts.len() + told.failed > MOST {
            return Err(too_large());
        }
    }
    Ok(contacts)
}

/// A line of a CSV; an empty field is an absent one.
fn person(columns: &[String], record: &csv::StringRecord) -> Given {
    let mut given = Given::default();
    let mut metadata = Map::new();
    for (column, field) in columns.iter().zip(record.iter()).filter(|(_, field)| !field.is_empty()) {
        match column.as_str() {
            "contact_id" => given.contact_id = Some(field.to_owned()),
            "phone_number" => given.phone_number = field.to_owned(),
            "name" => given.name = Some(field.to_owned()),
            "flow" => given.flow = Some(field.to_owned()),
            _ => drop(metadata.insert(column.clone(), json!(field))),
        }
    }
    given.metadata = Some(metadata);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contacts, and what is wrong, each with its line.
    type Outcome = (Vec<(u64, NewContact)>, Vec<(u64, String)>);

    fn read(with: Reader, body: &[u8]) -> Outcome {
        let mut told = Imported::default();
        let contacts = with(body, &mut told).unwrap();
        (contacts, told.errors.into_iter().map(|error| (error.line, error.problem)).collect())
    }

    #[test]
    fn a_spreadsheet_is_read_with_its_own_columns_and_wrong_lines_are_named() {
        let file = "\u{feff}contact_id,phone_number,name,amount\n\
                    jj084,+62 812 3456 7890,\"Jaya, junior\",120\n\
                    x,no number,,\n\
                    y,+15550001\n\
                    ,+15550002,,\n";
        let (contacts, errors) = read(read_csv, file.as_bytes());
        assert_eq!(contacts.len(), 2);
        let (line, jaya) = &contacts[0];
        assert_eq!(
            (*line, jaya.id.as_deref(), jaya.name.as_deref()),
            (2, Some("jj084"), Some("Jaya, junior"))
        );
        assert_eq!((jaya.number.as_str(), &jaya.metadata), ("+6281234567890", &json!({"amount": "120"})));
        assert_eq!((contacts[1].0, contacts[1].1.id.as_deref()), (5, None));
        assert_eq!(errors.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
        assert!(errors[1].1.contains("has 2 fields, the header has 4"), "{errors:?}");
    }

    #[test]
    fn lines_of_json_are_read_one_by_one() {
        let file = b"{\"phone_number\":\"+15550001\"}\n\nnonsense\n{\"phone_number\":\"+15550002\",\"colour\":1}\r\n";
        let (contacts, errors) = read(read_lines, file);
        assert_eq!(contacts.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1]);
        assert_eq!(errors.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
        assert!(errors[0].1.starts_with("the line is not JSON: column 2"), "{errors:?}");
        assert!(errors[1].1.starts_with("is no field here"), "{errors:?}");
        let (contacts, errors) =
            read(read_lines, b"\xef\xbb\xbf{\"phone_number\":\"+15550001\"}\n{\"name\":\"\"}");
        assert_eq!((contacts.len(), errors.len()), (1, 2), "{errors:?}");
    }

    #[test]
    fn a_file_without_numbers_and_one_that_is_too_long_are_refused_as_a_whole() {
        let mut told = Imported::default();
        let problem = read_csv(b"name\nAlex\n", &mut told).unwrap_err();
        assert!(problem.detail().contains("phone_number"));
        let long = "{\"phone_number\":\"+15550001\"}\n".repeat(MOST + 1);
        let problem = read_lines(long.as_bytes(), &mut told).unwrap_err();
        assert_eq!(problem.code(), Code::TooLarge);
    }

    #[test]
    fn errors_are_told_up_to_a_limit_and_counted_beyond_it() {
        let mut told = Imported::default();
        read_lines("x\n".repeat(MOST_ERRORS + 5).as_bytes(), &mut told).unwrap();
        assert_eq!((told.errors.len(), told.failed), (MOST_ERRORS, MOST_ERRORS + 5));
    }
}
