//! VP8 over RTP (RFC 7741): frames into the payloads of packets, and packets into frames again.

use std::collections::BTreeMap;

/// Ticks of a second in the time stamps of video.
pub const CLOCK: u32 = 90_000;

/// Longest piece of a frame in one packet, bytes: with all headers and SRTP it stays below the 1,200 that every network carries.
const PIECE: usize = 1_100;
/// The payload descriptor of a packet that begins a frame, and that of all others (section 4.2: S, and nothing else).
const BEGINS: u8 = 0x10;
const GOES_ON: u8 = 0;
/// Packets that wait for one that is missing, at most.
const MOST_WAITING: usize = 256;
/// With so many behind it, a packet that is missing is not expected any more where a key frame can be shown without it.
const PATIENCE: usize = 20;
/// A number so far behind what is expected begins a stream anew.
const ANEW: u64 = 10_000;
/// Longest frame that is put together, bytes.
const LONGEST_FRAME: usize = 512 * 1024;

/// The payloads of the packets of one frame, in order; the last one has the marker.
pub fn payloads(frame: &[u8]) -> impl ExactSizeIterator<Item = Vec<u8>> {
    frame.chunks(PIECE).enumerate().map(|(n, piece)| {
        let mut payload = Vec::with_capacity(1 + piece.len());
        payload.push(if n == 0 { BEGINS } else { GOES_ON });
        payload.extend_from_slice(piece);
        payload
    })
}

/// Width and height of a key frame, pixels (RFC 6386, section 9.1); `None` of every other frame.
#[must_use]
pub fn size(frame: &[u8]) -> Option<(u16, u16)> {
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *frame else { return None };
    // The upper two bits scale the picture for display.
    let pixels = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
    (tag & 1 == 0).then(|| (pixels(w0, w1), pixels(h0, h1)))
}

/// What a payload carries of a frame: whether it begins one, and the bytes.
fn piece(payload: &[u8]) -> Option<(bool, &[u8])> {
    let (descriptor, rest) = payload.split_first()?;
    let begins = descriptor & 0x17 == BEGINS;
    if descriptor & 0x80 == 0 {
        return Some((begins, rest));
    }
    let (extension, mut rest) = rest.split_first()?;
    if extension & 0x80 != 0 {
        let (id, after) = rest.split_first()?;
        rest = if id & 0x80 == 0 { after } else { after.get(1..)? };
    }
    if extension & 0x40 != 0 {
        rest = rest.get(1..)?;
    }
    if extension & 0x30 != 0 {
        rest = rest.get(1..)?;
    }
    Some((begins, rest))
}

/// Whether a payload begins a key frame: a stream can be joined here.
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    matches!(piece(payload), Some((true, [first, ..])) if first & 1 == 0)
}

/// A frame that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// In ticks of [`CLOCK`].
    pub timestamp: u32,
    pub is_key: bool,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    marker: bool,
    begins: bool,
    bytes: Vec<u8>,
}

/// Puts the frames of one stream together, in order. From a packet that stays away on, nothing is given until the next key frame, for
/// no frame in between can be shown.
#[derive(Debug, Default)]
pub struct Frames {
    /// The number of the packet that must come next; `None` while a key frame is waited for.
    next: Option<u64>,
    waiting: BTreeMap<u64, Waiting>,
}

impl Frames {
    /// Whether nothing can be given before the next key frame, or hardly: the sender may be asked for one.
    #[must_use]
    pub fn needs_key_frame(&self) -> bool {
        self.next.is_none_or(|next| self.is_given_up(next))
    }

    /// Whether this packet, which must come next, is hardly to come.
    fn is_given_up(&self, next: u64) -> bool {
        self.waiting.len() >= PATIENCE && !self.waiting.contains_key(&next)
    }

