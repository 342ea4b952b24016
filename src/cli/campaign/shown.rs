//! Campaigns as people read them in a terminal of 80 columns.

use callcore::campaign::Reason;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

use crate::campaigns::words;
use crate::cli::grid::Grid;
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
    let mut table = Grid::new(&["name", "state", "contacts", "through", "calling", "attempts"]);
    for campaign in campaigns {
        let contacts = &campaign["contacts"];
        let through = number(contacts, "done") + number(contacts, "exhausted") + number(contacts, "excluded");
        table.row([
            text(campaign, "name").to_owned(),
            text(campaign, "state").to_owned(),
            number(contacts, "total").to_string(),
            through.to_string(),
            number(contacts, "calling").to_string(),
            number(campaign, "attempts").to_string(),
        ]);
    }
    table.shown()
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
        let percent = if all > 0 { (part * 1_000 + all / 2) / all } else { 0 };
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
    let versions = &report["by_version"];
    if versions.as_array().is_some_and(|versions| versions.len() > 1) {
        told.push_str(&counted("version", versions, |version| {
            let trial = if version["canary"] == true { " (on trial)" } else { "" };
            format!("{}{trial}", text(version, "flow_digest").get(..12).unwrap_or_default())
        }));
    }
    told.push_str(&counted("attempt", &report["by_attempt"], |count| count["attempt"].to_string()));
    told.push_str(&counted("trunk", &report["by_trunk"], |count| text(count, "trunk").to_owned()));
    told.push_str(&counted("list", &report["by_list"], |count| {
        count["name"].as_str().unwrap_or("a list that is gone").to_owned()
    }));
    told.push_str(&abandoned(&report["abandoned"]));
    told.push_str(&counted("hour of the contact", &report["by_week_hour"], |count| {
        let hour = count["hour"].as_i64();
        hour.map_or_else(
            || "zone not known".to_owned(),
            |hour| format!("{} {hour:02}:00", text(count, "weekday")),
        )
    }));
    told
}

/// Calls in which the bot let a person wait.
fn abandoned(found: &Value) -> String {
    let all = &found["all"];
    let percent = |of: &Value| {
        of["percent"].as_f64().map_or_else(|| "none known".to_owned(), |one| format!("{one:.1} %"))
    };
    let limit =
        found["limit_percent"].as_f64().map_or_else(String::new, |limit| format!("; the limit is {limit} %"));
    let mut told = format!(
        "the bot let a person wait, in {} days ({}): {} of {} calls, {}{limit}\n",
        found["days_back"],
        text(found, "zone"),
        number(all, "abandoned"),
        number(all, "people"),
        percent(all),
    );
    if number(all, "unknown") > 0 {
        told.push_str(&format!("  of {} more it is not known when the bot spoke\n", number(all, "unknown")));
    }
    for day in found["days"].as_array().into_iter().flatten().filter(|day| day["above_limit"] == true) {
        told.push_str(&format!(
            "  above the limit on {}: {} of {}, {}\n",
            text(day, "day"),
            number(day, "abandoned"),
            number(day, "people"),
            percent(day)
        ));
    }
    told
}

/// Attempts by what they have in common, a line each.
fn counted(heading: &str, counts: &Value, name: impl Fn(&Value) -> String) -> String {
    let counts = counts.as_array().map_or(&[] as &[Value], Vec::as_slice);
    if counts.is_empty() {
        return String::new();
    }
    let mut table = plain();
    table.set_header([&format!("  {heading}"), "attempts", "answered", "people", "to the end"]);
    for count in counts {
        table.add_row([
            format!("  {}", one_line(&name(count))),
            count["attempts"].to_string(),
            count["answered"].to_string(),
            count["people"].to_string(),
            count["heard_to_the_end"].to_string(),
        ]);
    }
    format!("{table}\n")
}

/// Two campaigns, or two versions, side by side.
pub(super) fn comparison(found: &Value) -> String {
    let versions = |side: &Value| match number(side, "other_versions") {
        0 => text(side, "flow").to_owned(),
        others => format!("{} and {others} other versions before it was changed", text(side, "flow")),
    };
    let side = |side: &Value| {
        let which = match side["canary"].as_bool() {
            Some(true) => " (on trial)",
            Some(false) => " (usual version)",
            None => "",
        };
        format!("{}{which}", one_line(text(side, "name")))
    };
    let mut told = String::new();
    for (at, one) in ["first", "second"].into_iter().zip([&found["first"], &found["second"]]) {
        let each = one["minutes_per_contact_reached"].as_f64().map_or_else(
            || "nobody was reached".to_owned(),
            |minutes| format!("{minutes:.2} min for each contact reached"),
        );
        told.push_str(&format!(
            "{at}: {}: {}, {} attempts, {} min, {each}\n",
            side(one),
            versions(one),
            number(one, "attempts"),
            number(one, "minutes"),
        ));
    }
    let share = |found: &Value| {
        let percent = |name: &str| found[name].as_f64().unwrap_or(0.0) * 100.0;
        match found["share"].as_f64() {
            Some(_) => format!(
                "{} of {}: {:.1} % ({:.1} to {:.1})",
                found["count"],
                found["of"],
                percent("share"),
                percent("low"),
                percent("high")
            ),
            None => format!("{} of {}", found["count"], found["of"]),
        }
    };
    for measure in found["measures"].as_array().into_iter().flatten() {
        told.push_str(&format!(
            "{}\n  first   {}\n  second  {}\n",
            text(measure, "words"),
            share(&measure["first"]),
            share(&measure["second"])
        ));
    }
    told.push_str("Bounds hold with 95 %. Attempts are counted; where many contacts were tried several times, they are a little too narrow.\n");
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
    fn a_comparison_says_what_can_be_told() {
        let side = |name: &str| {
            json!({ "name": name, "canary": null, "flow": "f@1", "attempts": 80, "minutes": 40,
            "minutes_per_contact_reached": 0.5 })
        };
        let share =
            |count: u64, of: u64| json!({ "count": count, "of": of, "share": 0.5, "low": 0.4, "high": 0.6 });
        let told = comparison(&json!({ "first": side("May"), "second": side("June\u{1b}"), "measures": [
            { "words": "people: no difference can be told yet", "first": share(5, 10), "second": share(1, 2) },
        ] }));
        assert!(
            told.contains("first: May: f@1, 80 attempts, 40 min, 0.50 min for each contact reached"),
            "{told}"
        );
        assert!(
            told.contains("no difference can be told yet\n  first   5 of 10: 50.0 % (40.0 to 60.0)"),
            "{told}"
        );
        assert!(told.contains("June\\u{1b}"), "{told}");
    }

    #[test]
    fn people_who_were_let_wait_are_told_by_day_where_there_are_too_many() {
        let day = |day: &str, above: bool| {
            json!({ "day": day, "people": 10, "abandoned": 1, "percent": 10.0,
            "above_limit": above })
        };
        let told = abandoned(&json!({ "zone": "UTC", "days_back": 30, "limit_percent": 3.0,
            "all": { "people": 20, "abandoned": 2, "percent": 10.0, "unknown": 4 },
            "days": [day("2026-12-02", true), day("2026-12-01", false)] }));
        assert!(told.contains("in 30 days (UTC): 2 of 20 calls, 10.0 %; the limit is 3 %\n"), "{told}");
        assert!(
            told.contains("of 4 more") && told.contains("2026-12-02: 1 of 10") && !told.contains("12-01"),
            "{told}"
        );
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
