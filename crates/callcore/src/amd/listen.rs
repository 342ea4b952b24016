//! A whole recording at once, for the command line, the picture of a stored call, and tests.

use super::event::Event;
use super::evidence::{Evidence, Piece};
use super::options::Options;
use super::run::Amd;
use super::trace::{Told, Trace};
use crate::audio::frame::FRAME_MS;
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::detect::{FrontEnd, Heard, Tone};

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

/// The frames that the detector of a call was fed, each with whether it was taken for our own voice, as far as the recording
/// holds them.
pub fn frames_again(audio: &[i16], trace: &Trace) -> impl Iterator<Item = (Frame, bool)> {
    (0..trace.frames).map_while(|n| frame_again(audio, trace, n))
}

fn frame_again(audio: &[i16], trace: &Trace, n: u64) -> Option<(Frame, bool)> {
    let start = usize::try_from(trace.at(n, FRAME_SAMPLES as u64)).ok()?;
    let frame: Frame = audio.get(start..start.checked_add(FRAME_SAMPLES)?)?.try_into().ok()?;
    Some((frame, trace.is_echo(n)))
}

/// Runs the detector over a recording exactly as it ran in the call that `trace` is of, but with `options`. `None`
/// when the recording ends before what was heard.
#[must_use]
pub fn listen_again(audio: &[i16], options: Options, trace: &Trace) -> Option<Listened> {
    let mut run = Run::new(options);
    let mut inputs = trace.inputs.iter().peekable();
    let mut now_ms = 0;
    for n in 0..=trace.frames {
        while let Some(input) = inputs.next_if(|input| input.after <= n) {
            match &input.told {
                Told::Clock(ms) => run.amd.advance(*ms),
                Told::Words { text, is_final } => run.amd.transcript(text, *is_final, now_ms),
                Told::Stop => run.amd.stop(),
                Told::Gap => {
                    run.front_end.gap();
                }
            }
            run.drain();
        }
        if n < trace.frames {
            let (frame, echo) = frame_again(audio, trace, n)?;
            run.push(&frame, echo);
            now_ms += FRAME_MS;
        }
    }
    Some(run.end())
}

/// Runs the detector over audio that begins at the moment of answer, with the words of a recogniser as they came
/// (in the order of their times; their log-odds are not read). When there are any, they are waited for as in a call.
#[must_use]
pub fn listen(audio: &[i16], options: Options, words: &[Piece]) -> Listened {
    let awaits_words = options.awaits_words || !words.is_empty();
    let mut run = Run::new(Options { awaits_words, ..options });
    let mut words = words.iter().peekable();
    let mut heard_ms = 0;
    for frame in frames(audio) {
        run.push(&frame, false);
        heard_ms += FRAME_MS;
        while let Some(piece) = words.next_if(|piece| piece.at_ms <= heard_ms) {
            run.amd.transcript(&piece.text, piece.is_final, piece.at_ms);
        }
        run.drain();
    }
    run.end()
}

/// A run under way.
struct Run {
    front_end: FrontEnd,
    amd: Amd,
    events: Vec<Event>,
    tones: Vec<Tone>,
}

impl Run {
    fn new(options: Options) -> Self {
        Self { front_end: FrontEnd::new(), amd: Amd::new(options), events: Vec::new(), tones: Vec::new() }
    }

    fn push(&mut self, frame: &Frame, echo: bool) {
        self.amd.observe(&self.front_end.push_beside(frame, |_| echo));
        while let Some(heard) = self.front_end.poll() {
            self.amd.feed(&heard);
            match heard {
                Heard::ToneStarted(tone) => self.tones.push(tone),
                Heard::ToneEnded(tone) => {
                    if let Some(known) = self.tones.iter_mut().rev().find(|t| t.start_ms == tone.start_ms) {
                        *known = tone;
                    }
                }
                Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } => {}
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.amd.poll_event()));
    }

    fn end(mut self) -> Listened {
        self.amd.stop();
        self.drain();
        Listened { events: self.events, evidence: self.amd.evidence(), tones: self.tones }
    }
}
