//! A JSON object whose names are taken in any case, read field by field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(super) struct Invalid {
    pub(super) field: &'static str,
    pub(super) problem: String,
}

pub(super) fn invalid<T>(field: &'static str, problem: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { field, problem: problem.into() })
}

/// A JSON object whose names are looked up in any case.
pub(super) struct Fields(BTreeMap<String, (String, Value)>);

impl Fields {
    pub(super) fn new(body: Map<String, Value>) -> Self {
        Self(body.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), (name, value))).collect())
    }

    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(&field.to_ascii_lowercase()).map(|(_, value)| value)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => invalid(field, "must be a text in quotes"),
        }
    }

    pub(super) fn whole(&mut self, field: &'static str) -> Result<Option<u64>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64().or_else(|| whole(&value)) {
                Some(number) => Ok(Some(number)),
                None => invalid(field, "must be a whole number, 0 or more"),
            },
        }
    }

    /// Absent means no.
    pub(super) fn yes(&mut self, field: &'static str) -> Result<bool, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(yes)) => Ok(yes),
            Some(_) => invalid(field, "must be true or false"),
        }
    }

    pub(super) fn object(&mut self, field: &'static str) -> Result<Option<Map<String, Value>>, Invalid> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => invalid(field, "must be an object, { … }"),
        }
    }

    /// The names that nobody asked for, with `before` in front.
    pub(super) fn rest(self, before: &'static str) -> impl Iterator<Item = String> {
        self.0.into_values().map(move |(name, _)| format!("{before}{name}"))
    }
}

/// JSON knows one kind of number: 500.0 is 500.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=1e15).contains(number))?;
    Some(number as u64)
}
