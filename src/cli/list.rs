//! `dering list`: lists of contacts, and files that are read into them, while the server runs or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use callcore::number::Country;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::{Place, Reach};
use super::grid::Grid;
use super::out::one_line;
use super::server::encoded;

/// Wrong lines of a file that are shown.
const SHOWN: usize = 20;
/// Between two looks at an import that runs.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Longest field of a preview, characters.
const LONGEST: usize = 24;

/// Lists of contacts that campaigns call.
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
    /// Make an empty list
    Create {
        name: String,
        /// Country of numbers that do not name their own, as in ID or 62; that of the server when absent
        #[arg(long)]
        country: Option<Country>,
        /// Time zone of people whose zone nothing else tells, as in Asia/Jakarta
        #[arg(long)]
        zone: Option<String>,
    },
    /// Read a file into a list: CSV, XLSX or lines of JSON; exit code 1: rows were refused
    Import {
        /// The list, by its name or id
        list: String,
        file: PathBuf,
        /// What a column holds, where its name does not tell it: phone, name, zone, country, externalId, consentAt,
        /// consentSource, variable, variable:NAME or ignore
        #[arg(long, value_name = "COLUMN=MEANING", value_parser = mapped)]
        map: Vec<(String, String)>,
        /// Only show what the first rows would become
        #[arg(long)]
        dry_run: bool,
    },
    /// Show all lists, or one with its files
    Show {
        /// The list, by its name or id
        list: Option<String>,
        /// Lists, or files, 1 to 500
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Take the contacts of a file out of a list
    Undo {
        /// The list, by its name or id
        list: String,
        /// The import, as `show` tells it
        import: String,
    },
    /// Delete a list with its contacts
    Delete {
        /// The list, by its name or id
        list: String,
        /// Delete it for good
        #[arg(long)]
        yes: bool,
    },
}

fn mapped(text: &str) -> Result<(String, String), String> {
    let (column, meaning) = text.rsplit_once('=').ok_or("write COLUMN=MEANING, as in Kontak=phone")?;
    Ok((column.to_owned(), meaning.to_owned()))
}

/// Runs the command.
///
/// # Errors
/// When nobody answers, or what was asked is refused.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach = args.place.reach(false).await?;
    let done = done(&args, &reach).await;
    reach.close().await;
    let (answer, told, code) = done?;
    super::print(&if args.json { format!("{answer}\n") } else { told });
    Ok(code)
}

/// The answer, the same for people, and how the command ends.
async fn done(args: &Args, reach: &Reach) -> anyhow::Result<(Value, String, ExitCode)> {
    let good = ExitCode::SUCCESS;
    Ok(match &args.command {
        Command::Create { name, country, zone } => {
            let country = country.map(|country| country.to_string());
            let body = json!({ "name": name, "country": country, "zone": zone });
            let list = reach.ask(Method::POST, "/v1/lists", Some(&body)).await?;
            let told = format!(
                "{} is {}\nfill it with `dering list import {} FILE`\n",
                one_line(text(&list, "name")),
                text(&list, "listId"),
                text(&list, "listId"),
            );
            (list, told, good)
        }
        Command::Import { list, file, map, dry_run } => {
            let report = import(reach, (list, file), map, *dry_run).await?;
            let told = if *dry_run { preview(&report) } else { told(&report) };
            let wrong = if *dry_run {
                report["problems"].as_array().is_some_and(|problems| !problems.is_empty())
            } else {
                report["state"] != "done" || report["refused"] != 0
            };
            (report, told, if wrong { ExitCode::FAILURE } else { good })
        }
        Command::Show { list: None, limit } => {
            let lists = reach.ask(Method::GET, &format!("/v1/lists?limit={limit}"), None).await?;
            let told = table(&lists);
            (lists, told, good)
        }
        Command::Show { list: Some(list), limit } => {
            let path = format!("/v1/lists/{}", encoded(list));
            let mut shown = reach.ask(Method::GET, &path, None).await?;
            let imports = reach.ask(Method::GET, &format!("{path}/imports?limit={limit}"), None).await?;
            shown["imports"] = imports["imports"].clone();
            let told = one(&shown);
            (shown, told, good)
        }
        Command::Undo { list, import } => {
            let path = format!("/v1/lists/{}/imports/{}/undo", encoded(list), encoded(import));
            let undone = reach.ask(Method::POST, &path, None).await?;
            let told = format!("{} contacts are out of the list\n", undone["added"]);
            (undone, told, good)
        }
        Command::Delete { list, yes } => {
            let path = format!("/v1/lists/{}", encoded(list));
            let shown = reach.ask(Method::GET, &path, None).await?;
            let name = one_line(text(&shown, "name"));
            if !*yes {
                anyhow::bail!("{name} has {} contacts; --yes deletes them for good", shown["contacts"]);
            }
            reach.ask(Method::DELETE, &path, None).await?;
            (shown, format!("{name} is deleted\n"), good)
        }
    })
}

