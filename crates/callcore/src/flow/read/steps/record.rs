//! `record`: what the callee says becomes a recording of its own.

use crate::flow::model::{Record, VariableType, is_key};
use crate::flow::read::reader::Reader;
use crate::yaml::Node;

/// Longest message a flow may take, ms.
const LONGEST_MS: u64 = 600_000;
pub(crate) const KEYS: [&str; 7] =
    ["max", "end_silence", "end_key", "beep", "into", "length_into", "on_empty"];

/// What `record` alone means.
pub(super) fn bare() -> Record {
    Record {
        max_ms: 60_000,
        end_silence_ms: 3_000,
        end_keys: "#".to_owned(),
        beep: true,
        into: None,
        length_into: None,
        on_empty: None,
    }
}

/// `record: { max: 60s, end_silence: 3s, end_key: "#", beep: true, into: …, length_into: …, on_empty: … }`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Record> {
    let mut record = bare();
    if node.is_null() {
        return Some(record);
    }
    let fields = reader.map(node, "`record`", &KEYS)?;
    if let Some(node) = fields.node("max")
        && let Some(ms) = reader.duration_ms(node, "`max`")
    {
        if ms > LONGEST_MS {
            reader.error(node.span, "a message can be 10 minutes long at most", "write `max: 10m` or less");
        }
        record.max_ms = ms;
    }
    if let Some(ms) = fields.node("end_silence").and_then(|node| reader.duration_ms(node, "`end_silence`")) {
        record.end_silence_ms = ms;
    }
    if let Some(node) = fields.node("end_key")
        && let Some(keys) = reader.scalar(node, "`end_key`")
    {
        if keys == "none" {
            record.end_keys = String::new();
        } else if keys.chars().all(is_key) {
            record.end_keys = keys.to_owned();
        } else {
            let hint = "write keys in quotes, such as `\"#\"`, or `none`";
            reader.error(node.span, format!("`{keys}` cannot be pressed"), hint);
        }
    }
    if let Some(node) = fields.node("beep") {
        record.beep = reader.yes(node, "`beep`");
    }
    record.into = fields.node("into").and_then(|node| reader.target(node, "`into`", VariableType::Text));
    record.length_into = fields
        .node("length_into")
        .and_then(|node| reader.target(node, "`length_into`", VariableType::Number));
    record.on_empty = fields.node("on_empty").and_then(|node| reader.scene(node, "`on_empty`"));
    Some(record)
}
