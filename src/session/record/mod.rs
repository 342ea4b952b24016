//! What a call leaves on disk: its recording, messages, the detector's trace.

#[cfg(test)]
mod alignment_tests;
pub(in crate::session) mod message;
pub(in crate::session) mod recording;
pub(in crate::session) mod sound;
pub(in crate::session) mod trace;
#[cfg(test)]
mod trace_tests;
pub(in crate::session) mod wav_file;

pub use trace::read_trace;