    /// Takes a packet in; `sequence` is its number counted on past 16 bits.
    pub fn push(&mut self, sequence: u64, timestamp: u32, marker: bool, payload: &[u8]) {
        if self.next.is_some_and(|next| sequence + ANEW < next) {
            *self = Self::default();
        }
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        // What cannot be read stays away. A packet without a payload only fills a gap in the numbers.
        let read = if payload.is_empty() { Some((false, payload)) } else { piece(payload) };
        let Some((begins, bytes)) = read else { return };
        let bytes = bytes.to_vec();
        self.waiting.insert(sequence, Waiting { timestamp, marker, begins, bytes });
        if self.waiting.len() > MOST_WAITING {
            self.start_over();
        }
    }

    /// The next frame that is whole.
    pub fn poll(&mut self) -> Option<Frame> {
        loop {
            let given_up = self.next.filter(|next| self.is_given_up(*next));
            let later =
                given_up.and_then(|_| self.first_key()).filter(|key| self.end_of_frame(*key).is_some());
            let first = later.or(self.next).or_else(|| self.first_key())?;
            self.waiting = self.waiting.split_off(&first);
            self.next = Some(first);
            if self.waiting.get(&first)?.bytes.is_empty() {
                self.waiting.remove(&first);
                self.next = Some(first + 1);
                continue;
            }
            if !self.waiting.get(&first)?.begins {
                self.start_over();
                continue;
            }
            let last = self.end_of_frame(first)?;
            let behind = self.waiting.split_off(&(last + 1));
            let pieces = std::mem::replace(&mut self.waiting, behind);
            self.next = Some(last + 1);
            let timestamp = pieces.values().next()?.timestamp;
            let length: usize = pieces.values().map(|piece| piece.bytes.len()).sum();
            if length > LONGEST_FRAME || pieces.values().any(|piece| piece.timestamp != timestamp) {
                self.start_over();
                continue;
            }
            let bytes: Vec<u8> = pieces.into_values().flat_map(|piece| piece.bytes).collect();
            let is_key = bytes.first().is_some_and(|tag| tag & 1 == 0);
            return Some(Frame { timestamp, is_key, bytes });
        }
    }

    fn first_key(&self) -> Option<u64> {
        let begins_key =
            |piece: &Waiting| piece.begins && piece.bytes.first().is_some_and(|tag| tag & 1 == 0);
        self.waiting.iter().find_map(|(sequence, piece)| begins_key(piece).then_some(*sequence))
    }

    /// The number of the last packet of the frame that begins at `first`, once all of them are there.
    fn end_of_frame(&self, first: u64) -> Option<u64> {
        for (expected, (sequence, piece)) in (first..).zip(self.waiting.range(first..)) {
            if *sequence != expected {
                return None;
            }
            if piece.marker {
                return Some(expected);
            }
        }
        None
    }

