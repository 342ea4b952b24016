//! Clips: IVF, the container that libvpx and FFmpeg write VP8 into. A header of 32 bytes, then frames of a header of 12 bytes each;
//! little-endian throughout (<https://wiki.multimedia.cx/index.php/Duck_IVF>).

use std::time::Duration;

use bytes::Bytes;

use super::BadPicture;

pub(super) const MAGIC: &[u8] = b"DKIF";
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 12;
/// What ten minutes of thirty frames a second come to.
const MOST_FRAMES_OF_A_CLIP: usize = 10 * 60 * 30;

/// The frames of a file and when they are shown, the first at zero. Those without a byte are left out: the encoder dropped them, and
/// the picture before stays.
pub(super) fn frames(bytes: &[u8]) -> Result<Vec<(Duration, Bytes)>, BadPicture> {
    let header = bytes.first_chunk::<HEADER_BYTES>().ok_or_else(|| cut_off("its header"))?;
    let [.., d0, d1, d2, d3, n0, n1, n2, n3, _, _, _, _, _, _, _, _] = *header;
    let ticks = u32::from_le_bytes([d0, d1, d2, d3]);
    let seconds = u32::from_le_bytes([n0, n1, n2, n3]);
    let fourcc = [header[8], header[9], header[10], header[11]];
    if fourcc != *b"VP80" {
        return Err(BadPicture::Codec { codec: named(fourcc) });
    }
    if ticks == 0 || seconds == 0 {
        return Err(BadPicture::NoTimeBase);
    }
    let length = usize::from(u16::from_le_bytes([header[6], header[7]])).max(HEADER_BYTES);
    let whole = Bytes::copy_from_slice(bytes);
    let mut frames: Vec<(Duration, Bytes)> = Vec::new();
    let mut begin = None;
    let mut at = length;
    for n in 1_usize.. {
        let Some(rest) = whole.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let of = || cut_off(&format!("frame {n}"));
        let [l0, l1, l2, l3, time @ ..] = *rest.first_chunk::<FRAME_HEADER_BYTES>().ok_or_else(of)?;
        let bytes = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let from = at + FRAME_HEADER_BYTES;
        let to = from.checked_add(bytes).filter(|to| *to <= whole.len()).ok_or_else(of)?;
        at = to;
        if from == to {
            continue;
        }
        let time = u64::from_le_bytes(time);
        let since = time.checked_sub(*begin.get_or_insert(time)).ok_or(BadPicture::NotRising { frame: n })?;
        let shown = duration(since, seconds, ticks).ok_or(BadPicture::Long { length: Duration::MAX })?;
        frames.push((shown, whole.slice(from..to)));
        // So many are too long or too fast in any case; the rest is not even listed.
        if frames.len() > MOST_FRAMES_OF_A_CLIP {
            break;
        }
    }
    Ok(frames)
}

/// So many units of `seconds / ticks` seconds; `None` of more than a day.
fn duration(units: u64, seconds: u32, ticks: u32) -> Option<Duration> {
    const DAY_NANOS: u128 = 24 * 3_600 * 1_000_000_000;
    let nanos = u128::from(units) * u128::from(seconds) * 1_000_000_000 / u128::from(ticks);
    (nanos <= DAY_NANOS).then(|| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

fn cut_off(of: &str) -> BadPicture {
    BadPicture::CutOff { of: of.to_owned() }
}

/// What people call a codec.
fn named(fourcc: [u8; 4]) -> String {
    match &fourcc {
        b"VP90" => "VP9".to_owned(),
        b"AV01" => "AV1".to_owned(),
        b"H264" | b"AVC1" | b"avc1" => "H.264".to_owned(),
        b"H265" | b"HEVC" | b"hvc1" => "H.265".to_owned(),
        other => other.escape_ascii().to_string(),
    }
}
