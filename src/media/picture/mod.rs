//! Pictures that a call shows: clips and stills of VP8, read once and cheap to hand on. Pure; there is no encoder here, what is sent
//! is what the file holds.
//!
//! | module | owns |
//! |---|---|
//! | `ivf` | clips: the container that libvpx and FFmpeg write VP8 into |
//! | `webp` | stills: the one key frame of a lossy WebP |
//! | `foreign` | files of other kinds, by how they begin |
//! | `bad` | why a file is no picture, and what to do |

mod bad;
mod foreign;
mod ivf;
#[cfg(test)]
mod tests;
mod webp;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use bad::BadPicture;

/// Largest file, bytes.
pub const MOST_BYTES: usize = 20 * 1024 * 1024;
/// Longest clip.
const LONGEST: Duration = Duration::from_mins(10);
/// The longer and the shorter edge of the largest picture, pixels.
const LARGEST: (u16, u16) = (1280, 720);
/// Largest frame, bytes: what a receiver puts together.
const LARGEST_FRAME: usize = 512 * 1024;
/// Most frames of a second.
const MOST_FRAMES: usize = 30;
/// So much less than a second they may take: times are rounded to whole milliseconds in some files.
const ROUNDED: Duration = Duration::from_millis(10);

/// One frame of VP8.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// When it is shown, from the beginning of the clip.
    pub at: Duration,
    /// It can be decoded without those before it.
    pub is_key: bool,
    /// As in RFC 6386; never empty.
    pub vp8: Bytes,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_key { "key" } else { "delta" };
        write!(f, "{kind} at {:?}, {} bytes", self.at, self.vp8.len())
    }
}

/// A clip, or a still: a clip of one frame. Clones share the frames.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip(Arc<Film>);

#[derive(PartialEq, Eq)]
struct Film {
    frames: Vec<Frame>,
    size: (u16, u16),
    length: Duration,
}

impl Clip {
    /// Reads an IVF file with VP8, or a lossy WebP without animation.
    ///
    /// # Errors
    /// It is neither, or past a limit: [`BadPicture`] says what to do.
    pub fn read(bytes: &[u8]) -> Result<Self, BadPicture> {
        if bytes.len() > MOST_BYTES {
            return Err(BadPicture::TooLarge { bytes: bytes.len() });
        }
        if bytes.starts_with(ivf::MAGIC) {
            return Self::of(ivf::frames(bytes)?);
        }
        if webp::is_webp(bytes) {
            let vp8 = Bytes::copy_from_slice(webp::key_frame(bytes)?);
            return Self::of(vec![(Duration::ZERO, vp8)]);
        }
        Err(foreign::told(bytes))
    }

    /// Holds the frames to the limits.
    fn of(read: Vec<(Duration, Bytes)>) -> Result<Self, BadPicture> {
        let first = read.first().ok_or(BadPicture::Empty)?;
        let size = rtp::vp8::size(&first.1).ok_or(BadPicture::NoKeyFrame)?;
        let mut frames: Vec<Frame> = Vec::with_capacity(read.len());
        for (n, (at, vp8)) in read.into_iter().enumerate() {
            let tag = vp8.first().copied().unwrap_or_default();
            let is_key = tag & KEY == 0;
            if is_key {
                let size = rtp::vp8::size(&vp8).ok_or(BadPicture::Damaged { frame: n + 1 })?;
                bounded(size)?;
            }
            if tag & SHOWN == 0 {
                return Err(BadPicture::Hidden { frame: n + 1 });
            }
            if vp8.len() > LARGEST_FRAME {
                return Err(BadPicture::LargeFrame { frame: n + 1, bytes: vp8.len() });
            }
            if frames.last().is_some_and(|before| before.at >= at) {
                return Err(BadPicture::NotRising { frame: n + 1 });
            }
            let second_ago = n.checked_sub(MOST_FRAMES).and_then(|ago| frames.get(ago));
            if second_ago.is_some_and(|ago| at - ago.at + ROUNDED < Duration::from_secs(1)) {
                return Err(BadPicture::Fast);
            }
            frames.push(Frame { at, is_key, vp8 });
        }
        let length = length(&frames);
        if length > LONGEST {
            return Err(BadPicture::Long { length });
        }
        Ok(Self(Arc::new(Film { frames, size, length })))
    }

    /// At least one; the first is a key frame and shown at zero. Times rise.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.0.frames
    }

    /// Pixels.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.0.size.0
    }

    /// Pixels.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.0.size.1
    }

    /// From the first frame to the end of the last one, which is shown as long as the one before it; zero of a still.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.0.length
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.0.size;
        write!(f, "Clip({width}x{height}, {} frames, {:?})", self.0.frames.len(), self.0.length)
    }
}

/// The bit of a frame's tag that is 0 in key frames (RFC 6386, section 9.1).
const KEY: u8 = 0x01;
/// The bit of a frame's tag that is 0 in frames that only help to decode others.
const SHOWN: u8 = 0x10;

fn bounded((width, height): (u16, u16)) -> Result<(), BadPicture> {
    let is_within = width.max(height) <= LARGEST.0 && width.min(height) <= LARGEST.1;
    if width == 0 || height == 0 || !is_within {
        return Err(BadPicture::Size { width, height });
    }
    Ok(())
}

fn length(frames: &[Frame]) -> Duration {
    match frames {
        [.., before, last] => last.at + (last.at - before.at),
        _ => Duration::ZERO,
    }
}
