//! Audio chunks from a client, in any of the documented formats, as 8 kHz samples.
//!
//! Chunks may end anywhere: half a sample or half an MP3 frame waits for the next chunk.

use bytes::Bytes;
use callcore::audio::frame::SAMPLE_RATE;
use callcore::audio::resample_stream::ResampleStream;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::mp3_frame::{self, Found};
use crate::media::Codec;

/// MP3 bytes without a frame in them after which the stream is given up.
const MAX_MP3_GARBAGE: usize = 64 * 1024;

/// MP3 frames in one packet (5 min at 24 ms): what it decodes to is bounded, and so is the time that takes.
const MAX_MP3_FRAMES: usize = 12_500;
/// Bytes of an unfinished MP3 frame, or of a tag before it, that are kept for the next packet.
const MAX_MP3_WAITING: usize = 1024 * 1024;

/// How a chunk is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain(Codec),
    Mp3,
}

impl Format {
    pub const PCM16: Self = Self::Plain(Codec::Pcm16);

    /// Reads the documented names, and those that clients are known to send.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "pcm16" | "l16-8k" | "l16" | "pcm" | "slin" => Some(Self::PCM16),
            "ulaw" | "mulaw" | "pcmu" => Some(Self::Plain(Codec::Ulaw)),
            "alaw" | "pcma" => Some(Self::Plain(Codec::Alaw)),
            "mp3" => Some(Self::Mp3),
            _ => None,
        }
    }

    /// The documented name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain(codec) => codec.name(),
            Self::Mp3 => "mp3",
        }
    }

    /// `samples` as this format writes them, in a buffer of their own. MP3 is not written: it gives pcm16.
    #[must_use]
    pub fn encode(self, samples: &[i16]) -> Bytes {
        match self {
            Self::Plain(codec) => codec.encode_samples(samples),
            Self::Mp3 => Codec::Pcm16.encode_samples(samples),
        }
    }
}

/// Why a chunk was refused.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("the MP3 audio cannot be decoded: {0}")]
    Mp3(String),
    #[error("the packet holds no MP3 frame; name what it is in audioFormat")]
    NoFrame,
    #[error("one packet holds more than {MAX_MP3_FRAMES} MP3 frames")]
    TooLong,
}

/// The decoder of one call.
#[derive(Default)]
pub struct Decoder {
    low_byte: Option<u8>,
    mp3: Option<Mp3>,
    samples: Vec<i16>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// The samples that `bytes` complete.
    ///
    /// # Errors
    /// When the bytes are not in `format`; what was waiting from before is dropped then.
    pub fn decode(&mut self, format: Format, bytes: &[u8]) -> Result<&[i16], CodecError> {
        self.samples.clear();
        if format != Format::PCM16 {
            self.low_byte = None;
        }
        match format {
            Format::Plain(Codec::Pcm16) => self.pcm16(bytes),
            Format::Plain(codec) => codec.decode_samples(bytes, &mut self.samples),
            Format::Mp3 => self.mp3(bytes, false)?,
        }
        Ok(&self.samples)
    }

    /// The samples that `bytes` complete, which nobody said to be MP3: each packet must complete a frame, begin
    /// one or go on with one.
    ///
    /// # Errors
    /// As [`Self::decode`], and when there is no frame.
    pub fn decode_unnamed(&mut self, bytes: &[u8]) -> Result<&[i16], CodecError> {
        self.samples.clear();
        self.low_byte = None;
        self.mp3(bytes, true)?;
        Ok(&self.samples)
    }

    fn mp3(&mut self, bytes: &[u8], is_doubted: bool) -> Result<(), CodecError> {
        let mut mp3 = self.mp3.take().map_or_else(Mp3::new, Ok)?;
        mp3.decode(bytes, is_doubted, &mut self.samples)?;
        self.mp3 = Some(mp3);
        Ok(())
    }

    /// The samples still inside, when what came so far must be complete: before a check point.
    pub fn flush(&mut self) -> &[i16] {
        self.samples.clear();
        if let Some(mp3) = &mut self.mp3 {
            mp3.flush(&mut self.samples);
        }
        &self.samples
    }

    /// Forgets what waits for the next chunk.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn pcm16(&mut self, mut bytes: &[u8]) {
        if let Some(low) = self.low_byte
            && let Some((high, rest)) = bytes.split_first()
        {
            self.low_byte = None;
            self.samples.push(i16::from_le_bytes([low, *high]));
            bytes = rest;
        }
        let (pairs, odd) = bytes.as_chunks::<2>();
        self.samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        if let Some(low) = odd.first() {
            self.low_byte = Some(*low);
        }
    }
}

