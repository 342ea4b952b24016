//! The answer to `dryRun`: what would become of a dial-out.

use serde_json::{Map, Value, json};

use super::super::error::Problem;
use crate::session::{Forecast, Verdict};
use crate::wallclock::iso;

pub(super) fn shown(forecast: Forecast) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.into(), value));
    put("dryRun", json!(true));
    put("wouldDial", json!(!matches!(forecast.verdict, Verdict::Never(_))));
    match forecast.verdict {
        Verdict::Now => put("when", json!("now")),
        Verdict::Queued { ahead } => {
            put("when", json!("queued"));
            put("ahead", json!(ahead));
        }
        Verdict::Scheduled { start_ms } => {
            put("when", json!("scheduled"));
            put("scheduledAt", json!(iso(start_ms)));
        }
        Verdict::Never(refusal) => {
            let problem = Problem::from(*refusal);
            put("when", json!("never"));
            put("problem", problem.members().into());
        }
    }
    if let Some(trunk) = forecast.trunk {
        put(
            "trunk",
            json!({ "name": trunk.name, "lines": trunk.lines, "busy": trunk.busy, "waiting": trunk.waiting }),
        );
    }
    if let Some((name, digest)) = forecast.flow {
        put("flow", json!({ "name": name, "digest": digest }));
    }
    if let Some(estimate) = forecast.estimate {
        let basis = match estimate.past_calls {
            0 => "the flow's longest call; it has not been answered yet".to_owned(),
            1 => "1 answered call of this flow".to_owned(),
            calls => format!("the mean of {calls} answered calls of this flow"),
        };
        put("estimatedMinutes", json!(estimate.minutes));
        put("estimateBasis", json!(basis));
    }
    body
}
