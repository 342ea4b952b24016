//! What is wrong in an expression and where.

use std::ops::Range;

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
