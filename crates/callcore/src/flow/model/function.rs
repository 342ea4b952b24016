//! The functions of expressions: their names, what they take, and what they give.

use super::variable::VariableType::{self, Boolean, Date as DateKind, Number, Text, Time};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
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
pub(crate) struct Signature {
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

impl Function {
    pub(crate) fn named(name: &str) -> Option<&'static Signature> {
        SIGNATURES.iter().find(|signature| signature.name == name)
    }

    /// The names of all functions with fixed kinds.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        SIGNATURES.iter().map(|signature| signature.name)
    }
}
