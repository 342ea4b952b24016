//! Where an MP3 frame begins and ends in a stream of bytes (ISO/IEC 11172-3 and 13818-3, layer III).

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame after `skipped` bytes that belong to none.
    Frame { skipped: usize, length: usize, hz: u32 },
    /// No whole frame yet; the first `skipped` bytes can be forgotten.
    Incomplete { skipped: usize },
}

/// Looks for the first whole frame.
#[must_use]
pub(super) fn find(bytes: &[u8]) -> Found {
    let mut at = 0;
    while at + 4 <= bytes.len() {
        if let Some(size) = id3_size(&bytes[at..]) {
            let end = at + size;
            if end > bytes.len() {
                return Found::Incomplete { skipped: at };
            }
            at = end;
            continue;
        }
        if let Some((length, hz)) = header(&bytes[at..at + 4]) {
            let Some(following) = bytes.get(at + length..) else {
                return Found::Incomplete { skipped: at };
            };
            // What looks like a header inside other data is not followed by a second one.
            if following.len() < 4 || header(&following[..4]).is_some() || following.starts_with(b"TAG") {
                return Found::Frame { skipped: at, length, hz };
            }
        }
        at += 1;
    }
    Found::Incomplete { skipped: at }
}

/// Whether a frame, or a tag before one, may begin with these bytes, of which the rest is still to come.
#[must_use]
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let tag = &b"ID3"[..bytes.len().min(3)];
    if !bytes.is_empty() && bytes.starts_with(tag) {
        return bytes.len() < 10 || id3_size(bytes).is_some();
    }
    match bytes {
        [0xff] => true,
        [0xff, second] | [0xff, second, _] => second & 0xe6 == 0xe2,
        [first, second, third, fourth, ..] => header(&[*first, *second, *third, *fourth]).is_some(),
        _ => false,
    }
}

/// Length of a frame in bytes and its sample rate.
fn header(bytes: &[u8]) -> Option<(usize, u32)> {
    const MPEG1_KBPS: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const MPEG2_KBPS: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let &[0xff, second, third, _] = bytes else { return None };
    let layer_three = second & 0xe6 == 0xe2;
    if !layer_three {
        return None;
    }
    let (divisor, table, slots) = match second & 0x18 {
        0x18 => (1, &MPEG1_KBPS, 144),
        0x10 => (2, &MPEG2_KBPS, 72),
        0x00 => (4, &MPEG2_KBPS, 72),
        _ => return None,
    };
    let hz = *[44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? / divisor;
    let kbps = table.get(usize::from(third >> 4).checked_sub(1)?)?;
    let padding = usize::from(third >> 1 & 1);
    Some((slots * kbps * 1_000 / hz as usize + padding, hz))
}

/// Length of an ID3v2 tag, whose pictures may hold anything.
fn id3_size(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..10)?;
    if !head.starts_with(b"ID3") || head[6..].iter().any(|b| b & 0x80 != 0) {
        return None;
    }
    Some(10 + head[6..].iter().fold(0, |size, b| size << 7 | usize::from(*b)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_found_behind_a_tag_and_garbage() {
        // MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
        let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
        frame.resize(417, 0);
        let mut bytes = b"ID3\x04\x00\x00\x00\x00\x00\x04tag!".to_vec();
        bytes.extend_from_slice(b"junk");
        bytes.extend(frame.repeat(2));
        let found = Found::Frame { skipped: 18, length: 417, hz: 44_100 };
        assert_eq!(find(&bytes), found);
        assert_eq!(find(&bytes[..300]), Found::Incomplete { skipped: 18 });
        // MPEG-2.5, 8 kHz, 8 kbit/s: 72 bytes.
        assert_eq!(header(&[0xff, 0xe3, 0x18, 0xc0]), Some((72, 8_000)));
    }

    proptest! {
        #[test]
        fn what_is_found_lies_within_the_bytes(bytes in prop::collection::vec(
            prop_oneof![Just(0xff_u8), Just(0xfb), Just(0x90), any::<u8>()], 0..3_000)) {
            match find(&bytes) {
                Found::Frame { skipped, length, .. } => prop_assert!(length > 4 && skipped + length <= bytes.len()),
                Found::Incomplete { skipped } => prop_assert!(skipped <= bytes.len()),
            }
        }
    }
}
