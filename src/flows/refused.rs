//! Why a bundle is not taken.

use callcore::flow::Diagnostic;

/// Why a bundle is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Bundle(String),
    /// The flow in it has errors.
    #[error("the flow has errors")]
    Flow(Vec<Diagnostic>),
}

pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Bundle(why.into()))
}
