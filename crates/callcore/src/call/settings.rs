//! What is fixed before a call begins.

use crate::amd;
use crate::flow::MachineDetection;
use crate::playback;

/// Settings of one call, resolved from the dial request, the flow and the trunk.
#[derive(Clone, Debug)]
pub struct Settings {
    pub machine_detection: MachineDetection,
    pub amd: amd::Options,
    pub playback: playback::Options,
    /// An unanswered call is given up after this long, ms from the dial request.
    pub ring_timeout_ms: u64,
    /// A call is ended after this long, ms from the answer.
    pub max_call_ms: u64,
    /// Silence that ends the callee's utterance, ms.
    pub end_silence_ms: u64,
    /// Whether a recogniser is there to turn utterances into words.
    pub recognises: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machine_detection: MachineDetection::Detect,
            amd: amd::Options::default(),
            playback: playback::Options::default(),
            ring_timeout_ms: 60_000,
            max_call_ms: 30 * 60_000,
            end_silence_ms: 700,
            recognises: false,
        }
    }
}
