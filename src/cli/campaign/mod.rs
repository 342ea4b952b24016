//! `dering campaign`: campaigns written in files, launched, watched, explained.

mod file;
mod shown;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use self::file::Described;
use super::admin::{Place, Reach};
use super::server::encoded;

/// Between two looks of `watch` and of a pre-flight that takes long.
const LOOK: Duration = Duration::from_secs(1);

/// Contact lists called by a flow within rules.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Print the answer as it is
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List campaigns, newest first
    List,
    /// Keep a campaign that a file describes, as a draft
    Create {
        /// YAML: `campaign: NAME` and its settings
        file: PathBuf,
        /// Change the campaign of that name, also while it runs
        #[arg(long)]
        update: bool,
        /// Call nobody on the whole-day events of a calendar (.ics), besides `closed_on` of the file
        #[arg(long, value_name = "CALENDAR")]
        closed_days: Option<PathBuf>,
    },
    /// Print a campaign as a file that `create` takes
    Export { campaign: String },
    /// Look ahead: who will be called when, who not and why, and how long it takes
    Preflight { campaign: String },
    /// Call one number as the campaign would call its first contact
    Test { campaign: String, number: String },
    /// Launch a campaign whose pre-flight found nothing in the way
    Launch {
        campaign: String,
        /// On which ground these people may be called, in your words; kept with your name
        #[arg(long)]
        consent: String,
    },
    /// How far a campaign is, and what holds it back
    Show { campaign: String },
    /// The same, again and again until it ends
    Watch { campaign: String },
    /// Begin no calls; those under way go on
    Pause { campaign: String },
    /// Go on after a pause
    Resume { campaign: String },
    /// End a campaign, with its calls
    Stop {
        campaign: String,
        /// Let calls under way end by themselves
        #[arg(long)]
        gently: bool,
    },
    /// What came of it, in figures; or as a file for spreadsheets
    Report {
        campaign: String,
        /// Days that the ledger of abandoned calls looks back, today among them
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
        /// Write a file of comma-separated values; `-` for standard output
        #[arg(long, value_name = "FILE", conflicts_with = "xlsx")]
        csv: Option<PathBuf>,
        /// Write a workbook
        #[arg(long, value_name = "FILE")]
        xlsx: Option<PathBuf>,
        /// What the file holds
        #[arg(long, value_enum, default_value_t = Table::Contacts)]
        of: Table,
    },
    /// Tell two campaigns apart, or the version on trial from the usual one: shares, differences, and how sure they are
    Compare {
        campaign: String,
        /// The other campaign
        #[arg(required_unless_present = "canary", conflicts_with = "canary")]
        other: Option<String>,
        /// Compare the version on trial with the usual one
        #[arg(long)]
        canary: bool,
    },
    /// Why a contact is not called now, or what came of it
    Why {
        campaign: String,
        /// Its number in any spelling, or its external id
        contact: String,
    },
    /// Delete a campaign that is not under way; its calls stay
    Delete { campaign: String },
    /// Settings to begin with, by country and purpose
    Presets,
}

/// What a file of a report holds.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Table {
    /// A line for each contact: where it stands, why, and what came of it
    Contacts,
    /// A line for each call
    Attempts,
    /// The figures of the report
    Figures,
}

impl Table {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Attempts => "attempts",
            Self::Figures => "figures",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When no server answers, or it refuses.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach = args.place.running()?;
    let done = done(&args, &reach).await;
    reach.close().await;
    let (answer, told) = done?;
    if answer.is_null() && told.is_empty() {
        // It was printed as it came.
        return Ok(ExitCode::SUCCESS);
    }
    super::print(&if args.json { format!("{answer}\n") } else { format!("{}\n", told.trim_end()) });
    Ok(ExitCode::SUCCESS)
}

fn path(campaign: &str, rest: &str) -> String {
    format!("/v1/campaigns/{}{rest}", encoded(campaign))
}

