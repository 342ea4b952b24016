//! `/v1/lists/{list_id}/imports`: files read into a list, looked at before, undone after.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

use super::shapes::{Import, ImportPage, ImportReport, Preview};
use super::upload::{ImportForm, Upload, upload};
use super::{Desk, PageQuery, known};
use crate::access::{KeepContacts, SeeContacts};
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::{Path, Query};
use crate::api::fields::{self, Fields};
use crate::api::may::May;
use crate::api::problems::{BadId, BadParameter, NoSuchImport, NoSuchList};
use crate::store::{ImportRow, ImportState, KEPT_ERRORS};

/// How long an answer waits for the end of an import.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest name of a file, characters.
const LONGEST_FILE: usize = 200;
/// Longest mapping in a query, characters.
const LONGEST_MAPPING: usize = 16_000;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct ImportQuery {
    /// `true` only shows what the import would do.
    #[param(value_type = Option<bool>)]
    dry_run: bool,
    /// What columns hold, where it is not what their names tell: an object with the names of columns, or their places, and
    /// `phone`, `name`, `zone`, `country`, `externalId`, `consentAt`, `consentSource`, `variable`, `variable:NAME` or
    /// `ignore`, as in `{"Kontak": "phone", "#3": "ignore"}`.
    #[param(max_length = 16000)]
    mapping: Option<String>,
    /// What the file is called.
    #[param(max_length = 200)]
    file: Option<String>,
}

impl fields::Given for ImportQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            dry_run: fields.yes("dryRun").unwrap_or_default(),
            mapping: fields.text("mapping", LONGEST_MAPPING),
            file: fields.text("file", LONGEST_FILE),
        }
    }
}

/// What somebody says that columns hold.
fn said(mapping: Option<&str>) -> Result<BTreeMap<String, String>, Problem> {
    let Some(text) = mapping.filter(|text| !text.trim().is_empty()) else { return Ok(BTreeMap::new()) };
    serde_json::from_str(text).map_err(|_| {
        let why = "must be an object of names of columns and what they hold, as in {\"Kontak\": \"phone\"}";
        Problem::new(Code::Malformed, format!("mapping: {why}")).with_field("mapping", why)
    })
}

/// Imports of a list, newest first, by pages.
#[utoipa::path(get, path = "/v1/lists/{list_id}/imports", operation_id = "listImports", tag = "lists",
    params(("list_id" = String, Path, description = "The list, by its id or its name."), PageQuery),
    responses(
        (status = 200, description = "A page of imports.", body = ImportPage),
        BadParameter,
        NoSuchList,
    ))]
