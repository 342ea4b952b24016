//! `dering status`: whether the running server is ready.

use std::process::ExitCode;

use serde_json::Value;

use super::admin::Place;
use super::out::one_line;

/// Which server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when it can place calls, 1 when it cannot or does not answer. With --alive, 0 when the process works."
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Ask only whether the process works, as a container's health check does
    #[arg(long)]
    alive: bool,
    /// Print what the server answers
    #[arg(long)]
    json: bool,
}

/// Asks.
///
/// # Errors
/// When no server answers.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach = args.place.anybody()?;
    let (is_ready, told) = reach.look(if args.alive { "/health" } else { "/ready" }).await?;
    let words =
        if args.alive { one_line(told["status"].as_str().unwrap_or("not told")) } else { shown(&told) };
    super::print(&if args.json { told.to_string() } else { words });
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(told: &Value) -> String {
    let text = |name: &str| one_line(told[name].as_str().unwrap_or("not told"));
    let away: Vec<String> =
        told["away"].as_array().into_iter().flatten().filter_map(Value::as_str).map(one_line).collect();
    let away = match away.as_slice() {
        [] => String::new(),
        away => format!(": not {} (its log says why)", away.join(", ")),
    };
    format!(
        "{}\n  carriers   {} of {} within reach{away}\n  database   {}\n  disk       {}\n  webhooks   {}",
        text("status"),
        told["carriers"],
        told["trunks"],
        text("database"),
        text("disk"),
        text("webhooks")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_part_is_told() {
        let told = shown(
            &json!({ "status": "no carrier is within reach", "carriers": 0, "trunks": 2, "database": "ok",
            "disk": "low", "webhooks": "held back" }),
        );
        assert!(told.starts_with("no carrier is within reach\n  carriers   0 of 2 within reach\n"), "{told}");
        assert!(told.contains("disk       low"), "{told}");
        let told = shown(&json!({ "status": "ready", "carriers": 1, "trunks": 2, "away": ["main"] }));
        assert!(told.contains("carriers   1 of 2 within reach: not main (its log says why)"), "{told}");
    }
}
