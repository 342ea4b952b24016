//! One recording through the ear and the detector.

use std::path::Path;

use anyhow::Context;
use callcore::amd::{Amd, Event, Evidence, Options};
use callcore::audio::{FRAME_SAMPLES, Frame, wav};
use callcore::detect::{Ear, Heard, Tone};

/// What the detector says about one recording.
pub(super) struct Analysis {
    pub(super) events: Vec<Event>,
    pub(super) evidence: Evidence,
    /// Every tone of the recording, ended ones with their end.
    pub(super) tones: Vec<Tone>,
}

impl Analysis {
    /// Reads and analyses a WAV file whose first sample is the moment of answer.
    pub(super) fn of_file(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let audio = wav::read_8k(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Self::of_audio(&audio))
    }

    /// Analyses 8 kHz audio. A last frame that is not full is padded with silence.
    pub(super) fn of_audio(audio: &[i16]) -> Self {
        let mut run =
            Run { ear: Ear::new(), amd: Amd::new(Options::default()), events: Vec::new(), tones: Vec::new() };
        let (frames, rest) = audio.as_chunks::<FRAME_SAMPLES>();
        for frame in frames {
            run.push(frame);
        }
        if !rest.is_empty() {
            let mut last: Frame = [0; FRAME_SAMPLES];
            last[..rest.len()].copy_from_slice(rest);
            run.push(&last);
        }
        run.amd.stop();
        run.drain();
        Self { evidence: run.amd.evidence(), events: run.events, tones: run.tones }
    }
}

struct Run {
    ear: Ear,
    amd: Amd,
    events: Vec<Event>,
    tones: Vec<Tone>,
}

impl Run {
    fn push(&mut self, frame: &Frame) {
        let observation = self.ear.push(frame);
        self.amd.observe(&observation);
        while let Some(heard) = self.ear.poll() {
            self.amd.hear(&heard);
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
        while let Some(event) = self.amd.poll_event() {
            self.events.push(event);
        }
    }
}