/// Sends a file and follows it to its end.
async fn import(
    reach: &Reach,
    (list, file): (&str, &Path),
    map: &[(String, String)],
    dry_run: bool,
) -> anyhow::Result<Value> {
    let size = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut path = format!("/v1/lists/{}/imports?file={}", encoded(list), encoded(&name));
    if dry_run {
        path.push_str("&dryRun=true");
    }
    if !map.is_empty() {
        let map: BTreeMap<&str, &str> =
            map.iter().map(|(column, holds)| (column.as_str(), holds.as_str())).collect();
        path.push_str(&format!("&mapping={}", encoded(&serde_json::to_string(&map)?)));
    }
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} % {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix("sent");
    let sending = bar.clone();
    let mut report = reach.upload(&path, file, move |sent| sending.inc(sent)).await?;
    let id = text(&report, "importId").to_owned();
    bar.set_prefix("read");
    while report["state"] == "running" {
        bar.set_position(report["position"].as_u64().unwrap_or_default());
        bar.set_message(format!("{} rows", report["rows"]));
        tokio::time::sleep(LOOK_EVERY).await;
        let path = format!("/v1/lists/{}/imports/{}", encoded(list), encoded(&id));
        report = reach.ask(Method::GET, &path, None).await?;
    }
    bar.finish_and_clear();
    Ok(report)
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn items<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

fn minute(of: &Value, name: &str) -> String {
    text(of, name).get(..16).unwrap_or_default().replace('T', " ")
}

fn table(lists: &Value) -> String {
    let lists = items(lists, "lists");
    if lists.is_empty() {
        return "There are no lists. `dering list create NAME` makes one.\n".to_owned();
    }
    let mut table = Grid::new(&["list", "contacts", "country", "zone", "changed"]);
    for list in lists {
        table.row([
            one_line(text(list, "name")),
            list["contacts"].to_string(),
            text(list, "country").to_owned(),
            text(list, "zone").to_owned(),
            minute(list, "updatedAt"),
        ]);
    }
    table.shown()
}

fn one(list: &Value) -> String {
    let named = |name: &str, text: &str| {
        if text.is_empty() { String::new() } else { format!("{name:<10} {}\n", one_line(text)) }
    };
    let variables: Vec<&str> = items(list, "variables").iter().filter_map(Value::as_str).collect();
    let mut told = named("list", text(list, "name"));
    told.push_str(&named("id", text(list, "listId")));
    told.push_str(&named("contacts", &list["contacts"].to_string()));
    told.push_str(&named("country", text(list, "country")));
    told.push_str(&named("zone", text(list, "zone")));
    told.push_str(&named("variables", &variables.join(", ")));
    let imports = items(list, "imports");
    if imports.is_empty() {
        return told;
    }
    let mut table = Grid::new(&["file", "state", "added", "there", "refused", "when", "import"]);
    for import in imports {
        table.row([
            one_line(text(import, "file")),
            text(import, "state").to_owned(),
            import["added"].to_string(),
            import["duplicates"].to_string(),
            import["refused"].to_string(),
            minute(import, "at"),
            text(import, "importId").to_owned(),
        ]);
    }
    told.push_str(&format!("\n{}", table.shown()));
    told
}

fn told(report: &Value) -> String {
    let mut told = format!(
        "{} added, {} there before, {} refused\n",
        report["added"], report["duplicates"], report["refused"]
    );
    if let Some(problem) = report["problem"].as_str() {
        told = format!("nothing was imported: {}\n", one_line(problem));
    }
    if let Some(how) = report["readAs"].as_str() {
        told.push_str(&format!("read as {}\n", one_line(how)));
    }
    let refused: Vec<&Value> =
        items(report, "errors").iter().filter(|error| error["kind"] == "refused").collect();
    for error in refused.iter().take(SHOWN) {
        let field = error["field"].as_str().map_or_else(String::new, |field| format!("{} ", one_line(field)));
        told.push_str(&format!("line {}: {field}{}\n", error["line"], one_line(text(error, "problem"))));
    }
    if refused.len() > SHOWN {
        told.push_str(&format!("and {} more; --json has them\n", refused.len() - SHOWN));
    }
    if report["state"] == "done" {
        let (list, import) = (text(report, "listId"), text(report, "importId"));
        told.push_str(&format!("`dering list undo {list} {import}` takes them out again\n"));
    }
    told
}

fn preview(look: &Value) -> String {
    let mut told = format!("read as {}\n", one_line(text(look, "readAs")));
    for column in items(look, "columns") {
        told.push_str(&format!(
            "{} holds {}\n",
            one_line(text(column, "column")),
            one_line(text(column, "holds"))
        ));
    }
    for problem in items(look, "problems") {
        told.push_str(&format!(
            "{}: {}\n",
            one_line(text(problem, "field")),
            one_line(text(problem, "problem"))
        ));
    }
    let mut table = Grid::new(&["line", "becomes", "zone", "from"]);
    for row in items(look, "rows") {
        let fields: Vec<String> =
            items(row, "fields").iter().filter_map(Value::as_str).map(shortened).collect();
        let contact = &row["contact"];
        let (becomes, zone) = if contact.is_null() {
            let first = items(row, "problems").first().cloned().unwrap_or_default();
            (format!("{} {}", text(&first, "field"), text(&first, "problem")), String::new())
        } else {
            (text(contact, "number").to_owned(), contact["zone"].as_str().unwrap_or("not known").to_owned())
        };
        table.row([row["line"].to_string(), one_line(becomes.trim()), zone, one_line(&fields.join(" | "))]);
    }
    told.push_str(&format!("{}nothing was kept; without --dry-run it is imported\n", table.shown()));
    told
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("list")).debug_assert();
        assert_eq!(mapped("a=b=phone"), Ok(("a=b".to_owned(), "phone".to_owned())));
        assert!(mapped("phone").is_err());
    }

    #[test]
    fn an_import_names_its_wrong_lines() {
        let report = json!({ "listId": "ls_1", "importId": "im_1", "state": "done", "added": 2, "duplicates": 1, "refused": 1,
            "readAs": "CSV", "errors": [
                { "line": 3, "kind": "duplicate", "field": null, "problem": "has the number of line 2" },
                { "line": 4, "kind": "refused", "field": "phone", "problem": "is empty" },
            ] });
        let shown = told(&report);
        assert_eq!(
            shown,
            "2 added, 1 there before, 1 refused\nread as CSV\nline 4: phone is empty\n\
             `dering list undo ls_1 im_1` takes them out again\n"
        );
    }

    #[test]
    fn a_preview_shows_what_rows_become() {
        let look = json!({ "readAs": "CSV in UTF-8", "columns": [{ "column": "HP", "holds": "phone" }], "problems": [],
            "rows": [
                { "line": 2, "fields": ["0812"], "contact": { "number": "+62812", "zone": null }, "problems": [] },
                { "line": 3, "fields": ["x"], "contact": null, "problems": [{ "field": "phone", "problem": "is none" }] },
            ] });
        let shown = preview(&look);
        assert!(
            shown.contains("HP holds phone") && shown.contains("+62812") && shown.contains("phone is none"),
            "{shown}"
        );
    }
}