struct Mp3 {
    decoder: Box<dyn AudioDecoder>,
    waiting: Vec<u8>,
    garbage: usize,
    /// A frame was found: this is MP3, whatever stands between its frames.
    is_known: bool,
    resampler: ResampleStream,
    block: Vec<i16>,
    mono: Vec<i16>,
}

fn refuse(error: impl ToString) -> CodecError {
    CodecError::Mp3(error.to_string())
}

impl Mp3 {
    fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoder: fresh_decoder()?,
            waiting: Vec::new(),
            garbage: 0,
            is_known: false,
            resampler: ResampleStream::new(SAMPLE_RATE).map_err(refuse)?,
            block: Vec::new(),
            mono: Vec::new(),
        })
    }

    fn decode(&mut self, bytes: &[u8], is_doubted: bool, out: &mut Vec<i16>) -> Result<(), CodecError> {
        self.waiting.extend_from_slice(bytes);
        let waiting = std::mem::take(&mut self.waiting);
        let (mut rest, mut frames) = (&waiting[..], 0);
        loop {
            match mp3_frame::find(rest) {
                Found::Frame { skipped, length, hz } => {
                    (self.garbage, self.is_known) = (0, true);
                    frames += 1;
                    if frames > MAX_MP3_FRAMES {
                        return Err(CodecError::TooLong);
                    }
                    self.frame(&rest[skipped..skipped + length], hz, out)?;
                    rest = &rest[skipped + length..];
                }
                Found::Incomplete { skipped } => {
                    let is_doubted = is_doubted || !self.is_known;
                    if frames == 0 && is_doubted && (skipped > 0 || !mp3_frame::may_begin(rest)) {
                        return Err(CodecError::NoFrame);
                    }
                    self.garbage += skipped;
                    rest = &rest[skipped..];
                    break;
                }
            }
        }
        if self.garbage > MAX_MP3_GARBAGE || rest.len() > MAX_MP3_WAITING {
            return Err(refuse("there is no MP3 frame in it"));
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn frame(&mut self, frame: &[u8], hz: u32, out: &mut Vec<i16>) -> Result<(), CodecError> {
        if self.resampler.from_hz() != hz {
            self.flush(out);
            self.resampler = ResampleStream::new(hz).map_err(refuse)?;
            self.decoder = fresh_decoder()?;
        }
        let packet = Packet::new(0, Timestamp::ZERO, Duration::ZERO, frame.to_vec());
        // A frame that refers to audio from before the start of the stream cannot be decoded: players
        // leave it out, too.
        let Ok(decoded) = self.decoder.decode(&packet) else { return Ok(()) };
        let channels = decoded.spec().channels().count().max(1);
        decoded.copy_to_vec_interleaved(&mut self.block);
        self.mono.clear();
        self.mono.extend(self.block.chunks_exact(channels).map(|c| {
            let sum: i32 = c.iter().map(|s| i32::from(*s)).sum();
            (sum / channels as i32) as i16
        }));
        self.resampler.push(&self.mono, out).map_err(refuse)
    }

    fn flush(&mut self, out: &mut Vec<i16>) {
        if let Err(error) = self.resampler.flush(out) {
            tracing::warn!(%error, "the end of an MP3 stream was lost");
        }
    }
}

fn fresh_decoder() -> Result<Box<dyn AudioDecoder>, CodecError> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_MP3);
    symphonia::default::get_codecs()
        .make_audio_decoder(&params, &AudioDecoderOptions::default())
        .map_err(refuse)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_names_of_the_document_and_of_the_field_are_known() {
        for (name, format) in [
            ("pcm16", Format::PCM16),
            ("l16-8k", Format::PCM16),
            ("ulaw", Format::Plain(Codec::Ulaw)),
            ("mulaw", Format::Plain(Codec::Ulaw)),
            ("alaw", Format::Plain(Codec::Alaw)),
            ("MP3", Format::Mp3),
        ] {
            assert_eq!(Format::named(name), Some(format), "{name}");
        }
        assert_eq!(Format::named("opus"), None);
    }

    #[test]
    fn a_sample_cut_in_two_is_put_together_again() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(Format::PCM16, &[1, 0, 2]).expect("pcm"), [1]);
        assert_eq!(decoder.decode(Format::PCM16, &[]).expect("pcm"), [0_i16; 0]);
        assert_eq!(decoder.decode(Format::PCM16, &[0, 3, 0]).expect("pcm"), [2, 3]);
    }

    #[test]
    fn mp3_yields_the_time_that_was_put_in_however_it_was_cut() {
        let mp3 = include_bytes!("../../tests/data/tone-24k.mp3");
        for length in [mp3.len(), 2_560, 333, 1] {
            let mut decoder = Decoder::default();
            let mut heard = Vec::new();
            for chunk in mp3.chunks(length) {
                heard.extend_from_slice(decoder.decode(Format::Mp3, chunk).expect("good MP3"));
            }
            heard.extend_from_slice(decoder.flush());
            assert!((8_000..9_600).contains(&heard.len()), "{length}: {}", heard.len());
            let middle = callcore::audio::level::rms_dbfs(&heard[2_000..6_000]);
            assert!((middle + 13.3).abs() < 1.0, "a sine of 10000 at its peak: {middle}");
        }
    }

    #[test]
    fn what_nobody_names_must_be_mp3_packet_by_packet() {
        let mp3 = include_bytes!("../../tests/data/tone-24k.mp3");
        let wave = |n: i32| ((f64::from(n) * 0.3).sin() * 9_000.0) as i16;
        let tone: Vec<u8> = (0..1_280).flat_map(|n| wave(n).to_le_bytes()).collect();
        for length in [mp3.len(), 2_560, 160, 1] {
            let mut decoder = Decoder::default();
            for chunk in mp3.chunks(length) {
                assert!(decoder.decode_unnamed(chunk).is_ok(), "MP3 in packets of {length}");
            }
            for other in [&[0; 320][..], &[0x55; 2_560], &[0xff; 320], &tone] {
                let refused = decoder.decode_unnamed(other);
                assert!(matches!(refused, Err(CodecError::NoFrame)), "{length}: {:?}", &other[..4]);
            }
            assert!(decoder.decode_unnamed(mp3).is_ok(), "and then MP3 again");
        }
    }

    #[test]
    fn what_is_called_mp3_and_is_not_is_refused_at_once() {
        let refused = Decoder::default().decode(Format::Mp3, &[0; 320]).map(<[i16]>::len);
        assert!(matches!(refused, Err(CodecError::NoFrame)));
    }

    #[test]
    fn a_packet_of_an_hour_is_refused_before_it_is_decoded_whole() {
        // MPEG-2.5 at 8 kHz and 8 kbit/s: 72 ms in 72 bytes.
        let mut frame = vec![0xff, 0xe3, 0x18, 0xc0];
        frame.resize(72, 0);
        let mut decoder = Decoder::default();
        let refused = decoder.decode(Format::Mp3, &frame.repeat(50_000));
        assert!(matches!(refused, Err(CodecError::TooLong)), "{:?}", refused.map(<[i16]>::len));
    }

    #[test]
    fn a_tag_that_never_ends_is_not_collected_for_ever() {
        let mut decoder = Decoder::default();
        let mut tag = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f".to_vec();
        tag.resize(400_000, 0);
        assert!(decoder.decode(Format::Mp3, &tag).is_ok());
        assert!((0..3).any(|_| decoder.decode(Format::Mp3, &[0; 400_000]).is_err()));
    }

    #[test]
    fn endless_garbage_is_refused_as_mp3() {
        let mut decoder = Decoder::default();
        let refused = (0..10).any(|_| decoder.decode(Format::Mp3, &[0x55; 16_000]).is_err());
        assert!(refused);
        assert!(decoder.decode(Format::Plain(Codec::Ulaw), &[0xff]).is_ok(), "other formats go on");
    }

    proptest! {
        #[test]
        fn what_is_heard_does_not_depend_on_how_the_bytes_were_cut(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            cuts in prop::collection::vec(1_usize..400, 1..20),
            format in prop_oneof![Just(Format::PCM16), Just(Format::Plain(Codec::Ulaw)), Just(Format::Plain(Codec::Alaw))],
        ) {
            let whole = Decoder::default().decode(format, &bytes).expect("always decodable").to_vec();
            let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
            let (mut rest, mut cut) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at((*cut.next().unwrap_or(&1)).min(rest.len()));
                heard.extend_from_slice(decoder.decode(format, chunk).expect("always decodable"));
                rest = after;
            }
            prop_assert_eq!(&heard, &whole);
            let again = Decoder::default().decode(format, &format.encode(&whole)).expect("our own").to_vec();
            prop_assert_eq!(again, whole, "what we write, we read");
        }

        #[test]
        fn no_bytes_break_the_mp3_decoder(chunks in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just(0xff_u8), Just(0xfb), Just(0x90), any::<u8>()], 0..700), 0..8)) {
            let mut decoder = Decoder::default();
            for chunk in chunks {
                let _outcome = decoder.decode(Format::Mp3, &chunk);
                let _rest = decoder.flush();
            }
        }
    }
}
