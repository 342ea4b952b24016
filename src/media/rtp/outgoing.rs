//! What is still to be sent, taken 20 ms at a time, and the check points behind it. Pure.
//!
//! Nothing leaves ahead of its time, so an interruption is over with the frame that is under way.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use callcore::audio::{FRAME_SAMPLES, Frame};
use tokio::time::Instant;

use super::FRAME_TIME;
use crate::media::Full;

/// Audio that may wait here, in bytes (10 s). A session sends no faster than it is played.
const MAX_WAITING: usize = 160_000;
/// Check points that may wait for their audio to be played.
const MAX_MARKS: usize = 1_000;
const FRAME_BYTES: usize = FRAME_SAMPLES * 2;

#[derive(Debug)]
enum Item {
    /// Little-endian pcm16.
    Audio(Bytes),
    Mark(String),
}

/// A check point whose audio has left.
#[derive(Debug)]
struct Sent {
    /// When the frame with the end of it left.
    left: Instant,
    name: String,
}

/// The outgoing audio of one call.
#[derive(Debug)]
pub(super) struct Outgoing {
    waiting: VecDeque<Item>,
    waiting_bytes: usize,
    /// When the last frame with audio left; the beginning before there was one.
    left: Instant,
    sent: VecDeque<Sent>,
}

impl Outgoing {
    pub(super) const fn new(now: Instant) -> Self {
        Self { waiting: VecDeque::new(), waiting_bytes: 0, left: now, sent: VecDeque::new() }
    }

    /// Queues pcm16. A last odd byte is half a sample and is left out.
    pub(super) fn push(&mut self, mut pcm: Bytes) -> Result<(), Full> {
        pcm.truncate(pcm.len() & !1);
        if self.waiting_bytes + pcm.len() > MAX_WAITING {
            return Err(Full);
        }
        if !pcm.is_empty() {
            self.waiting_bytes += pcm.len();
            self.waiting.push_back(Item::Audio(pcm));
        }
        Ok(())
    }

    pub(super) fn mark(&mut self, name: String) -> Result<(), Full> {
        if self.waiting.len() + self.sent.len() >= MAX_MARKS {
            return Err(Full);
        }
        self.waiting.push_back(Item::Mark(name));
        Ok(())
    }

