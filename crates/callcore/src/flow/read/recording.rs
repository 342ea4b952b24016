//! `recording:` and `redact:`.

use super::reader::{Fields, Reader};
use crate::flow::model::RecordingPolicy;
use crate::yaml::{Node, Value};

/// A hundred years; to keep it for ever, leave it out.
const MOST_DAYS: u32 = 36_501;

/// `recording: off`, `recording: { keep_days: 30 }`, `redact: digits`.
pub(crate) fn read(reader: &mut Reader<'_>, fields: Fields<'_>) -> RecordingPolicy {
    let mut policy = RecordingPolicy::default();
    if let Some(node) = fields.node("recording") {
        recording(reader, node, &mut policy);
    }
    if let Some(node) = fields.node("redact") {
        let word = reader.word(node, "`redact`", &["digits", "off"]);
        policy.redacts = word.as_deref() == Some("digits");
    }
    policy
}

fn recording(reader: &mut Reader<'_>, node: &Node, policy: &mut RecordingPolicy) {
    if !matches!(node.value, Value::Map(_)) {
        let word = reader.word(node, "`recording`", &["on", "off"]);
        policy.records = word.as_deref() != Some("off");
        return;
    }
    let Some(fields) = reader.map(node, "`recording`", &["keep_days"]) else { return };
    policy.keep_days =
        fields.node("keep_days").and_then(|node| reader.count(node, "`keep_days`", 1..MOST_DAYS));
}

#[cfg(test)]
mod tests {
    use crate::flow::parse::parse;

    fn policy(lines: &str) -> Result<super::RecordingPolicy, String> {
        let text = format!("flow: f\nstart: a\n{lines}\nscenes:\n  a:\n    - hangup: done\n");
        let parsed = parse("f.yaml", &text);
        let found = parsed.diagnostics.first().map(|one| one.message.clone()).unwrap_or_default();
        parsed.flow.map(|flow| flow.recording_policy()).ok_or(found)
    }

    #[test]
    fn a_flow_says_whether_how_long_and_what_is_kept() {
        let all = policy("description: x").unwrap();
        assert!(all.records && all.keep_days.is_none() && !all.redacts);
        assert!(!policy("recording: off").unwrap().records);
        let some = policy("recording: { keep_days: 30 }\nredact: digits").unwrap();
        assert_eq!((some.records, some.keep_days, some.redacts), (true, Some(30), true));
        assert!(policy("recording: { keep_days: 0 }").is_err());
        assert!(policy("redact: names").unwrap_err().contains("redact"));
    }
}
