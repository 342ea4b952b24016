//! What can be used but is probably not meant: warnings, of which those that look at the whole flow need one without
//! errors.

mod choices;
mod exits;
mod first_act;
mod opening;
mod variables;
mod verdicts;

use crate::flow::model::Flow;
use crate::flow::read::{Entry, Node, Reader, Value};

/// Warns about what is probably not meant. `root` is the file the flow was read from.
pub(super) fn check(reader: &mut Reader<'_>, root: &Node, flow: &Flow) {
    if !reader.has_errors() {
        variables::check(reader, flow);
        exits::check(reader, flow);
        verdicts::check(reader, root, flow);
    }
    if !reader.steps_missing {
        opening::check(reader, root, flow);
    }
    let handlers = choices::Handlers::of(root);
    steps_named(root, "ask", &mut |ask| choices::ask(reader, ask, &handlers));
    steps_named(root, "branch", &mut |branch| choices::branch(reader, branch));
}

/// Every entry of the scenes whose key is `word`, wherever it is nested.
fn steps_named(root: &Node, word: &str, found: &mut impl FnMut(&Entry)) {
    if let Some(scenes) = root.entry("scenes") {
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

#[cfg(test)]
mod tests {
    use crate::flow::parse::parse;

    fn warnings(text: &str) -> Vec<String> {
        let found = parse("f.yaml", text).diagnostics;
        found
            .iter()
            .map(|d| format!("{}:{} {}: {}", d.line, d.column, d.severity.as_str(), d.message))
            .collect()
    }

    fn asking(choices: &str) -> Vec<String> {
        warnings(&format!(
            "flow: a\nstart: s\nscenes:\n  s:\n    - say: Hi\n    - ask:\n        say: Well?\n        no_input: e\n        no_match: e\n{choices}\n  e: [ hangup ]\n"
        ))
    }

    #[test]
    fn a_key_that_begins_another_needs_a_stated_patience() {
        let found = asking("        choices: { \"1\": e, \"12\": e }");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("10:20 warning: `1` also begins `12`"), "{found:?}");
        assert!(asking("        digit_timeout: 2s\n        choices: { \"1\": e, \"12\": e }").is_empty());
    }

    #[test]
    fn words_ahead_of_a_question_that_takes_none_are_told() {
        let keys = asking("        answer_ahead: true\n        choices: { \"1\": e, \"2\": e }");
        assert!(keys.iter().any(|found| found.contains("no words answer this question")), "{keys:?}");
        let words =
            asking("        answer_ahead: false\n        choices: { \"1\": { phrases: [yes], goto: e } }");
        assert!(words.is_empty(), "{words:?}");
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
    fn a_choice_that_takes_what_yes_no_or_a_handler_waits_for_is_told() {
        let ask = |extra: &str, choices: &str| {
            warnings(&format!(
                "flow: a\nlanguage: id\nstart: s\n{extra}scenes:\n  s:\n    - say: Halo\n    - ask:\n        say: Ya?\n        no_input: e\n        no_match: e\n        choices: {choices}\n        yes_no: {{ yes: e, no: e }}\n  e: [ hangup ]\n"
            ))
        };
        let found = ask("", "{ \"1\": { phrases: [iya betul], goto: e } }");
        assert!(found.iter().any(|f| f.contains("the key `1` also means yes")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("\"iya betul\" also means yes")), "{found:?}");
        assert!(ask("", "{ \"3\": { phrases: [petugas], goto: e } }").is_empty());
        let handlers = "handlers: [ { says: [stop], press: \"0\", goto: e } ]\n";
        let found = ask(handlers, "{ \"0\": { phrases: [stop it now], goto: e } }");
        assert!(found.iter().any(|f| f.contains("the key `0` has a handler")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("holds \"stop\"")), "{found:?}");
    }

    #[test]
    fn keys_told_apart_by_a_leading_zero_are_told() {
        let found = asking("        digit_timeout: 2s\n        choices: { \"1\": e, \"01\": e }");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`01` and `1`"), "{found:?}");
    }

    #[test]
    fn a_flow_that_asks_before_it_greets_is_told_unless_it_waits_for_a_person() {
        let begin = |amd: &str, steps: &str| {
            warnings(&format!(
                "flow: a\nstart: s\n{amd}scenes:\n  s: [ {{ goto: t }} ]\n  t:\n{steps}    - ask: {{ say: Well?, no_input: e, no_match: e, choices: {{ \"1\": {{ phrases: [one], goto: e }} }} }}\n  e: [ hangup ]\n"
            ))
        };
        let found = begin("", "");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("6:7 warning: the call begins with this question"), "{found:?}");
        assert!(begin("", "    - say: Hello\n").is_empty());
        assert!(begin("amd: { on: { voicemail: e } }\n", "").is_empty());
    }

    #[test]
    fn a_language_that_nobody_speaks_is_told() {
        let of = |tag: &str| {
            warnings(&format!("flow: a\nlanguage: {tag}\nstart: s\nscenes: {{ s: [ {{ say: Hi }} ] }}\n"))
        };
        for (tag, says) in
            [("xx", "`xx`"), ("cn", "`zh`"), ("en-UK", "`en-GB`"), ("jp-JP", "`ja`"), ("ind", "`id`")]
        {
            let found = of(tag);
            assert_eq!(found.len(), 1, "{tag}");
            assert!(found[0].contains(says) || tag != "xx", "{found:?}");
        }
        for tag in ["en", "id-ID", "pt-BR", "jv", "fil", "yue", "zh-Hant"] {
            assert!(of(tag).is_empty(), "{tag}");
        }
    }

    #[test]
    fn a_spoken_text_that_goes_on_in_a_comment_is_told() {
        let says = |step: &str| warnings(&format!("flow: a\nstart: s\nscenes:\n  s:\n    - {step}\n"));
        assert!(says("say: Press # to finish")[0].starts_with("5:18 warning: the text ends before this"));
        assert_eq!(says("say: See you #1 fan, room # 5").len(), 1, "it is told once");
        assert!(says("hangup # it is over").is_empty());
        assert!(says("say: Hello  # the greeting").is_empty());
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