pub(super) async fn list(
    State(desk): State<Desk>,
    _: May<SeeContacts>,
    Path(list_id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ImportPage>, Problem> {
    let list = known(&desk.store, &list_id).await?;
    let page = desk.store.list_imports(&list.id, query.after.as_ref(), query.limit).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Json(ImportPage { imports: page.items.into_iter().map(Import::from).collect(), next }))
}

/// Read a file into a list.
///
/// CSV as spreadsheets save it (commas, semicolons or tabs, UTF-8, UTF-16 or older encodings), the first sheet of an XLSX, or
/// lines of JSON; which it is, is found out. Columns are known by their names, or by `mapping`; those that are not known
/// become variables of the flow. A row that is wrong costs only itself, and is told; a number that the list has already is
/// kept as it was. A large file is still being read when the answer comes; `state` tells. The same file sent again while
/// it is read is that import, and an import that was cut off by a restart goes on by itself.
#[utoipa::path(post, path = "/v1/lists/{list_id}/imports", operation_id = "importList", tag = "lists",
    params(("list_id" = String, Path, description = "The list, by its id or its name."), ImportQuery),
    request_body(description = "At most 512 MiB.", content(
        (String = "text/csv", example = "phone_number,name,amount\n+6281234567890,Jaya,120 dollars\n"),
        (String = "application/x-ndjson", example = "{\"phone_number\":\"+6281234567890\",\"name\":\"Jaya\"}\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (ImportForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "What the import would do (`dryRun`).", body = Preview),
        (status = 201, description = "The file was read.", body = ImportReport),
        (status = 202, description = "The file is being read.", body = ImportReport),
        (status = 400, description = "The request cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchList,
        (status = 409, description = "Another file is being read into this list, or taken out of it.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The file is larger than 512 MiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 415, description = "The `Content-Type` is not one of a file.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The file cannot be read as a table, or no column holds the numbers.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn import(
    State(desk): State<Desk>,
    keeper: May<KeepContacts>,
    Path(list_id): Path<String>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let list = known(&desk.store, &list_id).await?;
    // What is wrong with the request is told before a large file is sent in vain.
    let in_query = said(query.mapping.as_deref())?;
    let Upload { file, name, mapping } = upload(&desk.lists, request).await?;
    let id = file.id.clone();
    let done = async {
        let mut said = said(mapping.as_deref())?;
        said.extend(in_query);
        if query.dry_run {
            let before = desk.lists.same_file(&list, &file.digest, ImportState::Done).await?;
            let look = desk.lists.look(&list, &file.id, said).await?;
            desk.lists.discard(&file.id);
            return Ok(Json(Preview::new(look, before.map(|row| row.id))).into_response());
        }
        let name = query.file.or(name).unwrap_or_else(|| "file".to_owned());
        let name = name.chars().filter(|c| !c.is_control()).take(LONGEST_FILE).collect();
        let begun = desk.lists.begin(&list, file, (name, said), keeper.actor()).await?;
        let row = desk.lists.wait(begun, PATIENCE).await?;
        let status =
            if row.state == ImportState::Running { StatusCode::ACCEPTED } else { StatusCode::CREATED };
        Ok((status, Json(report(&desk, row).await?)).into_response())
    };
    let done: Result<Response, Problem> = done.await;
    if done.is_err() {
        desk.lists.discard_unless_begun(&id).await;
    }
    done
}

/// An import with what was wrong.
async fn report(desk: &Desk, row: ImportRow) -> Result<ImportReport, Problem> {
    let most = u32::try_from(KEPT_ERRORS * 2).unwrap_or(u32::MAX);
    let errors = desk.store.import_errors(&row.id, most).await?;
    Ok(ImportReport::new(row, errors))
}

/// One import, with the rows that were not taken.
#[utoipa::path(get, path = "/v1/lists/{list_id}/imports/{import_id}", operation_id = "getImport", tag = "lists",
    params(
        ("list_id" = String, Path, description = "The list, by its id or its name."),
        ("import_id" = String, Path, description = "The import."),
    ),
    responses(
        (status = 200, description = "The import.", body = ImportReport),
        BadId,
        NoSuchImport,
    ))]
pub(super) async fn one(
    State(desk): State<Desk>,
    _: May<SeeContacts>,
    Path((list_id, import_id)): Path<(String, String)>,
) -> Result<Json<ImportReport>, Problem> {
    let list = known(&desk.store, &list_id).await?;
    let row = desk.store.list_import(&list.id, &import_id).await?;
    let row = row.ok_or_else(|| Problem::not_found(&format!("import {import_id}")))?;
    Ok(Json(report(&desk, row).await?))
}

/// Undo an import: its contacts leave the list. A number that a later file had, too, leaves with them.
#[utoipa::path(post, path = "/v1/lists/{list_id}/imports/{import_id}/undo", operation_id = "undoImport", tag = "lists",
    params(
        ("list_id" = String, Path, description = "The list, by its id or its name."),
        ("import_id" = String, Path, description = "The import."),
    ),
    responses(
        (status = 200, description = "Its contacts are out of the list.", body = Import),
        BadId,
        NoSuchImport,
        (status = 409, description = "It is not done, another one runs, or a campaign has its contacts.",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn undo(
    State(desk): State<Desk>,
    keeper: May<KeepContacts>,
    Path((list_id, import_id)): Path<(String, String)>,
) -> Result<Json<Import>, Problem> {
    let list = known(&desk.store, &list_id).await?;
    let begun = desk.lists.undo(&list.id, &import_id, keeper.actor()).await?;
    Ok(Json(desk.lists.wait(begun, PATIENCE).await?.into()))
}
