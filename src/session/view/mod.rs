//! What is seen of live calls from outside.

pub(in crate::session) mod live;

pub use live::{LiveCall, Phase};
