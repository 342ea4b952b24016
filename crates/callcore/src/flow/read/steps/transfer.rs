//! `transfer`: the callee is connected with another number, where the trunk can.

use crate::flow::model::{Text, Transfer, is_number};
use crate::flow::read::reader::Reader;
use crate::yaml::{Entry, Node, Value};

const TIMEOUT_MS: u64 = 30_000;

/// `transfer: { to: "+62…", timeout: 30s, on_unsupported: scene, on_failed: scene }`.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Transfer> {
    let node = &entry.value;
    if !matches!(node.value, Value::Map(_)) {
        let to = number(reader, node)?;
        note(reader, entry);
        return Some(Transfer { to, timeout_ms: TIMEOUT_MS, on_unsupported: None, on_failed: None });
    }
    let fields = reader.map(node, "`transfer`", &["to", "timeout", "on_unsupported", "on_failed"])?;
    let Some(to) = fields.node("to") else {
        reader.error(node.span, "`transfer` has no number", "add `to: \"+62…\"`");
        return None;
    };
    let to = number(reader, to);
    let timeout_ms = fields.node("timeout").and_then(|node| reader.duration_ms(node, "`timeout`"));
    let on_unsupported =
        fields.node("on_unsupported").and_then(|node| reader.scene(node, "`on_unsupported`"));
    if fields.entry("on_unsupported").is_none() {
        note(reader, entry);
    }
    Some(Transfer {
        to: to?,
        timeout_ms: timeout_ms.unwrap_or(TIMEOUT_MS),
        on_unsupported,
        on_failed: fields.node("on_failed").and_then(|node| reader.scene(node, "`on_failed`")),
    })
}

/// Most trunks cannot do it: a step that does not say what happens then is told so.
fn note(reader: &mut Reader<'_>, entry: &Entry) {
    reader.warn(
        entry.key_span,
        "only SIP trunks can transfer calls, and this step does not say what happens on others",
        "add `on_unsupported: scene`; without it the flow fails here on them",
    );
}

fn number(reader: &mut Reader<'_>, node: &Node) -> Option<Text> {
    let to = reader.text(node, "`to`")?;
    if let Text::Literal(text) = &to
        && !is_number(text)
    {
        let hint = "write it with its country code, such as \"+6281234567890\"";
        reader.error(node.span, format!("`{text}` is not a telephone number"), hint);
        return None;
    }
    Some(to)
}
