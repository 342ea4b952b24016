//! Whether the bot speaks, as a person at the other end would tell.

use callcore::audio::frame::{FRAME_MS, Frame};
use callcore::audio::level::rms_dbfs;

/// Louder than this is the bot; below it a person hears nothing but the line.
const AUDIBLE_DBFS: f32 = -45.0;
/// A click shorter than this is not speech.
const ONSET_MS: u64 = 40;
/// A pause shorter than this belongs to the speech around it.
const PAUSE_MS: u64 = 300;

/// Follows what is heard, frame by frame.
#[derive(Clone, Debug, Default)]
pub struct Hearing {
    loud_ms: u64,
    quiet_ms: u64,
    speaking_ms: Option<u64>,
}

impl Hearing {
    /// Hears one frame.
    pub fn hear(&mut self, frame: &Frame) {
        if rms_dbfs(frame) > AUDIBLE_DBFS {
            self.loud_ms += FRAME_MS;
            self.quiet_ms = 0;
        } else {
            self.loud_ms = 0;
            self.quiet_ms += FRAME_MS;
        }
        self.speaking_ms = match self.speaking_ms {
            Some(_) if self.quiet_ms >= PAUSE_MS => None,
            Some(ms) => Some(ms + FRAME_MS),
            None => (self.loud_ms >= ONSET_MS).then_some(self.loud_ms),
        };
    }

    /// For how long the bot has been speaking, short pauses included.
    #[must_use]
    pub const fn speaking_ms(&self) -> Option<u64> {
        self.speaking_ms
    }

    /// For how long nothing was heard.
    #[must_use]
    pub const fn quiet_ms(&self) -> u64 {
        self.quiet_ms
    }
}

#[cfg(test)]
mod tests {
    use callcore::audio::FRAME_SAMPLES;

    use super::*;

    #[test]
    fn a_pause_within_speech_is_bridged_and_a_click_is_not_speech() {
        let (loud, quiet) = ([3_000; FRAME_SAMPLES], [10; FRAME_SAMPLES]);
        let mut hearing = Hearing::default();
        hearing.hear(&loud);
        hearing.hear(&quiet);
        assert_eq!(hearing.speaking_ms(), None, "a click");
        for _ in 0..10 {
            hearing.hear(&loud);
        }
        for _ in 0..10 {
            hearing.hear(&quiet);
        }
        assert_eq!(hearing.speaking_ms(), Some(400));
        for _ in 0..5 {
            hearing.hear(&quiet);
        }
        assert_eq!((hearing.speaking_ms(), hearing.quiet_ms()), (None, 300));
    }
}
