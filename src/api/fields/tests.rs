//! What people send, and what they are told.

use super::*;

/// The fields that are wrong, and why.
fn told(problem: &Problem) -> Vec<(String, String)> {
    problem.errors().iter().map(|wrong| (wrong.field.clone(), wrong.problem.clone())).collect()
}

fn read<T>(body: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Vec<(String, String)>> {
    json_as(Ok(body.to_owned().into()), Code::Malformed, read).map_err(|problem| told(&problem))
}

fn asked<T>(text: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Vec<(String, String)>> {
    let pairs = crate::api::extract::pairs(text);
    query(pairs, read).map_err(|problem| told(&problem))
}

#[test]
fn a_whole_number_may_be_written_with_a_point_in_bodies_and_in_queries() {
    let number = |fields: &mut Fields<'_>| fields.whole("n", 0..=500);
    for text in ["262", "262.0", "2.62e2", "262.000"] {
        assert_eq!(read(&format!("{{\"n\": {text}}}"), number), Ok(Some(262)), "{text}");
        assert_eq!(asked(&format!("n={text}"), number), Ok(Some(262)), "{text}");
    }
    for text in ["262.5", "501", "-1", "true", "\"262\"", "[262]"] {
        let told = read(&format!("{{\"n\": {text}}}"), number).unwrap_err();
        assert_eq!(told, [("n".to_owned(), "must be a whole number from 0 to 500".to_owned())], "{text}");
    }
    assert!(asked("n=", number).is_err() && asked("n=x", number).is_err());
}

#[test]
fn what_is_inside_is_told_with_its_whole_path() {
    let told = read(r#"{"a": {"b": {"n": "x"}, "list": ["y", 1, ""], "stranger": 1}}"#, |fields| {
        fields.within("a", |a| {
            a.within("b", |b| b.whole("n", 0..=1));
            a.list("list", 5, |text| checked_text(text, 10));
        });
    });
    let paths: Vec<String> = told.unwrap_err().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a.b.n", "a.list[1]", "a.list[2]", "a.stranger"]);
}

#[test]
fn strangers_are_told_with_the_fields_there_are() {
    let told = read(r#"{"colour": 1}"#, |fields| fields.yes("big")).unwrap_err();
    assert_eq!(told, [("colour".to_owned(), "is no field here; there are big".to_owned())]);
    let told = asked("colour=1&big=yes", |fields| fields.yes("big")).unwrap_err();
    assert_eq!(told[0], ("big".to_owned(), "must be true or false".to_owned()));
    assert_eq!(told[1], ("colour".to_owned(), "is no parameter here; there are big".to_owned()));
    assert!(asked("big=true&big=false", |fields| fields.yes("big")).unwrap_err()[0].1.contains("twice"));
}

#[test]
fn null_is_absent_unless_it_takes_away() {
    let text = |fields: &mut Fields<'_>| fields.text("a", 5);
    assert_eq!(read(r#"{"a": null}"#, text), Ok(None));
    let nullable = |fields: &mut Fields<'_>| fields.nullable("a", |fields, name| fields.text(name, 5));
    assert_eq!(read(r#"{"a": null}"#, nullable), Ok(Some(None)));
    assert_eq!(read("{}", nullable), Ok(None));
    assert_eq!(read(r#"{"a": " b "}"#, nullable), Ok(Some(Some("b".to_owned()))));
    let required =
        |fields: &mut Fields<'_>| fields.required("a", "send it", |fields, name| fields.text(name, 5));
    assert_eq!(read(r#"{"a": null}"#, required).unwrap_err()[0].1, "is missing; send it");
}

#[test]
fn texts_are_bounded_and_hold_no_signs_that_nobody_sees() {
    let text = |fields: &mut Fields<'_>| fields.text("a", 5);
    for (sent, told) in [
        ("", "is empty; give it a value"),
        ("  ", "is empty; give it a value"),
        ("sixsix", "has 6 characters; 5 is the most"),
        ("a\\r\\nb", "has a line break or another control character in it; take it out"),
        ("a\\u001b", "has a line break or another control character in it; take it out"),
        ("{{a}}", "holds the placeholder {{a}}, which was not filled in"),
    ] {
        let wrong = read(&format!("{{\"a\": \"{sent}\"}}"), text).unwrap_err();
        assert_eq!(wrong, [("a".to_owned(), told.to_owned())], "{sent}");
    }
    assert_eq!(read(r#"{"a": "größe"}"#, text), Ok(Some("größe".to_owned())));
}

#[test]
fn many_faults_are_told_up_to_a_limit() {
    let members: Vec<String> = (0..150).map(|n| format!("\"f{n}\": 1")).collect();
    let body = format!("{{{}}}", members.join(", "));
    let problem = json_as(Ok(body.into()), Code::Malformed, |fields| fields.yes("a")).unwrap_err();
    assert_eq!(problem.errors().len(), 100);
    assert!(problem.detail().ends_with("; and 145 more, of which `errors` names 95"), "{}", problem.detail());
}
