//! Expressions of `when:` and of values that are worked out, as data. `read::expr` has their grammar.

use regex::Regex;
use serde_json::Value;

use super::fact::Fact;
use super::function::Function;
use super::ids::SceneId;
use super::variable::VariableType;

/// A checked expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        left: Box<Expr>,
        op: Op,
        right: Box<Expr>,
    },
    Calculate {
        left: Box<Expr>,
        op: Sign,
        right: Box<Expr>,
        kinds: (VariableType, VariableType),
    },
    Negate(Box<Expr>),
    Literal(Value),
    Variable(String),
    Fact(Fact),
    /// The callee heard this check point at some time in the call.
    Reached(String),
    /// How often the scene has been entered.
    Visits(SceneId),
    Matches(Box<Expr>, Box<Regex>),
    If(Box<[Expr; 3]>),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A sign of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
    Times,
    Over,
    /// What is left of a division.
    Rest,
}
