//! Why a file was not taken.

use crate::store;

/// Why a file was not taken; each is a sentence that says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read as what it is.
    #[error("{0}")]
    File(String),
    #[error("{0}")]
    TooLarge(String),
    /// Columns, and what is wrong with what they are to hold.
    #[error("{}", first(.0))]
    Mapping(Vec<(String, String)>),
    /// There is no such file any more.
    #[error("the file is not here any more; send it again")]
    Gone,
    /// The disk or the machine, not the file.
    #[error("{0}")]
    Trouble(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn first(faults: &[(String, String)]) -> String {
    let told: Vec<String> = faults.iter().map(|(column, problem)| format!("{column}: {problem}")).collect();
    told.join("; ")
}

impl Error {
    /// Of a file that could not be read from or written to the disk.
    pub(super) fn disk(error: &std::io::Error) -> Self {
        tracing::error!(%error, "a file of contacts could not be written or read");
        Self::Trouble(
            "the server could not write the file to its disk, or read it; its log says why".to_owned(),
        )
    }
}
