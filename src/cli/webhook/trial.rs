//! `dering webhook test`: examples of notifications, posted to an address as a server would post them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::tables;
use crate::api::webhooks::show::TrialResult;
use crate::cli::admin::{Place, Reach};
use crate::cli::token::read_secret;
use crate::cli::{note, print};
use crate::outbox::{Example, Options, Trial, examples};
use crate::wallclock::now_ms;

/// Where to, and what signs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when every example was taken, 1 when one was refused or not answered. With --app the running server posts them, \
                  with --secret-file this command does; both only where `webhooks` of the configuration lets a server post. The examples carry the \
                  header `dering-test: true`, and `dering-test` in the place of the call and the campaign."
)]
pub(super) struct Args {
    /// Where they go; with --app the address of the app's latest webhook unless it is named
    #[arg(required_unless_present = "app")]
    url: Option<String>,
    /// The client app whose secrets sign them
    #[arg(long, required_unless_present = "secret_file")]
    app: Option<String>,
    /// A file with a secret that signs them, without a server; may be repeated
    #[arg(long, conflicts_with = "app")]
    secret_file: Vec<PathBuf>,
    /// Only the example of this kind, such as completed; may be repeated
    #[arg(long = "event", value_name = "KIND")]
    events: Vec<String>,
    /// Print what came of each as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What posts the examples.
enum Sender {
    Server { reach: Reach, app: String, url: Option<String> },
    Here { trial: Trial, secrets: Vec<SecretString>, url: String },
}

/// Posts them one after the other; an address that gives no answer is not asked again.
///
/// # Errors
/// When a kind is unknown, a file cannot be read, or no server is there to ask.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let wanted = chosen(&args.events)?;
    let asked = wanted.len();
    let sender = Sender::of(&args)?;
    let mut results = Vec::new();
    for example in wanted {
        let result = sender.post(example).await?;
        let is_answered = !result["status"].is_null();
        results.push(result);
        if !is_answered {
            break;
        }
    }
    if args.json {
        results.iter().for_each(|result| print(&result.to_string()));
    } else {
        if let Some(url) = results.first().and_then(|result| result["url"].as_str()) {
            print(&format!("POST {}\n", crate::cli::out::one_line(url)));
        }
        print(&tables::trials(&results));
    }
    let left = asked - results.len();
    if left > 0 {
        note(&format!("There was no answer, so {left} more were not posted."));
    }
    let all_taken = left == 0 && results.iter().all(|result| result["taken"] == true);
    Ok(if all_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The examples of these kinds, all of them where none is named.
fn chosen(events: &[String]) -> anyhow::Result<Vec<Example>> {
    let known = examples("dering-test", now_ms());
    let is_known = |event: &&String| known.iter().any(|example| example.kind.eq_ignore_ascii_case(event));
    let strange: Vec<&str> = events.iter().filter(|event| !is_known(event)).map(String::as_str).collect();
    if !strange.is_empty() {
        let kinds: Vec<&str> = known.iter().map(|example| example.kind.as_str()).collect();
        bail!(
            "--event {}: there is no example of that kind; there are {}",
            strange.join(", "),
            kinds.join(", ")
        );
    }
    let is_wanted = |example: &Example| {
        events.is_empty() || events.iter().any(|event| example.kind.eq_ignore_ascii_case(event))
    };
    Ok(known.into_iter().filter(is_wanted).collect())
}

impl Sender {
    fn of(args: &Args) -> anyhow::Result<Self> {
        if let Some(app) = &args.app {
            let reach = args.place.running()?;
            return Ok(Self::Server { reach, app: app.clone(), url: args.url.clone() });
        }
        let policy = args.place.config()?.webhooks.address_policy("webhooks")?;
        let url = args.url.clone().unwrap_or_default();
        policy.check(&url)?;
        let secrets = args.secret_file.iter().map(|file| read_secret(file)).collect::<Result<_, _>>()?;
        let trial = Trial::new(Options { policy, ..Options::default() })?;
        Ok(Self::Here { trial, secrets, url })
    }

    async fn post(&self, example: Example) -> anyhow::Result<Value> {
        match self {
            Self::Server { reach, app, url } => {
                let mut body = json!({ "appId": app, "event": example.kind });
                if let Some(url) = url {
                    body["url"] = json!(url);
                }
                reach.ask(Method::POST, "/v1/webhooks/test", Some(&body)).await
            }
            Self::Here { trial, secrets, url } => {
                let tried = trial.post("dering-test", secrets, url, example).await;
                Ok(serde_json::to_value(TrialResult::new(url, tried))?)
            }
        }
    }
}
