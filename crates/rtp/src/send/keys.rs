//! Keys that we press, as telephone events (RFC 4733): a packet every 20 ms while the key is down, with how long it has been
//! down so far, and its end three times.

use std::collections::VecDeque;

use crate::receive::code;

/// Keys that may wait.
const MAX_WAITING: usize = 64;
/// Shortest and longest time that a key is down, in ms.
const SHORTEST: u32 = 100;
const LONGEST: u32 = 1_000;
/// Length of a frame in ms, and in samples.
const FRAME_MS: u32 = 20;
const FRAME_SAMPLES: u16 = 160;
/// How often the end of a key is told (section 2.5.1.4).
const ENDS: u16 = 3;
/// Frames between the last end of a key and the next one: with the ends, a pause of 100 ms.
const FRAMES_BETWEEN: u16 = 3;
/// −10 dBm0, in the six bits after the end and the reserved one.
const VOLUME: u8 = 10;
const END: u8 = 0x80;

/// Why a key cannot be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    #[error("the other end takes no keys in its packets (telephone-event was not agreed on)")]
    NotAgreed,
    #[error("{0:?} is no key: use 0 to 9, *, # or A to D")]
    Unknown(char),
    #[error("at most {MAX_WAITING} keys may wait to be pressed")]
    TooMany,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    code: u8,
    /// How many frames it is down.
    frames: u16,
}

/// The packet of one frame of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) payload: [u8; 4],
    /// How many frames before this one the key went down.
    pub(super) since: u16,
}

#[derive(Debug, Default)]
pub(super) struct Presses {
    waiting: VecDeque<Press>,
    /// The key that is down, with the packets that it has had.
    down: Option<(Press, u16)>,
    /// Frames until the next key may go down.
    pause: u16,
}

impl Presses {
    pub(super) fn push(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        let code = code(key).ok_or(NoKey::Unknown(key))?;
        if self.waiting.len() >= MAX_WAITING {
            return Err(NoKey::TooMany);
        }
        let frames = duration_ms.clamp(SHORTEST, LONGEST).div_ceil(FRAME_MS) as u16;
        self.waiting.push_back(Press { code, frames });
        Ok(())
    }

    /// Whether the next frame belongs to a key.
    pub(super) fn is_due(&self) -> bool {
        self.down.is_some() || (self.pause == 0 && !self.waiting.is_empty())
    }

    /// What the next frame tells of a key; `None` when it is free for audio.
    pub(super) fn advance(&mut self) -> Option<Part> {
        if self.down.is_none() {
            if self.pause > 0 {
                self.pause -= 1;
                return None;
            }
            self.down = Some((self.waiting.pop_front()?, 0));
        }
        let (press, told) = self.down.as_mut()?;
        let press = *press;
        let since = *told;
        *told += 1;
        if *told + 1 == press.frames + ENDS {
            self.down = None;
            self.pause = FRAMES_BETWEEN;
        }
        let lasted = (since + 1).min(press.frames);
        let end = if lasted == press.frames { END } else { 0 };
        let [high, low] = (lasted * FRAME_SAMPLES).to_be_bytes();
        Some(Part { payload: [press.code, end | VOLUME, high, low], since })
    }
}
