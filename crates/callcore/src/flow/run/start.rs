//! Before the call: the variables it brings, held against those the flow declares. A variable `user_name` is also filled
//! by `userName`, `UserName` or `user-name`, as callers write it; its own spelling goes before all others.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::flow::model::{Flow, Variable, VariableType, certain_number};
use crate::language::{Date, Misread, TimeOfDay, nearest};

/// Longest text a variable may bring, in characters.
const MAX_TEXT: usize = 1_000;

/// Why a flow cannot start with these variables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    #[error("the flow `{flow}` needs the variable `{name}` (a {expected}), but the call brings none{hint}")]
    Missing { flow: String, name: String, expected: &'static str, hint: String },
    #[error("the variable `{name}` of the flow `{flow}` must be a {expected}, but the call brings {found}")]
    WrongType { flow: String, name: String, expected: &'static str, found: String },
    #[error(
        "the number variable `{name}` of the flow `{flow}` cannot be \"{found}\", which may be two numbers; {hint}"
    )]
    Ambiguous { flow: String, name: String, found: String, hint: String },
    #[error("the variable `{name}` of the flow `{flow}` has more than {MAX_TEXT} characters")]
    TooLong { flow: String, name: String },
    #[error(
        "the call brings `{first}` and `{second}`, which both stand for the variable `{name}` of the flow `{flow}`; \
             send one of them, or `{name}`"
    )]
    Twice { flow: String, name: String, first: String, second: String },
    /// More than one thing is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<StartError>),
}

impl StartError {
    /// The variables that are wrong, each with what is wrong with it.
    #[must_use]
    pub fn each(&self) -> Vec<(&str, String)> {
        match self {
            Self::Missing { name, .. }
            | Self::WrongType { name, .. }
            | Self::Ambiguous { name, .. }
            | Self::TooLong { name, .. }
            | Self::Twice { name, .. } => vec![(name, self.to_string())],
            Self::Several(all) => all.iter().flat_map(Self::each).collect(),
        }
    }
}

/// Where the value of a variable comes from.
enum Source<'a> {
    Given(&'a str, &'a Value),
    Absent,
    Twice(&'a str, &'a str),
}

/// The letters and digits of a name in one case: what all spellings of it have in common.
fn folded(name: &str) -> String {
    name.chars().filter(|sign| !matches!(sign, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

/// The name under which a variable is asked for.
fn wanted<'f>(name: &'f str, variable: &'f Variable) -> &'f str {
    variable.from.as_deref().unwrap_or(name)
}

fn source<'a>(flow: &Flow, wanted_name: &'a str, brought: &'a Map<String, Value>) -> Source<'a> {
    let given = |key: &str| brought.get_key_value(key).filter(|(_, value)| !value.is_null());
    if let Some((key, value)) = given(wanted_name) {
        return Source::Given(key, value);
    }
    let alike = folded(wanted_name);
    let declared = |key: &str| {
        let mut others = flow.variables.iter().map(|(name, variable)| wanted(name, variable));
        others.any(|other| other != wanted_name && (other == key || folded(other) == alike))
    };
    let mut others = brought.iter().filter(|(key, value)| {
        !value.is_null() && key.as_str() != wanted_name && folded(key) == alike && !declared(key)
    });
    match (others.next(), others.next()) {
        (None, _) => Source::Absent,
        (Some((key, value)), None) => Source::Given(key, value),
        (Some((first, _)), Some((second, _))) => Source::Twice(first, second),
    }
}

impl Flow {
    /// Of what a call brings, the names that no variable is filled from.
    #[must_use]
    pub fn unused(&self, brought: &Map<String, Value>) -> Vec<String> {
        let wanted = self.variables.iter().map(|(name, variable)| wanted(name, variable));
        let used: Vec<&str> = wanted
            .filter_map(|wanted| match source(self, wanted, brought) {
                Source::Given(key, _) => Some(key),
                Source::Absent | Source::Twice(..) => None,
            })
            .collect();
        brought.keys().filter(|key| !used.contains(&key.as_str())).cloned().collect()
    }
}

/// The declared variables with the call's values or their defaults; what is not declared is left out.
pub(super) fn bind(flow: &Flow, brought: &Map<String, Value>) -> Result<Map<String, Value>, StartError> {
    let mut bound = Map::new();
    let mut wrong = Vec::new();
    for (name, variable) in &flow.variables {
        let value = match (source(flow, wanted(name, variable), brought), &variable.default) {
            (Source::Absent, Some(default)) => Ok(default.clone()),
            (Source::Absent, None) => Err(missing(flow, name, variable, brought)),
            (Source::Given(_, value), _) => converted(flow, name, variable.kind, value),
            (Source::Twice(first, second), _) => Err(StartError::Twice {
                flow: flow.name.clone(),
                name: name.clone(),
                first: first.to_owned(),
                second: second.to_owned(),
            }),
        };
        match value {
            Ok(value) => drop(bound.insert(name.clone(), value)),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.len() > 1 {
        return Err(StartError::Several(wrong));
    }
    wrong.pop().map_or(Ok(bound), Err)
}

fn missing(flow: &Flow, name: &str, variable: &Variable, brought: &Map<String, Value>) -> StartError {
    let others: BTreeMap<String, ()> = brought
        .keys()
        .filter(|key| !flow.variables.contains_key(*key) && key.len() <= 64)
        .map(|key| (key.clone(), ()))
        .collect();
    let mut hint = nearest(name, others.keys().map(String::as_str))
        .map(|near| format!("; it brings `{near}`: is that the one?"))
        .unwrap_or_default();
    let wanted = wanted(name, variable);
    let camel = camel_case(wanted);
    if camel != wanted {
        hint.push_str(&format!("; send it as `{wanted}` or `{camel}`"));
    } else if wanted != name {
        hint.push_str(&format!("; send it as `{wanted}`"));
    }
    StartError::Missing {
        flow: flow.name.clone(),
        name: name.to_owned(),
        expected: variable.kind.as_str(),
        hint,
    }
}

/// `user_name` as `userName`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |letter| {
            camel.chars().chain(letter.to_uppercase()).chain(letters).collect()
        })
    })
}

