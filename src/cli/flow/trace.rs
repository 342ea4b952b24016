//! How a rehearsed call looks on a terminal and as JSON lines.

use std::io::Write;

use serde_json::{Value, json};

/// One line of a call's log, taken apart.
#[derive(Clone, Debug, PartialEq)]
struct Line<'l> {
    ms: u64,
    /// Done by the flow; else it happened to it.
    out: bool,
    text: &'l str,
}

/// Shows the log as it grows.
pub(super) struct Trace<'o, O: Write> {
    out: &'o mut O,
    /// What the callee is called.
    callee: &'static str,
    json: bool,
    colours: bool,
    /// How much of the log has been shown, bytes.
    shown: usize,
}

impl<'o, O: Write> Trace<'o, O> {
    pub(super) fn new(out: &'o mut O, callee: &'static str, json: bool, colours: bool) -> Self {
        Self { out, callee, json, colours, shown: 0 }
    }

    /// Shows what is new in `log`.
    pub(super) fn follow(&mut self, log: &str) -> std::io::Result<()> {
        let new = log.get(self.shown..).unwrap_or_default();
        self.shown = log.len();
        for line in new.lines().filter_map(taken_apart) {
            if self.json {
                writeln!(self.out, "{}", as_json(&line))?;
            } else if let Some((colour, who, what)) = in_words(&line, self.callee) {
                let time = format!("{:>7.1} s", line.ms as f64 / 1_000.0);
                self.coloured("2", &time)?;
                write!(self.out, "  ")?;
                self.coloured(colour, &format!("{who:<6} {what}"))?;
                writeln!(self.out)?;
            }
        }
        self.out.flush()
    }

    /// A call was gone back in: what `log` says up to now has been shown before.
    pub(super) fn rewound(&mut self, log: &str, at_ms: u64) -> std::io::Result<()> {
        self.shown = log.len();
        self.say(&format!("back at {:.1} s", at_ms as f64 / 1_000.0))
    }

    /// Something that is not part of the call.
    pub(super) fn say(&mut self, text: &str) -> std::io::Result<()> {
        if self.json {
            writeln!(self.out, "{}", json!({ "note": text }))?;
        } else {
            for line in text.lines() {
                self.coloured("2", &format!("           {line}"))?;
                writeln!(self.out)?;
            }
        }
        self.out.flush()
    }

    /// The end: what a record of the call would say.
    pub(super) fn end(&mut self, ms: u64, outcome: &str, variables: &Value) -> std::io::Result<()> {
        if self.json {
            writeln!(self.out, "{}", json!({ "ms": ms, "ended": outcome, "variables": variables }))?;
        } else {
            let outcome =
                format!("outcome {outcome} after {:.1} s; variables {variables}", ms as f64 / 1_000.0);
            self.coloured("1", &outcome)?;
            writeln!(self.out)?;
        }
        self.out.flush()
    }

    fn coloured(&mut self, colour: &str, text: &str) -> std::io::Result<()> {
        if self.colours {
            write!(self.out, "\x1b[{colour}m{text}\x1b[0m")
        } else {
            write!(self.out, "{text}")
        }
    }
}

fn taken_apart(line: &str) -> Option<Line<'_>> {
    let (ms, rest) = line.trim_start().split_once(' ')?;
    let (out, text) = match rest.split_once(' ')? {
        ("->", text) => (true, text),
        ("<-", text) => (false, text),
        _ => return None,
    };
    Some(Line { ms: ms.parse().ok()?, out, text })
}

fn as_json(line: &Line<'_>) -> Value {
    let (what, rest) = line.text.split_once(' ').unwrap_or((line.text, ""));
    let from = if line.out { "bot" } else { "call" };
    let mut value = json!({ "ms": line.ms, "from": from, "what": what });
    if let Some(outcome) = line.text.strip_prefix("hang up:") {
        value["what"] = json!("hangup");
        value["outcome"] = json!(outcome.trim());
    } else if let Some((id, barge_in, said)) = played(line.text) {
        value["prompt"] = json!(id);
        value["bargeIn"] = json!(barge_in.to_lowercase());
        value["text"] = json!(said);
    } else if what == "note"
        && let Some((name, detail)) = rest.split_once(' ')
    {
        value["what"] = json!(name);
        value["detail"] = serde_json::from_str(detail).unwrap_or_else(|_| json!(detail));
    } else if !rest.is_empty() {
        value["text"] = json!(rest);
    }
    value
}

/// `play 1 (Both): "Hello"`: the prompt, who may interrupt it, and its words.
fn played(text: &str) -> Option<(u64, &str, &str)> {
    let (id, rest) = text.strip_prefix("play ")?.split_once(" (")?;
    let (barge_in, said) = rest.split_once("): ")?;
    Some((id.parse().ok()?, barge_in, said))
}

