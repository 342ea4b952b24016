//! YAML as people write it: a tree that remembers where everything stands, and findings that say what is wrong and where. Flows
//! and settings are read through it.

mod diagnostic;
mod left_open;
mod tree;

pub(crate) use self::diagnostic::narrow;
pub use self::diagnostic::{Diagnostic, Severity, Source, Span};
pub(crate) use self::tree::FLOWS;
pub use self::tree::{Entry, MAX_BYTES, Node, Style, Value, Vocabulary, read};