    /// Gives up what cannot become whole, and goes on with the next key frame, if it is there already.
    fn start_over(&mut self) {
        let from = self.next.take().map_or(0, |next| next + 1);
        self.waiting = self.waiting.split_off(&from);
        if self.first_key().is_none() {
            self.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A key frame of 640 by 360 pixels, or what follows one; so many bytes.
    fn frame(is_key: bool, length: usize) -> Vec<u8> {
        let mut frame = vec![u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41];
        frame.resize(length.max(10), 7);
        frame
    }

    /// All packets of some frames: number, time, marker, payload.
    fn packets(frames: &[Vec<u8>]) -> Vec<(u64, u32, bool, Vec<u8>)> {
        let mut sent = Vec::new();
        for (n, frame) in frames.iter().enumerate() {
            let payloads = payloads(frame);
            let last = payloads.len() - 1;
            for (k, payload) in payloads.enumerate() {
                sent.push((sent.len() as u64 + 100, n as u32 * 3_000, k == last, payload));
            }
        }
        sent
    }

    fn given(taken: &mut Frames) -> Vec<Frame> {
        std::iter::from_fn(|| taken.poll()).collect()
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        assert_eq!(size(&frame(true, 100)), Some((640, 360)));
        assert_eq!((size(&frame(false, 100)), size(&[0; 5])), (None, None));
    }

    #[test]
    fn descriptors_of_every_length_are_skipped() {
        let key = frame(true, 20);
        for descriptor in [
            &[0x10][..],
            &[0x90, 0x00],
            &[0x90, 0x80, 0x11],
            &[0x90, 0x80, 0x91, 0x22],
            &[0x90, 0xe0, 0x91, 0x22, 5, 0x40],
            &[0x90, 0x10, 3],
        ] {
            let payload = [descriptor, &key].concat();
            assert!(begins_key_frame(&payload), "{descriptor:x?}");
            let mut taken = Frames::default();
            taken.push(1, 9, true, &payload);
            assert_eq!(taken.poll().unwrap().bytes, key, "{descriptor:x?}");
        }
        assert!(!begins_key_frame(&[&[0x00][..], &key].concat()), "it is in the middle");
        assert!(!begins_key_frame(&[&[0x11][..], &key].concat()), "another partition");
        assert!(!begins_key_frame(&[0x10]) && !begins_key_frame(&[0x90]) && !begins_key_frame(&[]));
    }

    #[test]
    fn after_a_loss_it_goes_on_with_the_next_key_frame() {
        let frames = [frame(true, 3_000), frame(false, 3_000), frame(false, 50), frame(true, 50)];
        let mut taken = Frames::default();
        assert!(taken.needs_key_frame());
        for (sequence, timestamp, marker, payload) in packets(&frames) {
            if sequence != 104 {
                taken.push(sequence, timestamp, marker, &payload);
            }
        }
        let first = given(&mut taken);
        assert_eq!(first.iter().map(|frame| frame.is_key).collect::<Vec<_>>(), [true]);
        // Nobody sends it again: the packets behind it fill what may wait.
        for n in 0..MOST_WAITING as u64 {
            taken.push(1_000 + n, 90_000, false, &[0, 1]);
        }
        let rest = given(&mut taken);
        assert_eq!(rest.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(), [9_000]);
    }

    #[test]
    fn packets_without_a_payload_are_no_frame_and_no_loss() {
        let mut taken = Frames::default();
        for (sequence, payload) in [(1, frame(true, 10)), (3, frame(false, 10))] {
            taken.push(sequence, 0, true, &[&[0x10][..], &payload].concat());
        }
        assert_eq!(given(&mut taken).len(), 1);
        taken.push(2, 0, false, &[]);
        assert_eq!(given(&mut taken).len(), 1);
    }

    proptest! {
        #[test]
        fn what_was_taken_apart_comes_whole_in_any_order_within_reason(
            lengths in prop::collection::vec(1..6_000_usize, 1..20),
            swaps in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 0..40),
        ) {
            let frames: Vec<_> = lengths.iter().enumerate().map(|(n, length)| frame(n == 0, *length)).collect();
            let mut sent = packets(&frames);
            for (at, ahead) in swaps {
                let at = at.index(sent.len());
                let with = (at + ahead).min(sent.len() - 1);
                // The first frame is where it begins.
                if sent[at].1 != 0 && sent[with].1 != 0 {
                    sent.swap(at, with);
                }
            }
            let mut taken = Frames::default();
            let mut got = Vec::new();
            for (sequence, timestamp, marker, payload) in &sent {
                taken.push(*sequence, *timestamp, *marker, payload);
                // Twice is once.
                taken.push(*sequence, *timestamp, *marker, payload);
                got.extend(given(&mut taken));
            }
            prop_assert_eq!(got.into_iter().map(|frame| frame.bytes).collect::<Vec<_>>(), frames);
        }

        #[test]
        fn no_payload_causes_a_panic_or_grows_without_end(
            sent in prop::collection::vec(
                (0..600_u64, 0..3_u32, any::<bool>(), prop::collection::vec(any::<u8>(), 0..12)), 0..800),
        ) {
            let mut taken = Frames::default();
            for (sequence, timestamp, marker, payload) in sent {
                taken.push(sequence, timestamp, marker, &payload);
                prop_assert!(taken.waiting.len() <= MOST_WAITING + 1);
                let _size = taken.poll().map(|frame| size(&frame.bytes));
            }
        }
    }
}
