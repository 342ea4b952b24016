//! The answer to `dryRun`: what would become of a dial-out.

use serde_json::{Value, json};

use super::super::error::Problem;
use super::answer::Forecast;
use crate::session::{self, ExpectedStart, Readiness, TrunkLoad};
use crate::trunk::Reach;
use crate::wallclock::iso;

pub(super) fn shown(forecast: session::Forecast) -> Forecast {
    let told = match forecast.start {
        ExpectedStart::Now => Forecast { when: "now", ..Forecast::default() },
        ExpectedStart::Queued { ahead } => {
            Forecast { when: "queued", ahead: Some(ahead as u64), ..Forecast::default() }
        }
        ExpectedStart::Scheduled { start_ms } => {
            Forecast { when: "scheduled", scheduled_at: Some(iso(start_ms)), ..Forecast::default() }
        }
        ExpectedStart::Never(refusal) => {
            let problem = Some(Problem::from(*refusal).members().into());
            Forecast { when: "never", problem, ..Forecast::default() }
        }
    };
    Forecast {
        dry_run: true,
        would_dial: told.problem.is_none(),
        trunk: forecast.trunk.map(of_trunk),
        flow: forecast.flow.map(|(name, digest)| json!({ "name": name, "digest": digest })),
        estimated_minutes: forecast.estimate.map(|estimate| estimate.minutes),
        estimate_basis: forecast.estimate.map(|estimate| basis(estimate.past_calls)),
        prompts: forecast.prompts.map(of_prompts),
        ..told
    }
}

/// The trunk that a call would take: how busy it is, and whether its carrier is within reach.
pub(in crate::api) fn of_trunk(trunk: TrunkLoad) -> Value {
    let TrunkLoad { name, lines, busy, waiting, reach } = trunk;
    let mut told = json!({ "name": name, "lines": lines, "busy": busy, "waiting": waiting });
    told["state"] = match reach {
        Reach::Within => "up",
        Reach::Unknown => "unknown",
        Reach::Away { since_ms, .. } => {
            told["since"] = json!(iso(since_ms));
            "down"
        }
    }
    .into();
    told
}

/// What is there of the prompts that can be made before the call.
pub(in crate::api) fn of_prompts(prompts: Readiness) -> Value {
    let Readiness { known, made, missing } = prompts;
    json!({ "known": known, "made": made, "missing": missing })
}

/// Where an estimate is from: the mean of so many calls.
pub(in crate::api) fn basis(calls: u64) -> String {
    match calls {
        0 => "the flow's longest call; it has not been answered yet".to_owned(),
        1 => "1 answered call of this flow".to_owned(),
        calls => format!("the mean of {calls} answered calls of this flow"),
    }
}
