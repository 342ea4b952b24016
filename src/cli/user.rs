//! `dering user`: people who sign in to the pages, while the server runs or not.

use anyhow::{Context, bail};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::{Place, Reach};
use super::grid::Grid;
use super::out::one_line;
use super::server::encoded;
use crate::access::Role;

/// People who sign in to the pages.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Invite somebody; prints the link with which they choose a password, once and within a day
    Add {
        /// What they sign in with
        name: String,
        /// What they may do: viewer, campaign_manager, flow_author or admin
        #[arg(long, default_value = "viewer")]
        role: Role,
    },
    /// List them
    List,
    /// Print a new link for somebody who forgot their password, or lost their first link
    Reset {
        name: String,
        /// Take their second factor away instead, for who lost their telephone and their recovery codes
        #[arg(long)]
        second_factor: bool,
    },
    /// Change what somebody may do
    Role { name: String, role: Role },
    /// Turn somebody away from now on, in every browser
    Disable { name: String },
    /// Let somebody in again
    Enable { name: String },
}

/// Runs the command.
///
/// # Errors
/// When nobody answers, or the name is taken or unknown.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let reach = args.place.reach(matches!(args.command, Command::Add { .. })).await?;
    let told = told(&args, &reach).await;
    reach.close().await;
    super::print(&told?);
    Ok(())
}

async fn told(args: &Args, reach: &Reach) -> anyhow::Result<String> {
    match &args.command {
        Command::Add { name, role } => {
            let body = json!({ "name": name, "role": role.as_str() });
            let person = reach.ask(Method::POST, "/v1/people", Some(&body)).await?;
            link(args, &person)
        }
        Command::List => Ok(table(&everybody(reach).await?)),
        Command::Reset { name, second_factor: true } => {
            let path = format!("/v1/people/{}/second-factor", encoded(&id(reach, name).await?));
            reach.ask(Method::DELETE, &path, None).await?;
            Ok(format!("{name} has no second factor any more"))
        }
        Command::Reset { name, second_factor: false } => {
            let path = format!("/v1/people/{}/link", encoded(&id(reach, name).await?));
            link(args, &reach.ask(Method::POST, &path, None).await?)
        }
        Command::Role { name, role } => {
            change(reach, name, &json!({ "role": role.as_str() })).await?;
            Ok(format!("{name} is {} from now on", role.as_str()))
        }
        Command::Disable { name } => {
            change(reach, name, &json!({ "disabled": true })).await?;
            Ok(format!("{name} is signed out everywhere and cannot sign in any more"))
        }
        Command::Enable { name } => {
            change(reach, name, &json!({ "disabled": false })).await?;
            Ok(format!("{name} may sign in again"))
        }
    }
}

async fn everybody(reach: &Reach) -> anyhow::Result<Vec<Value>> {
    let list = reach.ask(Method::GET, "/v1/people", None).await?;
    Ok(list["people"].as_array().cloned().unwrap_or_default())
}

async fn id(reach: &Reach, name: &str) -> anyhow::Result<String> {
    let found = everybody(reach).await?.into_iter().find(|person| {
        person["name"].as_str().is_some_and(|known| known.to_lowercase() == name.to_lowercase())
    });
    let Some(found) = found else {
        bail!("there is nobody of the name {name}; `dering user list` names everybody")
    };
    Ok(found["id"].as_str().context("the answer has no id")?.to_owned())
}

async fn change(reach: &Reach, name: &str, patch: &Value) -> anyhow::Result<()> {
    let path = format!("/v1/people/{}", encoded(&id(reach, name).await?));
    reach.ask(Method::PATCH, &path, Some(patch)).await.map(|_| ())
}

fn link(args: &Args, person: &Value) -> anyhow::Result<String> {
    let path = person["link"].as_str().context("the answer has no link")?;
    let name = one_line(person["name"].as_str().unwrap_or_default());
    Ok(format!("{name} chooses a password here, once and within a day:\n{}{path}", args.place.pages()?))
}

fn table(people: &[Value]) -> String {
    if people.is_empty() {
        return "Nobody can sign in yet. `dering user add NAME --role admin` invites somebody.".to_owned();
    }
    let mut table = Grid::new(&["name", "role", "state", "browsers", "second factor", "last seen"]);
    for person in people {
        let text = |name: &str| one_line(person[name].as_str().unwrap_or("never"));
        table.row([
            text("name"),
            text("role"),
            text("state"),
            person["browsers"].to_string(),
            if person["secondFactor"] == true { "on".to_owned() } else { String::new() },
            text("lastSeenAt"),
        ]);
    }
    table.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_power_over_the_terminal() {
        let shown = table(&[
            json!({ "name": "\u{1b}]0;x\u{7}Rini\nadmin\u{202e}", "role": "viewer", "browsers": 0 }),
        ]);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
}
