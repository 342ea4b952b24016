//! The container: where a WAV file says how its samples lie, and where they begin and end.
//!
//! Lengths are claims. A program that writes into a pipe states 0, 0x7FFFFFFF or 0xFFFFFFFF, one that was killed
//! whatever it wrote first; what counts is what is there.

use std::borrow::Cow;

use super::limits::WavError;

/// Parts that stand in WAV files, by which the next one is found behind one of odd length.
const KNOWN: [&[u8; 4]; 29] = [
    b"fmt ", b"data", b"fact", b"LIST", b"list", b"JUNK", b"junk", b"PAD ", b"FLLR", b"bext", b"cue ",
    b"smpl", b"inst", b"ID3 ", b"id3 ", b"iXML", b"PEAK", b"ds64", b"axml", b"chna", b"afsp", b"_PMX",
    b"cart", b"levl", b"umid", b"plst", b"DISP", b"acid", b"minf",
];
/// So much may stand behind the last part and mean nothing: padding, a tag of MP3. Bytes.
const LEFT_BEHIND: usize = 1_024;
/// Numbers.
pub(super) const PCM: u16 = 1;
/// Formats whose samples are a stream of MP3 frames.
pub(super) const MPEG: [u16; 2] = [0x50, 0x55];
/// A format that names its real one further on.
const EXTENSIBLE: u16 = 0xfffe;

/// How the samples lie, as the header says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) tag: u16,
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// Bytes of one sample of every channel; 0 and nonsense occur.
    pub(super) block: u16,
    /// Bits of a sample; 0 where none are stated.
    pub(super) bits: u16,
    /// Those of them that count.
    pub(super) valid: u16,
}

/// Whether the bytes begin as a WAV file does; RF64 and BW64 are the same for more than 4 GiB.
#[must_use]
pub fn is_wav(bytes: &[u8]) -> bool {
    matches!(bytes.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && bytes.get(8..12) == Some(b"WAVE")
}

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Container<'a> {
    pub(super) format: Format,
    /// The samples of all parts that hold some.
    pub(super) data: Cow<'a, [u8]>,
}

impl<'a> Container<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, WavError> {
        if !is_wav(bytes) {
            return Err(WavError::NotWav);
        }
        let (mut format, mut data, mut long_length) = (None, Vec::new(), None);
        let (mut at, mut last) = (12, 12);
        while let Some((id, stated)) = header(bytes, at) {
            last = at;
            let body = bytes.get(at + 8..).unwrap_or_default();
            match &id {
                b"fmt " => format = format.or_else(|| Format::of(within(body, stated.into()))),
                b"ds64" => long_length = u64_at(body, 8),
                b"data" => {
                    let stated = long_length.filter(|_| stated == u32::MAX).unwrap_or(stated.into());
                    let found = samples(body, stated);
                    data.push(found);
                    // Where they end the next part begins, whatever was stated.
                    if found.len() as u64 != stated {
                        break;
                    }
                }
                _ => {}
            }
            match next(bytes, at + 8, stated) {
                Some(next) => at = next,
                None => break,
            }
        }
        let format = format.ok_or(WavError::Incomplete("a description of its samples"))?;
        // A part before the samples that states a wrong length leads past them.
        let nothing = data.is_empty();
        if data.iter().all(|part| part.is_empty()) {
            data.extend(found_behind(bytes, last).filter(|found| nothing || !found.is_empty()));
        }
        data.retain(|part| !part.is_empty() || nothing);
        let data = match data.as_slice() {
            [] if nothing => return Err(WavError::Incomplete("samples")),
            [] => Cow::Borrowed(&[][..]),
            [one] => Cow::Borrowed(*one),
            several => Cow::Owned(several.concat()),
        };
        Ok(Self { format, data })
    }
}

impl Format {
    fn of(body: &[u8]) -> Option<Self> {
        let (tag, bits) = (u16_at(body, 0)?, u16_at(body, 14).unwrap_or(0));
        let mut format = Self {
            tag,
            channels: u16_at(body, 2)?,
            rate: u32_at(body, 4)?,
            block: u16_at(body, 12)?,
            bits,
            valid: bits,
        };
        if tag == EXTENSIBLE {
            // The first two bytes of the identifier are the format of old.
            format.tag = u16_at(body, 24).unwrap_or(PCM);
            format.valid = u16_at(body, 18).filter(|valid| (1..=bits).contains(valid)).unwrap_or(bits);
        }
        Some(format)
    }
}

/// The samples at the beginning of `body`. A length that was written before the last of them and never again is
/// followed by what is no part of a file.
fn samples(body: &[u8], stated: u64) -> &[u8] {
    if stated == 0 {
        let empty = header(body, 0)
            .is_some_and(|(id, length)| KNOWN.contains(&&id) && length as usize <= body.len() - 8);
        return if empty { &[] } else { body };
    }
    let within = within(body, stated);
    let behind = body.get(within.len()..).unwrap_or_default();
    // The byte behind an odd length may be left out.
    let part = |at: usize| {
        header(behind, at).is_some_and(|(id, length)| {
            let text = id.iter().all(|byte| (b' '..=b'~').contains(byte));
            KNOWN.contains(&&id) || (text && length as usize <= behind.len().saturating_sub(at + 8))
        })
    };
    if behind.len() > LEFT_BEHIND && !part(0) && !part(1) { body } else { within }
}

/// The samples somewhere in or behind the part at `at`, where the parts cannot be followed.
fn found_behind(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at + 8..)?;
    let found = rest.windows(4).position(|id| id == b"data")?;
    let (_, stated) = header(rest, found)?;
    Some(samples(rest.get(found + 8..)?, stated.into()))
}

/// Where the part behind one of `length` bytes at `body` begins: odd ones are followed by a byte that most
/// programs write and some forget.
fn next(bytes: &[u8], body: usize, length: u32) -> Option<usize> {
    let end = body.checked_add(usize::try_from(length).ok()?)?;
    if length.is_multiple_of(2) {
        return Some(end);
    }
    let begins = |at: usize| bytes.get(at..at + 4).is_some_and(|id| KNOWN.iter().any(|known| *known == id));
    Some(if begins(end) && !begins(end + 1) { end } else { end + 1 })
}

fn header(bytes: &[u8], at: usize) -> Option<([u8; 4], u32)> {
    let id = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some((id, u32_at(bytes, at + 4)?))
}

fn within(body: &[u8], length: u64) -> &[u8] {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(body.len());
    &body[..length]
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
