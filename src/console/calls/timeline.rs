//! The timeline of a call in words: what each line means, and its details.

use serde::Serialize;
use serde_json::Value;

use crate::console::frame::Frame;
use crate::store::EventRow;

/// Longest detail shown, characters.
const LONGEST: usize = 300;
/// Old names of fields that are sent beside the present ones, and what the line says already.
const LEFT_OUT: [&str; 7] = ["t_ms", "start_ms", "end_ms", "ms", "digest", "tMs", "seq"];

/// One line.
#[derive(Serialize)]
pub(super) struct Happened {
    /// Since the call began: `12.4`, seconds.
    at: String,
    kind: String,
    words: String,
    details: Vec<(String, String)>,
}

pub(super) fn happened(frame: &Frame, row: &EventRow) -> Happened {
    let key = format!("fact_{}", row.kind);
    let words =
        if frame.language.has(&key) { frame.say(&key).to_owned() } else { row.kind.replace('_', " ") };
    let details = row.detail.as_object().into_iter().flatten();
    let details = details.filter(|(name, value)| !value.is_null() && !LEFT_OUT.contains(&name.as_str()));
    let details = details.map(|(name, value)| (name.clone(), shown(name, value)));
    let ms = row.t_ms.max(0);
    Happened {
        at: format!("{}.{}", ms / 1_000, ms % 1_000 / 100),
        kind: row.kind.clone(),
        words,
        details: details.collect(),
    }
}

fn shown(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(ms) if name.ends_with("Ms") => format!("{ms} ms"),
        Value::Number(share) if share.is_f64() => format!("{:.2}", share.as_f64().unwrap_or_default()),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use crate::console::words::Language;

    #[test]
    fn every_kind_of_fact_is_told_in_every_language() {
        let documented = include_str!("../../../docs/events.md");
        let kinds = documented
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(kind, _)| kind);
        let kinds: Vec<_> = kinds.filter(|kind| *kind != "kind").collect();
        assert!(kinds.len() > 60);
        for language in Language::ALL {
            let mute: Vec<_> = kinds.iter().filter(|kind| !language.has(&format!("fact_{kind}"))).collect();
            assert!(mute.is_empty(), "{language:?} lacks {mute:?}");
        }
    }
}
