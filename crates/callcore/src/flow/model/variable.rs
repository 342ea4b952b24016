//! The variables that a flow declares, and the types of their values.

use serde::Serialize;
use serde_json::Value;

/// A variable the flow declares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variable {
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Its value when the call brings none; without one the variable is required.
    pub default: Option<Value>,
    /// What the metadata, or the contact's column, calls it, if not by the variable's own name.
    pub from: Option<String>,
}

/// What values a variable takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableType {
    Text,
    Number,
    Boolean,
    /// A day, kept as `2026-05-31`.
    Date,
    /// A time of day, kept as `14:30`.
    Time,
}

impl VariableType {
    pub(crate) const NAMES: [&'static str; 5] = ["text", "number", "boolean", "date", "time"];

    /// What to write for a value of this type.
    pub(crate) const fn example(self) -> &'static str {
        match self {
            Self::Text => "write a text in quotes",
            Self::Number => "write digits, such as `250000` or `0.5`",
            Self::Boolean => "write `true` or `false`",
            Self::Date => "write it like `2026-05-31`",
            Self::Time => "write it like `14:30`",
        }
    }

    /// As it is written in a flow.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
        }
    }
}
