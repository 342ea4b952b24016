//! Files that are sent to be imported: as the body, or as a part of a form; on the disk before they are looked at.

use axum::body::Body;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::error::{Code, Problem};
use crate::lists::{Incoming, LARGEST_FILE, Lists, Spooled};

/// Kinds of bodies that are files.
const KINDS: [&str; 9] = [
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/x-ndjson",
    "application/jsonl",
    "application/octet-stream",
];
/// Longest field of a form beside the file, bytes.
const LONGEST_FIELD: usize = 64 * 1024;

/// How a form that brings a file is described.
pub(super) struct ImportForm;

impl PartialSchema for ImportForm {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let file = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
        let mapping =
            text().description(Some("JSON: names of columns and what they hold, as in the parameter."));
        ObjectBuilder::new().property("file", file).property("mapping", mapping).required("file").into()
    }
}

impl ToSchema for ImportForm {}

/// A file that came, and what was said with it.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) file: Spooled,
    /// What its sender calls it.
    pub(super) name: Option<String>,
    /// The field `mapping` of a form.
    pub(super) mapping: Option<String>,
}

/// Takes the file of a request.
///
/// # Errors
/// When there is none, it is too large, or it breaks off.
pub(super) async fn upload(lists: &Lists, request: Request) -> Result<Upload, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "multipart/form-data" {
        let parts = Multipart::from_request(request, &()).await;
        return of_form(lists, parts.map_err(|bad| Problem::new(Code::Malformed, bad.body_text()))?).await;
    }
    if !KINDS.contains(&kind.as_str()) && kind != "application/ndjson" {
        let detail = "send the file as `Content-Type: text/csv`, `application/x-ndjson` or \
                      `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`, or in a form \
                      (`multipart/form-data`) as the field `file`";
        return Err(Problem::new(Code::MediaType, detail));
    }
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if declared.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > LARGEST_FILE) {
        return Err(too_large());
    }
    let file = of_body(lists, request.into_body()).await?;
    Ok(Upload { file, name: None, mapping: None })
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge, format!("a file may have {} MiB; send it in parts", LARGEST_FILE >> 20))
}

fn broke_off() -> Problem {
    Problem::new(Code::Malformed, "the file broke off before its end; send it again")
}

async fn of_body(lists: &Lists, body: Body) -> Result<Spooled, Problem> {
    let mut incoming = lists.receive().await?;
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        incoming.take(&part.map_err(|_| broke_off())?).await?;
    }
    Ok(incoming.end().await?)
}

fn bad_form(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::new(Code::Malformed, format!("the form cannot be read: {}", error.body_text()))
}

async fn of_form(lists: &Lists, mut parts: Multipart) -> Result<Upload, Problem> {
    let (mut file, mut name, mut mapping) = (None, None, None);
    while let Some(part) = parts.next_field().await.map_err(|error| bad_form(&error))? {
        if part.file_name().is_some() || part.name() == Some("file") {
            if file.is_some() {
                return Err(Problem::new(Code::Malformed, "the form has several files; send one at a time"));
            }
            name = part.file_name().map(str::to_owned);
            file = Some(receive(lists, part).await?);
        } else if part.name() == Some("mapping") {
            let text = part.text().await.map_err(|error| bad_form(&error))?;
            if text.len() > LONGEST_FIELD {
                return Err(Problem::new(Code::TooLarge, "the field `mapping` is larger than 64 KiB"));
            }
            mapping = Some(text);
        }
    }
    let file = file.ok_or_else(|| {
        Problem::new(Code::Malformed, "the form has no file; send it as the field `file`")
            .with_field("file", "is missing")
    })?;
    Ok(Upload { file, name, mapping })
}

/// Takes the file in a part of a form.
///
/// # Errors
/// When it is too large, or breaks off.
pub(crate) async fn receive(
    lists: &Lists,
    mut part: axum::extract::multipart::Field<'_>,
) -> Result<Spooled, Problem> {
    let mut incoming: Incoming = lists.receive().await?;
    while let Some(piece) = part.chunk().await.map_err(|error| bad_form(&error))? {
        incoming.take(&piece).await?;
    }
    Ok(incoming.end().await?)
}
