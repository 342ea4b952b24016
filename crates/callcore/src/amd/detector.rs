//! The detector of a call: the run that decides, and beside it, where options name a set, other parameters: what they would have said
//! of the same call, without any effect on it.

use super::evidence::{Evidence, ShadowVerdict};
use super::options::{Options, ShadowSet};
use super::run::Amd;
use crate::detect::{Heard, Observation};

/// Every run hears the same.
#[derive(Debug)]
pub struct Detector {
    amd: Amd,
    shadow: Option<Shadow>,
}

/// A run without effect, until it has decided.
#[derive(Debug)]
struct Shadow {
    set: String,
    amd: Amd,
}

impl Detector {
    #[must_use]
    pub fn new(mut options: Options) -> Self {
        let shadow = options.shadow.take().map(|ShadowSet { name, params }| Shadow {
            set: name,
            amd: Amd::new(Options { params, ..options.clone() }),
        });
        Self { amd: Amd::new(options), shadow }
    }

    /// The run that decides.
    #[must_use]
    pub const fn deciding(&self) -> &Amd {
        &self.amd
    }

    /// The same, to take what it says.
    pub const fn deciding_mut(&mut self) -> &mut Amd {
        &mut self.amd
    }

    /// Takes one measured frame. Then give [`Detector::feed`] what the same frame brought.
    pub fn observe(&mut self, observation: &Observation) {
        self.each(|amd| amd.observe(observation));
    }

    /// Takes something heard.
    pub fn feed(&mut self, heard: &Heard) {
        self.each(|amd| amd.feed(heard));
    }

    /// Takes a piece of transcript at `at_ms` of audio.
    pub fn transcript(&mut self, text: &str, is_final: bool, at_ms: u64) {
        self.each(|amd| amd.transcript(text, is_final, at_ms));
    }

    /// Tells the wall clock, in ms since answer.
    pub fn advance(&mut self, since_answer_ms: u64) {
        self.each(|amd| amd.advance(since_answer_ms));
    }

    /// Nothing more is to come.
    pub fn stop(&mut self) {
        self.each(Amd::stop);
    }

    /// What there was to decide by, with what the run in shadow says.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence { shadow: self.shadow.as_ref().map(Shadow::verdict), ..self.amd.evidence() }
    }

    fn each(&mut self, mut tell: impl FnMut(&mut Amd)) {
        tell(&mut self.amd);
        let Some(Shadow { amd, .. }) = &mut self.shadow else { return };
        if amd.decision().is_some() || !amd.is_running() {
            return;
        }
        tell(amd);
        // Nobody waits for them.
        while amd.poll_event().is_some() {}
        while amd.poll_prospect().is_some() {}
        while amd.poll_revision().is_some() {}
    }
}

impl Shadow {
    fn verdict(&self) -> ShadowVerdict {
        let decision = self.amd.decision();
        ShadowVerdict {
            set: self.set.clone(),
            event: decision.map(|event| event.kind),
            subtype: decision.and_then(|event| event.subtype),
            at_ms: decision.map(|event| event.at_ms),
        }
    }
}
