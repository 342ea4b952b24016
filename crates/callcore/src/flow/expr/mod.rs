//! Conditions: the small language of `when:`.
//!
//! ```text
//! condition  = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | value [ ("==" | "!=" | "<" | "<=" | ">" | ">=") value ]
//! value      = "(" condition ")" | "text" | 12.5 | true | false | name | reached("check point")
//! ```
//!
//! Kinds are checked when the flow is read: a comparison that could never hold is an error there.

mod lex;
mod parse;

use std::ops::Range;

use serde_json::Value;

pub(super) use self::parse::parse;
use super::model::VariableType;

/// What the call itself knows, by the name a condition uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The verdict, `""` before there is one.
    AmdOutcome,
    /// What kind of person or machine it is, in a webhook's word; `""` before the verdict.
    AmdSubtype,
    /// The last check point the callee heard, `""` before the first.
    LastCheckpoint,
    /// Milliseconds heard of the last prompt.
    HeardMs,
    /// The last prompt was heard to its end.
    HeardAll,
    /// The last prompt was cut short by the callee.
    Interrupted,
    /// What cut it short: `speech`, `dtmf` or `""`.
    InterruptedBy,
    /// The keys last taken as an answer.
    Pressed,
    /// The words last taken as an answer.
    Said,
}

impl Fact {
    const ALL: [(&'static str, Self); 9] = [
        ("amd.outcome", Self::AmdOutcome),
        ("amd.subtype", Self::AmdSubtype),
        ("last_checkpoint", Self::LastCheckpoint),
        ("heard_ms", Self::HeardMs),
        ("heard_all", Self::HeardAll),
        ("interrupted", Self::Interrupted),
        ("interrupted_by", Self::InterruptedBy),
        ("pressed", Self::Pressed),
        ("said", Self::Said),
    ];

    /// The names a variable cannot have, because a condition could not tell them apart.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(name, _)| *name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    const fn kind(self) -> VariableType {
        match self {
            Self::AmdOutcome
            | Self::AmdSubtype
            | Self::LastCheckpoint
            | Self::InterruptedBy
            | Self::Pressed
            | Self::Said => VariableType::Text,
            Self::HeardMs => VariableType::Number,
            Self::HeardAll | Self::Interrupted => VariableType::Boolean,
        }
    }
}

/// A checked condition.
#[derive(Debug, PartialEq)]
pub(super) enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        left: Box<Expr>,
        op: Op,
        right: Box<Expr>,
    },
    Literal(Value),
    Variable(String),
    Fact(Fact),
    /// The callee heard this check point at some time in the call.
    Reached(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a condition is asked about.
pub(super) trait Facts {
    fn fact(&self, fact: Fact) -> Value;
    fn variable(&self, name: &str) -> Value;
    fn reached(&self, checkpoint: &str) -> bool;
}

impl Expr {
    /// Whether the condition holds.
    pub(super) fn holds(&self, facts: &impl Facts) -> bool {
        self.value(facts) == Value::Bool(true)
    }

    fn value(&self, facts: &impl Facts) -> Value {
        match self {
            Self::Any(of) => Value::Bool(of.iter().any(|expr| expr.holds(facts))),
            Self::All(of) => Value::Bool(of.iter().all(|expr| expr.holds(facts))),
            Self::Not(expr) => Value::Bool(!expr.holds(facts)),
            Self::Compare { left, op, right } => {
                Value::Bool(op.holds(&left.value(facts), &right.value(facts)))
            }
            Self::Literal(value) => value.clone(),
            Self::Variable(name) => facts.variable(name),
            Self::Fact(fact) => facts.fact(*fact),
            Self::Reached(checkpoint) => Value::Bool(facts.reached(checkpoint)),
        }
    }
}

impl Op {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let numbers = left.as_f64().zip(right.as_f64());
        let equal = numbers.map_or_else(|| left == right, |(l, r)| l == r);
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            Self::Less => numbers.is_some_and(|(l, r)| l < r),
            Self::LessOrEqual => numbers.is_some_and(|(l, r)| l <= r),
            Self::Greater => numbers.is_some_and(|(l, r)| l > r),
            Self::GreaterOrEqual => numbers.is_some_and(|(l, r)| l >= r),
        }
    }
}

/// Something wrong in a condition; `at` is a byte range of its text.
#[derive(Debug, PartialEq)]
pub(super) struct ExprError {
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
}

fn problem(at: Range<usize>, message: &str, hint: &str) -> ExprError {
    ExprError { at, message: message.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests;
