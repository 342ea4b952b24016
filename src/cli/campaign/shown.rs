//! Campaigns as people read them in a terminal of 80 columns.

use callcore::campaign::Reason;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use crate::campaigns::words;
use crate::cli::out::one_line;

/// Prompts of samples that are shown.
const PROMPTS: usize = 3;

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn number(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or(0)
}

/// Day and minute, UTC.
fn minute(of: &Value) -> String {
    of.as_str()
        .and_then(|text| text.get(..16))
        .map_or_else(|| "never".to_owned(), |text| format!("{} UTC", text.replace('T', " ")))
}

fn at_ms(ms: &Value) -> String {
    ms.as_i64().map_or_else(|| "never".to_owned(), words::moment)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// `label  value` lines, for a list of pairs.
fn pairs(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    let mut table = plain();
    for (name, value) in pairs {
        table.add_row([format!("  {name}"), value]);
    }
    format!("{table}\n")
}

/// All campaigns.
pub(super) fn table(list: &Value) -> String {
    let campaigns = list["campaigns"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    if campaigns.is_empty() {
        return "There is no campaign yet. `dering campaign create FILE` makes one.\n".to_owned();
    }
    let mut table = plain();
    table.set_header(["name", "state", "contacts", "through", "calling", "attempts"]);
    for campaign in campaigns {
        let contacts = &campaign["contacts"];
        let through = number(contacts, "done") + number(contacts, "exhausted") + number(contacts, "excluded");
        table.add_row([
            one_line(text(campaign, "name")),
            text(campaign, "state").to_owned(),
            number(contacts, "total").to_string(),
            through.to_string(),
            number(contacts, "calling").to_string(),
            number(campaign, "attempts").to_string(),
        ]);
    }
    format!("{table}\n")
}

/// One campaign.
pub(super) fn campaign(shown: &Value) -> String {
    let contacts = &shown["contacts"];
    let mut told = format!(
        "{}: {}, revision {} ({})\n",
        one_line(text(shown, "name")),
        text(shown, "state"),
        number(shown, "revision"),
        text(shown, "campaign_id"),
    );
    told.push_str(&format!(
        "{} contacts: {} done, {} waiting, {} calling, {} tried in vain, {} not called\n",
        number(contacts, "total"),
        number(contacts, "done"),
        number(contacts, "waiting"),
        number(contacts, "calling"),
        number(contacts, "exhausted"),
        number(contacts, "excluded"),
    ));
    told.push_str(&format!("{} attempts, {} minutes\n", number(shown, "attempts"), number(shown, "minutes")));
    let counts = |of: &Value| -> Vec<(String, String)> {
        let counts = of.as_object().into_iter().flatten();
        counts.map(|(name, count)| (name.replace('_', " "), count.to_string())).collect()
    };
    let outcomes = counts(&shown["outcomes"]);
    if !outcomes.is_empty() {
        told.push_str("by outcome:\n");
        told.push_str(&pairs(outcomes));
    }
    let rules = counts(&contacts["by_rule"]);
    if !rules.is_empty() {
        told.push_str("contacts by rule:\n");
        told.push_str(&pairs(rules));
    }
    if !shown["hold"].is_null() {
        told.push_str(&format!("{}\n", hold(shown)));
    }
    told
}

/// How far a campaign is, on one line.
pub(super) fn line(shown: &Value) -> String {
    let contacts = &shown["contacts"];
    let through = number(contacts, "done") + number(contacts, "exhausted") + number(contacts, "excluded");
    let (total, calling) = (number(contacts, "total"), number(contacts, "calling"));
    format!("{through} of {total} contacts through, {calling} calling; {}\n", hold(shown))
}

/// What holds a campaign back, in words.
pub(super) fn hold(shown: &Value) -> String {
    let hold = &shown["hold"];
    match text(hold, "hold") {
        "" => text(shown, "state").to_owned(),
        "stuck" => "those who wait cannot be called before something changes; see the rules".to_owned(),
        "nobody_due" if hold["until_ms"].is_null() => "nobody waits".to_owned(),
        "nobody_due" => format!("nobody is due before {}", at_ms(&hold["until_ms"])),
        "broken" => format!("it cannot call: {}", one_line(text(hold, "why"))),
        "limit" => format!("held back by {}", reason(&hold["reason"])),
        _ => {
            let limit = match text(hold, "limit") {
                "concurrency" => "the calls at a time that it may have",
                "rate" => "its dials a second",
                "ramp_up" => "its rate, which still rises",
                "breaker" => "its breaker: too many calls fail",
                "trunk" => "the lines of the trunk",
                _ => "the carrier, which is out of reach",
            };
            format!("held back by {limit}")
        }
    }
}

/// A rule with its values, in words; of a rule that a newer server has, its name.
fn reason(reason: &Value) -> String {
    serde_json::from_value::<Reason>(reason.clone())
        .map_or_else(|_| text(reason, "rule").replace('_', " "), |reason| one_line(&words::reason(&reason)))
}

/// What a pre-flight found.
pub(super) fn preflight(found: &Value) -> String {
    let mut told = format!("{} contacts", number(found, "contacts"));
    let duplicates = number(found, "duplicates");
    if duplicates > 0 {
        told.push_str(&format!(", and {duplicates} more whose number another one has"));
    }
    told.push('\n');
    let rules = found["by_rule"].as_array().into_iter().flatten();
    told.push_str(&pairs(rules.map(|count| {
        let state = if text(count, "state") == "waiting" { "will be called" } else { "will not be called" };
        (format!("{state}: {}", text(count, "rule").replace('_', " ")), count["contacts"].to_string())
    })));
    let forecast = &found["forecast"];
    told.push_str(&format!(
        "Expected: {} calls, {} minutes, at most {} at a time;\nthrough by {}, at the latest by {}\n",
        forecast["calls"],
        forecast["minutes"],
        forecast["peak"],
        at_ms(&forecast["ends_ms"]),
        at_ms(&forecast["ends_late_ms"]),
    ));
    let calls = number(&found["mix"], "from_calls");
    told.push_str(&if calls == 0 {
        "(assumed: 45 % answer and talk for 40 s; there are no earlier calls of this flow)\n".to_owned()
    } else {
        format!("(calls last as {calls} earlier ones of this flow did; 45 % are assumed to answer)\n")
    });
    for sample in found["samples"].as_array().into_iter().flatten().take(1) {
        told.push_str(&format!("The first contact will hear, {}:\n", one_line(text(sample, "name"))));
        for prompt in sample["prompts"].as_array().into_iter().flatten().take(PROMPTS) {
            told.push_str(&format!("  {}\n", one_line(prompt.as_str().unwrap_or_default())));
        }
    }
    for (name, heading) in [("warnings", "Look at"), ("blockers", "In the way")] {
        for problem in found[name].as_array().into_iter().flatten() {
            told.push_str(&format!(
                "{heading}: {}: {}\n",
                text(problem, "field"),
                one_line(text(problem, "problem"))
            ));
        }
    }
    if found["blockers"].as_array().is_some_and(Vec::is_empty) {
        told.push_str("Nothing is in the way. Next: dering campaign launch … --consent \"…\"\n");
    }
    told
}

/// Why a contact is not called now.
pub(super) fn why(why: &Value) -> String {
    let mut told =
        format!("{} {}: {}\n", text(why, "phone_number"), one_line(text(why, "name")), reason(&why["why"]));
    if !why["hold"].is_null() {
        told.push_str(&format!("{}\n", hold(why)));
    }
    for call in why["calls"].as_array().into_iter().flatten() {
        let outcome = call["outcome"].as_str().unwrap_or("under way").replace('_', " ");
        told.push_str(&format!("  {}  {outcome}  {}\n", minute(&call["at"]), text(call, "call_id")));
    }
    told
}

/// What came of a campaign.
pub(super) fn report(report: &Value) -> String {
    let funnel = &report["funnel"];
    let share = |name: &str| {
        let (part, all) = (number(funnel, name), number(funnel, "attempts"));
        let percent = if all > 0 { part * 1_000 / all } else { 0 };
        format!("{part}  ({}.{} %)", percent / 10, percent % 10)
    };
    let mut told = format!("{} contacts\n", number(&report["contacts"], "total"));
    told.push_str(&pairs([
        ("attempts".to_owned(), funnel["attempts"].to_string()),
        ("answered".to_owned(), share("answered")),
        ("by a person".to_owned(), share("people")),
        ("heard to the end".to_owned(), share("heard_to_the_end")),
        ("messages left".to_owned(), share("messages_left")),
        ("asked never to be called".to_owned(), share("opted_out")),
        ("minutes".to_owned(), report["minutes"].to_string()),
    ]));
    told.push_str("by outcome:\n");
    let outcomes = report["outcomes"].as_array().into_iter().flatten();
    told.push_str(&pairs(
        outcomes.map(|count| (text(count, "outcome").replace('_', " "), count["attempts"].to_string())),
    ));
    let versions = report["by_version"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    if versions.len() > 1 {
        let mut table = plain();
        table.set_header(["  version", "attempts", "people", "to the end"]);
        for version in versions {
            let trial = if version["canary"] == true { " (on trial)" } else { "" };
            table.add_row([
                format!("  {}{trial}", text(version, "flow_digest").get(..12).unwrap_or_default()),
                version["attempts"].to_string(),
                version["people"].to_string(),
                version["heard_to_the_end"].to_string(),
            ]);
        }
        told.push_str(&format!("{table}\n"));
    }
    told
}

/// Settings to begin with.
pub(super) fn presets(presets: &Value) -> String {
    let mut told = String::new();
    for preset in presets["presets"].as_array().into_iter().flatten() {
        told.push_str(&format!(
            "{}: {} (as of {})\n  {}\n  {}\n",
            text(preset, "name"),
            text(preset, "title"),
            text(preset, "dated"),
            text(preset, "source"),
            text(preset, "note"),
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_contact_is_explained_in_words() {
        let why = json!({
            "phone_number": "+6281234567890", "name": "Ani\u{1b}", "hold": null,
            "why": { "rule": "outside_window", "opens_ms": 1_780_000_000_000_i64 },
            "calls": [{ "at": "2026-05-01T08:00:00.000Z", "outcome": "no_answer", "call_id": "c1" }],
        });
        let told = super::why(&why);
        assert!(told.contains("out of hours where it lives, until 2026-05-28 20:26 UTC"), "{told}");
        assert!(told.contains("no answer  c1") && told.contains("Ani\\u{1b}"), "{told}");
    }

    #[test]
    fn a_report_has_shares_and_no_division_by_nothing() {
        let empty =
            super::report(&json!({ "contacts": { "total": 0 }, "funnel": {}, "outcomes": [], "minutes": 0 }));
        assert!(empty.contains("0  (0.0 %)"), "{empty}");
        let some = super::report(&json!({ "contacts": { "total": 9 }, "minutes": 3, "outcomes": [],
            "funnel": { "attempts": 8, "answered": 5, "people": 1 } }));
        assert!(some.contains("5  (62.5 %)"), "{some}");
    }

    #[test]
    fn every_hold_has_words() {
        let shown = |hold: Value| super::hold(&json!({ "state": "running", "hold": hold }));
        assert_eq!(shown(Value::Null), "running");
        assert_eq!(
            shown(json!({ "hold": "pacing", "limit": "trunk" })),
            "held back by the lines of the trunk"
        );
        assert!(shown(json!({ "hold": "broken", "why": "no flow" })).contains("no flow"));
        assert!(
            shown(
                json!({ "hold": "limit", "reason": { "rule": "budget_total", "used_minutes": 5, "of": 5 } })
            )
            .contains("5 of 5 minutes")
        );
    }
}
