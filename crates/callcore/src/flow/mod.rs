//! The flow language: what a call says, asks and does, written in YAML.

mod io;

pub use io::{BargeIn, Command, Input, Outcome, Part, PlaybackEnd};
