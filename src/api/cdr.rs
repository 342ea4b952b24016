//! `/v1/cdr`: call detail records in the carrier's own shape (Outgoing Call Service 1.0.4).

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use callcore::call::{Disposition, HangupBy};
use serde::Serialize;
use serde_json::json;
use strum::IntoEnumIterator as _;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Required, Schema, SchemaFormat, Type,
};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::Pairs;
use super::fields::Faults;
use super::may::{May, RecordInPath};
use super::problems::BadParameter;
use crate::access::SeeCalls;
use crate::cdr_wire::{CdrMeta, CdrParameter, CdrQuery};
use crate::store::{CdrPage, CdrRow};

/// Which records, and in which order, as the carrier's clients ask.
pub(super) struct Asked(CdrQuery);

impl IntoParams for Asked {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        CdrParameter::iter().map(described).collect()
    }
}

/// What a parameter takes.
fn described(parameter: CdrParameter) -> Parameter {
    const DURATION: &str = r"^(\$(eq|gte?|lte?):)?[0-9]{1,9}$";
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let (about, schema, example): (_, RefOr<Schema>, _) = match parameter {
        CdrParameter::Page => ("From 1.", count(), None),
        CdrParameter::Limit => ("Records on a page; more than 1000 are 1000.", count(), None),
        CdrParameter::SortBy => (
            "`<field>:ASC` or `<field>:DESC`; may be repeated. Fields: `id`, `startTime`, `endTime`, `duration`,\n\
             `billableSeconds`, `destination`, `disposition`.",
            ArrayBuilder::new().items(text()).into(),
            Some(json!(["startTime:DESC"])),
        ),
        CdrParameter::Destination => (
            "`$eq:` or `$contains:` and a number or a part of it; without either the number as a whole. A plus need not be escaped.",
            text().pattern(Some(r"^(\$(eq|contains):)?[^$\s][^$]*$")).into(),
            Some(json!("$contains:0812")),
        ),
        CdrParameter::Duration => (
            "`$eq:`, `$gt:`, `$gte:`, `$lt:` or `$lte:` and whole seconds.",
            text().pattern(Some(DURATION)).into(),
            Some(json!("$gte:30")),
        ),
        CdrParameter::BillableSeconds => {
            ("As `filter.duration`.", text().pattern(Some(DURATION)).into(), Some(json!("$gt:0")))
        }
        CdrParameter::Disposition => (
            "`$eq:` and one, or `$in:` and several with commas: `ANSWERED`, `NO ANSWER`, `BUSY`, `FAILED`, `CANCEL`.",
            text().into(),
            Some(json!("$in:ANSWERED,BUSY")),
        ),
    };
    let described = ParameterBuilder::new().name(parameter.as_str()).parameter_in(ParameterIn::Query);
    described.required(Required::False).description(Some(about)).schema(Some(schema)).example(example).build()
}

/// A whole number from 1.
fn count() -> RefOr<Schema> {
    let format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    let number = ObjectBuilder::new().schema_type(Type::Integer).format(format);
    number.minimum(Some(1)).maximum(Some(i64::from(u32::MAX))).into()
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Pairs(pairs) = Pairs::from_request_parts(parts, state).await?;
        CdrQuery::from_pairs(pairs).map(Self).map_err(|errors| {
            let mut faults = Faults::default();
            errors.iter().for_each(|error| faults.add(&error.parameter, error.problem.as_str()));
            faults.problem(Code::Malformed)
        })
    }
}

/// A record in the carrier's shape (Outgoing Call Service 1.0.4).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Cdr {
    /// The carrier's name of the call; the call's own id where no carrier took it.
    session_id: String,
    destination: String,
    #[schema(format = DateTime)]
    start_time: String,
    /// `null` for a call that was never answered.
    #[schema(format = DateTime)]
    answer_time: Option<String>,
    #[schema(format = DateTime)]
    end_time: String,
    /// Whole seconds.
    duration: u64,
    /// Whole seconds from the answer.
    billable_seconds: u64,
    /// `ANSWERED`, `NO ANSWER`, `BUSY`, `FAILED` or `CANCEL`.
    #[schema(value_type = String)]
    disposition: Disposition,
    /// `CALLER` or `CALLEE`.
    #[schema(value_type = Option<String>)]
    hangup_by: Option<HangupBy>,
    hangup_cause_code: u16,
    hangup_cause_text: String,
    /// Where the call came from, when the carrier says so (1.0.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// `true`: the carrier gave no record, this one is made from our own times. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated: Option<bool>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<CdrRow> for Cdr {
    fn from(row: CdrRow) -> Self {
        let CdrRow { cdr, estimated, created_at, updated_at, .. } = row;
        Self {
            session_id: cdr.session_id,
            destination: cdr.destination,
            start_time: cdr.start_time,
            answer_time: cdr.answer_time,
            end_time: cdr.end_time,
            duration: cdr.duration,
            billable_seconds: cdr.billable_seconds,
            disposition: cdr.disposition,
            hangup_by: cdr.hangup_by,
            hangup_cause_code: cdr.hangup_cause_code,
            hangup_cause_text: cdr.hangup_cause_text,
            source: cdr.source,
            estimated: estimated.then_some(true),
            created_at,
            updated_at,
        }
    }
}

/// Where in the list a page lies.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CdrPageMeta {
    items_per_page: u32,
    total_items: u64,
    current_page: u32,
    total_pages: u64,
    /// `[field, "ASC" | "DESC"]` pairs.
    sort_by: Vec<Vec<&'static str>>,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CdrList {
    data: Vec<Cdr>,
    meta: CdrPageMeta,
}

impl From<CdrPage> for CdrList {
    fn from(page: CdrPage) -> Self {
        let CdrMeta { items_per_page, total_items, current_page, total_pages, sort_by } = page.meta;
        let sort_by = sort_by.into_iter().map(|(field, order)| vec![field, order]).collect();
        let meta = CdrPageMeta { items_per_page, total_items, current_page, total_pages, sort_by };
        Self { data: page.data.into_iter().map(Cdr::from).collect(), meta }
    }
}

/// One record in the carrier's envelope.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CdrOne {
    status: u16,
    errors: &'static str,
    data: Cdr,
}

/// Call detail records: filters, pages and sorting as the carrier's.
#[utoipa::path(get, path = "/v1/cdr", operation_id = "listRecords", tag = "records", params(Asked),
    responses(
        (status = 200, description = "A page of records.", body = CdrList),
        BadParameter,
    ))]
pub(super) async fn list(
    State(api): State<Api>,
    may: May<SeeCalls>,
    Asked(query): Asked,
) -> Result<Json<CdrList>, Problem> {
    Ok(Json(api.store.cdrs(&query, &may.visibility()).await?.into()))
}

/// The record of one session of the carrier.
#[utoipa::path(get, path = "/v1/cdr/{session_id}", operation_id = "getRecord", tag = "records",
    params(("session_id" = String, Path, description = "The carrier's name of the call.")),
    responses(
        (status = 200, description = "The record.", body = CdrOne),
        (status = 404, description = "There is no record of that session.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn one(RecordInPath(cdr): RecordInPath) -> Json<CdrOne> {
    Json(CdrOne { status: 200, errors: "", data: cdr.into() })
}
