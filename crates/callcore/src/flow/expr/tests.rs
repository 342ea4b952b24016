//! Conditions as they are read, refused and answered.

use std::collections::BTreeMap;

use super::super::model::Variable;
use super::*;

struct Call;

impl Facts for Call {
    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::AmdOutcome => "voicemail".into(),
            Fact::AmdSubtype => "voicemail".into(),
            Fact::LastCheckpoint => "offer".into(),
            Fact::HeardMs => 2_500.into(),
            Fact::HeardAll => false.into(),
            Fact::Interrupted => true.into(),
            Fact::InterruptedBy => "speech".into(),
            Fact::Pressed => "1".into(),
            Fact::Said => "".into(),
        }
    }

    fn variable(&self, _: &str) -> Value {
        7.into()
    }

    fn reached(&self, checkpoint: &str) -> bool {
        checkpoint == "greeting"
    }
}

fn variables() -> BTreeMap<String, Variable> {
    let tries = Variable { kind: VariableType::Number, default: None };
    BTreeMap::from([("tries".to_owned(), tries)])
}

fn holds(text: &str) -> bool {
    parse(text, &variables()).unwrap().expr.holds(&Call)
}

fn refused(text: &str) -> (String, String) {
    let error = parse(text, &variables()).unwrap_err();
    (text.get(error.at).unwrap_or_default().to_owned(), format!("{}; {}", error.message, error.hint))
}

#[test]
fn comparisons_and_words_hold_as_they_read() {
    for yes in [
        "interrupted",
        "amd.outcome == \"voicemail\"",
        "heard_ms > 2000 and heard_ms <= 2500.0",
        "not heard_all and (last_checkpoint == 'offer' or false)",
        "false or tries == 7",
        "reached(\"greeting\") and not reached('offer')",
        "true or false and false",
        "interrupted == true",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in ["heard_ms < 2500", "tries != 7", "not interrupted", "(true or true) and false"] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn errors_point_at_the_word_and_say_what_to_write() {
    let (at, message) = refused("amd.outcome == \"voicmail\"");
    assert_eq!((at.as_str(), message.contains("did you mean `voicemail`")), ("\"voicmail\"", true));
    let (at, message) = refused("interupted and tries > 1");
    assert_eq!((at.as_str(), message.contains("did you mean `interrupted`")), ("interupted", true));
    let (at, message) = refused("tries = 1");
    assert_eq!((at.as_str(), message.contains("`==`")), ("=", true));
    assert_eq!(refused("pressed == 1").0, "pressed == 1");
    assert_eq!(refused("pressed").0, "pressed");
    assert_eq!(refused("pressed > \"1\"").0, ">");
    assert_eq!(refused("interrupted && heard_all").0, "&&");
    assert_eq!(refused("(interrupted").0, "(");
    assert_eq!(refused("interrupted heard_all").0, "heard_all");
    assert_eq!(refused("reached(offer)").0, "reached");
    assert_eq!(refused("interrupted and").0, "d");
}

#[test]
fn deep_or_endless_conditions_are_refused() {
    assert!(parse(&"(".repeat(300), &variables()).is_err());
    assert!(parse(&"not ".repeat(300), &variables()).is_err());
    assert!(parse(&"true or ".repeat(5_000), &variables()).is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[a-z0-9_.()\"'=!<>&| -]{0,60}|\\PC{0,40}") {
        if let Err(error) = parse(&text, &variables()) {
            proptest::prop_assert!(text.get(error.at).is_some());
        }
    }
}
