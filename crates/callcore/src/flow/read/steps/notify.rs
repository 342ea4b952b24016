//! `notify`: an event of the flow's own to the caller's `notifyUrl`.

use super::json;
use crate::flow::model::{ExternalStep, JsonText};
use crate::flow::read::reader::Reader;
use crate::yaml::{Node, Value};

/// `notify: event`, or `notify: { event: …, data: { … } }`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<ExternalStep> {
    let empty = JsonText::Map(Vec::new());
    if !matches!(node.value, Value::Map(_)) {
        let event = reader.name_node(node, "an event")?;
        return Some(ExternalStep::Notify { event, data: empty });
    }
    let fields = reader.map(node, "`notify`", &["event", "data"])?;
    let Some(event) = fields.node("event") else {
        reader.error(node.span, "`notify` has no `event`", "add `event: name`, such as `promised`");
        return None;
    };
    let event = reader.name_node(event, "an event");
    let data = match fields.node("data") {
        Some(node) if !matches!(node.value, Value::Map(_)) => {
            let message = format!("`data` must be a map of `key: value`, but this is {}", node.kind());
            reader.error(node.span, message, "write one `key: value` per line, indented below it");
            None
        }
        Some(node) => json::read(reader, node, "the value"),
        None => Some(empty),
    };
    Some(ExternalStep::Notify { event: event?, data: data? })
}
