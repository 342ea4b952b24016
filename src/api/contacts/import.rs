//! `POST /v1/contacts/import`: many contacts at once, as CSV or as lines of JSON. A line that is wrong costs
//! only itself.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use callcore::number::Country;
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::{IntoParams, ToSchema};

use super::columns::Column;
use super::person::{self, Body};
use super::sheet::Sheet;
use crate::access::{KeepContacts, Principal};
use crate::api::Api;
use crate::api::error::{Code, FieldProblem, Problem, ProblemDocument};
use crate::api::extract::Query;
use crate::api::fields::{self, Fields, Object};
use crate::api::may::May;
use crate::api::numbers;
use crate::store::{AuditAction, Kept, NewContact};

/// Largest file, bytes.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;
/// Most contacts of one file.
const MOST: usize = 100_000;
/// Lines whose errors are told; the rest is counted.
const MOST_ERRORS: usize = 1_000;
/// Contacts of one commit, so that calls that are written down meanwhile wait a moment only.
const CHUNK: usize = 500;

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Contacts that the file holds, wrong ones included.
    contacts: usize,
    created: usize,
    updated: usize,
    failed: usize,
    /// How a table was read that is not plain CSV in UTF-8, as in `UTF-16LE with tabs between the fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_as: Option<String>,
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
        let Some((first, more)) = problem.errors().split_first() else {
            return self.wrong(line, None, problem.detail());
        };
        self.wrong(line, Some(&first.field), &first.problem);
        let room = MOST_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(
            more.iter().take(room).cloned().map(|FieldProblem { field, problem }| LineError {
                line,
                field: Some(field),
                problem,
            }),
        );
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
type Reader = fn(&[u8], Option<Country>, &mut Imported) -> Result<Vec<(u64, NewContact)>, Problem>;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ImportQuery {
    /// The country of numbers that do not name their own: `ID`, or its calling code `62`. That of the server when
    /// absent.
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
}

impl fields::Given for ImportQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { country: numbers::country(fields) }
    }
}