/// The value in the variable's type. Callers send numbers as texts and texts as numbers; both are taken.
pub(super) fn converted(
    flow: &Flow,
    name: &str,
    kind: VariableType,
    value: &Value,
) -> Result<Value, StartError> {
    let converted = match (kind, value) {
        (VariableType::Text, Value::String(text)) if text.chars().count() > MAX_TEXT => {
            return Err(StartError::TooLong { flow: flow.name.clone(), name: name.to_owned() });
        }
        (VariableType::Text, Value::String(_))
        | (VariableType::Number, Value::Number(_))
        | (VariableType::Boolean, Value::Bool(_)) => Some(value.clone()),
        (VariableType::Text, Value::Number(number)) => Some(Value::from(number.to_string())),
        (VariableType::Text, Value::Bool(yes)) => Some(Value::from(yes.to_string())),
        (VariableType::Number, Value::String(text)) => match certain_number(text) {
            Ok(number) => Some(number),
            Err(misread @ Misread::Ambiguous { .. }) => {
                let (flow, name) = (flow.name.clone(), name.to_owned());
                let hint = misread.hint().unwrap_or_default();
                return Err(StartError::Ambiguous {
                    flow,
                    name,
                    found: text.chars().take(40).collect(),
                    hint,
                });
            }
            Err(Misread::NotANumber) => None,
        },
        (VariableType::Boolean, Value::String(text)) => text.parse().ok().map(Value::Bool),
        (VariableType::Date, Value::String(text)) => {
            // A time of day behind the date is what databases and spreadsheets add to it.
            let day = text.trim().split(['T', ' ']).next().unwrap_or_default();
            Date::parse(day).map(|date| Value::from(date.to_string()))
        }
        (VariableType::Time, Value::String(text)) => {
            TimeOfDay::parse(text).map(|time| Value::from(time.to_string()))
        }
        (
            VariableType::Text
            | VariableType::Number
            | VariableType::Boolean
            | VariableType::Date
            | VariableType::Time,
            _,
        ) => None,
    };
    converted.ok_or_else(|| StartError::WrongType {
        flow: flow.name.clone(),
        name: name.to_owned(),
        expected: kind.as_str(),
        found: described(value),
    })
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text \"{}\"", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::flow::parse::parse;
    use crate::flow::run::Run;

    fn flow(variables: &str) -> Arc<Flow> {
        let text = format!(
            "flow: f\nvariables: {{ {variables} }}\nstart: a\nscenes: {{ a: [ {{ hangup: done }} ] }}\n"
        );
        Arc::new(parse("f.yaml", &text).flow.unwrap())
    }

    fn begun(flow: &Arc<Flow>, brought: Value) -> Result<Map<String, Value>, String> {
        let run = Run::new(Arc::clone(flow), brought.as_object().cloned().unwrap_or_default());
        run.map(|run| run.variables().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_is_filled_in_whichever_case_its_name_is_sent() {
        let flow = flow("user_name: text, user_id: { type: text, default: none }");
        for key in ["user_name", "userName", "UserName", "USER_NAME", "user-name", "username"] {
            assert_eq!(begun(&flow, json!({ key: "John" })).unwrap()["user_name"], "John", "{key}");
        }
        assert_eq!(begun(&flow, json!({"userName": "J", "userID": 7})).unwrap()["user_id"], "7");
    }

    #[test]
    fn the_variables_own_spelling_goes_before_others_and_two_others_are_one_too_many() {
        let flow = flow("user_name: text");
        let both = json!({"userName": "camel", "user_name": "own", "other": 1});
        assert_eq!(begun(&flow, both.clone()).unwrap()["user_name"], "own");
        assert_eq!(flow.unused(both.as_object().unwrap()), ["other", "userName"]);
        assert_eq!(
            begun(&flow, json!({"userName": "camel", "user_name": null})).unwrap()["user_name"],
            "camel"
        );
        let told = begun(&flow, json!({"userName": "a", "UserName": "b"})).unwrap_err();
        assert!(
            told.contains("`UserName` and `userName`, which both stand for the variable `user_name`"),
            "{told}"
        );
    }

    #[test]
    fn variables_whose_names_differ_in_case_only_keep_apart() {
        let flow = flow("user_name: text, username: text");
        let bound = begun(&flow, json!({"user_name": "a", "username": "b"})).unwrap();
        assert_eq!((&bound["user_name"], &bound["username"]), (&json!("a"), &json!("b")));
        assert!(begun(&flow, json!({"userName": "a", "username": "b"})).unwrap_err().contains("`user_name`"));
    }

    #[test]
    fn all_variables_that_are_wrong_are_told_at_once() {
        let flow = flow("user_name: text, amount: { type: number }, due: text");
        let error = Run::new(flow, json!({"amount": "x"}).as_object().cloned().unwrap()).unwrap_err();
        let names: Vec<&str> = error.each().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["amount", "due", "user_name"]);
        assert!(error.to_string().contains("send it as `user_name` or `userName`"), "{error}");
    }
}
