//! Languages by their tags.

/// The languages whose words are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Indonesian,
    /// Figures are left to the speech engine, and only figures are understood.
    Other,
}

impl Language {
    /// The language of a tag such as `id-ID`.
    pub(crate) fn of(tag: &str) -> Self {
        match tag.split('-').next().unwrap_or_default() {
            "en" => Self::English,
            "id" => Self::Indonesian,
            _ => Self::Other,
        }
    }
}
