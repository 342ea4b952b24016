//! YAML text → the flow it means, with every error at its line and column.

mod amd;
mod check;
mod cycles;
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
pub use crate::yaml::{Diagnostic, MAX_BYTES, Severity};
pub(crate) use crate::yaml::{Entry, Node, Source, Span, Style, Value, narrow};

/// The tree of a flow file.
pub(crate) fn yaml_tree(source: &Source, found: &mut Vec<Diagnostic>) -> Option<Node> {
    crate::yaml::read(source, &crate::yaml::FLOWS, found)
}
