//! What a call would hear in a recording of the callee, before there is a call: for rehearsals.

use std::sync::Arc;

use super::conversation::{Found, Listening, ListeningOptions, Turned, outcome_of, without_words};
use crate::amd::{self, EventKind};
use crate::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame};
use crate::clock::CallTime;
use crate::flow::Input;

/// One thing heard in a recording.
#[derive(Clone, Debug)]
pub struct HeardIn {
    /// Milliseconds since the recording began.
    pub at_ms: u64,
    pub input: Input,
    /// Of an [`Input::Utterance`] or [`Input::Noise`]: its audio, 8 kHz mono, for a recogniser to put words to.
    pub audio: Option<Arc<[i16]>>,
}

/// Listens to `samples` (8 kHz mono; the first is the moment of answer) as a call does, with the detector
/// of `amd` when there is one. Silence follows the recording for as long as the end of an utterance takes.
#[must_use]
pub fn hear(samples: &[i16], amd: Option<amd::Options>, end_silence_ms: u64) -> Vec<HeardIn> {
    let options =
        ListeningOptions { amd, end_silence_ms, recognises: true, words_tell: true, interim: false };
    let mut listening = Listening::new(options, CallTime::ZERO);
    let mut heard = Vec::new();
    let silence = vec![0_i16; ((end_silence_ms + 4 * FRAME_MS) * 8) as usize];
    let mut at_ms = 0;
    for part in [samples, &silence] {
        for chunk in part.chunks(FRAME_SAMPLES) {
            let mut frame: Frame = [0; FRAME_SAMPLES];
            frame[..chunk.len()].copy_from_slice(chunk);
            at_ms += FRAME_MS;
            listening.push(&frame, CallTime::from_ms(at_ms));
            while let Some(found) = listening.poll() {
                heard.extend(translated(found).map(|(input, audio)| HeardIn { at_ms, input, audio }));
            }
        }
    }
    // Behind the recording is nothing that could still tell.
    listening.stop_detection();
    while let Some(found) = listening.poll() {
        heard.extend(translated(found).map(|(input, audio)| HeardIn { at_ms, input, audio }));
    }
    heard
}

fn translated(found: Found) -> Option<(Input, Option<Arc<[i16]>>)> {
    match found {
        Found::SpeechStarted { .. } => Some((Input::SpeechStarted, None)),
        Found::Interim { .. } => None,
        Found::Utterance { utterance, audio } => Some((without_words(utterance.spoken_ms, false), audio)),
        Found::BeepStarted => Some((Input::BeepStarted, None)),
        Found::Mailbox(Turned::Open) => Some((Input::BeepEnded, None)),
        Found::Mailbox(Turned::Talks) => Some((Input::TalksOn, None)),
        // Nobody is spoken to before the verdict: what a flow does then is the same, only earlier.
        Found::Tone(_) | Found::Revision(_) | Found::Prospect(_) => None,
        Found::Amd(event) => match event.kind {
            EventKind::HumanDetected
            | EventKind::MachineDetected
            | EventKind::NoSpeechDetected
            | EventKind::DecisionTimeout
            | EventKind::Error => Some((Input::Outcome(outcome_of(event.kind, event.subtype)), None)),
            EventKind::MachineStoppedSpeaking => Some((Input::GreetingEnded, None)),
            EventKind::ToneDetected | EventKind::Stopped => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tone::tone;

    #[test]
    fn a_beep_in_a_recording_opens_the_mailbox_at_its_end() {
        let mut samples = vec![0_i16; 8_000];
        samples.extend(tone(&[1_000.0], 600, -18.0));
        samples.extend(vec![0_i16; 8_000]);
        let heard = hear(&samples, None, 600);
        let beeps: Vec<u64> =
            heard.iter().filter(|one| one.input == Input::BeepEnded).map(|one| one.at_ms).collect();
        assert!(matches!(beeps.as_slice(), [at] if (1_580..2_000).contains(at)), "{heard:?}");
    }
}
