//! `wait_for_beep` and `wait_for_greeting_end`.

use crate::flow::model::SignalWait;
use crate::flow::read::reader::Reader;
use crate::yaml::Node;

/// Silence after the greeting in which a beep may still come.
const BEEP_TIMEOUT_MS: u64 = 6_000;

/// Longest greeting waited for.
const GREETING_TIMEOUT_MS: u64 = 30_000;

pub(super) fn bare_beep() -> SignalWait {
    SignalWait { timeout_ms: BEEP_TIMEOUT_MS, on_timeout: None }
}

pub(super) fn bare_greeting_end() -> SignalWait {
    SignalWait { timeout_ms: GREETING_TIMEOUT_MS, on_timeout: None }
}

/// `wait_for_beep: { timeout: 6s, on_timeout: scene }`.
pub(super) fn beep(reader: &mut Reader<'_>, node: &Node) -> Option<SignalWait> {
    read(reader, node, "`wait_for_beep`", bare_beep())
}

/// `wait_for_greeting_end: { timeout: 30s, on_timeout: scene }`.
pub(super) fn greeting_end(reader: &mut Reader<'_>, node: &Node) -> Option<SignalWait> {
    read(reader, node, "`wait_for_greeting_end`", bare_greeting_end())
}

fn read(reader: &mut Reader<'_>, node: &Node, what: &str, mut wait: SignalWait) -> Option<SignalWait> {
    if node.is_null() {
        return Some(wait);
    }
    let fields = reader.map(node, what, &["timeout", "on_timeout"])?;
    if let Some(ms) = fields.node("timeout").and_then(|node| reader.duration_ms(node, "`timeout`")) {
        wait.timeout_ms = ms;
    }
    wait.on_timeout = fields.node("on_timeout").and_then(|node| reader.scene(node, "`on_timeout`"));
    Some(wait)
}
