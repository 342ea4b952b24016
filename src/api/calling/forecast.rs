//! The answer of `POST /v1/calls` to `dry_run`: what would become of the call.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::dialout::forecast::{basis, of_prompts, of_trunk};
use crate::api::error::Problem;
use crate::session::{ExpectedStart, Forecast};

/// What would become of a call. Nothing is written or dialled.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CallForecast {
    dry_run: bool,
    would_dial: bool,
    /// `now`, `queued` or `never`.
    #[schema(value_type = String)]
    when: &'static str,
    /// Calls that would be dialled first.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<u64>,
    /// What the real request would be answered.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
    /// The trunk: `name`, `lines` (null without a limit), `busy`, `waiting`, and `state`: `up`, `unknown` or, with `since`, `down`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    trunk: Option<Value>,
    /// The flow that would run, by `name@digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_minutes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate_basis: Option<String>,
    /// Prompts that can be made before the call: how many are `known`, how many are `made`, and the texts of those that are `missing`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    prompts: Option<Value>,
}

impl From<Forecast> for CallForecast {
    fn from(forecast: Forecast) -> Self {
        let (when, ahead, problem) = match forecast.start {
            ExpectedStart::Now => ("now", None, None),
            ExpectedStart::Queued { ahead } => ("queued", Some(ahead as u64), None),
            // Calls of this API are for now.
            ExpectedStart::Scheduled { .. } => ("queued", None, None),
            ExpectedStart::Never(refusal) => {
                ("never", None, Some(Value::from(Problem::from(*refusal).members())))
            }
        };
        Self {
            dry_run: true,
            would_dial: problem.is_none(),
            when,
            ahead,
            problem,
            trunk: forecast.trunk.map(of_trunk),
            flow: forecast.flow.map(|(name, digest)| format!("{name}@{digest}")),
            estimated_minutes: forecast.estimate.map(|estimate| estimate.minutes),
            estimate_basis: forecast.estimate.map(|estimate| basis(estimate.past_calls)),
            prompts: forecast.prompts.map(of_prompts),
        }
    }
}
