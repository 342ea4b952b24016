//! The unit everything is counted in: 160 samples, 20 ms.

/// Samples per second of all telephone audio.
pub const SAMPLE_RATE: u32 = 8_000;
/// Length of one frame in milliseconds.
pub const FRAME_MS: u64 = 20;
/// Samples in one frame.
pub const FRAME_SAMPLES: usize = 160;
/// Samples in one millisecond.
pub const SAMPLES_PER_MS: usize = 8;

/// 20 ms of 8 kHz mono signed 16-bit audio.
pub type Frame = [i16; FRAME_SAMPLES];

/// Milliseconds spanned by `samples` samples, rounded down.
#[must_use]
pub const fn samples_to_ms(samples: usize) -> u64 {
    (samples / SAMPLES_PER_MS) as u64
}

/// Samples in `ms` milliseconds.
#[must_use]
pub const fn ms_to_samples(ms: u64) -> usize {
    ms as usize * SAMPLES_PER_MS
}

/// Little-endian bytes of `samples`, as every wire here carries pcm16.
#[must_use]
pub fn to_pcm16le(samples: &[i16]) -> Vec<u8> {
    let mut bytes = vec![0; samples.len() * 2];
    write_pcm16le(samples, &mut bytes);
    bytes
}

/// Writes the little-endian bytes of `samples` into `bytes`, as many as there is room for.
pub fn write_pcm16le(samples: &[i16], bytes: &mut [u8]) {
    for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
        *pair = sample.to_le_bytes();
    }
}

/// Samples from little-endian pcm16; a trailing odd byte is ignored.
#[must_use]
pub fn from_pcm16le(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
}
