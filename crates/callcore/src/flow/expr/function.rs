//! The functions of expressions: their names, what they take, and what they give.

use serde_json::Value;

use super::super::model::VariableType::{self, Boolean, Date as DateKind, Number, Text, Time};
use super::super::template::MAX_RENDERED;
use super::super::words::Figure;
use super::{Facts, Result, amount, date, number, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Function {
    Length,
    Lower,
    Upper,
    Trim,
    Contains,
    StartsWith,
    EndsWith,
    Digits,
    IsNumber,
    Number,
    Text,
    Round,
    Floor,
    Ceil,
    Abs,
    Min,
    Max,
    Date,
    DaysUntil,
    Weekday,
    Hour,
}

/// A function's name, the kinds it takes, and the kind it gives.
pub(super) struct Signature {
    pub name: &'static str,
    pub function: Function,
    pub takes: &'static [VariableType],
    pub gives: VariableType,
}

const fn signature(
    name: &'static str,
    function: Function,
    takes: &'static [VariableType],
    gives: VariableType,
) -> Signature {
    Signature { name, function, takes, gives }
}

const SIGNATURES: [Signature; 21] = [
    signature("length", Function::Length, &[Text], Number),
    signature("lower", Function::Lower, &[Text], Text),
    signature("upper", Function::Upper, &[Text], Text),
    signature("trim", Function::Trim, &[Text], Text),
    signature("contains", Function::Contains, &[Text, Text], Boolean),
    signature("starts_with", Function::StartsWith, &[Text, Text], Boolean),
    signature("ends_with", Function::EndsWith, &[Text, Text], Boolean),
    signature("digits", Function::Digits, &[Text], Text),
    signature("is_number", Function::IsNumber, &[Text], Boolean),
    signature("number", Function::Number, &[Text], Number),
    signature("text", Function::Text, &[Number], Text),
    signature("round", Function::Round, &[Number], Number),
    signature("floor", Function::Floor, &[Number], Number),
    signature("ceil", Function::Ceil, &[Number], Number),
    signature("abs", Function::Abs, &[Number], Number),
    signature("min", Function::Min, &[Number, Number], Number),
    signature("max", Function::Max, &[Number, Number], Number),
    signature("date", Function::Date, &[Text], DateKind),
    signature("days_until", Function::DaysUntil, &[DateKind], Number),
    signature("weekday", Function::Weekday, &[DateKind], Text),
    signature("hour", Function::Hour, &[Time], Number),
];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Function {
    pub(super) fn named(name: &str) -> Option<&'static Signature> {
        SIGNATURES.iter().find(|signature| signature.name == name)
    }

    /// The names of all functions with fixed kinds.
    pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
        SIGNATURES.iter().map(|signature| signature.name)
    }

    /// The function's value; the arguments have the kinds of its signature.
    pub(super) fn of(self, arguments: &[Value], facts: &impl Facts) -> Result<Value> {
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
