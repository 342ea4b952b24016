//! Bytes that came from anywhere as 8 kHz mono: the one door for uploads, flows, callees, voices, recordings and the
//! command line. What a file states is held to bounds before a sample of it is decoded.

mod mp3;

use callcore::audio::SAMPLE_RATE;
use callcore::audio::resample::{RATES, ResampleError};
use callcore::audio::wav::{self, MOST_CHANNELS, Side, Wav, WavError};
use parking_lot::Mutex;

const PER_MINUTE: usize = 60 * SAMPLE_RATE as usize;
const MIB: u64 = 1024 * 1024;
/// What to do with a file that is not read.
const CONVERT: &str = "use WAV or MP3, or convert it, for example with `ffmpeg -i INPUT -ac 1 -ar 8000 -c:a pcm_s16le OUTPUT.wav`";

/// How much is read of one file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub bytes: u64,
    /// Decoded, at 8 kHz.
    pub samples: usize,
}

/// What a bot, a callee or a voice says in one go: 32 MiB, a quarter of an hour.
pub const PROMPT: Limits = Limits { bytes: 32 * MIB, samples: 15 * PER_MINUTE };
/// A call from its beginning to its end: 1 GiB, four hours.
pub const RECORDING: Limits = Limits { bytes: 1024 * MIB, samples: wav::LONGEST };

/// Why bytes could not be used as sound: what follows the name of the file in a sentence.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SoundError {
    #[error("holds no audio")]
    Empty,
    #[error("is too large: at most {0} MiB are read")]
    TooLarge(u64),
    #[error("is too long: at most {0} minutes are decoded")]
    TooLong(usize),
    #[error("is too long with the others: all audio of an upload takes at most {0} minutes")]
    TooLongTogether(usize),
    #[error(
        "states {0} samples per second, and {least} to {most} are read; {CONVERT}",
        least = RATES.start(), most = RATES.end()
    )]
    Rate(u32),
    #[error("states {0} channels, and 1 to {MOST_CHANNELS} are read; {CONVERT}")]
    Channels(usize),
    #[error("is not an audio file that can be read ({0}); {CONVERT}")]
    Unread(String),
    #[error("needs more memory than there is; shorten it")]
    Memory,
}

impl SoundError {
    fn too_long(most: usize) -> Self {
        Self::TooLong(most / PER_MINUTE)
    }

    /// Says what the bytes are instead, where that can be seen.
    fn unread(bytes: &[u8]) -> Self {
        Self::Unread(match kind(bytes) {
            Some(kind) => format!("it is {kind}"),
            None => "it is neither WAV nor MP3".to_owned(),
        })
    }
}

impl From<ResampleError> for SoundError {
    fn from(error: ResampleError) -> Self {
        Self::Unread(error.to_string())
    }
}

/// Reads a WAV or MP3 file as 8 kHz mono. The content decides which it is, not a name. Takes as long as decoding does,
/// so it does not belong on the runtime.
///
/// # Errors
/// When it is no audio, holds none, or is beyond `limits`.
pub fn read(bytes: &[u8], side: Side, limits: Limits) -> Result<Vec<i16>, SoundError> {
    if bytes.len() as u64 > limits.bytes {
        return Err(SoundError::TooLarge(limits.bytes / MIB));
    }
    if bytes.is_empty() {
        return Err(SoundError::Empty);
    }
    if !wav::is_wav(bytes) {
        return mp3::read(bytes, side, limits.samples);
    }
    if let Some(frames) = wav::mpeg(bytes) {
        return mp3::read(frames, side, limits.samples);
    }
    Wav::open(bytes).and_then(|wav| wav.mono_8k(side, limits.samples)).map_err(|error| match error {
        WavError::Empty => SoundError::Empty,
        WavError::Memory => SoundError::Memory,
        WavError::Rate(hz) => SoundError::Rate(hz),
        WavError::Channels(channels) => SoundError::Channels(channels.into()),
        WavError::TooLong(_) => SoundError::too_long(limits.samples),
        error @ (WavError::NotWav | WavError::Incomplete(_) | WavError::Codec(_) | WavError::Resample(_)) => {
            SoundError::Unread(error.to_string())
        }
    })
}

/// How much sound may still come of what belongs together, as the files of one upload.
#[derive(Debug)]
pub struct Allowance {
    all: usize,
    left: Mutex<usize>,
}

impl Allowance {
    /// For so many minutes.
    #[must_use]
    pub const fn minutes(minutes: usize) -> Self {
        Self { all: minutes * PER_MINUTE, left: Mutex::new(minutes * PER_MINUTE) }
    }

    /// Reads a prompt within what is left, and takes it off that. What is beyond is not decoded.
    ///
    /// # Errors
    /// As [`read`], or when too little is left.
    pub fn read(&self, bytes: &[u8]) -> Result<Vec<i16>, SoundError> {
        let mut left = self.left.lock();
        let samples = (*left).min(PROMPT.samples);
        let read = read(bytes, Side::Mixed, Limits { samples, ..PROMPT }).map_err(|error| {
            let together = samples < PROMPT.samples && matches!(error, SoundError::TooLong(_));
            if together { SoundError::TooLongTogether(self.all / PER_MINUTE) } else { error }
        })?;
        *left -= read.len().min(*left);
        Ok(read)
    }
}

/// What a file that is not read seems to be.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    let holds = |at: usize, what: &[u8]| bytes.get(at..at + what.len()) == Some(what);
    Some(match bytes {
        _ if begins(b"OggS") => "an Ogg file (Vorbis or Opus)",
        _ if begins(b"fLaC") => "a FLAC file",
        _ if holds(4, b"ftyp") => "an MPEG-4 file (m4a, mp4)",
        _ if begins(b"FORM") && (holds(8, b"AIFF") || holds(8, b"AIFC")) => "an AIFF file",
        _ if begins(b".snd") => "a Sun audio file (au)",
        _ if begins(b"RIFX") => "a WAV file with the bytes the other way round (RIFX)",
        _ if begins(b"riff\x2e\x91\xcf\x11") => "a Wave64 file",
        _ if begins(b"caff") => "a Core Audio file",
        _ if begins(b"#!AMR") => "an AMR file",
        _ if begins(b"wvpk") => "a WavPack file",
        _ if begins(b"\x1a\x45\xdf\xa3") => "a WebM or Matroska file",
        _ if begins(b"\x30\x26\xb2\x75") => "a Windows Media file",
        [0xff, second, ..] if second & 0xf6 == 0xf0 => "an AAC stream",
        _ if begins(b"RIFF") || begins(b"RF64") || begins(b"BW64") => "a RIFF file, but not of sound",
        _ if begins(b"PK\x03\x04") => "a zip",
        _ if begins(b"\x89PNG") || begins(b"GIF8") || begins(b"\xff\xd8\xff") => "an image",
        _ if begins(b"%PDF") => "a PDF document",
        _ => {
            let head = &bytes[..bytes.len().min(512)];
            let text = head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
            return text.then_some("text");
        }
    })
}

/// A frame of silence: MPEG 2 layer III, 8 kbit/s, 24 kHz, mono, 24 ms.
#[cfg(test)]
pub(crate) fn silent_mp3_frame() -> [u8; 24] {
    let mut frame = [0; 24];
    frame[..4].copy_from_slice(&[0xff, 0xf3, 0x14, 0xc4]);
    frame
}

#[cfg(test)]
mod tests;
