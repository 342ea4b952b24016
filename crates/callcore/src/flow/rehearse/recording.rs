//! A recording as the callee: what a detector made of it, put into the call at its times.

use std::collections::BTreeMap;

use super::call::Rehearsal;
use super::speaking::MS_PER_CHAR;
use crate::flow::model::{MachineDetection, NOISE_MS, TALKS_ON_MS};
use crate::flow::run::Input;

/// What is heard in a recording of the callee's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    pub length_ms: u64,
    /// What happens, with the milliseconds since the recording began, in order.
    pub inputs: Vec<(u64, Input)>,
}

/// Recordings by the name a file of tests gives them.
pub type Recordings = BTreeMap<String, Recording>;

/// How long a callee takes to say this, in milliseconds.
#[must_use]
pub fn speaking_ms(text: &str) -> u64 {
    (text.chars().count() as u64 * MS_PER_CHAR).max(300)
}

impl Rehearsal {
    /// The callee talks for `ms`; `text` is what a recogniser hears.
    pub fn say(&mut self, ms: u64, text: Option<String>) {
        self.put(Input::SpeechStarted);
        let noticed = ms.min(TALKS_ON_MS);
        self.pass(noticed);
        if ms > noticed && !self.is_over() {
            self.put(Input::TalksOn);
            self.pass(ms - noticed);
        }
        let noise = text.is_none() && ms < NOISE_MS;
        self.put(if noise { Input::Noise } else { Input::Utterance { text, weighed: None } });
    }

    /// The callee's side of the line sounds like `recording` from now on, until it ends or the call does. A
    /// verdict counts only in a flow that has answering machines detected.
    pub fn play_recording(&mut self, recording: &Recording) {
        let began = self.now();
        let detects = self.run().flow().amd().mode != MachineDetection::Disabled;
        for (at_ms, input) in &recording.inputs {
            self.pass((began + *at_ms).ms_since(self.now()));
            if self.is_over() {
                return;
            }
            if detects || !matches!(input, Input::Outcome(_)) {
                self.put(input.clone());
            }
        }
        self.pass((began + recording.length_ms).ms_since(self.now()));
    }
}
