//! What the functions of expressions give.

use serde_json::Value;

use super::facts::Facts;
use super::values::{Result, amount, date, number, text};
use crate::flow::model::{Function, MAX_RENDERED};
use crate::language::Figure;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Function {
    /// The function's value; the arguments have the kinds of its signature.
    pub(crate) fn of(self, arguments: &[Value], facts: &impl Facts) -> Result<Value> {
        let (nothing, none) = (Value::Null, Value::Null);
        let (first, second) = (arguments.first().unwrap_or(&nothing), arguments.get(1).unwrap_or(&none));
        let word = |value: &Value| text(value);
        Ok(match self {
            Self::Length => Value::from(word(first).chars().count()),
            Self::Lower => Value::from(word(first).to_lowercase()),
            Self::Upper => {
                let upper = word(first).to_uppercase();
                if upper.len() > MAX_RENDERED {
                    return Err(format!("a text grew longer than {MAX_RENDERED} bytes"));
                }
                Value::from(upper)
            }
            Self::Trim => Value::from(word(first).trim()),
            Self::Contains => Value::from(word(first).contains(&word(second))),
            Self::StartsWith => Value::from(word(first).starts_with(&word(second))),
            Self::EndsWith => Value::from(word(first).ends_with(&word(second))),
            Self::Digits => Value::from(word(first).chars().filter(char::is_ascii_digit).collect::<String>()),
            Self::IsNumber => Value::from(Figure::plain(&word(first)).is_some()),
            Self::Number => {
                let written = word(first);
                let parsed = Figure::plain(&written).and_then(|_| written.trim().parse().ok());
                let shown: String = written.chars().take(40).collect();
                number(parsed.ok_or_else(|| format!("\"{shown}\" is not a number"))?)?
            }
            Self::Text => Value::from(word(first)),
            Self::Round => number(amount(first).round())?,
            Self::Floor => number(amount(first).floor())?,
            Self::Ceil => number(amount(first).ceil())?,
            Self::Abs => number(amount(first).abs())?,
            Self::Min => number(amount(first).min(amount(second)))?,
            Self::Max => number(amount(first).max(amount(second)))?,
            Self::Date => Value::from(date(first)?.to_string()),
            Self::DaysUntil => Value::from(date(first)?.days_since(facts.today())),
            Self::Weekday => {
                let at = usize::try_from(date(first)?.weekday()).unwrap_or_default();
                Value::from(WEEKDAYS.get(at).copied().unwrap_or_default())
            }
            Self::Hour => {
                let hour = word(first).split(':').next().and_then(|hour| hour.parse::<u32>().ok());
                Value::from(hour.unwrap_or_default())
            }
        })
    }
}
