//! What is kept of a call: its recording and for how long, and which digits nobody may read later.

use super::reader::{Fields, Reader};
use super::yaml::{Node, Value};

/// A hundred years; whoever means for ever leaves it out.
const MOST_DAYS: u32 = 36_501;

/// What is kept of a call, as its flow wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The call as a whole is recorded.
    pub records: bool,
    /// Days until the recording is deleted; the server's own when the flow names none.
    pub keep_days: Option<u32>,
    /// Digits are hidden from everything that is kept of the call.
    pub redacts: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { records: true, keep_days: None, redacts: false }
    }
}

/// `recording: off`, `recording: { keep_days: 30 }`, `redact: digits`.
pub(super) fn read(reader: &mut Reader<'_>, fields: Fields<'_>) -> Keeping {
    let mut keeping = Keeping::default();
    if let Some(node) = fields.node("recording") {
        recording(reader, node, &mut keeping);
    }
    if let Some(node) = fields.node("redact") {
        let word = reader.word(node, "`redact`", &["digits", "off"]);
        keeping.redacts = word.as_deref() == Some("digits");
    }
    keeping
}

fn recording(reader: &mut Reader<'_>, node: &Node, keeping: &mut Keeping) {
    if !matches!(node.value, Value::Map(_)) {
        let word = reader.word(node, "`recording`", &["on", "off"]);
        keeping.records = word.as_deref() != Some("off");
        return;
    }
    let Some(fields) = reader.map(node, "`recording`", &["keep_days"]) else { return };
    keeping.keep_days =
        fields.node("keep_days").and_then(|node| reader.count(node, "`keep_days`", 1..MOST_DAYS));
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn keeping(lines: &str) -> Result<super::Keeping, String> {
        let text = format!("flow: f\nstart: a\n{lines}\nscenes:\n  a:\n    - hangup: done\n");
        let parsed = parse("f.yaml", &text);
        let found = parsed.diagnostics.first().map(|one| one.message.clone()).unwrap_or_default();
        parsed.flow.map(|flow| flow.keeping()).ok_or(found)
    }

    #[test]
    fn a_flow_says_whether_how_long_and_what_is_kept() {
        let all = keeping("description: x").unwrap();
        assert!(all.records && all.keep_days.is_none() && !all.redacts);
        assert!(!keeping("recording: off").unwrap().records);
        let some = keeping("recording: { keep_days: 30 }\nredact: digits").unwrap();
        assert_eq!((some.records, some.keep_days, some.redacts), (true, Some(30), true));
        assert!(keeping("recording: { keep_days: 0 }").is_err());
        assert!(keeping("redact: names").unwrap_err().contains("redact"));
    }
}