/// The answer, the same for people.
async fn done(args: &Args, reach: &Reach) -> anyhow::Result<(Value, String)> {
    let step = |campaign: &str, step: &'static str| {
        let path = path(campaign, step);
        async move {
            let shown = reach.ask(Method::POST, &path, None).await?;
            let told = shown::campaign(&shown);
            anyhow::Ok((shown, told))
        }
    };
    Ok(match &args.command {
        Command::List => {
            let list = reach.ask(Method::GET, "/v1/campaigns?limit=500", None).await?;
            let told = shown::table(&list);
            (list, told)
        }
        Command::Create { file, update, closed_days } => {
            let mut described = file::read(file)?;
            let taken = match closed_days {
                Some(calendar) => Some(file::close_days(&mut described.settings, calendar)?),
                None => None,
            };
            let (mut answer, mut told) = create(reach, file, described, *update).await?;
            if let Some(taken) = taken {
                answer["calendar"] = taken.lines().collect();
                told.insert_str(0, &taken);
            }
            (answer, told)
        }
        Command::Export { campaign } => {
            let shown = reach.ask(Method::GET, &path(campaign, ""), None).await?;
            let told = file::written(&shown)?;
            (shown, told)
        }
        Command::Preflight { campaign } => {
            let found = preflight(reach, campaign, args.json).await?;
            let told = shown::preflight(&found);
            (found, told)
        }
        Command::Test { campaign, number } => {
            let body = json!({ "number": number });
            let called = reach.ask(Method::POST, &path(campaign, "/test-call"), Some(&body)).await?;
            let told = format!("calling {number}: call {}\n", called["call_id"].as_str().unwrap_or_default());
            (called, told)
        }
        Command::Launch { campaign, consent } => {
            let shown = reach.ask(Method::GET, &path(campaign, ""), None).await?;
            let body = json!({ "revision": shown["revision"], "consent": consent });
            let shown = reach.ask(Method::POST, &path(campaign, "/launch"), Some(&body)).await?;
            let told = shown::campaign(&shown);
            (shown, told)
        }
        Command::Show { campaign } => {
            let shown = reach.ask(Method::GET, &path(campaign, ""), None).await?;
            let told = shown::campaign(&shown);
            (shown, told)
        }
        Command::Watch { campaign } => watch(reach, campaign, args.json).await?,
        Command::Pause { campaign } => step(campaign, "/pause").await?,
        Command::Resume { campaign } => step(campaign, "/resume").await?,
        Command::Stop { campaign, gently: true } => step(campaign, "/drain").await?,
        Command::Stop { campaign, gently: false } => step(campaign, "/stop").await?,
        Command::Report { campaign, csv: Some(file), of, .. } => {
            download(reach, campaign, &format!("{}.csv", of.as_str()), file).await?
        }
        Command::Report { campaign, xlsx: Some(file), of, .. } => {
            download(reach, campaign, &format!("{}.xlsx", of.as_str()), file).await?
        }
        Command::Compare { campaign, other, .. } => {
            let query = other
                .as_ref()
                .map_or_else(|| "canary=true".to_owned(), |other| format!("with={}", encoded(other)));
            let found = reach.ask(Method::GET, &path(campaign, &format!("/compare?{query}")), None).await?;
            let told = shown::comparison(&found);
            (found, told)
        }
        Command::Report { campaign, days, .. } => {
            let report =
                reach.ask(Method::GET, &path(campaign, &format!("/report?days={days}")), None).await?;
            let told = shown::report(&report);
            (report, told)
        }
        Command::Why { campaign, contact } => {
            let path = path(campaign, &format!("/contacts/{}", encoded(contact)));
            let why = reach.ask(Method::GET, &path, None).await?;
            let told = shown::why(&why);
            (why, told)
        }
        Command::Delete { campaign } => {
            let gone = reach.ask(Method::DELETE, &path(campaign, ""), None).await?;
            (gone, format!("{campaign} is deleted; its calls stay\n"))
        }
        Command::Presets => {
            let presets = reach.ask(Method::GET, "/v1/campaign-presets", None).await?;
            let told = shown::presets(&presets);
            (presets, told)
        }
    })
}

