//! Lists, imports and contacts on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::lists::{Look, Mapping, Sample, Taken};
use crate::store::{ImportRow, ListContactRow, ListRow, NewListContact, RowErrorRow, RowProblem, ZoneFrom};
use crate::wallclock::iso;

/// A list of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = List)]
pub(super) struct List {
    list_id: String,
    name: String,
    /// Of numbers that do not name their own.
    country: Option<String>,
    /// Of contacts whose zone nothing else tells.
    zone: Option<String>,
    contacts: i64,
    /// Raised by each import and each undo.
    version: i64,
    /// Names of variables that its contacts have.
    variables: Vec<String>,
    author: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<ListRow> for List {
    fn from(row: ListRow) -> Self {
        Self {
            list_id: row.id,
            name: row.name,
            country: row.country,
            zone: row.zone,
            contacts: row.contacts,
            version: row.version,
            variables: row.columns,
            author: row.author,
            created_at: iso(row.created_ms),
            updated_at: iso(row.updated_ms),
        }
    }
}

/// A page of lists, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListPage {
    pub(super) lists: Vec<List>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
}

/// What a column of a file holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Column {
    column: String,
    /// `phone`, `name`, `zone`, `country`, `externalId`, `consentAt`, `consentSource`, `variable:NAME` or `ignore`.
    holds: String,
}

fn columns(mapping: &Mapping) -> Vec<Column> {
    let column = |(name, meaning): &(String, crate::lists::Meaning)| Column {
        column: name.clone(),
        holds: meaning.to_string(),
    };
    mapping.columns().iter().map(column).collect()
}

/// How the zones of the contacts that were added are known.
#[derive(Debug, Serialize, ToSchema)]
struct Zones {
    /// The file names them.
    column: i64,
    /// Their numbers belong to places with one zone.
    number: i64,
    /// They are the list's.
    list: i64,
    unknown: i64,
}

/// A file that is read into a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Import {
    import_id: String,
    list_id: String,
    /// `running`, `done`, `undoing`, `undone` or `failed`.
    state: &'static str,
    /// The version of the list once it is done.
    version: i64,
    /// What the file is called.
    file: String,
    /// SHA-256 of the file.
    digest: String,
    /// How it was read.
    read_as: Option<String>,
    columns: Vec<Column>,
    /// Bytes of the file, and how many of them were read.
    size: i64,
    position: i64,
    /// `added`, `duplicates` and `refused` together.
    rows: i64,
    added: i64,
    /// Rows with a number that the list had already.
    duplicates: i64,
    refused: i64,
    /// Those added whose number another list has, too.
    elsewhere: i64,
    zones: Zones,
    /// Why it failed.
    problem: Option<String>,
    author: String,
    #[schema(format = DateTime)]
    at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    #[schema(format = DateTime)]
    undone_at: Option<String>,
}

impl From<ImportRow> for Import {
    fn from(row: ImportRow) -> Self {
        let mapping = Mapping::from_json(&row.mapping);
        Self {
            columns: mapping.as_ref().map(columns).unwrap_or_default(),
            zones: Zones {
                column: row.zone_column,
                number: row.zone_number,
                list: row.zone_list,
                unknown: row.added - row.zone_column - row.zone_number - row.zone_list,
            },
            import_id: row.id,
            list_id: row.list_id,
            state: row.state.as_str(),
            version: row.version,
            file: row.source,
            digest: row.digest,
            read_as: row.read_as,
            size: row.size,
            position: row.position,
            rows: row.rows,
            added: row.added,
            duplicates: row.duplicates,
            refused: row.refused,
            elsewhere: row.elsewhere,
            problem: row.problem,
            author: row.author,
            at: iso(row.at_ms),
            ended_at: row.ended_ms.map(iso),
            undone_at: row.undone_ms.map(iso),
        }
    }
}

/// A page of imports, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportPage {
    pub(super) imports: Vec<Import>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
}

/// A row that was not taken.
#[derive(Debug, Serialize, ToSchema)]
struct RowError {
    /// From 1; of a table the header has one, too.
    line: i64,
    /// `refused` or `duplicate`.
    kind: &'static str,
    field: Option<String>,
    problem: String,
}

/// An import with what was wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportReport {
    #[serde(flatten)]
    import: Import,
    /// Why rows were not taken, by line; of the first 1000 that were refused, and of the first 1000 duplicates.
    errors: Vec<RowError>,
}

