//! Settings as they are told to people: the configuration fills them in, pages show them.

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As in `trunks[0].limits.calls`.
    pub name: String,
    pub value: Told,
    pub origin: Origin,
}

/// What is told of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Text(String),
    /// `null`, or an empty list or table.
    Nothing,
    /// A secret, and whether there is one.
    Secret(bool),
}

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        path: String,
        /// From 1.
        line: u64,
    },
    /// The name of an environment variable.
    Environment(String),
}
