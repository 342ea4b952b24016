//! What a call leaves on disk: its recording, the pictures of a camera, messages, the detector's trace.

#[cfg(test)]
mod alignment_tests;
pub(crate) mod camera_file;
pub(in crate::session) mod message;
pub(in crate::session) mod recording;
pub(in crate::session) mod sound;
pub(in crate::session) mod trace;
#[cfg(test)]
mod trace_tests;
pub(in crate::session) mod wav_file;
mod webm;

pub use trace::read_trace;
