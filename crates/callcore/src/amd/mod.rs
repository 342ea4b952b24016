//! Answering-machine detection: who picked up, told from audio alone and, when there is one, a transcript.
//!
//! [`Amd`] takes what an [`FrontEnd`](crate::detect::FrontEnd) measures and emits the eight events in their order: at
//! most one of the four decisions, which excludes the others; `amd_tone_detected` at most once;
//! `amd_machine_stopped_speaking` at most once and only after a machine; `amd_stopped` once and last.

mod background;
mod curve;
mod detector;
mod event;
mod evidence;
pub mod features;
mod fusion;
mod judge;
pub mod learn;
mod likely;
pub mod listen;
mod net;
mod options;
pub mod phrases;
pub mod picture;
mod policy;
mod review;
mod ruling;
mod run;
mod strict;
mod thresholds;
mod timeline;
mod trace;
mod transcript;
mod weights;

pub use detector::Detector;
pub use event::{Event, EventKind, Reason, Subtype};
pub use evidence::{Evidence, Measures, Piece, Sample, ShadowVerdict};
pub use fusion::Parts;
pub use likely::Prospect;
pub use net::use_model;
pub use options::{Options, Profile, ShadowSet, Strict, Timers};
pub use review::{Basis, Revision, RevisionKind};
pub use run::Amd;
pub use thresholds::{Costs, DecisionThresholds};
pub use timeline::Segment;
pub use trace::{Input as TraceInput, Told, Trace};
pub use weights::Weights;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod likely_tests;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
#[cfg(test)]
mod watch_tests;