impl ImportReport {
    pub(super) fn new(row: ImportRow, errors: Vec<RowErrorRow>) -> Self {
        let error = |row: RowErrorRow| RowError {
            line: row.line,
            kind: row.kind.as_str(),
            field: row.field,
            problem: row.problem,
        };
        Self { import: row.into(), errors: errors.into_iter().map(error).collect() }
    }
}

/// A contact of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListContact {
    /// The line of the file.
    line: i64,
    /// The import that added it; absent in a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<String>,
    /// As it is dialled.
    #[schema(example = "+6281234567890")]
    number: String,
    name: Option<String>,
    /// A name of the IANA data base; `null`: it is not known.
    zone: Option<String>,
    /// How the zone is known: `column`, `number` or `list`.
    zone_from: Option<&'static str>,
    external_id: Option<String>,
    /// When the person agreed to be called.
    #[schema(format = DateTime)]
    consent_at: Option<String>,
    consent_source: Option<String>,
    /// Variables of the flow.
    #[schema(value_type = Object)]
    variables: Value,
}

impl From<ListContactRow> for ListContact {
    fn from(row: ListContactRow) -> Self {
        Self {
            line: row.line,
            import_id: Some(row.import_id),
            number: row.number,
            name: row.name,
            zone: row.zone,
            zone_from: row.zone_from.map(ZoneFrom::as_str),
            external_id: row.external_id,
            consent_at: row.consent_ms.map(iso),
            consent_source: row.consent_source,
            variables: row.variables,
        }
    }
}

impl From<NewListContact> for ListContact {
    fn from(new: NewListContact) -> Self {
        let (zone, zone_from) =
            new.zone.map_or((None, None), |(zone, from)| (Some(zone), Some(from.as_str())));
        Self {
            line: i64::try_from(new.line).unwrap_or(i64::MAX),
            import_id: None,
            number: new.number,
            name: new.name,
            zone,
            zone_from,
            external_id: new.external_id,
            consent_at: new.consent_ms.map(iso),
            consent_source: new.consent_source,
            variables: Value::Object(new.variables),
        }
    }
}

/// A page of contacts, in the order of their files.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListContactPage {
    pub(super) contacts: Vec<ListContact>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
}

/// What is wrong with a row, or with a field of it.
#[derive(Debug, Serialize, ToSchema)]
struct Fault {
    field: Option<String>,
    problem: String,
}

/// A row of a file that was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewRow {
    line: u64,
    /// Its fields, in the order of the columns.
    fields: Vec<String>,
    /// What it would become; `null` when it would be refused.
    contact: Option<ListContact>,
    /// Why it would be refused.
    problems: Vec<Fault>,
}

impl From<Sample> for PreviewRow {
    fn from(sample: Sample) -> Self {
        let fault = |wrong: RowProblem| Fault { field: wrong.field, problem: wrong.problem };
        let (contact, problems) = match sample.taken {
            Taken::Contact(contact) => (Some((*contact).into()), Vec::new()),
            Taken::Refused(problems) => (None, problems.into_iter().map(fault).collect()),
        };
        Self { line: sample.line, fields: sample.fields, contact, problems }
    }
}

/// The rows of a file that was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct Counted {
    rows: u64,
    /// Those that would be refused.
    refused: u64,
}

/// What an import of a file would do; nothing is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Preview {
    /// `csv`, `xlsx` or `jsonlines`.
    format: &'static str,
    /// How the file would be read.
    read_as: String,
    /// The line of the header, where there is one.
    header_line: Option<u64>,
    columns: Vec<Column>,
    /// What is wrong with these; the file can be imported when nothing is.
    problems: Vec<Fault>,
    /// The first 20 rows.
    rows: Vec<PreviewRow>,
    /// All of its rows, when the file has 4 MiB at most and can be imported.
    whole: Option<Counted>,
    /// The import of the very same file into this list, if there was one.
    imported_before: Option<String>,
}

impl Preview {
    pub(super) fn new(look: Look, imported_before: Option<String>) -> Self {
        let fault = |(field, problem)| Fault { field: Some(field), problem };
        Self {
            format: look.format,
            read_as: look.read_as,
            header_line: look.header_line,
            columns: columns(&look.mapping),
            problems: look.faults.into_iter().map(fault).collect(),
            rows: look.samples.into_iter().map(PreviewRow::from).collect(),
            whole: look.whole.map(|whole| Counted { rows: whole.rows, refused: whole.refused }),
            imported_before,
        }
    }
}
