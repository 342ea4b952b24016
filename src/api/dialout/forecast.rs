//! The answer to `dryRun`: what would become of a dial-out.

use serde_json::json;

use super::super::error::Problem;
use super::answer::Forecast;
use crate::session::{self, ExpectedStart};
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
    let trunk = forecast.trunk.map(|trunk| {
        json!({ "name": trunk.name, "lines": trunk.lines, "busy": trunk.busy, "waiting": trunk.waiting })
    });
    let basis = |calls| match calls {
        0 => "the flow's longest call; it has not been answered yet".to_owned(),
        1 => "1 answered call of this flow".to_owned(),
        calls => format!("the mean of {calls} answered calls of this flow"),
    };
    Forecast {
        dry_run: true,
        would_dial: told.problem.is_none(),
        trunk,
        flow: forecast.flow.map(|(name, digest)| json!({ "name": name, "digest": digest })),
        estimated_minutes: forecast.estimate.map(|estimate| estimate.minutes),
        estimate_basis: forecast.estimate.map(|estimate| basis(estimate.past_calls)),
        ..told
    }
}