    /// Forgets everything that has not left, and the check points whose audio has not been played at `now`.
    pub(super) fn cut(&mut self, now: Instant) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.sent.retain(|mark| mark.left + FRAME_TIME <= now);
        self.left = self.left.min(now.checked_sub(FRAME_TIME).unwrap_or(now));
    }

    /// The frame that leaves at `due`: what waits, then silence.
    pub(super) fn take(&mut self, out: &mut Frame, due: Instant) {
        let mut bytes = [0; FRAME_BYTES];
        let mut filled = 0;
        while let Some(item) = self.waiting.front_mut() {
            match item {
                Item::Audio(pcm) => {
                    if filled == FRAME_BYTES {
                        break;
                    }
                    let length = pcm.len().min(FRAME_BYTES - filled);
                    pcm.copy_to_slice(&mut bytes[filled..filled + length]);
                    filled += length;
                    if pcm.is_empty() {
                        self.waiting.pop_front();
                    }
                }
                Item::Mark(name) => {
                    let left = if filled > 0 { due } else { self.left };
                    self.sent.push_back(Sent { left, name: std::mem::take(name) });
                    self.waiting.pop_front();
                }
            }
        }
        if filled > 0 {
            self.left = due;
            self.waiting_bytes -= filled;
        }
        for (sample, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *sample = i16::from_le_bytes(*pair);
        }
    }

    /// The next check point whose audio has been played at `now`, at a peer that was heard at `heard_at` and has got what
    /// was sent up to `delivered`.
    pub(super) fn poll_mark(
        &mut self,
        now: Instant,
        heard_at: Option<Instant>,
        delivered: Option<Instant>,
    ) -> Option<String> {
        let is_known = |mark: &mut Sent| {
            let played = mark.left + FRAME_TIME;
            let is_there =
                heard_at.is_some_and(|at| at >= played) || delivered.is_some_and(|by| by >= mark.left);
            played <= now && is_there
        };
        self.sent.pop_front_if(is_known).map(|mark| mark.name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn pcm(samples: std::ops::Range<i16>) -> Bytes {
        samples.flat_map(i16::to_le_bytes).collect::<Vec<_>>().into()
    }

    fn take(outgoing: &mut Outgoing, due: Instant) -> Frame {
        let mut frame = [9; FRAME_SAMPLES];
        outgoing.take(&mut frame, due);
        frame
    }

    fn marks(outgoing: &mut Outgoing, now: Instant, heard_at: Option<Instant>) -> Vec<String> {
        std::iter::from_fn(|| outgoing.poll_mark(now, heard_at, None)).collect()
    }

    #[test]
    fn a_check_point_comes_when_its_last_frame_has_sounded_at_a_peer_that_is_heard_after_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut outgoing = Outgoing::new(start);
        outgoing.push(pcm(0..200)).expect("room");
        outgoing.mark("heard".into()).expect("room");
        take(&mut outgoing, at(0));
        assert!(marks(&mut outgoing, at(500), Some(at(500))).is_empty(), "40 samples wait");
        take(&mut outgoing, at(20));
        assert!(marks(&mut outgoing, at(39), Some(at(39))).is_empty());
        assert!(marks(&mut outgoing, at(5_000), Some(at(39))).is_empty(), "the peer vanished before");
        assert!(marks(&mut outgoing, at(5_000), None).is_empty());
        assert_eq!(outgoing.poll_mark(at(5_000), Some(at(39)), Some(at(20))), Some("heard".into()));
    }

    #[test]
    fn a_check_point_behind_nothing_is_due_at_once() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(start - FRAME_TIME);
        outgoing.mark("now".into()).expect("room");
        take(&mut outgoing, start);
        assert_eq!(marks(&mut outgoing, start, Some(start)), ["now"]);
    }

    #[test]
    fn an_interruption_leaves_nothing_but_what_has_sounded() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut outgoing = Outgoing::new(start);
        for name in ["first", "second"] {
            outgoing.push(pcm(0..160)).expect("room");
            outgoing.mark(name.into()).expect("room");
        }
        take(&mut outgoing, at(0));
        take(&mut outgoing, at(20));
        outgoing.push(pcm(0..8_000)).expect("room");
        outgoing.cut(at(30));
        assert_eq!(take(&mut outgoing, at(40)), [0; FRAME_SAMPLES]);
        assert_eq!(marks(&mut outgoing, at(60), Some(at(60))), ["first"]);
        outgoing.mark("after".into()).expect("room");
        take(&mut outgoing, at(60));
        assert_eq!(marks(&mut outgoing, at(60), Some(at(60))), ["after"]);
    }

    #[test]
    fn what_a_session_should_never_send_is_refused() {
        let mut outgoing = Outgoing::new(Instant::now());
        outgoing.push(Bytes::from(vec![0; 160_000])).expect("room");
        assert_eq!(outgoing.push(Bytes::from_static(&[1, 0])), Err(Full));
        let taken = (0..2_000).filter(|n| outgoing.mark(n.to_string()).is_ok()).count();
        assert_eq!(taken, 999);
    }

    proptest! {
        #[test]
        fn every_sample_leaves_once_in_order_however_it_was_cut(
            cuts in prop::collection::vec(0_usize..400, 1..40),
        ) {
            let start = Instant::now();
            let (mut outgoing, mut due) = (Outgoing::new(start), start);
            let (mut next, mut heard) = (1, Vec::new());
            for (n, cut) in cuts.iter().enumerate() {
                let end = next + *cut as i16;
                outgoing.push(pcm(next..end)).expect("room");
                next = end;
                if n % 3 == 0 {
                    heard.extend(take(&mut outgoing, due));
                    due += FRAME_TIME;
                }
            }
            for _ in 0..=next / 160 {
                heard.extend(take(&mut outgoing, due));
                due += FRAME_TIME;
            }
            // Silence stands only where nothing waited.
            heard.retain(|sample| *sample != 0);
            prop_assert_eq!(heard, (1..next).collect::<Vec<_>>());
        }
    }
}
