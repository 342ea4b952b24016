//! What a call sounds like, frame by frame, and what is heard in it.

use super::tone_kind::Tone;

/// One frame, measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    /// Media time at the end of the frame.
    pub end_ms: u64,
    /// Whether a voice sounds in this frame: no hang-over, tones and our own voice masked out.
    pub speech: bool,
    /// Level without DC, dBFS.
    pub level_dbfs: f32,
    /// Running noise floor, dBFS.
    pub noise_dbfs: f32,
    /// Whether a tone sounds.
    pub tone: bool,
    /// Log-odds that what sounded in the last seconds is music, by sound alone.
    pub music: f32,
    /// Whether the frame holds nothing at all: digital silence or a lost packet.
    pub blank: bool,
    /// Level in dBFS of [`BANDS`] bands, evenly spaced by ear from 100 to 3800 Hz.
    pub bands_dbfs: [f32; BANDS],
}

/// Bands of [`Observation::bands_dbfs`].
pub const BANDS: usize = 16;
/// Something heard. Times are measured onsets and offsets in ms of audio, hang-over removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    SpeechStarted {
        at_ms: u64,
    },
    SpeechEnded {
        at_ms: u64,
    },
    ToneStarted(Tone),
    /// Without an end where a gap in the audio hides when that was.
    ToneEnded(Tone),
}
