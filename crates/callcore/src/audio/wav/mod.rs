//! WAV files in memory: reading those of any program, and writing.
//!
//! Programs that stream cannot know a length, telephones write G.711, studios 24 and 32 bits; all of it is read.
//! The values in a header are checked against limits before a sample is decoded.

mod limits;
mod riff;
mod samples;

use std::borrow::Cow;

use spectral::resample::RATES;
use spectral::resample_stream::ResampleStream;

pub use self::limits::{MOST_CHANNELS, Side, WavError};
pub use self::riff::is_wav;
use self::riff::{Container, MPEG};
use self::samples::Layout;
use super::frame::SAMPLE_RATE;

/// Longest recording that is read where nothing shorter is asked for, in samples at 8 kHz: four hours.
pub const LONGEST: usize = 4 * 3_600 * SAMPLE_RATE as usize;
/// Frames decoded at a time.
const BLOCK: usize = 4_096;

/// A WAV file whose header was read and found to be within bounds.
#[derive(Debug)]
pub struct Wav<'a> {
    layout: Layout,
    channels: usize,
    rate: u32,
    data: Cow<'a, [u8]>,
}

impl<'a> Wav<'a> {
    /// Reads the header, and nothing but the header.
    ///
    /// # Errors
    /// When the bytes are not a WAV file, its samples are of a kind that is not read, or it states what no
    /// recording has.
    pub fn open(bytes: &'a [u8]) -> Result<Self, WavError> {
        let Container { format, data } = Container::of(bytes)?;
        if !(1..=MOST_CHANNELS).contains(&format.channels) {
            return Err(WavError::Channels(format.channels));
        }
        if !RATES.contains(&format.rate) {
            return Err(WavError::Rate(format.rate));
        }
        let layout = Layout::of(&format, &data)?;
        Ok(Self { layout, channels: usize::from(format.channels), rate: format.rate, data })
    }

    /// How many samples it will be at 8 kHz.
    #[must_use]
    pub fn samples(&self) -> usize {
        let frames = (self.data.len() / self.frame_bytes()) as u64;
        usize::try_from((frames * u64::from(SAMPLE_RATE)).div_ceil(u64::from(self.rate)))
            .unwrap_or(usize::MAX)
    }

    fn frame_bytes(&self) -> usize {
        self.layout.bytes() * self.channels
    }

    /// Decodes it to 8 kHz mono, if that makes no more than `most` samples. A file that ends early yields what is
    /// there.
    ///
    /// # Errors
    /// When it is longer, holds no sample, or there is no memory for it.
    pub fn mono_8k(&self, side: Side, most: usize) -> Result<Vec<i16>, WavError> {
        let length = self.samples();
        if length == 0 {
            return Err(WavError::Empty);
        }
        if length > most {
            return Err(WavError::TooLong(most / SAMPLE_RATE as usize));
        }
        let (mut out, mut block) = (Vec::new(), Vec::with_capacity(BLOCK));
        out.try_reserve_exact(length + SAMPLE_RATE as usize).map_err(|_| WavError::Memory)?;
        let mut narrow = ResampleStream::of_recording(self.rate)?;
        for frames in self.data.chunks(BLOCK * self.frame_bytes()) {
            block.clear();
            self.layout.decode(frames, self.channels, side, &mut block);
            narrow.push(&block, &mut out)?;
        }
        narrow.flush(&mut out)?;
        Ok(out)
    }
}

/// The MP3 frames in a WAV file that holds such.
#[must_use]
pub fn mpeg(bytes: &[u8]) -> Option<&[u8]> {
    let Container { format, data } = Container::of(bytes).ok()?;
    match data {
        Cow::Borrowed(frames) => MPEG.contains(&format.tag).then_some(frames),
        // Nobody cuts a stream of frames in two parts.
        Cow::Owned(_) => None,
    }
}

/// Reads a WAV file as 8 kHz mono; channels are averaged.
///
/// # Errors
/// As [`Wav::open`] and [`Wav::mono_8k`], which lets it be [`LONGEST`].
pub fn read_8k(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    Wav::open(bytes)?.mono_8k(Side::Mixed, LONGEST)
}

/// A complete 16-bit WAV file of 8 kHz audio; `channels` of equal length are interleaved, shorter ones
/// padded with silence.
#[must_use]
pub fn write_8k(channels: &[&[i16]]) -> Vec<u8> {
    let frames = channels.iter().map(|c| c.len()).max().unwrap_or(0);
    let data_len = (frames * channels.len() * 2) as u32;
    let count = channels.len() as u16;
    let mut out = Vec::with_capacity(44 + data_len as usize);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + data_len).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    out.extend_from_slice(&(SAMPLE_RATE * u32::from(count) * 2).to_le_bytes());
    out.extend_from_slice(&(count * 2).to_le_bytes());
    out.extend_from_slice(&16_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data_len.to_le_bytes());
    for n in 0..frames {
        for channel in channels {
            out.extend_from_slice(&channel.get(n).copied().unwrap_or(0).to_le_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests;
