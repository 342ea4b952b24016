//! Stills: the one key frame of a lossy WebP, as in RFC 9649.

use super::BadPicture;

/// The bit of the extended header's flags that tells of an animation.
const ANIMATION: u8 = 0x02;

pub(super) fn is_webp(bytes: &[u8]) -> bool {
    matches!(bytes, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..])
}

/// The VP8 key frame in a WebP. Colour profile, transparency and remarks are left behind.
pub(super) fn key_frame(bytes: &[u8]) -> Result<&[u8], BadPicture> {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((header, body)) = rest.split_first_chunk::<8>() {
        let [kind @ .., l0, l1, l2, l3] = *header;
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let chunk = body.get(..length);
        match &kind {
            b"VP8 " => return chunk.ok_or_else(cut_off),
            b"VP8L" => return Err(BadPicture::Lossless),
            b"ANIM" | b"ANMF" => return Err(BadPicture::Animated),
            b"VP8X" if body.first().is_some_and(|flags| flags & ANIMATION != 0) => {
                return Err(BadPicture::Animated);
            }
            _ => {}
        }
        // Chunks begin at even offsets.
        let next = length.checked_add(length % 2).and_then(|padded| body.get(padded..));
        rest = next.ok_or_else(cut_off)?;
    }
    Err(cut_off())
}

fn cut_off() -> BadPicture {
    BadPicture::CutOff { of: "the picture".to_owned() }
}
