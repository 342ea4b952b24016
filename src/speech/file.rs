//! Audio files: any WAV or MP3, read off the runtime and brought to 8 kHz mono.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::audio::{resample, wav};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as MediaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// Largest file that is read, in bytes: about half an hour of 8 kHz 16-bit mono.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Longest compressed recording that is decoded, in seconds.
pub const MAX_SECONDS: usize = 15 * 60;

/// Why an audio file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read the audio file {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the audio file {} is too large: at most {} MiB are read", path.display(), MAX_BYTES / 1024 / 1024)]
    TooLarge { path: PathBuf },
    #[error("the audio file {} is too long: at most {} minutes are decoded", path.display(), MAX_SECONDS / 60)]
    TooLong { path: PathBuf },
    #[error("{} is not an audio file that can be played ({reason}); use WAV or MP3", path.display())]
    Format { path: PathBuf, reason: String },
    #[error("the audio file {} holds no audio", path.display())]
    Empty { path: PathBuf },
}

/// Reads a WAV (any PCM, float or G.711, any rate, any channels) or MP3 file as 8 kHz mono samples. The
/// content decides which it is, not the name.
///
/// # Errors
/// When the file cannot be read, is larger than [`MAX_BYTES`], longer than [`MAX_SECONDS`], not audio,
/// or empty. Every error names the file.
pub async fn load(path: impl Into<PathBuf>) -> Result<Arc<[i16]>, FileError> {
    let path = path.into();
    let read = path.clone();
    match tokio::task::spawn_blocking(move || load_blocking(&read)).await {
        Ok(result) => result,
        Err(error) => Err(FileError::Format { path, reason: format!("the decoder failed: {error}") }),
    }
}

/// The same of bytes that are at hand; `path` is the name that an error gives them. Takes as long as
/// decoding does, so it does not belong on the runtime.
///
/// # Errors
/// As [`load`].
pub fn samples(path: &Path, bytes: &[u8]) -> Result<Vec<i16>, FileError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { path: path.into() });
    }
    decode(bytes).map_err(|error| error.at(path))
}

fn load_blocking(path: &Path) -> Result<Arc<[i16]>, FileError> {
    let bytes = read_limited(path)?;
    let samples = decode(&bytes).map_err(|error| error.at(path))?;
    Ok(samples.into())
}

fn read_limited(path: &Path) -> Result<Vec<u8>, FileError> {
    let fail = |source| FileError::Read { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

/// What went wrong inside the bytes, before a file name is known.
#[derive(Debug)]
enum DecodeError {
    Format(String),
    Empty,
    TooLong,
}

impl DecodeError {
    fn at(self, path: &Path) -> FileError {
        let path = path.to_path_buf();
        match self {
            Self::Format(reason) => FileError::Format { path, reason },
            Self::Empty => FileError::Empty { path },
            Self::TooLong => FileError::TooLong { path },
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<i16>, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if bytes.starts_with(b"RIFF") {
        match wav::read_8k(bytes) {
            Ok(samples) => return Ok(samples),
            Err(wav::WavError::Empty) => return Err(DecodeError::Empty),
            Err(wav::WavError::Resample(error)) => return Err(DecodeError::Format(error.to_string())),
            // G.711 and other codecs inside a WAV container go to the general decoder.
            Err(wav::WavError::Format(_)) => {}
        }
    }
    let (mono, rate) = decode_any(bytes)?;
    if mono.is_empty() {
        return Err(DecodeError::Empty);
    }
    resample::to_8k(&mono, rate).map_err(|error| DecodeError::Format(error.to_string()))
}

/// Decodes the first audio track to mono at its own rate. A damaged packet is skipped, as players do.
fn decode_any(bytes: &[u8]) -> Result<(Vec<i16>, u32), DecodeError> {
    let refuse = |error: MediaError| DecodeError::Format(error.to_string());
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
        .map_err(refuse)?;
    let track = format.default_track(TrackType::Audio);
    let Some((id, params)) = track.and_then(|t| Some((t.id, t.codec_params.as_ref()?.audio()?.clone())))
    else {
        return Err(DecodeError::Format("no audio track".into()));
    };
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&params, &AudioDecoderOptions::default())
        .map_err(refuse)?;
    let (mut mono, mut rate, mut block) = (Vec::new(), 0_u32, Vec::<i16>::new());
    // A file cut short ends with an error from the demuxer: what came before it is the recording.
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != id {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(MediaError::DecodeError(_) | MediaError::IoError(_)) => continue,
            Err(error) => return Err(refuse(error)),
        };
        rate = decoded.spec().rate();
        let channels = decoded.spec().channels().count().max(1);
        decoded.copy_to_vec_interleaved(&mut block);
        mono.extend(block.chunks_exact(channels).map(average));
        if mono.len() > MAX_SECONDS.saturating_mul(rate as usize) {
            return Err(DecodeError::TooLong);
        }
    }
    Ok((mono, rate))
}

fn average(channels: &[i16]) -> i16 {
    let sum: i32 = channels.iter().map(|s| i32::from(*s)).sum();
    (sum / channels.len().max(1) as i32) as i16
}

#[cfg(test)]
mod tests {
    use callcore::audio::tone::tone;

    use super::*;

    async fn load_bytes(name: &str, bytes: &[u8]) -> Result<Arc<[i16]>, FileError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        load(path).await
    }

    fn mulaw_wav(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(b"RIFF");
        out.extend_from_slice(&(38 + bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(b"WAVEfmt ");
        out.extend_from_slice(&18_u32.to_le_bytes());
        out.extend_from_slice(&[7, 0, 1, 0]);
        out.extend_from_slice(&8000_u32.to_le_bytes());
        out.extend_from_slice(&8000_u32.to_le_bytes());
        out.extend_from_slice(&[1, 0, 8, 0, 0, 0]);
        out.extend_from_slice(b"data");
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
        out
    }

    #[tokio::test]
    async fn pcm_and_mulaw_wav_files_are_read() {
        let beep = tone(&[1000.0], 200, -20.0);
        let read = load_bytes("a.wav", &wav::write_8k(&[&beep])).await.expect("a WAV file");
        assert_eq!(&read[..], &beep[..]);
        let read = load_bytes("b.wav", &mulaw_wav(&[0x00; 800])).await.expect("a mu-law WAV file");
        assert_eq!(read.len(), 800);
        assert!(read.iter().all(|s| *s < -32_000), "{:?}", &read[..4]);
    }

    #[tokio::test]
    async fn every_refusal_names_the_file_and_the_reason() {
        let cases: [(&str, &[u8], &str); 3] = [
            ("words.txt", b"hello, this is text and no audio at all", "use WAV or MP3"),
            ("none.wav", &wav::write_8k(&[&[]]), "holds no audio"),
            ("empty.mp3", b"", "holds no audio"),
        ];
        for (name, bytes, expected) in cases {
            let error = load_bytes(name, bytes).await.expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
        let error = load("/nowhere/at-all.wav").await.expect_err("no such file").to_string();
        assert!(error.contains("/nowhere/at-all.wav"), "{error}");
    }
}
