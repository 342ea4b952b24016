//! The ledger as people read it in a terminal.

use std::fmt::Write as _;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::cli::out::{lines, one_line};
use crate::wallclock::iso;

/// A list of notifications.
pub(super) fn deliveries(answer: &Value) -> String {
    let rows: Vec<&Value> = answer["deliveries"].as_array().into_iter().flatten().collect();
    if rows.is_empty() {
        return "there are none".to_owned();
    }
    let mut table = plain(["id", "made", "state", "tries", "kind", "why"]);
    for row in &rows {
        table.add_row([
            text(&row["id"]),
            minute(&row["createdMs"]),
            text(&row["state"]),
            text(&row["attempts"]),
            text(&row["kind"]),
            text(&row["why"]),
        ]);
    }
    let mut shown = finished(table, 4);
    if let Some(next) = answer["next"].as_str() {
        let _infallible =
            write!(shown, "\nthere are older ones, before {next}: narrow by --until, or raise --limit");
    }
    shown
}

/// One notification.
pub(super) fn delivery(row: &Value) -> String {
    let mut shown = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _infallible = writeln!(shown, "{name:<9} {value}");
        }
    };
    line("id", text(&row["id"]));
    line("state", format!("{}: {}", text(&row["state"]), text(&row["why"])));
    let (about, id) = if row["campaignId"].is_string() {
        ("campaign", &row["campaignId"])
    } else {
        ("call", &row["callId"])
    };
    line(about, format!("{}, number {} in it", text(id), text(&row["seq"])));
    line("app", text(&row["appId"]));
    line("made", time(&row["createdMs"]));
    line("next try", time(&row["dueMs"]));
    line("settled", time(&row["settledMs"]));
    line("POST", text(&row["url"]));
    for (name, value) in row["request"]["headers"].as_object().into_iter().flatten() {
        line("", format!("{name}: {}", text(value)));
    }
    shown.push('\n');
    let body = row["request"]["body"].as_str().unwrap_or_default();
    match serde_json::from_str::<Value>(body) {
        Ok(body) => writeln!(shown, "{}", lines(&format!("{body:#}"))),
        Err(_) => writeln!(shown, "{}", body.escape_debug()),
    }
    .ok();
    let log: Vec<&Value> = row["log"].as_array().into_iter().flatten().collect();
    if log.is_empty() {
        shown.push_str("\nit was never posted\n");
        return shown;
    }
    let mut table = plain(["no.", "time", "answer", "took", "what went wrong"]);
    for attempt in log {
        let said = [text(&attempt["error"]), text(&attempt["response"])].join("\n");
        table.add_row([
            text(&attempt["attempt"]),
            time(&attempt["atMs"]),
            if attempt["status"].is_null() { "none".to_owned() } else { text(&attempt["status"]) },
            format!("{} ms", text(&attempt["durationMs"])),
            said.trim().to_owned(),
        ]);
    }
    shown.push('\n');
    shown.push_str(&finished(table, 4));
    shown
}

/// How endpoints fare.
pub(super) fn endpoints(answer: &Value) -> String {
    let rows: Vec<&Value> = answer["endpoints"].as_array().into_iter().flatten().collect();
    if rows.is_empty() {
        return "nothing was posted yet".to_owned();
    }
    let mut table = plain(["state", "answers", "took", "failed", "due", "dead", "endpoint"]);
    for row in rows {
        let failures = row["failuresInARow"].as_i64().unwrap_or_default();
        let state = match (row["breaker"].as_str().unwrap_or_default(), failures) {
            ("open", _) => format!("held back until {}", minute(&row["openUntilMs"])),
            ("half_open", _) => "being tried".to_owned(),
            (_, 0) if row["refusing"] == true => "refuses".to_owned(),
            (_, 0) => "works".to_owned(),
            (_, failures) => format!("failed {failures} in a row"),
        };
        let answers = row["answerMs"].as_i64().map(|ms| format!("{ms} ms")).unwrap_or_default();
        let mut endpoint = text(&row["endpoint"]);
        if failures > 0 || row["refusing"] == true {
            let _infallible = write!(endpoint, "\n{}", text(&row["lastProblem"]));
        }
        table.add_row([
            state,
            answers,
            text(&row["delivered"]),
            text(&row["failed"]),
            text(&row["due"]),
            text(&row["dead"]),
            endpoint,
        ]);
    }
    finished(table, 6)
}

