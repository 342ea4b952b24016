//! Why a file is no picture, and what to do.

use std::time::Duration;

use super::{LARGEST, LARGEST_FRAME, LONGEST, MOST_BYTES, MOST_FRAMES};

/// What makes a clip of any film.
const CLIP: &str =
    "ffmpeg -i film.mp4 -an -c:v libvpx -b:v 600k -g 60 -auto-alt-ref 0 -vf scale=640:-2,fps=15 clip.ivf";
/// What makes a still of any picture.
const STILL: &str = "cwebp -q 80 -resize 640 0 picture.png -o picture.webp";
const MIB: usize = 1024 * 1024;

/// Why a file cannot be shown. Each sentence says how to make one that can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPicture {
    #[error("it has {} MiB, more than {} MiB; make it shorter or smaller: {CLIP}", bytes.div_ceil(MIB), MOST_BYTES / MIB)]
    TooLarge { bytes: usize },
    #[error("it is empty; make a clip ({CLIP}) or a still ({STILL})")]
    Empty,
    #[error("it is neither an IVF file with VP8 nor a WebP; make a clip ({CLIP}) or a still ({STILL})")]
    Unknown,
    #[error("it is {kind}, and stills are lossy WebP; make one: {STILL}")]
    Still { kind: &'static str },
    #[error("it is {kind}, and clips are VP8 in IVF; make one: {CLIP}")]
    Film { kind: &'static str },
    #[error("it is a lossless WebP, and stills are lossy WebP; make one: {STILL}")]
    Lossless,
    #[error("it is an animated WebP, and clips are VP8 in IVF; make one: {CLIP}")]
    Animated,
    #[error("its video is {codec}, and clips are VP8; make one: {CLIP}")]
    Codec { codec: String },
    #[error("it gives no time base; make it again: {CLIP}")]
    NoTimeBase,
    #[error("it ends in the middle of {of}; copy it again, or make it again")]
    CutOff { of: String },
    #[error("it does not begin with a key frame, so nobody could see it; make it again: {CLIP}")]
    NoKeyFrame,
    #[error("frame {frame} is no VP8; make it again: {CLIP}")]
    Damaged { frame: usize },
    #[error("frame {frame} is one that is never shown; make it without these: {CLIP}")]
    Hidden { frame: usize },
    #[error("it is {width}x{height}, and at most {}x{}, upright or not, can be shown; add `-vf scale=640:-2` to ffmpeg, or `-resize 640 0` to cwebp", LARGEST.0, LARGEST.1)]
    Size { width: u16, height: u16 },
    #[error("frame {frame} has {} KiB, more than {} KiB; encode it at a lower rate: {CLIP}", bytes.div_ceil(1024), LARGEST_FRAME / 1024)]
    LargeFrame { frame: usize, bytes: usize },
    #[error("frame {frame} is not shown after the one before it; make it again: {CLIP}")]
    NotRising { frame: usize },
    #[error("it has more than {MOST_FRAMES} frames a second; make it with fewer: {CLIP}")]
    Fast,
    #[error("it takes {} minutes, more than {}; cut it with `ffmpeg -t 600`", length.as_secs().div_ceil(60), LONGEST.as_secs() / 60)]
    Long { length: Duration },
}

impl BadPicture {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn told(&self) -> (String, String) {
        let sentence = self.to_string();
        match sentence.split_once("; ") {
            Some((what, todo)) => (what.to_owned(), todo.to_owned()),
            None => (sentence, STILL.to_owned()),
        }
    }
}
