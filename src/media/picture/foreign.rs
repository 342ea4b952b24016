//! Files of other kinds, by how they begin.

use super::BadPicture;

/// What a file is that is no picture to us.
pub(super) fn told(bytes: &[u8]) -> BadPicture {
    let still = |kind| BadPicture::Still { kind };
    let film = |kind| BadPicture::Film { kind };
    match bytes {
        [] => BadPicture::Empty,
        [0x89, b'P', b'N', b'G', ..] => still("a PNG"),
        [0xff, 0xd8, 0xff, ..] => still("a JPEG"),
        [b'B', b'M', ..] => still("a BMP"),
        [b'G', b'I', b'F', b'8', ..] => still("a GIF"),
        [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => still("a TIFF"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => still("an AVIF"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', b'i', ..] => still("an HEIC"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => film("an MP4 or QuickTime film"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => film("a WebM or Matroska film"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => film("an AVI film"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => film("a sound"),
        _ => BadPicture::Unknown,
    }
}
