//! Calls in words and tables.

use callcore::call::FactKind;
use serde_json::Value;

use crate::cli::grid::{Grid, Tone, width};
use crate::cli::out::one_line;
use crate::console::fact_in_words;
use crate::wallclock::{iso, now_ms};

/// Characters at the end of an id by which a list names a call.
pub(super) const SHORT: usize = 8;
/// From this width of the terminal on a list has everything.
const ROOMY: u16 = 130;
/// Longest detail of a timeline entry, characters.
const LONGEST: usize = 120;
/// Details that say nothing to people, or what the words say already.
const LEFT_OUT: [&str; 9] = ["t_ms", "start_ms", "end_ms", "ms", "digest", "tMs", "seq", "sid", "play"];

pub(super) fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// A moment of the server to the second, UTC.
fn second(of: &Value, name: &str) -> Option<String> {
    Some(iso(of[name].as_i64()?).get(..19)?.replace('T', " "))
}

fn moment(of: &Value, name: &str) -> Option<String> {
    second(of, name).map(|second| format!("{second} UTC"))
}

/// Whether somebody or something answered.
pub(super) fn was_answered(call: &Value) -> bool {
    call["answeredMs"].is_i64()
}

/// How it ended or how far it is.
fn result(call: &Value) -> (String, Tone) {
    let tone = match text(call, "disposition") {
        "ANSWERED" => Tone::Good,
        "NO ANSWER" | "BUSY" | "FAILED" | "CANCEL" => Tone::Bad,
        _ if text(call, "state") == "ended" => Tone::Plain,
        _ => Tone::Open,
    };
    let words = match text(call, "disposition") {
        "" => text(call, "state").to_owned(),
        "CANCEL" => "cancelled".to_owned(),
        spelt => spelt.to_lowercase(),
    };
    (words, tone)
}

/// Who answered, in a word or two.
fn who(call: &Value) -> String {
    let amd = &call["amd"];
    match (text(amd, "subtype"), text(amd, "event")) {
        ("human", _) | ("", "amd_human_detected") => "person".to_owned(),
        ("", "amd_machine_detected") => "machine".to_owned(),
        ("", "amd_no_speech_detected") => "no speech".to_owned(),
        ("", "amd_decision_timeout") => "unclear".to_owned(),
        (kind, _) => kind.to_owned(),
    }
}

