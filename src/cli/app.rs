//! `dering app`: client apps and API keys, while the server runs or not.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::admin::{Place, Reach, user};
use super::out::one_line;
use super::server::encoded;
use super::token::{duration, read_secret};
use crate::access::Scope;
use crate::store::{self, Actor, ServerKey, Store};
use crate::wallclock::{iso, now_ms};

/// Client apps and API keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a client app that may dial out; prints its secret, once
    Add {
        /// Its id, as tokens name it
        id: String,
        /// A bot it may use; may be repeated. Without it, all of them
        #[arg(long = "bot")]
        bots: Vec<String>,
        /// A scope it holds; may be repeated. Without it, SmartAssist Dialout
        #[arg(long = "scope")]
        scopes: Vec<String>,
        /// Its tokens are good for one request each and carry a jti
        #[arg(long)]
        require_jti: bool,
        /// A file with a secret that it has already, as when it moves here from elsewhere
        #[arg(long)]
        secret_file: Option<PathBuf>,
    },
    /// List the apps
    List,
    /// Turn an app away from now on
    Remove { id: String },
    /// Give an app a new secret beside its old ones; prints it, once
    Rotate {
        id: String,
        /// End the old ones at once
        #[arg(long, conflicts_with = "retire_in")]
        retire: bool,
        /// End the old ones in this time: 90s, 30m, 12h or 7d
        #[arg(long, value_parser = duration)]
        retire_in: Option<Duration>,
    },
    /// List the secrets of an app with their ages, never the secrets themselves
    Secrets { id: String },
    /// End one secret of an app
    Retire {
        id: String,
        /// Its number in the list of secrets
        secret: i64,
        /// End it in this time: 90s, 30m, 12h or 7d. Without it, now
        #[arg(long = "in", value_parser = duration)]
        later: Option<Duration>,
    },
    /// Make an API key that may read; prints it, once
    Key {
        /// What it is for
        name: String,
        /// Lets it also upload flows and decide which version runs
        #[arg(long)]
        flows: bool,
        /// Lets it also keep contacts, call them, end calls and have webhooks sent again
        #[arg(long)]
        calls: bool,
        /// A scope it holds instead of those; may be repeated
        #[arg(long = "scope", conflicts_with_all = ["flows", "calls"])]
        scopes: Vec<String>,
        /// A bot it may have to do with; may be repeated. Without it, all of them
        #[arg(long = "bot")]
        bots: Vec<String>,
        /// The client app it acts for; needed to place calls with it
        #[arg(long)]
        app: Option<String>,
        /// Let it end in this time: 12h or 90d
        #[arg(long, value_parser = duration)]
        expires_in: Option<Duration>,
    },
    /// List the API keys
    Keys,
    /// Turn an API key away from now on
    Revoke {
        /// Its id in the list of keys
        id: String,
    },
    /// Seal the secrets with a new server key; the server must not be running
    Rekey {
        /// A file with the new key; needed when the key comes from DERING_SECRET_KEY
        #[arg(long, conflicts_with = "lost")]
        new_key_file: Option<PathBuf>,
        /// The key is lost: give up every secret it sealed. Each app needs a new one then
        #[arg(long)]
        lost: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When nobody answers, or the id is taken or unknown.
pub async fn run(args: Args) -> anyhow::Result<()> {
    if let Command::Rekey { new_key_file, lost } = &args.command {
        let told = rekey(&args.place, new_key_file.as_deref(), *lost).await?;
        super::note(&told);
        return Ok(());
    }
    let create = matches!(args.command, Command::Add { .. } | Command::Key { .. });
    let reach = args.place.reach(create).await?;
    let done = perform(&reach, args.command).await;
    reach.close().await;
    let told = done?;
    if !told.is_empty() {
        super::print(&told);
    }
    Ok(())
}

async fn perform(reach: &Reach, command: Command) -> anyhow::Result<String> {
    match command {
        Command::Add { id, bots, scopes, require_jti, secret_file } => {
            let mut body = json!({ "id": id, "requireJti": require_jti });
            list(&mut body, "bots", bots);
            list(&mut body, "scopes", scopes);
            if let Some(file) = secret_file {
                body["secret"] = json!(read_secret(&file)?.expose_secret());
            }
            text_of(&reach.ask(Method::POST, "/v1/apps", Some(&body)).await?, "secret")
        }
        Command::List => Ok(apps(&reach.ask(Method::GET, "/v1/apps", None).await?)),
        Command::Remove { id } => reach
            .ask(Method::DELETE, &format!("/v1/apps/{}", encoded(&id)), None)
            .await
            .map(|_| String::new()),
        Command::Rotate { id, retire, retire_in } => {
            let end = retire_in.map(from_now).or_else(|| retire.then(|| from_now(Duration::ZERO)));
            let body = end.map_or_else(|| json!({}), |end| json!({ "retireOthersAt": end }));
            let path = format!("/v1/apps/{}/secrets", encoded(&id));
            text_of(&reach.ask(Method::POST, &path, Some(&body)).await?, "secret")
        }
        Command::Secrets { id } => {
            let path = format!("/v1/apps/{}/secrets", encoded(&id));
            Ok(secrets(&reach.ask(Method::GET, &path, None).await?))
        }
        Command::Retire { id, secret, later } => {
            let path = format!("/v1/apps/{}/secrets/{secret}", encoded(&id));
            let body = json!({ "retireAt": from_now(later.unwrap_or_default()) });
            reach.ask(Method::PATCH, &path, Some(&body)).await.map(|_| String::new())
        }
        Command::Key { name, flows, calls, scopes, bots, app, expires_in } => {
            let usual = [
                Some(Scope::Read.as_str()),
                flows.then_some(Scope::Flows.as_str()),
                calls.then_some(Scope::Campaigns.as_str()),
            ];
            let usual = || usual.into_iter().flatten().map(str::to_owned).collect();
            let scopes: Vec<String> = if scopes.is_empty() { usual() } else { scopes };
            let mut body = json!({ "name": name, "scopes": scopes, "appId": app });
            list(&mut body, "bots", bots);
            if let Some(end) = expires_in {
                body["expiresAt"] = json!(from_now(end));
            }
            text_of(&reach.ask(Method::POST, "/v1/keys", Some(&body)).await?, "key")
        }
        Command::Keys => Ok(keys(&reach.ask(Method::GET, "/v1/keys", None).await?)),
        Command::Revoke { id } => reach
            .ask(Method::DELETE, &format!("/v1/keys/{}", encoded(&id)), None)
            .await
            .map(|_| String::new()),
        Command::Rekey { .. } => bail!("the server key is changed without a server"),
    }
}

async fn rekey(place: &Place, file: Option<&std::path::Path>, lost: bool) -> anyhow::Result<String> {
    let config = place.config()?;
    let (database, key) = (place.database(&config), config.auth.key_source()?);
    if !database.exists() {
        return Err(store::Error::Missing { path: database }.into());
    }
    if lost {
        let apps = Store::give_up_secrets(&database, &key).await?;
        return Ok(format!(
            "the secrets of {apps} apps are given up; `dering app rotate ID` gives an app a new one"
        ));
    }
    let new = file.map(|path| {
        let text = read_secret(path)?;
        ServerKey::parse(text.expose_secret()).with_context(|| format!("{} holds no key", path.display()))
    });
    let from_environment = matches!(key, store::KeySource::Given(_));
    let store = Store::open(store::Options { key, ..store::Options::file(&database) }).await?;
    let act = Actor::new(format!("cli:{}", user()), None);
    let done = match new.transpose() {
        Ok(new) => store.rekey(new, act).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    store.close().await;
    let id = done?;
    let advice = if from_environment { "; set DERING_SECRET_KEY to it before the next start" } else { "" };
    Ok(format!("the secrets are sealed with the server key {id} now{advice}"))
}

/// Puts a list into a body, unless it is empty.
fn list(body: &mut Value, field: &str, values: Vec<String>) {
    if !values.is_empty() {
        body[field] = json!(values);
    }
}

fn from_now(later: Duration) -> String {
    iso(now_ms().saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
}

fn text_of(answer: &Value, field: &str) -> anyhow::Result<String> {
    let text = answer[field].as_str();
    text.map(str::to_owned).with_context(|| format!("the answer has no {field}: is it dering?"))
}

fn items<'a>(answer: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    answer[field].as_array().into_iter().flatten()
}

fn text(item: &Value, field: &str) -> String {
    one_line(item[field].as_str().unwrap_or("-"))
}

fn joined(item: &Value, field: &str) -> String {
    let words: Vec<&str> = item[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    one_line(&words.join(", "))
}

fn apps(answer: &Value) -> String {
    let mut told = String::new();
    for app in items(answer, "apps") {
        let (id, secrets, used) = (text(app, "id"), &app["activeSecrets"], text(app, "lastUsedAt"));
        let (scopes, bots) = (joined(app, "scopes"), joined(app, "bots"));
        let once = if app["requireJti"] == true { "  tokens good once" } else { "" };
        // Writing into a String does not fail.
        writeln!(told, "{id}  [{scopes}]  bots {bots}  secrets {secrets}  last used {used}{once}").ok();
    }
    if told.is_empty() { "no client apps; `dering app add ID` makes one\n".to_owned() } else { told }
}

fn secrets(answer: &Value) -> String {
    let mut told = String::new();
    for secret in items(answer, "secrets") {
        let (id, state, age) = (&secret["id"], text(secret, "state"), &secret["ageDays"]);
        let end = secret["retireAt"].as_str().map(|end| format!("  ends {end}")).unwrap_or_default();
        writeln!(told, "{id}  {state}  {age} days old{end}").ok();
    }
    told
}

fn keys(answer: &Value) -> String {
    let mut told = String::new();
    for key in items(answer, "keys") {
        let (id, name, state, used) =
            (text(key, "id"), text(key, "name"), text(key, "state"), text(key, "lastUsedAt"));
        let (scopes, bots) = (joined(key, "scopes"), joined(key, "bots"));
        writeln!(told, "{id}  {name}  {state}  [{scopes}]  bots {bots}  last used {used}").ok();
    }
    if told.is_empty() { "no API keys; `dering app key NAME` makes one\n".to_owned() } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("app")).debug_assert();
    }

    #[test]
    fn lists_show_everything_but_secrets() {
        let shown = secrets(&json!({ "secrets": [
            { "id": 1, "state": "ending", "ageDays": 90, "retireAt": "2026-01-01T00:00:00.000Z" },
            { "id": 2, "state": "active", "ageDays": 0, "retireAt": null },
        ] }));
        assert_eq!(shown, "1  ending  90 days old  ends 2026-01-01T00:00:00.000Z\n2  active  0 days old\n");
        let shown = keys(&json!({ "keys": [{ "id": "a1", "name": "ann", "state": "active",
            "scopes": ["read", "flows"], "bots": ["*"], "lastUsedAt": null }] }));
        assert_eq!(shown, "a1  ann  active  [read, flows]  bots *  last used -\n");
        assert!(apps(&json!({ "apps": [] })).contains("dering app add"));
    }
}
