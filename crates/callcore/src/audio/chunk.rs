//! Byte chunks of any size from a wire, cut into frames.

use super::frame::{FRAME_SAMPLES, Frame};

/// Cuts a byte stream of little-endian pcm16 into 20 ms frames. Chunks may have any length, odd ones
/// included: a split sample is completed by the next chunk.
#[derive(Clone, Debug)]
pub struct Framer {
    frame: Frame,
    filled: usize,
    low_byte: Option<u8>,
}

impl Default for Framer {
    fn default() -> Self {
        Self { frame: [0; FRAME_SAMPLES], filled: 0, low_byte: None }
    }
}

impl Framer {
    /// Whole samples that wait for their frame to be complete.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.filled
    }

    /// Feeds `bytes`; calls `on_frame` for each completed frame, in order. Allocates nothing.
    pub fn push(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(&Frame)) {
        if let Some(low) = self.low_byte
            && let Some((high, rest)) = bytes.split_first()
        {
            self.low_byte = None;
            self.frame[self.filled] = i16::from_le_bytes([low, *high]);
            self.filled += 1;
            self.complete(&mut on_frame);
            bytes = rest;
        }
        let (mut pairs, odd) = bytes.as_chunks::<2>();
        while !pairs.is_empty() {
            let (now, later) = pairs.split_at(pairs.len().min(FRAME_SAMPLES - self.filled));
            for (sample, pair) in self.frame[self.filled..].iter_mut().zip(now) {
                *sample = i16::from_le_bytes(*pair);
            }
            self.filled += now.len();
            self.complete(&mut on_frame);
            pairs = later;
        }
        if let Some(low) = odd.first() {
            self.low_byte = Some(*low);
        }
    }

    fn complete(&mut self, on_frame: &mut impl FnMut(&Frame)) {
        if self.filled == FRAME_SAMPLES {
            self.filled = 0;
            on_frame(&self.frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::frame::to_pcm16le;

    proptest! {
        #[test]
        fn no_sample_is_lost_or_moved_however_the_bytes_are_cut(
            samples in prop::collection::vec(any::<i16>(), 0..1000),
            cuts in prop::collection::vec(1_usize..700, 1..40),
        ) {
            let bytes = to_pcm16le(&samples);
            let mut framer = Framer::default();
            let mut heard = Vec::new();
            let (mut at, mut cut) = (0, cuts.iter().cycle());
            while at < bytes.len() {
                let end = (at + cut.next().copied().unwrap_or(1)).min(bytes.len());
                framer.push(&bytes[at..end], |frame| heard.extend_from_slice(frame));
                at = end;
            }
            let whole = samples.len() / FRAME_SAMPLES * FRAME_SAMPLES;
            prop_assert_eq!(&heard[..], &samples[..whole]);
        }
    }
}