/// How long it was answered, `1:07`.
fn talked(call: &Value) -> String {
    let Some(from) = call["answeredMs"].as_i64() else { return String::new() };
    let to = call["endedMs"].as_i64().unwrap_or_else(now_ms);
    let seconds = (to - from).max(0) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn is_inbound(call: &Value) -> bool {
    text(call, "direction") == "inbound"
}

fn other_party(call: &Value) -> &str {
    text(call, if is_inbound(call) { "caller" } else { "target" })
}

fn short(id: &str) -> &str {
    id.char_indices().rev().nth(SHORT - 1).map_or(id, |(at, _)| &id[at..])
}

/// A page of calls, newest first.
pub(super) fn table(calls: &[Value]) -> String {
    if calls.is_empty() {
        return "There are no such calls. `dering call NUMBER --flow FLOW` places one.\n".to_owned();
    }
    let roomy = width() >= ROOMY;
    let head: &[&str] = if roomy {
        &["call", "asked for (UTC)", "number", "flow", "result", "who", "talk", "outcome"]
    } else {
        &["call", "(UTC)", "number", "flow", "result", "who", "talk"]
    };
    let mut grid = Grid::new(head);
    for call in calls {
        let asked = second(call, "createdMs").unwrap_or_default();
        let (result, tone) = result(call);
        let arrow = if is_inbound(call) { "<" } else { "" };
        let number = format!("{arrow}{}", other_party(call));
        let (who, talked, id) = (who(call), talked(call), text(call, "callId"));
        let plain = |text| (text, Tone::Plain);
        if roomy {
            grid.toned([
                plain(id),
                plain(&asked),
                plain(&number),
                plain(text(call, "flow")),
                (&result, tone),
                plain(&who),
                plain(&talked),
                plain(text(call, "outcome")),
            ]);
        } else {
            grid.toned([
                plain(short(id)),
                plain(asked.get(5..16).unwrap_or_default()),
                plain(&number),
                plain(text(call, "flow")),
                (&result, tone),
                plain(&who),
                plain(&talked),
            ]);
        }
    }
    grid.shown()
}

/// One call, a fact a line.
pub(super) fn call(call: &Value) -> String {
    let (result, _) = result(call);
    let digest = text(call, "flowDigest");
    let flow = format!("{}@{}", text(call, "flow"), digest.get(..12).unwrap_or(digest));
    let verdict = (!call["amd"].is_null()).then(|| {
        let amd = &call["amd"];
        let at = amd["atMs"].as_i64().map(|ms| format!(" after {}.{} s", ms / 1_000, ms % 1_000 / 100));
        format!("{}{}{}", who(call), at.unwrap_or_default(), reason(amd))
    });
    let metadata = call["metadata"].as_object().filter(|metadata| !metadata.is_empty());
    let own = |name: &str| Some(text(call, name).to_owned()).filter(|text| !text.is_empty());
    let facts = [
        ("call", own("callId")),
        ("direction", own("direction")),
        ("to", own("target")),
        ("from", own("caller")),
        ("flow", Some(flow)),
        ("trunk", own("trunk")),
        ("result", Some(result)),
        ("cause", call["causeCode"].as_i64().map(|cause| cause.to_string())),
        ("answered by", verdict),
        ("outcome", own("outcome")),
        ("check point", own("lastCheckpoint")),
        ("asked for", moment(call, "createdMs")),
        ("planned for", moment(call, "startMs")),
        ("answered", moment(call, "answeredMs")),
        ("ended", moment(call, "endedMs")),
        ("talk", Some(talked(call)).filter(|talked| !talked.is_empty())),
        (
            "message left",
            call["messageLeft"].as_bool().map(|left| if left { "yes" } else { "no" }.to_owned()),
        ),
        ("session", own("sessionId")),
        ("metadata", metadata.map(|metadata| Value::Object(metadata.clone()).to_string())),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    facts.map(|(name, value)| format!("{name:<13} {}\n", one_line(&value))).collect()
}

/// An entry of a timeline on one line.
pub(super) fn event(event: &Value) -> String {
    let ms = event["tMs"].as_i64().unwrap_or_default().max(0);
    let (kind, detail) = (text(event, "kind"), &event["detail"]);
    let words = match kind {
        "transcript" => format!("callee: \"{}\"", text(detail, "text")),
        kind if kind == FactKind::PromptEnded.as_str() && !text(detail, "heardText").is_empty() => {
            format!("bot: \"{}\"", text(detail, "heardText"))
        }
        kind if kind == FactKind::DialStatus.as_str() => {
            format!("The carrier says: {}", text(detail, "status"))
        }
        "digit" => format!("They pressed {}", text(detail, "key")),
        "checkpoint" => format!("check point {}", text(detail, "name")),
        "amd" => {
            let event = text(detail, "event").trim_start_matches("amd_").replace('_', " ");
            let kind = text(detail, "subtype");
            let kind = if kind.is_empty() { String::new() } else { format!(", {kind}") };
            format!("detection: {event}{kind}{}", reason(detail))
        }
        _ => {
            let words = fact_in_words(kind).map_or_else(|| kind.replace('_', " "), str::to_owned);
            let details = details(detail);
            if details.is_empty() { words } else { format!("{words} ({details})") }
        }
    };
    format!("{:>4}.{} s  {}", ms / 1_000, ms % 1_000 / 100, one_line(&words))
}

/// Why, in brackets with a space before them.
fn reason(of: &Value) -> String {
    match text(of, "reason") {
        "" => String::new(),
        why => format!(" ({})", why.replace('_', " ")),
    }
}

fn details(detail: &Value) -> String {
    let details = detail.as_object().into_iter().flatten();
    let details = details.filter(|(name, value)| {
        let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || *value == "";
        !nothing && !LEFT_OUT.contains(&name.as_str())
    });
    let told = details.map(|(name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(share) if share.is_f64() => format!("{:.2}", share.as_f64().unwrap_or_default()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                value.to_string()
            }
        };
        let short: String = value.chars().take(LONGEST).collect();
        let more = if short.len() < value.len() { "…" } else { "" };
        match name.strip_suffix("Ms") {
            Some(name) => format!("{name} {short} ms"),
            None => format!("{name} {short}{more}"),
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What became of a call, in a sentence.
pub(super) fn end(call: &Value) -> String {
    let (mut told, _) = result(call);
    let (who, outcome) = (who(call), text(call, "outcome"));
    if was_answered(call) && !who.is_empty() {
        told.push_str(&format!(" by {}", if who == "person" { "a person".to_owned() } else { who }));
    }
    if was_answered(call) {
        told.push_str(&format!(", {}", talked(call)));
    }
    if !outcome.is_empty() && outcome.replace('_', " ") != told {
        told.push_str(&format!(", outcome {outcome}"));
    }
    one_line(&told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered() -> Value {
        json!({ "callId": "019aef0c-5e2b-7c31-a8d1-1f0e2f8a9b3c", "direction": "outbound", "target": "+6281234567890",
            "caller": "", "flow": "payment-reminder", "flowDigest": "0123456789abcdef", "trunk": "main", "state": "ended",
            "disposition": "ANSWERED", "createdMs": 1_780_000_000_000_i64, "answeredMs": 1_780_000_004_000_i64,
            "endedMs": 1_780_000_071_500_i64, "outcome": "promised", "metadata": { "amount": 5 },
            "amd": { "event": "amd_human_detected", "atMs": 1_240, "reason": "short_greeting", "subtype": "human" } })
    }

    #[test]
    fn a_list_fits_eighty_columns_and_names_each_call_by_its_end() {
        let shown = table(&[
            answered(),
            json!({ "callId": "c1", "state": "ringing", "target": "+15550001",
            "direction": "outbound", "flow": "x", "createdMs": 1_780_000_000_000_i64 }),
        ]);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        for word in
            ["2f8a9b3c", "+6281234567890", "payment-reminder", "answered", "person", "1:07", "ringing"]
        {
            assert!(shown.split_whitespace().any(|found| found == word), "{word}: {shown}");
        }
    }

    #[test]
    fn a_call_is_told_whole_and_its_end_in_a_sentence() {
        let call = answered();
        let shown = super::call(&call);
        assert!(shown.contains("answered by   person after 1.2 s (short greeting)\n"), "{shown}");
        assert!(shown.contains("flow          payment-reminder@0123456789ab\n"), "{shown}");
        assert!(shown.contains("asked for     2026-05-28 20:26:40 UTC\n"), "{shown}");
        assert!(shown.contains("metadata      {\"amount\":5}\n"), "{shown}");
        assert_eq!(end(&call), "answered by a person, 1:07, outcome promised");
        let busy = json!({ "state": "ended", "disposition": "BUSY", "outcome": "busy" });
        assert_eq!(end(&busy), "busy");
    }

    #[test]
    fn a_timeline_is_told_in_words() {
        let told =
            |kind: &str, detail: Value| event(&json!({ "tMs": 12_345, "kind": kind, "detail": detail }));
        assert_eq!(told("transcript", json!({ "text": "yes\u{1b}" })), "  12.3 s  callee: \"yes\\u{1b}\"");
        assert_eq!(
            told(
                "dialled",
                json!({ "flow": "faq", "digest": "ab", "lateMs": 3, "trunk": "main", "sid": "x" })
            ),
            "  12.3 s  The call was asked for and begins (flow faq, late 3 ms, trunk main)"
        );
        assert_eq!(told("of_tomorrow", json!({})), "  12.3 s  of tomorrow");
        let verdict =
            json!({ "event": "amd_machine_detected", "subtype": "voicemail", "confidence": 0.98765 });
        assert_eq!(told("amd", verdict), "  12.3 s  detection: machine detected, voicemail");
        assert!(told("amd_finding", json!({ "decision": 0.98765 })).ends_with("(decision 0.99)"));
    }
}