/// Import contacts from CSV or from lines of JSON.
///
/// A contact with a known `contact_id` is replaced; one without an id replaces the contact of its number when there
/// is just one. Columns of a CSV beside `contact_id`, `phone_number`, `name` and `flow` become members of `metadata`. Commas,
/// semicolons or tabs may stand between the fields, `sep=` before them; UTF-8, UTF-16 and Windows-1252 are read. A quote
/// that is not closed before the next row costs its own row and no other; one that closes behind what look like
/// further rows costs all of these. A column `country` (or `Country Code`, `Negara`) holds letters, calling codes or
/// names of countries: a line whose country is not known is refused.
/// What was kept stays kept when the connection breaks; sending the file again is harmless for contacts with an id
/// or a number of their own.
#[utoipa::path(post, path = "/v1/contacts/import", operation_id = "importContacts", tag = "contacts",
    params(ImportQuery),
    request_body(description = "At most 100,000 contacts and 32 MiB.", content(
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
    keeper: May<KeepContacts>,
    Query(query): Query<ImportQuery>,
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
    keep(&api, &keeper, body, read, query.country).await.map(Json)
}

/// Reads a table as spreadsheets save it, and keeps its contacts. `country` is that of numbers which do not name their own; that
/// of the server when absent.
///
/// # Errors
/// When the file as a whole cannot be read, or the database fails.
pub(crate) async fn keep_table(
    api: &Api,
    keeper: &Principal,
    body: Bytes,
    country: Option<Country>,
) -> Result<Imported, Problem> {
    keep(api, keeper, body, read_csv, country).await
}

async fn keep(
    api: &Api,
    keeper: &Principal,
    body: Bytes,
    read: Reader,
    country: Option<Country>,
) -> Result<Imported, Problem> {
    let country = country.or(api.calls.country());
    let reading = tokio::task::spawn_blocking(move || {
        let mut told = Imported::default();
        read(&body, country, &mut told).map(|contacts| (contacts, told))
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
    api.access.record(keeper, AuditAction::ContactImport, "").await;
    Ok(told)
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge, "a file may have 32 MiB and 100,000 contacts; send it in parts")
}

/// Takes one contact, or notes what is wrong with it.
fn take(
    line: u64,
    checked: Result<Body, Problem>,
    country: Option<Country>,
    contacts: &mut Vec<(u64, NewContact)>,
    told: &mut Imported,
) {
    match checked.and_then(|given| given.at_home(country)) {
        Ok(contact) => contacts.push((line, contact)),
        Err(problem) => told.refused(line, &problem),
    }
}

fn read_lines(
    body: &[u8],
    country: Option<Country>,
    told: &mut Imported,
) -> Result<Vec<(u64, NewContact)>, Problem> {
    let mut contacts = Vec::new();
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let number = at as u64 + 1;
        take(number, Object::read(line, "line").and_then(person::checked), country, &mut contacts, told);
        if contacts.len() + told.failed > MOST {
            return Err(too_large());
        }
    }
    Ok(contacts)
}

fn read_csv(
    body: &[u8],
    country: Option<Country>,
    told: &mut Imported,
) -> Result<Vec<(u64, NewContact)>, Problem> {
    let sheet = Sheet::read(body).map_err(|detail| Problem::new(Code::Malformed, detail))?;
    told.read_as.clone_from(&sheet.read_as);
    let mut contacts = Vec::new();
    for (line, row) in sheet.rows() {
        match row {
            Ok(fields) => {
                let checked = person::checked(row_of(&sheet.columns, &fields));
                take(line, checked, country, &mut contacts, told);
            }
            Err(problem) => told.wrong(line, None, &problem),
        }
        if contacts.len() + told.failed > MOST {
            return Err(too_large());
        }
    }
    Ok(contacts)
}

/// A line of a table; an empty field is an absent one.
fn row_of(columns: &[Column], fields: &[String]) -> Object {
    let mut given = Map::new();
    let mut metadata = Map::new();
    for (column, field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        let name = match column {
            Column::ContactId => "contact_id",
            Column::PhoneNumber => "phone_number",
            Column::Name => "name",
            Column::Flow => "flow",
            Column::Country(name) => {
                metadata.insert(name.clone(), json!(field));
                // What is not understood is refused with the rest of the line.
                let letters =
                    Country::named(field).map_or_else(|_| field.clone(), |country| country.to_string());
                given.insert("country".to_owned(), json!(letters));
                continue;
            }
            Column::Other(name) => {
                metadata.insert(name.clone(), json!(field));
                continue;
            }
        };
        given.insert(name.to_owned(), json!(field));
    }
    given.insert("metadata".to_owned(), json!(metadata));
    Object::from(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contacts, and what is wrong, each with its line.
    type Outcome = (Vec<(u64, NewContact)>, Vec<(u64, String)>);

    fn read(with: Reader, body: &[u8]) -> Outcome {
        let mut told = Imported::default();
        let contacts = with(body, None, &mut told).unwrap();
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
    fn the_tables_that_strangers_sent_are_read_or_refused_with_the_cause() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/csv");
        let Ok(file) = std::fs::read(folder.join("50-stray-quote-last-column.csv")) else {
            println!("../shared/cases is absent: the tables of strangers are left out");
            return;
        };
        let (contacts, errors) = read(read_csv, &file);
        assert_eq!((contacts.len(), errors.len()), (101, 1));
        assert!(errors[0].0 == 3 && errors[0].1.contains("a quote opens"), "{errors:?}");
        let table = |name: &str| read(read_csv, &std::fs::read(folder.join(name)).unwrap());
        let (contacts, _) = table("02-semicolon.csv");
        assert_eq!(
            (contacts[0].1.number.as_str(), &contacts[0].1.metadata),
            ("+6281234567002", &json!({"amount": "120,50"}))
        );
        let (_, errors) = table("11-float.csv");
        assert!(errors[0].1.contains("spreadsheet"), "{errors:?}");
        assert_eq!(table("16-paren-zero.csv").0[0].1.number, "+442079460019");
    }

    #[test]
    fn numbers_of_a_list_belong_to_its_country() {
        let mut told = Imported::default();
        let country = "62".parse().ok();
        let body = b"phone_number,country\n08123456901,\n020 7946 0019,GB\n";
        let contacts = read_csv(body, country, &mut told).unwrap();
        let numbers: Vec<&str> = contacts.iter().map(|(_, contact)| contact.number.as_str()).collect();
        assert_eq!(numbers, ["+628123456901", "+442079460019"]);
    }

    #[test]
    fn the_country_of_a_list_tells_which_digits_lead_abroad() {
        for (country, written, kept) in [
            ("ID", "007 65 6123 4567", "+6561234567"),
            ("62", "008 65 6123 4567", "+6561234567"),
            ("ID", "007 62 8123456901", "+628123456901"),
            ("SG", "001 65 9123 4567", "+6591234567"),
            ("KR", "005 65 6123 4567", "+6561234567"),
            ("TW", "002 1 212 555 0123", "+12125550123"),
            ("US", "011 44 (0)20 7946 0958", "+442079460958"),
        ] {
            let table = format!("phone_number\n{written}\n");
            let lines = format!("{}\n", json!({ "phone_number": written }));
            for (read, body) in [(read_csv as Reader, table), (read_lines, lines)] {
                let mut told = Imported::default();
                let contacts = read(body.as_bytes(), country.parse().ok(), &mut told).unwrap();
                let numbers: Vec<&str> =
                    contacts.iter().map(|(_, contact)| contact.number.as_str()).collect();
                assert_eq!(numbers, [kept], "{written} in {country}: {:?}", told.errors);
            }
        }
    }

    #[test]
    fn a_country_of_a_line_is_understood_or_the_line_is_refused() {
        for header in ["country", "Country Code", "country_code", "Negara"] {
            let body = format!(
                "contact_id,phone_number,{header}\nq1,02079460019,United Kingdom\nq2,020 7946 0019,GBR\n\
                 q3,02079460019,0044\nq4,02125550123,USA\nq5,2125550123,USA\nq6,030123456,Deutschland\n\
                 q7,08123456901,\nq8,0812345678,Wakanda\nq9,+62812345678,xx\n"
            );
            let mut told = Imported::default();
            let contacts = read_csv(body.as_bytes(), "62".parse().ok(), &mut told).unwrap();
            let numbers: Vec<&str> = contacts.iter().map(|(_, contact)| contact.number.as_str()).collect();
            assert_eq!(
                numbers,
                [
                    "+442079460019",
                    "+442079460019",
                    "+442079460019",
                    "+12125550123",
                    "+4930123456",
                    "+628123456901"
                ],
                "{header}"
            );
            let errors: Vec<(u64, Option<&str>)> =
                told.errors.iter().map(|error| (error.line, error.field.as_deref())).collect();
            assert_eq!(
                errors,
                [(5, Some("phone_number")), (9, Some("country")), (10, Some("country"))],
                "{header}: {:?}",
                told.errors
            );
            assert_eq!(contacts[0].1.metadata, json!({ header: "United Kingdom" }));
        }
    }

    #[test]
    fn a_number_that_two_countries_could_have_costs_its_line() {
        let mut told = Imported::default();
        let body =
            b"phone_number,name\n62215550100,Ani\n2026-11-29,Budi\n5550100 5550101,Cici\n+62215550100,Dewi\n";
        let contacts = read_csv(body, "ID".parse().ok(), &mut told).unwrap();
        assert_eq!(contacts.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5]);
        let told: Vec<(u64, &str)> =
            told.errors.iter().map(|error| (error.line, error.problem.as_str())).collect();
        assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(told[0].1.contains("+62215550100 or +6262215550100"), "{told:?}");
        assert!(told[1].1.contains("date") && told[2].1.contains("two numbers"), "{told:?}");
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
        let problem = read_csv(b"name\nAlex\n", None, &mut told).unwrap_err();
        assert!(problem.detail().contains("phone_number"));
        let long = "x\n".repeat(MOST + 1);
        let problem = read_lines(long.as_bytes(), None, &mut told).unwrap_err();
        assert_eq!(problem.code(), Code::TooLarge);
    }

    #[test]
    fn errors_are_told_up_to_a_limit_and_counted_beyond_it() {
        let mut told = Imported::default();
        read_lines("x\n".repeat(MOST_ERRORS + 5).as_bytes(), None, &mut told).unwrap();
        assert_eq!((told.errors.len(), told.failed), (MOST_ERRORS, MOST_ERRORS + 5));
    }
}
