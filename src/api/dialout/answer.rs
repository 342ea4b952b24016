//! What is answered to a dial-out, alone or as a line of a batch.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::error::{Code, FieldProblem, Problem};
use crate::session::Dialed;
use crate::wallclock::iso;

/// The call was accepted and written down.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DialOutAccepted)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Accepted {
    /// The caller's handle on the request.
    sid: String,
    call_id: String,
    /// The same as `callId`; notifications carry it.
    conversation_id: String,
    /// When a call with `scheduleAt` will be dialled.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
}

impl From<&Dialed> for Accepted {
    fn from(dialed: &Dialed) -> Self {
        Self {
            sid: dialed.sid.clone(),
            call_id: dialed.call_id.clone(),
            conversation_id: dialed.call_id.clone(),
            scheduled_at: dialed.start_ms.map(iso),
        }
    }
}

/// What would become of a call.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = DialOutForecast)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Forecast {
    pub(super) dry_run: bool,
    pub(super) would_dial: bool,
    /// `now`, `queued`, `scheduled` or `never`.
    #[schema(value_type = String)]
    pub(super) when: &'static str,
    /// Calls that would be dialled first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ahead: Option<u64>,
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_at: Option<String>,
    /// What the real request would be answered.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Value>,
    /// The trunk: `name`, `lines` (null without a limit), `busy`, `waiting`, and `state` of its carrier: `up`, `unknown` or, with
    /// `since`, `down`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trunk: Option<Value>,
    /// `name` and `digest` of the version that would run.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flow: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) estimated_minutes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) estimate_basis: Option<String>,
    /// Prompts that can be made before the call: how many are `known`, how many are `made`, and the texts of those that are `missing`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompts: Option<Value>,
}

/// What a dial-out is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum DialOutAnswer {
    Accepted(Accepted),
    Forecast(Box<Forecast>),
}

/// The result of one line of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BatchLine)]
pub(in crate::api) struct LineResult {
    /// From 1; empty lines count and have no result.
    line: u32,
    /// As if the line had been a request of its own.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    /// When a call with `scheduleAt` will be dialled.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
    /// The answer of an earlier line or request with the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored_fields: Option<Vec<String>>,
    /// Of a line that was refused.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldProblem>>,
    /// Of a line with the status 429: after how many seconds to send it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Of a line with `dryRun`: the members of the forecast.
    #[serde(flatten)]
    #[schema(ignore)]
    forecast: Option<Box<Forecast>>,
}

impl LineResult {
    /// A line that was done. `again`: it is the answer of before, under the same idempotency key.
    pub(super) fn done(line: u32, answer: DialOutAnswer, again: bool, ignored: Vec<String>) -> Self {
        let told = Self {
            line,
            status: 200,
            replayed: again.then_some(true),
            ignored_fields: (!ignored.is_empty()).then_some(ignored),
            ..Self::default()
        };
        match answer {
            DialOutAnswer::Accepted(accepted) => Self {
                sid: Some(accepted.sid),
                call_id: Some(accepted.call_id),
                conversation_id: Some(accepted.conversation_id),
                scheduled_at: accepted.scheduled_at,
                ..told
            },
            DialOutAnswer::Forecast(forecast) => Self { forecast: Some(forecast), ..told },
        }
    }

    /// A line that was refused.
    pub(super) fn refused(line: u32, problem: &Problem) -> Self {
        let errors = problem.errors().to_vec();
        Self {
            line,
            status: problem.code().status().as_u16(),
            code: Some(problem.code()),
            detail: Some(problem.detail().to_owned()),
            errors: (!errors.is_empty()).then_some(errors),
            retry_after: problem.member("retryAfter").and_then(Value::as_u64),
            ..Self::default()
        }
    }
}
