//! Whether the callee sees pictures.

/// What becomes of the pictures that the flow shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// The callee sees them.
    Sees,
    /// The call carries none.
    Blind,
    /// The call carries none, and its timeline says so.
    BlindAndTold,
}