/// What came of examples.
pub(super) fn trials(rows: &[Value]) -> String {
    let mut table = plain(["event", "answer", "took", "body", "what it said"]);
    for row in rows {
        let is_answered = !row["status"].is_null();
        let said = [text(&row["error"]), text(&row["response"])].join("\n");
        let body = match (is_answered, row["bodyRead"] == true) {
            (false, _) => "none",
            (true, true) => "read",
            (true, false) => "broke off",
        };
        table.add_row([
            text(&row["event"]),
            if is_answered { text(&row["status"]) } else { "none".to_owned() },
            format!("{} ms", text(&row["durationMs"])),
            body.to_owned(),
            said.trim().to_owned(),
        ]);
    }
    finished(table, 4)
}

/// How many, in words.
pub(super) fn counted(count: &Value) -> String {
    match count.as_u64().unwrap_or_default() {
        1 => "1 notification".to_owned(),
        count => format!("{count} notifications"),
    }
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Columns before `first_flexible` keep their width; the others share what the terminal leaves.
fn finished(mut table: Table, first_flexible: usize) -> String {
    for column in 0..first_flexible {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn time(ms: &Value) -> String {
    ms.as_i64().map(|ms| iso(ms).replace('T', " ")).unwrap_or_default()
}

/// Month to minute, UTC.
fn minute(ms: &Value) -> String {
    time(ms).get(5..16).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dead() -> Value {
        json!({
            "id": "msg_019a0000000070008000000000000001", "callId": "c1", "seq": 3, "appId": "shop", "kind": "completed",
            "state": "dead", "why": "all attempts failed; the last one: the receiver answered 500", "url": "https://shop.test/hook",
            "attempts": 2, "createdMs": 1_750_942_157_600_i64, "dueMs": null, "settledMs": 1_750_942_257_600_i64,
            "request": { "headers": { "content-type": "application/json" }, "body": "{\"status\":\"completed\"}" },
            "log": [
                { "attempt": 1, "atMs": 1_750_942_157_700_i64, "durationMs": 12, "status": 500, "error": "the receiver answered 500", "response": "oops\u{1b}[2J" },
                { "attempt": 2, "atMs": 1_750_942_257_600_i64, "durationMs": 10_000, "status": null, "error": "the receiver did not answer in time", "response": null },
            ],
        })
    }

    #[test]
    fn a_dead_letter_is_shown_whole() {
        insta::assert_snapshot!(delivery(&dead()));
    }

    #[test]
    fn a_list_and_the_health_of_endpoints_are_tables() {
        let list = deliveries(&json!({ "deliveries": [dead()], "next": null }));
        assert!(
            list.contains("msg_019a0000000070008000000000000001") && list.contains("06-26 12:49"),
            "{list}"
        );
        let endpoint = json!({ "endpoint": "https://shop.test", "breaker": "open", "openUntilMs": 1_750_942_157_600_i64,
            "failuresInARow": 11, "answerMs": 7, "delivered": 5, "failed": 11, "due": 1, "dead": 2, "lastProblem": "gone away" });
        let table = endpoints(&json!({ "endpoints": [endpoint] }));
        assert!(table.contains("held back until 06-26 12:49") && table.contains("gone away"), "{table}");
        let endpoint = json!({ "endpoint": "https://shop.test", "breaker": "closed", "failuresInARow": 0, "refusing": true,
            "lastProblem": "the receiver answered 404 Not Found" });
        let table = endpoints(&json!({ "endpoints": [endpoint] }));
        assert!(table.contains("refuses") && table.contains("404 Not Found"), "{table}");
        assert_eq!(deliveries(&json!({ "deliveries": [] })), "there are none");
    }
}
