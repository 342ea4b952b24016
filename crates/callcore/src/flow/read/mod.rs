//! YAML text → the flow it means, with every error at its line and column.

mod amd;
mod check;
mod cycles;
mod diagnostic;
mod duration;
mod expr;
mod filters;
mod flow;
mod handlers;
mod language_tag;
mod library;
mod pattern;
mod reader;
mod recording;
mod schema;
mod source_location;
mod steps;
mod template;
mod variables;
mod yaml;

pub use self::diagnostic::{Diagnostic, Severity};
pub(crate) use self::diagnostic::{Source, Span, narrow};
pub use self::duration::parse as duration_ms;
#[cfg(test)]
pub(crate) use self::expr::{ExprError, Names, parse as parse_expression};
#[cfg(test)]
pub(crate) use self::flow::TOP;
pub(crate) use self::flow::read;
pub(crate) use self::library::FlowLibrary;
pub(crate) use self::reader::{Fields, Reader};
pub use self::schema::{JSON_SCHEMA, TEST_JSON_SCHEMA, schema_with_scenes};
#[cfg(test)]
pub(crate) use self::steps::{ASK_KEYS, BARGE_IN_KEYS, HTTP_KEYS, LISTEN_KEYS, RECORD_KEYS, STEPS};
#[cfg(test)]
pub(crate) use self::template::FILTERS;
pub use self::yaml::MAX_BYTES;
pub(crate) use self::yaml::{Entry, Node, Style, Value, read as yaml_tree};
