//! In which condition a database file is.

/// What a look at a database file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Size of the file.
    pub bytes: u64,
    /// The last change of its tables that was made to it; 0 for an empty file.
    pub version: i64,
    /// The last one that this program knows.
    pub known: i64,
    /// What is wrong with it, as the engine says it; no more than some.
    pub problems: Vec<String>,
    pub calls: i64,
    /// It was made as a copy, and nobody has said since that it takes the place of the original.
    pub copy: Option<CopyMark>,
}

/// What a copy says of itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CopyMark {
    /// When it was made, ms since 1970.
    pub made_ms: i64,
    /// Where; empty when the machine has no name.
    pub host: String,
}

impl Condition {
    /// A later version of the program wrote it.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        self.version > self.known
    }
}
