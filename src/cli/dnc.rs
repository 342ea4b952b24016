//! `dering dnc`: the do-not-call list, while the server runs or not.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use callcore::number::Country;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::{Place, Reach};
use super::grid::Grid;
use super::out::one_line;
use super::server::encoded;

/// Exit code of `check` for a number that is not on the list.
const NOT_LISTED: u8 = 3;
/// Wrong lines of a file that are shown.
const SHOWN: usize = 20;

/// Numbers that are not called.
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
    /// List them, newest first
    List {
        /// A number in any spelling, or some of its digits
        search: Option<String>,
        /// Numbers, 1 to 500
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Numbers behind this place, as the page before told it
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
    },
    /// Tell whether a number is on the list; exit code 3: it is not, 1: that is not known
    Check {
        number: String,
        #[command(flatten)]
        home: Home,
    },
    /// Put a number on the list
    Add {
        number: String,
        /// Why nobody is to call it
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        home: Home,
    },
    /// Take a number off the list: it may be called again
    Remove {
        number: String,
        /// Why it may be called again
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        home: Home,
    },
    /// Put the numbers of a file on the list: a table with a column of numbers, or a number on each line
    Import {
        file: PathBuf,
        /// Why nobody is to call them
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        home: Home,
    },
}

/// Where numbers are at home.
#[derive(Debug, clap::Args)]
struct Home {
    /// Country of a number that does not name its own, as in ID or 62; that of the server when absent
    #[arg(long)]
    country: Option<Country>,
}

impl Home {
    fn parameter(&self) -> String {
        self.country.map_or_else(String::new, |country| format!("&country={}", country.calling_code()))
    }
}

/// Runs the command.
///
/// # Errors
/// When nobody answers, or a number is none.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach = args.place.reach(false).await?;
    let done = done(&args, &reach).await;
    reach.close().await;
    let (answer, told, code) = done?;
    super::print(&if args.json { format!("{answer}\n") } else { told });
    if let Some(next) = answer["next"].as_str() {
        super::note(&format!("there is more: --after {next}"));
    }
    Ok(code)
}

/// The answer, the same for people, and how the command ends.
async fn done(args: &Args, reach: &Reach) -> anyhow::Result<(Value, String, ExitCode)> {
    let good = ExitCode::SUCCESS;
    Ok(match &args.command {
        Command::List { search, limit, after } => {
            let mut path = format!("/v1/do-not-call?limit={limit}");
            for (name, value) in [("search", search), ("after", after)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", encoded(value)));
                }
            }
            let list = reach.ask(Method::GET, &path, None).await?;
            let told = table(&list);
            (list, told, good)
        }
        Command::Check { number, .. } if number.trim().is_empty() => {
            anyhow::bail!("give the number to look for")
        }
        Command::Check { number, home } => {
            let path =
                format!("/v1/do-not-call/{}?{}", encoded(number), home.parameter().trim_start_matches('&'));
            match reach.find(&path).await? {
                Some(listed) => {
                    let told = format!("{}\n", line(&listed));
                    (listed, told, good)
                }
                None => (Value::Null, format!("{number} is not on the list\n"), ExitCode::from(NOT_LISTED)),
            }
        }
        Command::Add { number, reason, home } => {
            let country = home.country.map(|country| country.calling_code().to_string());
            let mut body = json!({ "number": number, "reason": reason });
            if let Some(country) = country {
                body["country"] = country.into();
            }
            let listed = reach.ask(Method::POST, "/v1/do-not-call", Some(&body)).await?;
            let before = if text(&listed, "reason") == reason.trim() { "" } else { "was there before: " };
            let told = format!("{before}{}\n", line(&listed));
            (listed, told, good)
        }
        Command::Remove { number, reason, home } => {
            let path =
                format!("/v1/do-not-call/{}?reason={}{}", encoded(number), encoded(reason), home.parameter());
            let gone = reach.ask(Method::DELETE, &path, None).await?;
            (gone, format!("{number} may be called again\n"), good)
        }
        Command::Import { file, reason, home } => {
            let body =
                tokio::fs::read(file).await.with_context(|| format!("cannot read {}", file.display()))?;
            let path = format!("/v1/do-not-call/import?reason={}{}", encoded(reason), home.parameter());
            let report = reach.send(Method::POST, &path, Some(("text/csv", body))).await?;
            let told = told(&report);
            let code = if report["failed"] == 0 { good } else { ExitCode::FAILURE };
            (report, told, code)
        }
    })
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// Why somebody is not called: in their own words, in those of whoever put them there, or by the call.
fn why(listed: &Value) -> String {
    let by = |who: &str| if who.is_empty() { String::new() } else { format!(" ({who})") };
    match (text(listed, "words"), text(listed, "reason"), text(listed, "callId")) {
        ("", "", "") => String::new(),
        ("", "", call) => format!("asked in call {call}"),
        ("", reason, _) => format!("{reason}{}", by(text(listed, "author"))),
        (words, _, call) => format!("said \"{words}\" in call {call}"),
    }
}

fn line(listed: &Value) -> String {
    format!("{}  since {}  {}", text(listed, "number"), text(listed, "since"), one_line(&why(listed)))
}

fn table(list: &Value) -> String {
    let numbers = list["numbers"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    if numbers.is_empty() {
        return "No such number is on the list. `dering dnc add NUMBER --reason WHY` puts one there.\n"
            .to_owned();
    }
    let mut table = Grid::new(&["number", "since", "why"]);
    for listed in numbers {
        let since = text(listed, "since").get(..16).unwrap_or_default().replace('T', " ");
        table.row([text(listed, "number").to_owned(), since, one_line(&why(listed))]);
    }
    format!("{}{} of {} numbers\n", table.shown(), numbers.len(), list["total"])
}

fn told(report: &Value) -> String {
    let mut told = format!(
        "{} added, {} there before, {} wrong\n",
        report["added"], report["thereBefore"], report["failed"]
    );
    let errors = report["errors"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    for error in errors.iter().take(SHOWN) {
        told.push_str(&format!("line {}: {}\n", error["line"], one_line(text(error, "problem"))));
    }
    if errors.len() > SHOWN {
        told.push_str(&format!("and {} more; --json has them\n", errors.len() - SHOWN));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("dnc")).debug_assert();
    }

    #[test]
    fn a_list_says_why_in_the_words_that_there_are() {
        let list = json!({ "total": 7, "numbers": [
            { "number": "+628123", "since": "2026-11-29T10:00:00.000Z", "reason": "letter\u{1b}", "author": "cli:ani" },
            { "number": "+628124", "since": "2026-11-29T10:00:00.000Z", "callId": "c1", "words": "stop calling" },
        ]});
        let shown = table(&list);
        assert!(shown.contains("letter\\u{1b} (cli:ani)"), "{shown}");
        assert!(shown.contains("said \"stop calling\" in call c1"), "{shown}");
        assert!(shown.ends_with("2 of 7 numbers\n"), "{shown}");
    }

    #[test]
    fn an_import_names_its_wrong_lines() {
        let report = json!({ "added": 2, "thereBefore": 1, "failed": 1,
            "errors": [{ "line": 4, "problem": "is not a phone number" }] });
        assert_eq!(told(&report), "2 added, 1 there before, 1 wrong\nline 4: is not a phone number\n");
    }
}
