//! Conditions as they are read, refused and answered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::Facts;
use crate::flow::model::{Expr, Fact, SceneId, Variable, VariableType};
use crate::flow::read::{ExprError, Names, parse_expression as parse};
use crate::language::Date;

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
            Fact::Picked => "yes".into(),
            Fact::Returned => "".into(),
            Fact::Today => "2026-11-21".into(),
            Fact::Now => "09:30".into(),
            Fact::SessionAmd => "amd_machine_detected".into(),
            Fact::SessionSaw(event) => (event == "amd_machine_detected").into(),
            Fact::SessionEvents => "amd_machine_detected".into(),
            Fact::SessionGreeting | Fact::SessionReason => "".into(),
            Fact::HeardText => "Hello.".into(),
            Fact::SessionRingMs | Fact::SessionConnectMs | Fact::HeardWords => 0.into(),
        }
    }

    fn variable(&self, name: &str) -> Value {
        match name {
            "due" => "2026-11-30".into(),
            "name" => "Ani".into(),
            _ => 7.into(),
        }
    }

    fn reached(&self, checkpoint: &str) -> bool {
        checkpoint == "greeting"
    }

    fn visits(&self, scene: SceneId) -> u32 {
        u32::try_from(scene.0).unwrap() + 3
    }

    fn today(&self) -> Date {
        Date::parse("2026-11-21").unwrap()
    }
}

fn variables() -> BTreeMap<String, Variable> {
    let of = |kind| Variable { kind, default: None, from: None };
    BTreeMap::from([
        ("tries".to_owned(), of(VariableType::Number)),
        ("due".to_owned(), of(VariableType::Date)),
        ("name".to_owned(), of(VariableType::Text)),
    ])
}

fn read(text: &str, wanted: Option<VariableType>) -> std::result::Result<Expr, ExprError> {
    let scenes = BTreeMap::from([("menu".to_owned(), SceneId(1))]);
    let names = Names { variables: &variables(), scenes: &scenes };
    parse(text, names, wanted).map(|parsed| parsed.expr).map_err(|mut wrong| wrong.swap_remove(0))
}

fn condition(text: &str) -> std::result::Result<Expr, ExprError> {
    read(text, Some(VariableType::Boolean))
}

fn holds(text: &str) -> bool {
    condition(text).unwrap().holds(&Call).unwrap()
}

fn value(text: &str) -> Value {
    read(text, None).unwrap().value(&Call).unwrap()
}

fn refused(text: &str) -> (String, String) {
    let error = condition(text).unwrap_err();
    (text.get(error.at).unwrap_or_default().to_owned(), format!("{}; {}", error.message, error.hint))
}

#[test]
fn every_name_that_means_nothing_is_told() {
    let scenes = BTreeMap::new();
    let variables = variables();
    let names = Names { variables: &variables, scenes: &scenes };
    let wrong = |text| {
        let found = parse(text, names, Some(VariableType::Boolean)).unwrap_err();
        found.into_iter().map(|wrong| text[wrong.at].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(wrong("foo > 2 and bar == \"x\" and baz(1)"), ["foo", "bar", "baz"]);
    assert_eq!(wrong("tries > \"2\" and bar"), ["tries > \"2\"", "bar"]);
    assert_eq!(wrong("tries > 2 and (name"), ["("]);
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
    assert!(condition(&"(".repeat(300)).is_err());
    assert!(condition(&"not ".repeat(300)).is_err());
    assert!(condition(&"-".repeat(300)).is_err());
    assert!(condition(&"if(".repeat(300)).is_err());
    assert!(condition(&"lower(".repeat(300)).is_err());
    assert!(condition(&"true or ".repeat(5_000)).is_err());
}

#[test]
fn values_are_worked_out_in_the_usual_order() {
    for (text, result) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("tries - 1 - 1", "5"),
        ("10 / 4", "2.5"),
        ("-7 % 3", "2"),
        ("- -tries", "7"),
        ("0.1 + 0.2 < 0.31", "true"),
        ("\"Hello \" + name + \", \" + tries", "\"Hello Ani, 7\""),
        ("today + 7", "\"2026-11-28\""),
        ("due - today", "9"),
        ("days_until(due)", "9"),
        ("due < \"2026-12-01\" and today <= due", "true"),
        ("weekday(today)", "\"saturday\""),
        ("now >= \"9:00\" and hour(now) == 9", "true"),
        ("length(\"Åsa\")", "3"),
        ("upper(trim(\"  a \")) + lower(\"B\")", "\"Ab\""),
        ("contains(name, \"ni\") and starts_with(name, \"A\") and not ends_with(name, \"A\")", "true"),
        ("digits(\"0812-34\")", "\"081234\""),
        ("number(\"12.5\") + 1", "13.5"),
        ("is_number(\"12a\")", "false"),
        ("text(tries) == \"7\"", "true"),
        ("round(2.5) + floor(2.9) + ceil(2.1) + abs(-1)", "9"),
        ("min(3, tries) + max(3, tries)", "10"),
        ("if(tries > 5, \"many\", \"few\")", "\"many\""),
        ("matches(name, \"^a.i$\")", "true"),
        ("visits(\"menu\") > 3", "true"),
        ("date(\"2026-01-31\")", "\"2026-01-31\""),
    ] {
        assert_eq!(value(text).to_string(), result, "{text}");
    }
}

#[test]
fn what_depends_on_values_fails_with_a_sentence() {
    let fails = |text: &str| read(text, None).unwrap().value(&Call).unwrap_err();
    assert_eq!(fails("1 / (tries - 7)"), "a number is divided by zero");
    assert_eq!(fails("number(name)"), "\"Ani\" is not a number");
    assert_eq!(fails("date(name)"), "\"Ani\" is not a date");
    assert_eq!(fails("today + 1000000000"), "a date is too far away");
    let large = vec!["999999999999999"; 30].join(" * ");
    assert_eq!(fails(&large), "a number is too large");
}

#[test]
fn kinds_that_do_not_go_together_are_refused_when_the_flow_is_read() {
    let refused = |text: &str, wanted| {
        let error = read(text, wanted).unwrap_err();
        assert!(text.get(error.at.clone()).is_some(), "{text}");
        (text[error.at].to_owned(), error.message)
    };
    let (at, message) = refused("name * 2", None);
    assert_eq!((at.as_str(), message.as_str()), ("name * 2", "a number cannot be multiplied with a text"));
    assert_eq!(refused("name", Some(VariableType::Number)).1, "the value needs a number, but this is a text");
    assert_eq!(refused("due < \"31.5.2026\"", None).0, "\"31.5.2026\"");
    assert_eq!(refused("-name", None).1, "a text has no negative");
    assert_eq!(refused("lenght(name)", None).1, "there is no function `lenght`");
    assert_eq!(refused("length(name, 2)", None).1, "`length` takes 1 value, not 2");
    assert_eq!(refused("length(tries)", None).1, "`length` needs a text, but this is a number");
    assert_eq!(refused("visits(\"mneu\")", None).0, "\"mneu\"");
    assert_eq!(refused("matches(name, \"(a\")", None).0, "(");
    assert_eq!(refused("matches(name, name)", None).1, "`matches` needs a text and a pattern in quotes");
    assert_eq!(refused("if(tries, 1, 2)", None).0, "tries");
    assert_eq!(refused("due + due", None).1, "a date cannot be added to a date");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[a-z0-9_.()\"'=!<>&| -]{0,60}|\\PC{0,40}") {
        if let Err(error) = condition(&text) {
            proptest::prop_assert!(text.get(error.at).is_some());
        }
    }
}
