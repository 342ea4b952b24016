//! How long audio waits before it is played, so that packets the network held up are there in time.

/// Shortest and longest wait, and the one before anything is known, in samples.
const SHORTEST: i64 = MARGIN;
pub(super) const LONGEST: i64 = 1_600;
const FIRST: i64 = 320;
/// What is waited beyond the latest packet seen: the end of a frame may be in the packet after that of its beginning, and
/// this may be missed by as much as is never corrected.
const MARGIN: i64 = 160 + TOO_SHORT;
/// A wait that is shorter by less than this stays as it is, in samples.
pub(super) const TOO_SHORT: i64 = 16;
/// How long one window of measurement lasts, and how many are remembered: 8 s in all.
const WINDOW: i64 = 16_000;
const WINDOWS: usize = 4;

/// The least and the greatest transit seen in a window, in samples.
#[derive(Clone, Copy, Debug)]
struct Window {
    least: i64,
    greatest: i64,
}

/// Transit is the time of arrival less the time stamp, in samples: its differences are how much later than others a
/// packet came, and a clock that drifts shows as a least transit that moves.
#[derive(Debug)]
pub(super) struct Delay {
    windows: [Option<Window>; WINDOWS],
    current: usize,
    /// When the current window began, in samples.
    began: i64,
}

impl Delay {
    pub(super) const fn new(transit: i64, now: i64) -> Self {
        let mut windows = [None; WINDOWS];
        windows[0] = Some(Window { least: transit, greatest: transit });
        Self { windows, current: 0, began: now }
    }

    pub(super) fn note(&mut self, transit: i64, now: i64) {
        // One step however long nothing came: what was learnt before a silence holds after it.
        if now - self.began >= WINDOW {
            self.current = (self.current + 1) % WINDOWS;
            self.windows[self.current] = None;
            self.began = now;
        }
        let window = self.windows[self.current].get_or_insert(Window { least: transit, greatest: transit });
        window.least = window.least.min(transit);
        window.greatest = window.greatest.max(transit);
    }

    /// The transit of the packets that were held up least.
    pub(super) fn least(&self) -> i64 {
        self.windows.iter().flatten().map(|window| window.least).min().unwrap_or(0)
    }

    /// How long audio is to wait beyond the least transit, in samples.
    pub(super) fn target(&self) -> i64 {
        let greatest = self.windows.iter().flatten().map(|window| window.greatest).max().unwrap_or(0);
        let late = greatest - self.least();
        let known = self.windows.iter().flatten().count() > 1;
        let shortest = if known { SHORTEST } else { FIRST };
        (late + MARGIN).clamp(shortest, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_the_first_late_packet_and_shrinks_when_none_was_late_for_eight_seconds() {
        let mut delay = Delay::new(5_000, 0);
        assert_eq!(delay.target(), 320, "40 ms before anything is known");
        delay.note(5_800, 160);
        assert_eq!(delay.target(), 976, "100 ms late, a frame, and 2 ms");
        for n in 0..=400 {
            delay.note(5_000, n * 160);
        }
        assert_eq!(delay.target(), 176);
        delay.note(90_000, 64_000);
        assert_eq!(delay.target(), 1_600, "never more than 200 ms");
    }

    #[test]
    fn a_slow_clock_moves_the_least_transit() {
        let mut delay = Delay::new(0, 0);
        for n in 0..1_000 {
            delay.note(n / 10, n * 160);
        }
        assert!((50..=100).contains(&delay.least()), "{}", delay.least());
    }
}
