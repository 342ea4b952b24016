//! The WebRTC voice-activity detector, made safe: one verdict per frame, nothing else.

use std::fmt;

use webrtc_vad::{SampleRate, Vad, VadMode};

use crate::audio::Frame;

/// WebRTC's Gaussian-mixture voice detector at 8 kHz in its strictest mode. It has a hang-over of about
/// 120 ms and calls any tone speech; [`super::FrontEnd`] removes both.
pub(crate) struct VoiceModel(Vad);

#[expect(unsafe_code, reason = "the crate holds a raw pointer and so loses Send")]
// SAFETY: `Vad` owns the only pointer to a plain heap block that libfvad allocates in `fvad_new` and frees
// in `fvad_free`. The C code has no thread-local or global mutable state, so moving the owner to another
// thread is sound. It is not `Sync`, and no method here takes `&self`.
unsafe impl Send for VoiceModel {}

impl VoiceModel {
    pub(crate) fn new() -> Self {
        Self(Vad::new_with_rate_and_mode(SampleRate::Rate8kHz, VadMode::VeryAggressive))
    }

    /// Whether the model hears a voice. A [`Frame`] is never empty, which the C wrapper would not survive.
    pub(crate) fn is_voice(&mut self, frame: &Frame) -> bool {
        self.0.is_voice_segment(frame).unwrap_or(false)
    }
}

impl fmt::Debug for VoiceModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoiceModel")
    }
}
