//! A text file as a window that moves on: decoded, its lines ended as on Unix, never whole in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use encoding_rs::{Decoder, Encoding};

use super::encoding::encoding;

/// So much of the text lies ahead at least, unless it ends, bytes: the longest row and what decides about it.
pub(super) const AHEAD: usize = 256 * 1024;
/// Bytes read at a time.
const PART: usize = 512 * 1024;

/// A text, from where it was read up to.
pub(super) struct Text {
    file: File,
    decoder: Decoder,
    raw: Vec<u8>,
    decoded: String,
    /// Where the window begins in `decoded`.
    at: usize,
    ended: bool,
    /// The lines end in carriage returns alone, as old Macintoshes write them.
    returns: Option<bool>,
    /// Bytes of the file that were decoded.
    read: u64,
}

impl Text {
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open(path: &Path) -> io::Result<(Self, &'static Encoding)> {
        let mut file = File::open(path)?;
        let encoding = encoding(&file)?;
        file.seek(SeekFrom::Start(0))?;
        Ok((Self::over(file, encoding), encoding))
    }

    fn over(file: File, encoding: &'static Encoding) -> Self {
        let (raw, decoded) = (vec![0; PART], String::new());
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { file, decoder, raw, decoded, at: 0, ended: false, returns: None, read: 0 }
    }

    /// What lies ahead: all of the rest, or [`AHEAD`] bytes and more.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn window(&mut self) -> io::Result<&str> {
        while !self.ended && self.decoded.len() - self.at < AHEAD {
            self.decoded.drain(..self.at);
            self.at = 0;
            self.fill()?;
        }
        Ok(self.decoded.get(self.at..).unwrap_or_default())
    }

    fn fill(&mut self) -> io::Result<()> {
        let got = self.file.read(&mut self.raw)?;
        self.read += got as u64;
        let part = self.raw.get(..got).unwrap_or_default();
        let begin = self.decoded.len();
        let room = self.decoder.max_utf8_buffer_length(part.len()).unwrap_or(part.len() * 3 + 16);
        self.decoded.reserve(room);
        // There is room for all of it.
        let _filled = self.decoder.decode_to_string(part, &mut self.decoded, got == 0);
        self.ended = got == 0;
        let new = self.decoded.get(begin..).unwrap_or_default();
        if self.returns.is_none()
            && let Some(at) = new.find(['\r', '\n'])
        {
            let rest = new.get(at..).unwrap_or_default();
            self.returns = Some(rest.starts_with('\r') && !rest.starts_with("\r\n"));
        }
        if self.returns == Some(true) && new.contains('\r') {
            let plain = new.replace("\r\n", "\n").replace('\r', "\n");
            self.decoded.truncate(begin);
            self.decoded.push_str(&plain);
        }
        Ok(())
    }

    /// Moves the window on by `length` bytes of what was seen.
    pub(super) fn skip(&mut self, length: usize) {
        self.at = (self.at + length).min(self.decoded.len());
    }

    /// Whether nothing comes behind the window.
    pub(super) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes of the file that are behind, roughly.
    pub(super) fn position(&self) -> u64 {
        self.read.saturating_sub((self.decoded.len() - self.at) as u64)
    }
}
