//! Texts of a flow: plain, or with variables to be filled in.

use std::collections::BTreeSet;

/// Longest text a template may become, in bytes: about five minutes of speech.
pub(crate) const MAX_RENDERED: usize = 6_000;

/// Ends the name of a text that becomes part of a URL.
pub(crate) const URL_SUFFIX: &str = ".url";

/// A text of the flow, plain or to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Literal(String),
    Template { name: String, variables: BTreeSet<String> },
}

impl Text {
    /// The variables it needs.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &String> {
        match self {
            Self::Literal(_) => None,
            Self::Template { variables, .. } => Some(variables.iter()),
        }
        .into_iter()
        .flatten()
    }
}
