//! Any sample rate to 8 kHz, as the samples come.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::TELEPHONE_HZ;
use crate::resample::{ResampleError, WHOLE_CHUNK};

/// Resamples one stream to 8 kHz. Chunks may have any length; the joints are not audible.
pub struct ResampleStream {
    from_hz: u32,
    resampler: Option<Fft<f32>>,
    waiting: Vec<f32>,
    block: Vec<f32>,
    /// Output samples still to be left out: the delay of the filter.
    skip: usize,
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for ResampleStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResampleStream").field("from_hz", &self.from_hz).finish_non_exhaustive()
    }
}

impl ResampleStream {
    /// A stream that comes at `from_hz`.
    ///
    /// # Errors
    /// When the rate is outside [`RATES`](crate::resample::RATES), or the resampler refuses the ratio.
    pub fn new(from_hz: u32) -> Result<Self, ResampleError> {
        Self::in_chunks(from_hz, from_hz as usize / 100)
    }

    /// For a recording that is there as a whole, and needs not be in memory as a whole: the samples are those of
    /// [`to_8k`](crate::resample::to_8k).
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_recording(from_hz: u32) -> Result<Self, ResampleError> {
        Self::in_chunks(from_hz, WHOLE_CHUNK)
    }

    fn in_chunks(from_hz: u32, chunk: usize) -> Result<Self, ResampleError> {
        ResampleError::check(from_hz)?;
        let resampler = if from_hz == TELEPHONE_HZ {
            None
        } else {
            let fft = Fft::new(from_hz as usize, TELEPHONE_HZ as usize, chunk, 1, FixedSync::Both);
            Some(fft.map_err(|e| ResampleError::new(from_hz, e))?)
        };
        let skip = resampler.as_ref().map_or(0, Resampler::output_delay);
        Ok(Self { from_hz, resampler, waiting: Vec::new(), block: Vec::new(), skip, taken: 0, given: 0 })
    }

    /// The rate the stream comes at, in Hz.
    #[must_use]
    pub const fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// Takes `samples` and appends what can be given out already to `out`.
    ///
    /// # Errors
    /// When the resampler fails.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), ResampleError> {
        if self.resampler.is_none() {
            out.extend_from_slice(samples);
            return Ok(());
        }
        self.taken += samples.len() as u64;
        self.waiting.extend(samples.iter().map(|s| f32::from(*s) / 32_768.0));
        self.run(out)
    }

    /// Appends what is still inside to `out`, so that as much time has come out as went in, and starts
    /// afresh.
    ///
    /// # Errors
    /// When the resampler fails.
    pub fn flush(&mut self, out: &mut Vec<i16>) -> Result<(), ResampleError> {
        let expected = (self.taken * u64::from(TELEPHONE_HZ)).div_ceil(u64::from(self.from_hz));
        while self.given < expected {
            let Some(resampler) = &self.resampler else { break };
            let missing = resampler.input_frames_next() - self.waiting.len();
            self.waiting.extend(std::iter::repeat_n(0.0, missing));
            self.run(out)?;
        }
        let surplus = self.given.saturating_sub(expected) as usize;
        out.truncate(out.len().saturating_sub(surplus));
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
            self.skip = resampler.output_delay();
        }
        self.waiting.clear();
        (self.taken, self.given) = (0, 0);
        Ok(())
    }

    fn run(&mut self, out: &mut Vec<i16>) -> Result<(), ResampleError> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let from_hz = self.from_hz;
        let fail = |reason: String| ResampleError::new(from_hz, reason);
        let mut used = 0;
        loop {
            let needed = resampler.input_frames_next();
            if self.waiting.len() - used < needed {
                break;
            }
            let yields = resampler.output_frames_next();
            self.block.resize(yields, 0.0);
            let source = InterleavedSlice::new(&self.waiting[used..used + needed], 1, needed)
                .map_err(|e| fail(e.to_string()))?;
            let mut sink =
                InterleavedSlice::new_mut(&mut self.block, 1, yields).map_err(|e| fail(e.to_string()))?;
            let (_, written) =
                resampler.process_into_buffer(&source, &mut sink, None).map_err(|e| fail(e.to_string()))?;
            used += needed;
            let skipped = self.skip.min(written);
            self.skip -= skipped;
            self.given += (written - skipped) as u64;
            let fresh = &self.block[skipped..written];
            out.extend(fresh.iter().map(|x| (x * 32_768.0).clamp(-32_768.0, 32_767.0) as i16));
        }
        self.waiting.drain(..used);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::to_8k;
    use crate::rms_dbfs;

    #[test]
    fn a_recording_in_pieces_is_the_recording_as_a_whole() {
        for (rate, length) in [(4_000, 900), (11_025, 7_001), (16_000, 33), (22_050, 50_000), (48_000, 9_999)]
        {
            let samples: Vec<i16> = (0..length).map(|n| ((n * 7_919) % 20_011 - 10_000) as i16).collect();
            let (mut stream, mut out) =
                (ResampleStream::of_recording(rate).expect("a usual rate"), Vec::new());
            for piece in samples.chunks(1_913) {
                stream.push(piece, &mut out).expect("resampled");
            }
            stream.flush(&mut out).expect("flushed");
            assert_eq!(out, to_8k(&samples, rate).expect("resampled"), "{rate}");
        }
    }

    #[test]
    fn as_much_time_comes_out_as_went_in_however_it_was_cut() {
        for rate in [8_000, 11_025, 24_000, 44_100, 48_000] {
            let sine: Vec<i16> = (0..rate)
                .map(|n| ((n as f32 * 1000.0 * std::f32::consts::TAU / rate as f32).sin() * 16_000.0) as i16)
                .collect();
            let mut stream = ResampleStream::new(rate).expect("a usual rate");
            for _ in 0..2 {
                let mut out = Vec::new();
                for chunk in sine.chunks(577) {
                    stream.push(chunk, &mut out).expect("resampled");
                }
                stream.flush(&mut out).expect("flushed");
                assert_eq!(out.len(), 8_000, "{rate}");
                assert!((rms_dbfs(&out[400..7_600]) + 9.2).abs() < 0.3, "{rate}: {}", rms_dbfs(&out));
            }
        }
    }
}
