//! What is wrong in an expression and where.

use std::ops::Range;

use crate::flow::model::Function;
use crate::language::{listed, nearest};

/// Something wrong in an expression; `at` is a byte range of its text.
#[derive(Debug, PartialEq)]
pub(crate) struct ExprError {
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
}

pub(super) fn problem(at: Range<usize>, message: &str, hint: &str) -> ExprError {
    ExprError { at, message: message.to_owned(), hint: hint.to_owned() }
}

/// Functions that are read in their own way.
pub(super) const SPECIAL: [&str; 4] = ["reached", "visits", "matches", "if"];

/// There is no function of this name.
pub(super) fn no_function(name: &str, at: Range<usize>) -> ExprError {
    let names: Vec<&str> = Function::names().chain(SPECIAL).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("functions are {}", listed(names)),
    };
    problem(at, &format!("there is no function `{name}`"), &hint)
}
