//! MP3 (and its elder layers) by symphonia: measured first, then decoded frame by frame.

use std::io::Cursor;

use callcore::audio::SAMPLE_RATE;
use callcore::audio::resample_stream::ResampleStream;
use callcore::audio::wav::{MOST_CHANNELS, Side};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoderOptions};
use symphonia::core::errors::Error as MediaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::SoundError;

/// The frames of the first audio track.
struct Frames<'a> {
    reader: Box<dyn FormatReader + 'a>,
    track: u32,
    params: AudioCodecParameters,
}

impl<'a> Frames<'a> {
    /// `None` when these are no MPEG frames.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
        let reader = symphonia::default::get_probe()
            .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
            .ok()?;
        let track = reader.default_track(TrackType::Audio)?;
        let (track, params) = (track.id, track.codec_params.as_ref()?.audio()?.clone());
        Some(Self { reader, track, params })
    }

    /// How many samples at 8 kHz they state to be; no more are counted than make clear that it is too long.
    fn measure(mut self, most: usize) -> usize {
        let rate = u64::from(self.params.sample_rate.unwrap_or(SAMPLE_RATE).max(1));
        let mut ticks = 0_u64;
        let most = most as u64 * rate / u64::from(SAMPLE_RATE);
        while ticks <= most
            && let Ok(Some(packet)) = self.reader.next_packet()
        {
            // What a tag says is to be left out is decoded, too.
            let parts = [packet.dur, packet.trim_start, packet.trim_end];
            ticks = parts.iter().fold(ticks, |all, part| all.saturating_add(part.get()));
        }
        usize::try_from(ticks.saturating_mul(SAMPLE_RATE.into()).div_ceil(rate)).unwrap_or(usize::MAX)
    }
}

/// The samples at 8 kHz, if that makes no more than `most`. A damaged frame is skipped, as players do, and a stream
/// cut short yields what came before.
pub(super) fn read(bytes: &[u8], side: Side, most: usize) -> Result<Vec<i16>, SoundError> {
    let frames = || Frames::of(bytes).ok_or_else(|| SoundError::unread(bytes));
    let length = frames()?.measure(most);
    if length > most {
        return Err(SoundError::too_long(most));
    }
    let Frames { mut reader, track, params } = frames()?;
    let refuse = |error: MediaError| SoundError::Unread(error.to_string());
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&params, &AudioDecoderOptions::default())
        .map_err(refuse)?;
    let (mut out, mut block, mut mono) = (Vec::new(), Vec::<i16>::new(), Vec::new());
    out.try_reserve_exact(length + SAMPLE_RATE as usize).map_err(|_| SoundError::Memory)?;
    let mut rates: Vec<ResampleStream> = Vec::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        if packet.track_id != track {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(MediaError::DecodeError(_) | MediaError::IoError(_)) => continue,
            Err(error) => return Err(refuse(error)),
        };
        let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        if !(1..=usize::from(MOST_CHANNELS)).contains(&channels) {
            return Err(SoundError::Channels(channels));
        }
        decoded.copy_to_vec_interleaved(&mut block);
        mono.clear();
        mono.extend(block.chunks_exact(channels).map(|frame| match side {
            Side::Left => frame[0],
            Side::Mixed => average(frame),
        }));
        narrowed(&mut rates, rate, &mono, &mut out)?;
        // Frames of a lower rate than the first one's last longer than was measured.
        if out.len() > most {
            return Err(SoundError::too_long(most));
        }
    }
    if let Some(last) = rates.last_mut() {
        last.flush(&mut out)?;
    }
    if out.is_empty() { Err(SoundError::Empty) } else { Ok(out) }
}

/// Appends `samples` at 8 kHz. The last of `rates` is the one in use; a stream that changes its rate again and again
/// makes each filter once.
fn narrowed(
    rates: &mut Vec<ResampleStream>,
    rate: u32,
    samples: &[i16],
    out: &mut Vec<i16>,
) -> Result<(), SoundError> {
    if rates.last().is_none_or(|last| last.from_hz() != rate) {
        if let Some(before) = rates.last_mut() {
            before.flush(out)?;
        }
        let known = rates.iter().position(|known| known.from_hz() == rate);
        let stream = match known {
            Some(known) => rates.remove(known),
            None => ResampleStream::of_recording(rate)?,
        };
        rates.push(stream);
    }
    if let Some(stream) = rates.last_mut() {
        stream.push(samples, out)?;
    }
    Ok(())
}

fn average(channels: &[i16]) -> i16 {
    let sum: i32 = channels.iter().map(|s| i32::from(*s)).sum();
    (sum / channels.len().max(1) as i32) as i16
}
