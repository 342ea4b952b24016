//! A whole recording at once, for the command line, the picture of a stored call, and tests.

use super::event::Event;
use super::evidence::{Evidence, Piece};
use super::options::Options;
use super::run::Amd;
use crate::audio::frame::FRAME_MS;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::{Ear, Heard, Tone};

/// What the detector says about one recording.
#[derive(Clone, Debug)]
pub struct Listened {
    pub events: Vec<Event>,
    pub evidence: Evidence,
    /// Every tone of the recording, ended ones with their end; the evidence has those of the run.
    pub tones: Vec<Tone>,
}

/// The frames of 8 kHz audio; a last one that is not full is padded with silence.
pub fn frames(audio: &[i16]) -> impl Iterator<Item = Frame> {
    audio.chunks(FRAME_SAMPLES).map(|part| {
        let mut frame: Frame = [0; FRAME_SAMPLES];
        frame[..part.len()].copy_from_slice(part);
        frame
    })
}

/// Runs the detector over audio that begins at the moment of answer, with the words of a recogniser as they came
/// (in the order of their times; their log-odds are not read).
#[must_use]
pub fn listen(audio: &[i16], options: Options, words: &[Piece]) -> Listened {
    let (mut ear, mut amd) = (Ear::new(), Amd::new(options));
    let (mut events, mut tones): (Vec<Event>, Vec<Tone>) = (Vec::new(), Vec::new());
    let mut words = words.iter().peekable();
    let mut heard_ms = 0;
    for frame in frames(audio) {
        amd.observe(&ear.push(&frame));
        while let Some(heard) = ear.poll() {
            amd.hear(&heard);
            match heard {
                Heard::ToneStarted(tone) => tones.push(tone),
                Heard::ToneEnded(tone) => {
                    if let Some(known) = tones.iter_mut().rev().find(|t| t.start_ms == tone.start_ms) {
                        *known = tone;
                    }
                }
                Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } => {}
            }
        }
        heard_ms += FRAME_MS;
        while let Some(piece) = words.next_if(|piece| piece.at_ms <= heard_ms) {
            amd.transcript(&piece.text, piece.is_final, piece.at_ms);
        }
        events.extend(std::iter::from_fn(|| amd.poll_event()));
    }
    amd.stop();
    events.extend(std::iter::from_fn(|| amd.poll_event()));
    Listened { events, evidence: amd.evidence(), tones }
}
