//! Whether the callee is really talking over us.

/// Frames looked back on, 20 ms each.
const WINDOW: u32 = 7;
/// Frames of speech among them that confirm it: 100 ms of speech within 140 ms. A click or a breath
/// is shorter.
const ENOUGH: u32 = 5;

/// Confirms speech over a sliding window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BargeInDetector {
    recent: u32,
}

impl BargeInDetector {
    /// Notes one 20 ms frame; true while speech is confirmed.
    pub(super) fn push(&mut self, speech: bool) -> bool {
        self.recent = ((self.recent << 1) | u32::from(speech)) & ((1 << WINDOW) - 1);
        self.recent.count_ones() >= ENOUGH
    }

    pub(super) fn reset(&mut self) {
        self.recent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_does_not_interrupt_and_speech_does_within_seven_frames() {
        let mut talk = BargeInDetector::default();
        assert!(![true, true, true, false, false, false, false, false].map(|s| talk.push(s)).contains(&true));
        let confirmed = [true, false, true, true, true, true].map(|s| talk.push(s));
        assert_eq!(confirmed.iter().position(|c| *c), Some(5));
    }
}
