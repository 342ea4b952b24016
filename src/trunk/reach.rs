//! Whether a carrier is within reach.

/// Whether a carrier is within reach, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Within,
    /// It is being connected to for the first time, or is connected to only when a call needs it.
    Unknown,
    Away {
        /// Wall clock, ms since 1970.
        since_ms: i64,
        why: String,
    },
}
