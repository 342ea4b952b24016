//! What a browser is shown: which frames are due, and what is sent again to one that missed some. Pure.

use std::time::Duration;

use rtp::vp8::CLOCK;
use tokio::time::Instant;

use crate::media::picture::{Clip, Frame};

/// A still is sent again so often: a browser does not know what it missed if nothing follows.
const STILL_AGAIN: Duration = Duration::from_secs(5);
/// What is shown is sent from its last key frame on so often at most, however often a browser asks.
const AGAIN: Duration = Duration::from_millis(500);
/// More than this is not sent again at once, bytes: the next key frame of the clip is waited for.
const MOST_AGAIN: usize = 1 << 20;
/// A black picture, 64 by 36 pixels: what is seen once nothing is shown any more.
const BLANK: &[u8] = include_bytes!("blank.vp8");

/// A frame to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due<'a> {
    pub(super) vp8: &'a [u8],
    /// In ticks of [`CLOCK`].
    pub(super) timestamp: u32,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Screen {
    began: Instant,
    shown: Option<Shown>,
    /// The time stamp of the next frame is greater.
    last: Option<u64>,
    /// When frames were last sent again.
    again_at: Option<Instant>,
}

#[derive(Debug)]
struct Shown {
    clip: Option<Clip>,
    since: Instant,
    next: usize,
}

impl Shown {
    fn frame(&self, at: usize) -> Option<(Duration, &[u8])> {
        match &self.clip {
            Some(clip) => clip.frames().get(at).map(|Frame { at, vp8, .. }| (*at, &vp8[..])),
            None => (at == 0).then_some((Duration::ZERO, BLANK)),
        }
    }

    fn is_still(&self) -> bool {
        self.frame(1).is_none()
    }

    /// The last key frame among those that were sent.
    fn last_key(&self) -> usize {
        let sent = self.clip.as_ref().and_then(|clip| clip.frames().get(..self.next)).unwrap_or_default();
        sent.iter().rposition(|frame| frame.is_key).unwrap_or_default()
    }
}

impl Screen {
    pub(super) const fn new(now: Instant) -> Self {
        Self { began: now, shown: None, last: None, again_at: None }
    }

    /// Shows this from now on, or nothing any more.
    pub(super) fn show(&mut self, clip: Option<Clip>, now: Instant) {
        if clip.is_some() || self.shown.is_some() {
            self.shown = Some(Shown { clip, since: now, next: 0 });
            self.again_at = Some(now);
        }
    }

    /// The browser cannot show what it gets.
    pub(super) fn key_frame_wanted(&mut self, now: Instant) {
        self.send_again(now, AGAIN);
    }

    fn send_again(&mut self, now: Instant, least: Duration) {
        let Some(shown) = &mut self.shown else { return };
        if self.again_at.is_none_or(|at| now.saturating_duration_since(at) >= least) {
            let key = shown.last_key();
            let bytes: usize =
                (key..shown.next).filter_map(|at| shown.frame(at)).map(|(_, vp8)| vp8.len()).sum();
            if bytes <= MOST_AGAIN {
                shown.next = key;
            }
            self.again_at = Some(now);
        }
    }

    /// The next frame that is due; asked again until there is none.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Due<'_>> {
        if self.shown.as_ref().is_some_and(Shown::is_still) {
            self.send_again(now, STILL_AGAIN);
        }
        let shown = self.shown.as_mut()?;
        let since = now.saturating_duration_since(shown.since);
        let at = shown.next;
        shown.frame(at).filter(|(at, _)| *at <= since)?;
        shown.next += 1;
        let clock = now.saturating_duration_since(self.began).as_millis() as u64 * u64::from(CLOCK / 1_000);
        // Frames that are sent together still follow one another.
        let stamp = self.last.map_or(clock, |last| clock.max(last + 1));
        self.last = Some(stamp);
        let (_, vp8) = self.shown.as_ref()?.frame(at)?;
        Some(Due { vp8, timestamp: stamp as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [u8; 0] = [];

    /// A clip of these frames, one every 40 ms: key frames by their number.
    fn clip(frames: &[(bool, u8)]) -> Clip {
        let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
        file.extend([64, 0, 36, 0]);
        file.extend(1_000_u32.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend((frames.len() as u32).to_le_bytes());
        file.extend([0; 4]);
        for (n, (is_key, mark)) in frames.iter().enumerate() {
            let frame = [0x10 | u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 36, 0, *mark];
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend((n as u64 * 40).to_le_bytes());
            file.extend(frame);
        }
        Clip::read(&file).expect("a clip")
    }

    /// The marks of all frames that are due, and whether their time stamps rise.
    fn due(screen: &mut Screen, now: Instant) -> Vec<u8> {
        let (mut marks, mut last) = (Vec::new(), None);
        while let Some(Due { vp8, timestamp }) = screen.poll(now) {
            assert!(last.is_none_or(|last| timestamp > last), "{timestamp} after {last:?}");
            last = Some(timestamp);
            marks.push(vp8[10]);
        }
        marks
    }

    #[test]
    fn a_clip_is_shown_in_its_time_and_stays_on_its_last_frame() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut screen = Screen::new(now);
        assert_eq!(due(&mut screen, now), NONE);
        screen.show(Some(clip(&[(true, 1), (false, 2), (true, 3), (false, 4)])), at(100));
        assert_eq!(due(&mut screen, at(100)), [1]);
        assert_eq!(due(&mut screen, at(130)), NONE);
        assert_eq!(due(&mut screen, at(190)), [2, 3]);
        assert_eq!(due(&mut screen, at(20_000)), [4]);
        assert_eq!(due(&mut screen, at(30_000)), NONE);
        screen.key_frame_wanted(at(30_000));
        assert_eq!(due(&mut screen, at(30_000)), [3, 4], "it is sent from its last key frame on");
        screen.key_frame_wanted(at(30_100));
        assert_eq!(due(&mut screen, at(30_100)), NONE, "who asks all the time gets it twice a second");
    }

    #[test]
    fn a_still_is_sent_again_and_nothing_is_black() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut screen = Screen::new(now);
        screen.show(None, now);
        assert_eq!(due(&mut screen, now), NONE, "nothing was shown");
        screen.show(Some(clip(&[(true, 7)])), now);
        assert_eq!([due(&mut screen, now), due(&mut screen, at(4_980))], [vec![7], vec![]]);
        assert_eq!(due(&mut screen, at(5_000)), [7]);
        screen.show(None, at(6_000));
        assert_eq!(screen.poll(at(6_000)).map(|due| due.vp8), Some(BLANK));
        assert_eq!(rtp::vp8::size(BLANK), Some((64, 36)));
        assert!(screen.poll(at(6_000)).is_none());
    }
}
