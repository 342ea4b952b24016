//! Why a connection cannot go on.

use std::fmt;

/// The call cannot go on; the text is the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection to the browser has failed: {0}")]
pub struct Gone(String);

impl Gone {
    pub(crate) fn new(why: &impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}