async fn download(
    reach: &Reach,
    campaign: &str,
    name: &str,
    file: &std::path::Path,
) -> anyhow::Result<(Value, String)> {
    let bytes = reach.download(&path(campaign, &format!("/report/{name}")), file).await?;
    if file == std::path::Path::new("-") {
        return Ok((Value::Null, String::new()));
    }
    let shown = file.display().to_string();
    Ok((json!({ "file": shown, "bytes": bytes }), format!("{shown}: {bytes} bytes\n")))
}

async fn create(
    reach: &Reach,
    file: &std::path::Path,
    described: Described,
    update: bool,
) -> anyhow::Result<(Value, String)> {
    let Described { name, revision, settings } = described;
    let known = if update { reach.find(&path(&name, "")).await? } else { None };
    let Some(known) = known else {
        let body = json!({ "name": name, "settings": settings });
        let made = reach.ask(Method::POST, "/v1/campaigns", Some(&body)).await?;
        let told =
            format!("{}\nNext: dering campaign preflight \"{name}\"\n", shown::campaign(&made).trim_end());
        return Ok((made, told));
    };
    let stands = known["revision"].as_i64().unwrap_or_default();
    let Some(revision) = revision else {
        bail!(
            "{} does not say which revision it changes; the campaign is at {stands}. Compare with `dering campaign export \
             \"{name}\"`, and write `revision: {stands}` into the file",
            file.display()
        );
    };
    // What the file leaves out has its usual value.
    let mut all = settings;
    for setting in known["settings"].as_object().into_iter().flatten().map(|(setting, _)| setting) {
        all.entry(setting.clone()).or_insert(Value::Null);
    }
    let body = json!({ "revision": revision, "settings": all });
    let changed = reach.ask(Method::PATCH, &path(&name, ""), Some(&body)).await?;
    let told = format!(
        "{}\nWrite `revision: {}` into the file before you change it again.\n",
        shown::campaign(&changed).trim_end(),
        changed["revision"]
    );
    Ok((changed, told))
}

async fn preflight(reach: &Reach, campaign: &str, quiet: bool) -> anyhow::Result<Value> {
    let mut found = reach.ask(Method::POST, &path(campaign, "/preflight"), None).await?;
    let bar = (!quiet && found["contacts"].is_null()).then(ProgressBar::new_spinner);
    while found["contacts"].is_null() {
        if let Some(bar) = &bar {
            bar.set_message(match found["progress"].as_str() {
                Some("lists") => "taking the contacts over from their lists",
                Some("rules") => "deciding on each contact",
                _ => "running the campaign ahead of time",
            });
            bar.tick();
        }
        tokio::time::sleep(LOOK).await;
        found = reach.ask(Method::GET, &path(campaign, "/preflight"), None).await?;
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(found)
}

async fn watch(reach: &Reach, campaign: &str, json: bool) -> anyhow::Result<(Value, String)> {
    let mut shown = reach.ask(Method::GET, &path(campaign, ""), None).await?;
    let (bar, mut said) = (ProgressBar::new(0), String::new());
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} contacts  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while !matches!(shown["state"].as_str(), Some("done" | "stopped" | "draft" | "ready")) {
        if json {
            super::print(&format!("{shown}\n"));
        } else if bar.is_hidden() {
            let line = shown::line(&shown);
            if line != said {
                super::print(&line);
                said = line;
            }
        } else {
            bar.set_length(shown["contacts"]["total"].as_u64().unwrap_or(0));
            let through = |name: &str| shown["contacts"][name].as_u64().unwrap_or(0);
            bar.set_position(through("done") + through("exhausted") + through("excluded"));
            bar.set_message(format!("{} calling; {}", through("calling"), shown::hold(&shown)));
        }
        tokio::time::sleep(LOOK).await;
        shown = reach.ask(Method::GET, &path(campaign, ""), None).await?;
    }
    bar.finish_and_clear();
    let told = shown::campaign(&shown);
    Ok((shown, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("campaign")).debug_assert();
    }
}
