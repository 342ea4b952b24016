//! `dering audit`: who did what, when and from where.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::Value;

use super::admin::Place;
use super::out::one_line;
use super::server::encoded;

/// The audit log, newest first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Entries, 1 to 500
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Entries before this one
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
    /// Who did it: app:ID, key:ID, cli:USER, or the beginning of it
    #[arg(long)]
    actor: Option<String>,
    /// What was done, or the beginning of it, as in flow.
    #[arg(long)]
    action: Option<String>,
    /// What it was done to
    #[arg(long)]
    subject: Option<String>,
    /// Not before this moment, as in 2026-01-31T17:30:00Z
    #[arg(long)]
    since: Option<String>,
    /// Before this moment
    #[arg(long)]
    until: Option<String>,
    /// Print the answer as it is
    #[arg(long)]
    json: bool,
}

/// Prints the entries.
///
/// # Errors
/// When nobody answers, or a moment is none.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let mut path = format!("/v1/audit?limit={}", args.limit);
    let after = args.after.map(|seq| seq.to_string());
    for (name, value) in [
        ("after", &after),
        ("actor", &args.actor),
        ("action", &args.action),
        ("subject", &args.subject),
        ("since", &args.since),
        ("until", &args.until),
    ] {
        if let Some(value) = value {
            // Writing into a String does not fail.
            write!(path, "&{name}={}", encoded(value)).ok();
        }
    }
    let reach = args.place.reach(false).await?;
    let answer = reach.ask(Method::GET, &path, None).await;
    reach.close().await;
    let answer = answer?;
    super::print(&if args.json { format!("{answer}\n") } else { shown(&answer) });
    if let Some(next) = answer["next"].as_i64() {
        super::note(&format!("there is more: --after {next}"));
    }
    Ok(())
}

fn shown(answer: &Value) -> String {
    let mut told = String::new();
    for entry in answer["entries"].as_array().into_iter().flatten() {
        let text = |field: &str| one_line(entry[field].as_str().unwrap_or("-"));
        let detail = &entry["detail"];
        let detail = if detail.as_object().is_some_and(serde_json::Map::is_empty) {
            String::new()
        } else {
            format!("  {}", one_line(&detail.to_string()))
        };
        let (at, actor, address) = (text("at"), text("actor"), text("address"));
        writeln!(told, "{at}  {actor}  {address}  {}  {}{detail}", text("action"), text("subject")).ok();
    }
    if told.is_empty() { "nothing\n".to_owned() } else { told }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("audit")).debug_assert();
    }

    #[test]
    fn an_entry_is_a_line() {
        let entry = json!({ "at": "2026-01-01T00:00:00.000Z", "actor": "key:a1", "address": null,
            "action": "flow.label", "subject": "faq/live", "detail": {} });
        let line = "2026-01-01T00:00:00.000Z  key:a1  -  flow.label  faq/live\n";
        assert_eq!(shown(&json!({ "entries": [entry] })), line);
        assert_eq!(shown(&json!({ "entries": [] })), "nothing\n");
    }
}
