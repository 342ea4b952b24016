//! Expressions at work: what they ask of the call, and what they come to.

mod evaluate;
mod facts;
mod functions;
#[cfg(test)]
mod tests;
mod values;

pub(super) use self::facts::Facts;
pub(super) use self::values::number;
