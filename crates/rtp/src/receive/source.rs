//! What one synchronization source has sent: which of its packets came, and how regularly.

use crate::packet::extend_sequence;

/// A sequence number further ahead than this is not a gap but another count (RFC 3550, appendix A.1).
const MAX_DROPOUT: i64 = 3_000;
/// A packet further behind than this belongs to another count. Appendix A.1 has 100; a burst held up for seconds is
/// 50 packets each.
const MAX_MISORDER: i64 = 3_000;

/// What a sequence number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Its place in the count.
    New(i64),
    /// It came before, or so long ago that nobody knows.
    Duplicate,
    /// It does not go on with this count.
    Foreign,
}

#[derive(Debug)]
pub(super) struct Source {
    ssrc: u32,
    /// Extended sequence numbers.
    first: i64,
    newest: i64,
    /// Of the 64 numbers up to `newest`, those that came; bit 0 is `newest`.
    came: u64,
    received: u64,
    /// Of the last packet with audio: when it came less when it was spoken, in samples.
    transit: Option<i64>,
    /// RFC 3550, appendix A.8, in samples.
    jitter: f64,
    /// At the report before.
    expected_before: u64,
    received_before: u64,
}

impl Source {
    /// A source whose first packet has this number. It is still to be taken.
    pub(super) fn new(ssrc: u32, sequence: u16) -> Self {
        // One full turn above zero, so that packets before the first one have a place.
        let first = i64::from(sequence) + 0x1_0000;
        Self {
            ssrc,
            first,
            newest: first - 1,
            came: 0,
            received: 0,
            transit: None,
            jitter: 0.0,
            expected_before: 0,
            received_before: 0,
        }
    }

    pub(super) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts a packet.
    pub(super) fn take(&mut self, sequence: u16) -> Order {
        let number = extend_sequence(self.newest, sequence);
        let ahead = number - self.newest;
        if !(-MAX_MISORDER..MAX_DROPOUT).contains(&ahead) {
            return Order::Foreign;
        }
        if ahead > 0 {
            self.came = if ahead < 64 { self.came << ahead } else { 0 };
            self.came |= 1;
            self.newest = number;
        } else {
            let bit = if ahead > -64 { 1 << -ahead } else { 0 };
            if bit == 0 || self.came & bit != 0 {
                return Order::Duplicate;
            }
            self.came |= bit;
            self.first = self.first.min(number);
        }
        self.received += 1;
        Order::New(number)
    }

    /// Notes how long a packet with audio was under way, in samples, against an unknown constant.
    pub(super) fn note_transit(&mut self, transit: i64) {
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit - before).unsigned_abs().min(80_000) as f64;
            self.jitter += (difference - self.jitter) / 16.0;
        }
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Packets that were sent, as far as is known.
    pub(super) fn expected(&self) -> u64 {
        u64::try_from(self.newest - self.first + 1).unwrap_or(0)
    }

    pub(super) fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// In samples.
    pub(super) const fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Its cycles and highest number, as a report has them.
    pub(super) const fn highest(&self) -> u32 {
        // The turn that was put in front goes out again.
        (self.newest - 0x1_0000) as u32
    }

    /// The share lost since this was last asked, of 256 (appendix A.3).
    pub(super) fn fraction_lost(&mut self) -> u8 {
        let (expected, received) = (self.expected(), self.received);
        let expected_since = expected.saturating_sub(self.expected_before);
        let received_since = received.saturating_sub(self.received_before);
        (self.expected_before, self.received_before) = (expected, received);
        let lost = expected_since.saturating_sub(received_since);
        let share = (lost * 256).checked_div(expected_since).unwrap_or(0);
        u8::try_from(share).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_what_is_missing_between_the_first_and_the_newest() {
        let mut source = Source::new(1, 65_534);
        for sequence in [65_534, 65_535, 2, 1, 1] {
            source.take(sequence);
        }
        assert_eq!((source.expected(), source.received(), source.lost()), (5, 4, 1));
        assert_eq!(source.fraction_lost(), 51);
        assert_eq!(source.fraction_lost(), 0, "nothing since");
        assert_eq!(source.highest(), 0x1_0002);
    }

    #[test]
    fn a_packet_counts_once_and_another_count_is_told() {
        let mut source = Source::new(1, 100);
        assert_eq!(source.take(100), Order::New(65_636));
        assert_eq!(source.take(100), Order::Duplicate);
        assert_eq!(source.take(99), Order::New(65_635), "one that was overtaken at the very start");
        assert_eq!(source.take(30_000), Order::Foreign);
        assert_eq!(source.take(101), Order::New(65_637));
    }

    #[test]
    fn jitter_follows_how_unevenly_packets_come() {
        let mut source = Source::new(1, 0);
        for n in 0..400 {
            source.note_transit(if n % 2 == 0 { 0 } else { 80 });
        }
        assert!((source.jitter() - 80.0).abs() < 1.0, "{}", source.jitter());
    }
}