/// Colour, who, and what they do; `None` for what a person need not see.
fn in_words(line: &Line<'_>, callee: &'static str) -> Option<(&'static str, &'static str, String)> {
    let text = line.text;
    if line.out {
        if let Some(play) = text.strip_prefix("play ") {
            let said = play.split_once("): ").map_or(play, |(_, said)| said);
            return Some(("36", "bot", said.to_owned()));
        }
        if let Some(note) = text.strip_prefix("note ") {
            let (name, detail) = note.split_once(' ').unwrap_or((note, ""));
            return Some(("2", "", described(name, detail)));
        }
        return match text.split_once(' ').unwrap_or((text, "")) {
            ("stop", _) => None,
            ("hang", outcome) => Some(("36", "bot", format!("hangs up{}", outcome.trim_start_matches("up")))),
            ("press", keys) => Some(("36", "bot", format!("presses {keys}"))),
            ("request", request) => Some(("36", "bot", format!("asks a service: {request}"))),
            ("notify", event) => Some(("36", "bot", format!("notifies: {event}"))),
            ("record", _) => Some(("36", "bot", "records what is said".to_owned())),
            ("pause", _) => Some(("36", "bot", "falls silent".to_owned())),
            ("go", _) => Some(("36", "bot", "goes on with the prompt".to_owned())),
            _ => Some(("36", "bot", text.to_owned())),
        };
    }
    match text.split_once(' ').unwrap_or((text, "")) {
        ("prompt", rest) if rest.ends_with("ended") => None,
        ("prompt", rest) => {
            let what = rest.split_once(' ').map_or(rest, |(_, what)| what);
            Some(("33", "", format!("prompt {what}")))
        }
        ("heard", name) => Some(("2", "", format!("heard {name}"))),
        ("said", words) => Some(("32", callee, format!("\"{words}\""))),
        ("key", key) => Some(("32", callee, format!("press {key}"))),
        ("speech", _) => Some(("32", callee, "begin to talk".to_owned())),
        ("callee", _) => Some(("32", callee, "hang up".to_owned())),
        ("answered", "") => Some(("33", "call", "answered".to_owned())),
        ("answered", status) => Some(("33", "call", format!("the service answers {status}"))),
        ("verdict", who) => Some(("33", "call", format!("the detector says: {who}"))),
        ("failed:", reason) => Some(("33", "call", format!("it failed: {reason}"))),
        _ => Some(("33", "call", text.to_owned())),
    }
}

/// A note of the timeline, such as `scene {"scene":"greet"}`.
fn described(name: &str, detail: &str) -> String {
    let Ok(Value::Object(detail)) = serde_json::from_str(detail) else { return format!("{name} {detail}") };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if name == "set"
        && let (Some(variable), Some(value)) = (detail.get("variable"), detail.get("value"))
    {
        return format!("set {} = {value}", plain(variable));
    }
    if let (Some(retry), Some(of)) = (detail.get("retry"), detail.get("of")) {
        return format!("{} (retry {retry} of {of})", name.replace('_', " "));
    }
    let shown: Vec<String> = detail
        .iter()
        .map(|(key, value)| if key == name { plain(value) } else { format!("{key} {}", plain(value)) })
        .collect();
    format!("{} {}", name.replace('_', " "), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_log_is_told_in_words_or_as_json() {
        let log = "     0 <- answered\n     0 -> play 1 (Both): \"Hello\" <greeted>\n   400 <- heard <greeted>\n   \
                   400 <- prompt 1 ended\n   900 <- key 1\n   900 -> note set {\"variable\":\"a\",\"value\":true}\n   \
                   900 -> hang up: done\n";
        let mut out = Vec::new();
        Trace::new(&mut out, "you", false, false).follow(log).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for line in [
            "bot    \"Hello\" <greeted>",
            "heard <greeted>",
            "you    press 1",
            "set a = true",
            "hangs up: done",
        ] {
            assert!(shown.contains(line), "{line}:\n{shown}");
        }
        assert!(!shown.contains("prompt 1 ended"), "{shown}");
        let mut out = Vec::new();
        Trace::new(&mut out, "you", true, false).follow(log).unwrap();
        let lines: Vec<Value> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[1],
            json!({ "ms": 0, "from": "bot", "what": "play", "prompt": 1, "bargeIn": "both", "text": "\"Hello\" <greeted>" })
        );
        assert_eq!(lines[6], json!({ "ms": 900, "from": "bot", "what": "hangup", "outcome": "done" }));
        assert_eq!(
            lines[5],
            json!({ "ms": 900, "from": "bot", "what": "set", "detail": { "variable": "a", "value": true } })
        );
    }
}
