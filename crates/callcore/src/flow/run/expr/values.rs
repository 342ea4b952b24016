//! Values as expressions work with them.

use serde_json::Value;

use crate::language::Date;

/// A value, or one sentence on why there is none.
pub(super) type Result<T> = std::result::Result<T, String>;

/// A number in its shortest form: whole where it is.
pub(crate) fn number(n: f64) -> Result<Value> {
    if n.fract() == 0.0 && n.abs() < 9e15 {
        return Ok(Value::from(n as i64));
    }
    if n.is_finite() { Ok(Value::from(n)) } else { Err("a number is too large".to_owned()) }
}

pub(super) fn amount(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

pub(super) fn date(value: &Value) -> Result<Date> {
    let text = value.as_str().unwrap_or_default();
    Date::parse(text)
        .ok_or_else(|| format!("\"{}\" is not a date", text.chars().take(40).collect::<String>()))
}

/// A value as a text joins it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
