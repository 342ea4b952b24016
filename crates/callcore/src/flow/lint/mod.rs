//! What can be used but is probably not meant: warnings about a flow that has no errors.

mod choices;
mod exits;
mod variables;
mod verdicts;

use super::model::Flow;
use super::reader::Reader;
use super::yaml::{Entry, Node, Value};

/// Warns about what is probably not meant. `root` is the file the flow was read from.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    if reader.has_errors() {
        return;
    }
    variables::check(reader, flow);
    exits::check(reader, flow);
    verdicts::check(reader, root, flow);
    steps_named(root, "ask", &mut |ask| choices::ask(reader, ask));
    steps_named(root, "branch", &mut |branch| choices::branch(reader, branch));
}

/// Every entry of the scenes whose key is `word`, wherever it is nested.
fn steps_named(root: &Node, word: &str, found: &mut impl FnMut(&Entry)) {
    if let Some(scenes) = entry(root, "scenes") {
        walk(&scenes.value, word, found);
    }
}

fn walk(node: &Node, word: &str, found: &mut impl FnMut(&Entry)) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter().for_each(|item| walk(item, word, found)),
        Value::Map(entries) => {
            for entry in entries {
                if entry.key == word {
                    found(entry);
                }
                walk(&entry.value, word, found);
            }
        }
    }
}

/// An entry of a map.
fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
        Value::Scalar { .. } | Value::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn warnings(text: &str) -> Vec<String> {
        let found = parse("f.yaml", text).diagnostics;
        found
            .iter()
            .map(|d| format!("{}:{} {}: {}", d.line, d.column, d.severity.as_str(), d.message))
            .collect()
    }

    fn asking(choices: &str) -> Vec<String> {
        warnings(&format!(
            "flow: a\nstart: s\nscenes:\n  s:\n    - ask:\n        say: Well?\n        no_input: e\n        no_match: e\n{choices}\n  e: [ hangup ]\n"
        ))
    }

    #[test]
    fn a_key_that_begins_another_needs_a_stated_patience() {
        let found = asking("        choices: { \"1\": e, \"12\": e }");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("9:20 warning: `1` also begins `12`"), "{found:?}");
        assert!(asking("        digit_timeout: 2s\n        choices: { \"1\": e, \"12\": e }").is_empty());
    }

    #[test]
    fn a_phrase_inside_another_choices_phrase_is_told() {
        let found = asking(
            "        choices: { \"1\": { phrases: [cancel], goto: e }, \"2\": { phrases: [do not cancel], goto: e } }",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("\"cancel\" (choice `1`) is part of \"do not cancel\" (choice `2`)"),
            "{found:?}"
        );
        assert!(asking("        choices: { \"1\": { phrases: [pay, pay now], goto: e }, \"2\": { phrases: [no], goto: e } }").is_empty());
    }

    #[test]
    fn scenes_that_only_lead_to_one_another_are_told_once() {
        let text = "flow: a\nstart: s\nscenes:\n  s: [ { say: Hi }, { goto: t } ]\n  t: [ { say: Ho }, { goto: s } ]\n";
        let found = warnings(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("4:3 warning: a call never gets out of the scenes `s` and `t`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_mailbox_scene_that_does_not_wait_is_told_and_so_is_a_missing_branch() {
        let on = |on: &str| {
            warnings(&format!(
                "flow: a\nstart: s\namd:\n  on: {{ {on} }}\nscenes:\n  s: [ {{ say: Hi }} ]\n  w: [ wait_for_beep, {{ say: Call us }} ]\n  v: [ {{ goto: s }} ]\n"
            ))
        };
        assert!(on("voicemail: w, human: v").is_empty());
        let found = on("voicemail: v, human: w");
        assert!(found[0].contains("speaks while the greeting may still run"), "{found:?}");
        let found = on("human: w, fax: v");
        assert!(found[0].contains("`on` has no scene for `voicemail`"), "{found:?}");
    }

    #[test]
    fn a_variable_that_only_steps_write_needs_a_default() {
        let flow = |declared: &str, says: &str| {
            warnings(&format!(
                "flow: a\nstart: s\nvariables: {{ food: {declared} }}\nscenes:\n  s: [ {{ set: {{ food: good }} }}, {{ say: \"{says}\" }} ]\n"
            ))
        };
        let found = flow("text", "Hi");
        assert!(found[0].starts_with("3:14 warning: every call must bring `food`"), "{found:?}");
        assert!(flow("{ type: text, default: none }", "Hi").is_empty());
        assert!(flow("text", "{{ food }}").is_empty(), "what it brought may have been said before");
    }

    #[test]
    fn a_condition_that_stands_twice_is_told() {
        let text = "flow: a\nstart: s\nscenes:\n  s:\n    - branch:\n        - { when: heard_all, goto: e }\n        - { when: \"heard_all\", goto: s }\n    - say: Hi\n  e: [ hangup ]\n";
        let found = warnings(text);
        assert!(
            found.iter().any(|f| f.starts_with("7:19 warning: this condition stands above already")),
            "{found:?}"
        );
    }
}
