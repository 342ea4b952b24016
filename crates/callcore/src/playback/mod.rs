//! Play-out.
