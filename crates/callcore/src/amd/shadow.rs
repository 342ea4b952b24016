//! Other parameters beside those that decide: what they would have said of the same call, without any effect on it.

use super::evidence::ShadowVerdict;
use super::options::{Options, ShadowSet};
use super::run::Amd;
use crate::detect::{Heard, Observation};

/// One run in shadow: it hears what the detector hears until it has decided.
#[derive(Debug)]
pub struct Shadow {
    set: String,
    amd: Amd,
}

impl Shadow {
    /// Beside a run with `options`, when they name a set.
    #[must_use]
    pub fn beside(options: &Options) -> Option<Self> {
        let ShadowSet { name, params } = options.shadow.clone()?;
        let amd = Amd::new(Options { params, shadow: None, ..options.clone() });
        Some(Self { set: name, amd })
    }

    /// Takes one measured frame. Then give [`Shadow::feed`] what the same frame brought.
    pub fn observe(&mut self, observation: &Observation) {
        self.undecided(|amd| amd.observe(observation));
    }

    /// Takes something heard.
    pub fn feed(&mut self, heard: &Heard) {
        self.undecided(|amd| amd.feed(heard));
    }

    /// Takes a piece of transcript at `at_ms` of audio.
    pub fn transcript(&mut self, text: &str, is_final: bool, at_ms: u64) {
        self.undecided(|amd| amd.transcript(text, is_final, at_ms));
    }

    /// Tells the wall clock, in ms since answer.
    pub fn advance(&mut self, since_answer_ms: u64) {
        self.undecided(|amd| amd.advance(since_answer_ms));
    }

    /// Nothing more is to come.
    pub fn stop(&mut self) {
        self.undecided(Amd::stop);
    }

    /// What it says.
    #[must_use]
    pub fn verdict(&self) -> ShadowVerdict {
        let decision = self.amd.decision();
        ShadowVerdict {
            set: self.set.clone(),
            event: decision.map(|event| event.kind),
            subtype: decision.and_then(|event| event.subtype),
            at_ms: decision.map(|event| event.at_ms),
        }
    }

    fn undecided(&mut self, then: impl FnOnce(&mut Amd)) {
        if self.amd.decision().is_some() || !self.amd.is_running() {
            return;
        }
        then(&mut self.amd);
        // Nobody waits for them.
        while self.amd.poll_event().is_some() {}
        while self.amd.poll_prospect().is_some() {}
        while self.amd.poll_revision().is_some() {}
    }
}
