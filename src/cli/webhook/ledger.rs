//! `dering webhook list`, `show`, `redeliver` and `endpoints`: the ledger of a running server.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::tables;
use crate::cli::admin::Place;
use crate::cli::ago::time;
use crate::cli::print;
use crate::cli::server::encoded;

/// Which notifications.
#[derive(Debug, Default, clap::Args)]
struct Narrow {
    /// Of one call.
    #[arg(long)]
    call: Option<String>,
    /// Of one client app.
    #[arg(long)]
    app: Option<String>,
    /// To one scheme, host and port, as in https://example.com.
    #[arg(long)]
    endpoint: Option<String>,
    /// Of one kind, such as completed.
    #[arg(long)]
    kind: Option<String>,
    /// Dead for this reason: exhausted, expired, gone or refused.
    #[arg(long)]
    reason: Option<String>,
    /// Made at or after: 2026-11-21T08:00:00Z, 2026-11-21, or how long ago: 30m, 12h, 2d.
    #[arg(long, value_parser = time)]
    since: Option<String>,
    /// Made before; written alike.
    #[arg(long, value_parser = time)]
    until: Option<String>,
}

impl Narrow {
    fn fields(&self) -> Map<String, Value> {
        let all = [
            ("callId", &self.call),
            ("appId", &self.app),
            ("endpoint", &self.endpoint),
            ("kind", &self.kind),
            ("reason", &self.reason),
            ("since", &self.since),
            ("until", &self.until),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))).collect()
    }
}

/// What to list.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// open, delivered, dead or all.
    #[arg(long, default_value = "dead")]
    state: String,
    #[command(flatten)]
    narrow: Narrow,
    /// At most so many, 1 to 500.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print the server's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What to show.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The notification's id, which is its `webhook-id`.
    id: String,
    /// Print the server's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What to send again.
#[derive(Debug, clap::Args)]
pub(super) struct Redeliver {
    /// Ids of notifications; without them, say which by the options.
    #[arg(conflicts_with_all = ["call", "app", "endpoint", "kind", "reason", "since", "until"])]
    ids: Vec<String>,
    /// dead or delivered.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// Only tell how many it would be.
    #[arg(long)]
    dry_run: bool,
    /// Print the server's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Which server to ask.
#[derive(Debug, clap::Args)]
pub(super) struct Endpoints {
    /// Print the server's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Lists notifications.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) async fn list(list: List) -> anyhow::Result<ExitCode> {
    let mut fields = list.narrow.fields();
    fields.insert("limit".into(), json!(list.limit.to_string()));
    if list.state != "all" {
        fields.insert("state".into(), json!(list.state));
    }
    let pairs =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value.as_str().unwrap_or_default())));
    let path = format!("/v1/webhooks/deliveries?{}", pairs.collect::<Vec<_>>().join("&"));
    let answer = list.place.running()?.ask(Method::GET, &path, None).await?;
    tell(list.json, &answer, tables::deliveries);
    Ok(ExitCode::SUCCESS)
}

/// Shows one.
///
/// # Errors
/// The server cannot be reached, or does not know it.
pub(super) async fn show(show: Show) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/webhooks/deliveries/{}", encoded(&show.id));
    let answer = show.place.running()?.ask(Method::GET, &path, None).await?;
    tell(show.json, &answer, tables::delivery);
    Ok(ExitCode::SUCCESS)
}

/// Sends again. Many go in batches, so that calls are not held up.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) async fn redeliver(args: Redeliver) -> anyhow::Result<ExitCode> {
    let mut body = args.narrow.fields();
    if !args.ids.is_empty() {
        body.insert("ids".into(), json!(args.ids));
    }
    if let Some(state) = &args.state {
        body.insert("state".into(), json!(state));
    }
    let path = "/v1/webhooks/deliveries/redeliver";
    let reach = args.place.running()?;
    let mut ask = async |dry_run: bool| {
        body.insert("dryRun".into(), json!(dry_run));
        reach.ask(Method::POST, path, Some(&Value::Object(body.clone()))).await
    };
    let mut answer = ask(true).await?;
    let matched = answer["matched"].as_u64().unwrap_or_default();
    let mut sent = 0;
    while !args.dry_run && sent < matched {
        answer = ask(false).await?;
        sent += answer["redelivered"].as_u64().unwrap_or_default();
        // Delivered ones would match again for ever.
        if answer["more"] != json!(true) || args.state.as_deref() == Some("delivered") {
            break;
        }
    }
    if args.json {
        print(&answer.to_string());
    } else if args.dry_run {
        print(&format!("{} would be sent again", tables::counted(&answer["matched"])));
    } else {
        let left = if answer["more"] == json!(true) { "; more match: narrow the time" } else { "" };
        print(&format!("{} sent again{left}", tables::counted(&json!(sent))));
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells how endpoints fare.
///
/// # Errors
/// The server cannot be reached or refuses.
pub(super) async fn endpoints(endpoints: Endpoints) -> anyhow::Result<ExitCode> {
    let answer = endpoints.place.running()?.ask(Method::GET, "/v1/webhooks/endpoints", None).await?;
    tell(endpoints.json, &answer, tables::endpoints);
    Ok(ExitCode::SUCCESS)
}

fn tell(as_json: bool, answer: &Value, table: fn(&Value) -> String) {
    print(&if as_json { answer.to_string() } else { table(answer) });
}
