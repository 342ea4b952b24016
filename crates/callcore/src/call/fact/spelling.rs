//! Times are called `…Ms` wherever they are shown. What once went out with another name keeps it beside the right one.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::LeftMessage;

/// Writes `value` with both names of its times.
pub(super) fn both<S: Serializer>(value: &impl Serialize, to: S) -> Result<S::Ok, S::Error> {
    spelled(serde_json::to_value(value).map_err(S::Error::custom)?).serialize(to)
}

/// Writes a message with both names of its length.
pub(super) fn with_length<S: Serializer>(message: &LeftMessage, to: S) -> Result<S::Ok, S::Error> {
    let LeftMessage { message, heard_ms, kept } = message;
    json!({ "message": message, "heardMs": heard_ms, "ms": heard_ms, "kept": kept }).serialize(to)
}

/// Adds `startMs` beside `start_ms`, wherever in `detail` it stands.
pub(in super::super) fn spelled(mut detail: Value) -> Value {
    add(&mut detail);
    detail
}

fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add);
            let old: Vec<String> = fields.keys().filter(|name| name.ends_with("_ms")).cloned().collect();
            for name in old {
                let time = fields.get(&name).cloned().unwrap_or_default();
                fields.entry(camel(&name)).or_insert(time);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_of_times_stay_beside_the_new_ones_at_any_depth() {
        let old =
            json!({ "t_ms": 5, "tone": { "start_ms": 1, "hz": [1, 2] }, "all": [{ "longest_pause_ms": 9 }] });
        let both = json!({
            "t_ms": 5, "tMs": 5, "tone": { "start_ms": 1, "startMs": 1, "hz": [1, 2] },
            "all": [{ "longest_pause_ms": 9, "longestPauseMs": 9 }],
        });
        assert_eq!(spelled(old), both);
    }
}
