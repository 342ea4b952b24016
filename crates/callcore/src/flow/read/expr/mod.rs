//! Reading expressions: the small language of `when:` and of values that are worked out.
//!
//! ```text
//! condition  = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum        = product { ("+" | "-") product }
//! product    = signed { ("*" | "/" | "%") signed }
//! signed     = "-" signed | value
//! value      = "(" condition ")" | "text" | 12.5 | true | false | name | function(condition, …)
//! ```
//!
//! Kinds are checked when the flow is read: a comparison that could never hold is an error there.

mod error;
mod function;
mod lex;
mod parse;

#[cfg(test)]
pub(crate) use self::error::ExprError;
pub(crate) use self::parse::{Names, RESERVED, parse};
