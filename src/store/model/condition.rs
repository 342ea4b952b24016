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
}

impl Condition {
    /// A later version of the program wrote it.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        self.version > self.known
    }
}
