//! Before the call: the variables it brings, held against those the flow declares.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use super::super::diagnostic::nearest;
use super::super::model::{Flow, Variable, VariableType};
use super::super::parse::number;
use super::super::words::{Date, TimeOfDay};

/// Longest text a variable may bring, in characters.
const MAX_TEXT: usize = 1_000;

/// Why a flow cannot start with these variables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    #[error("the flow `{flow}` needs the variable `{name}` (a {expected}), but the call brings none{hint}")]
    Missing { flow: String, name: String, expected: &'static str, hint: String },
    #[error("the variable `{name}` of the flow `{flow}` must be a {expected}, but the call brings {found}")]
    WrongType { flow: String, name: String, expected: &'static str, found: String },
    #[error("the variable `{name}` of the flow `{flow}` has more than {MAX_TEXT} characters")]
    TooLong { flow: String, name: String },
}

/// The declared variables with the call's values or their defaults; what is not declared is left out.
pub(super) fn bind(flow: &Flow, brought: &Map<String, Value>) -> Result<Map<String, Value>, StartError> {
    let mut bound = Map::new();
    for (name, variable) in &flow.variables {
        let value = match (brought.get(variable.from.as_deref().unwrap_or(name)), &variable.default) {
            (None | Some(Value::Null), Some(default)) => default.clone(),
            (None | Some(Value::Null), None) => return Err(missing(flow, name, variable, brought)),
            (Some(value), _) => converted(flow, name, variable.kind, value)?,
        };
        bound.insert(name.clone(), value);
    }
    Ok(bound)
}

fn missing(flow: &Flow, name: &str, variable: &Variable, brought: &Map<String, Value>) -> StartError {
    let others: BTreeMap<String, ()> = brought
        .keys()
        .filter(|key| !flow.variables.contains_key(*key) && key.len() <= 64)
        .map(|key| (key.clone(), ()))
        .collect();
    let hint = nearest(name, others.keys().map(String::as_str))
        .map(|near| format!("; it brings `{near}`: is that the one?"))
        .unwrap_or_default();
    StartError::Missing {
        flow: flow.name.clone(),
        name: name.to_owned(),
        expected: variable.kind.as_str(),
        hint,
    }
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
        (VariableType::Number, Value::String(text)) => number(text),
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
