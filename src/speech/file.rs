//! Audio files by their names: read off the runtime, and every refusal names the file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::audio::wav::Side;

use super::sound;
pub use super::sound::{Allowance, Limits, PROMPT, RECORDING, SoundError};

/// Why an audio file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read the audio file {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} {problem}", path.display())]
    Sound { path: PathBuf, problem: SoundError },
}

impl FileError {
    fn of(path: &Path) -> impl FnOnce(SoundError) -> Self {
        |problem| Self::Sound { path: path.into(), problem }
    }
}

/// Reads a prompt as 8 kHz mono samples.
///
/// # Errors
/// When the file cannot be read, is no audio, or is beyond [`PROMPT`].
pub async fn load(path: impl Into<PathBuf>) -> Result<Arc<[i16]>, FileError> {
    let path = path.into();
    let read = path.clone();
    match tokio::task::spawn_blocking(move || load_now(&read, Side::Mixed, PROMPT)).await {
        Ok(result) => result.map(Arc::from),
        Err(error) => {
            let problem = SoundError::Unread(format!("the decoder failed: {error}"));
            Err(FileError::Sound { path, problem })
        }
    }
}

/// Reads a file within `limits`. Takes as long as decoding does, so it does not belong on the runtime.
///
/// # Errors
/// When the file cannot be read, is no audio, or is beyond `limits`.
pub fn load_now(path: &Path, side: Side, limits: Limits) -> Result<Vec<i16>, FileError> {
    let fail = |source| FileError::Read { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(limits.bytes + 1).read_to_end(&mut bytes).map_err(fail)?;
    sound::read(&bytes, side, limits).map_err(FileError::of(path))
}

/// A prompt of bytes that are at hand; `path` is the name that an error gives them. `allowance` is what its kin may
/// still take together.
///
/// # Errors
/// As [`load_now`], or when it takes more than is left.
pub fn samples(path: &Path, bytes: &[u8], allowance: &Allowance) -> Result<Vec<i16>, FileError> {
    allowance.read(bytes).map_err(FileError::of(path))
}

#[cfg(test)]
mod tests {
    use callcore::audio::tone::tone;
    use callcore::audio::wav;

    use super::*;

    async fn load_bytes(name: &str, bytes: &[u8]) -> Result<Arc<[i16]>, FileError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        load(path).await
    }

    #[tokio::test]
    async fn a_file_is_read_by_its_content_and_not_by_its_name() {
        let beep = tone(&[1000.0], 200, -20.0);
        let read = load_bytes("a.mp3", &wav::write_8k(&[&beep])).await.expect("a WAV file");
        assert_eq!(&read[..], &beep[..]);
    }

    #[tokio::test]
    async fn every_refusal_names_the_file_and_the_reason() {
        let mut hertz = wav::write_8k(&[&[0; 800]]);
        hertz[24..28].copy_from_slice(&1_u32.to_le_bytes());
        let cases: [(&str, &[u8], &str); 4] = [
            ("words.txt", b"hello, this is text and no audio at all", "use WAV or MP3"),
            ("none.wav", &wav::write_8k(&[&[]]), "holds no audio"),
            ("empty.mp3", b"", "holds no audio"),
            ("hertz.wav", &hertz, "states 1 samples per second"),
        ];
        for (name, bytes, expected) in cases {
            let error = load_bytes(name, bytes).await.expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
        let error = load("/nowhere/at-all.wav").await.expect_err("no such file").to_string();
        assert!(error.contains("/nowhere/at-all.wav"), "{error}");
    }
}
