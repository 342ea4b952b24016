//! WAV files in memory.

use std::io::Cursor;

use super::frame::SAMPLE_RATE;
use spectral::resample;

/// Why a WAV file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("this is not a WAV file that can be read: {0}")]
    Format(#[from] hound::Error),
    #[error("the file holds no audio")]
    Empty,
    #[error(transparent)]
    Resample(#[from] resample::ResampleError),
}

/// Reads any PCM or float WAV (mono or more channels, any rate) as 8 kHz mono; channels are averaged.
/// A file that ends early, or states a wrong length as pipes do, yields what is there.
///
/// # Errors
/// When the bytes are not a WAV file, or hold no sample.
pub fn read_8k(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    let (raw, channels, rate) = read(bytes)?;
    let mono: Vec<i16> = raw
        .chunks_exact(channels)
        .map(|c| (c.iter().map(|s| i32::from(*s)).sum::<i32>() / channels as i32) as i16)
        .collect();
    if mono.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(resample::to_8k(&mono, rate)?)
}

/// The same of the first channel alone: in our own recordings the callee.
///
/// # Errors
/// As [`read_8k`].
pub fn read_8k_left(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    let (raw, channels, rate) = read(bytes)?;
    let left: Vec<i16> = raw.chunks_exact(channels).map(|c| c[0]).collect();
    if left.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(resample::to_8k(&left, rate)?)
}

/// The samples as they lie in the file, the number of channels and the rate.
fn read(bytes: &[u8]) -> Result<(Vec<i16>, usize, u32), WavError> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes))?;
    let spec = reader.spec();
    let raw: Vec<i16> = match spec.sample_format {
        hound::SampleFormat::Float => reader
            .samples::<f32>()
            .map_while(Result::ok)
            .map(|x| (x.clamp(-1.0, 1.0) * 32_767.0) as i16)
            .collect(),
        hound::SampleFormat::Int => {
            let bits = spec.bits_per_sample;
            reader
                .samples::<i32>()
                .map_while(Result::ok)
                .map(|x| if bits >= 16 { (x >> (bits - 16)) as i16 } else { (x << (16 - bits)) as i16 })
                .collect()
        }
    };
    Ok((raw, usize::from(spec.channels.max(1)), spec.sample_rate))
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
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let left: Vec<i16> = (0..500).collect();
        assert_eq!(read_8k(&write_8k(&[&left])).expect("own file"), left);
        let stereo = read_8k(&write_8k(&[&left, &left[..100]])).expect("own file");
        assert_eq!((stereo[50], stereo[400]), (50, 200));
    }

    #[test]
    fn a_truncated_file_yields_what_is_there_and_garbage_is_refused() {
        let file = write_8k(&[&[7; 400]]);
        assert_eq!(read_8k(&file[..300]).expect("a file cut short").len(), 128);
        assert!(read_8k(b"RIFF but not really").is_err());
        assert!(read_8k(&[]).is_err());
        assert!(matches!(read_8k(&write_8k(&[&[]])), Err(WavError::Empty)));
    }
}
