//! Person or machine: the learned model's probability, and when it is enough to say so.

use super::features::{Features, INPUTS};
use super::net::Net;
use super::timeline::Timeline;
use crate::detect::{Heard, Observation};

/// What the evidence says so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Open,
    /// With the probability of being right.
    Human(f32),
    Machine(f32),
}

/// Follows one call and weighs it.
#[derive(Debug)]
pub(crate) struct Judge {
    features: Features,
    net: Net,
    /// The last steps before speech: the model starts with them, and only once there is speech.
    lead: [[f32; INPUTS]; LEAD],
    started: bool,
    #[cfg(test)]
    scripted: Option<Verdict>,
}

/// Steps before the first speech that the model hears too: 200 ms.
const LEAD: usize = 5;

impl Judge {
    pub(crate) fn new() -> Self {
        Self {
            features: Features::default(),
            net: Net::new(),
            lead: [[0.0; INPUTS]; LEAD],
            started: false,
            #[cfg(test)]
            scripted: None,
        }
    }

    /// Takes one frame; on every second one there is a new verdict.
    pub(crate) fn observe(&mut self, observation: &Observation) -> Option<Verdict> {
        let values = *self.features.observe(observation)?;
        if self.features.timeline().onset_ms().is_none() {
            // What seemed speech was none, or there was none yet.
            (self.started, self.net) = (false, Net::new());
            self.lead.rotate_left(1);
            self.lead[LEAD - 1] = values;
        } else {
            if !self.started {
                self.started = true;
                self.lead.iter().for_each(|step| self.net.push(step));
            }
            self.net.push(&values);
        }
        #[cfg(test)]
        if let Some(verdict) = self.scripted {
            return Some(verdict);
        }
        Some(weigh(self.features.timeline(), self.net.machine()))
    }

    pub(crate) fn hear(&mut self, heard: &Heard) {
        self.features.hear(heard);
    }

    pub(crate) const fn timeline(&self) -> &Timeline {
        self.features.timeline()
    }

    /// Probability that a machine answered.
    pub(crate) const fn machine(&self) -> f32 {
        self.net.machine()
    }

    /// Lets a test say the verdict, to try the events apart from the model.
    #[cfg(test)]
    pub(crate) fn say(&mut self, verdict: Verdict) {
        self.scripted = Some(verdict);
    }
}

/// A machine is named once this much was said (ms) and it is at least this likely: the longer somebody speaks
/// without waiting for an answer, the less it takes.
const MACHINE: [(u64, f32); 5] = [(900, 0.95), (1_800, 0.93), (3_000, 0.9), (4_500, 0.85), (6_300, 0.3)];
/// A person is named once a machine is at most this likely and it was silent this long (ms): the surer, the
/// sooner.
const HUMAN: [(f32, u64); 4] = [(0.075, 360), (0.13, 600), (0.23, 880), (0.79, 1_300)];
/// After this silence one side is named: a person, unless a machine is at least `LATE_MACHINE` likely. To hang
/// up on a person costs more than to talk to a machine.
const LATE_MS: u64 = 1_980;
const LATE_MACHINE: f32 = 0.89;

/// Whether `machine`, the probability of one, suffices after what `timeline` holds.
///
/// The thresholds were searched on the corpus with every speaker judged by a model that had not heard him
/// (`training/search.py`).
pub(crate) fn weigh(timeline: &Timeline, machine: f32) -> Verdict {
    if timeline.onset_ms().is_none() {
        return Verdict::Open;
    }
    let (said, silence) = (timeline.speech_ms(), timeline.silence_ms());
    if MACHINE.iter().any(|(least, sure)| said >= *least && machine >= *sure) {
        return Verdict::Machine(machine);
    }
    if HUMAN.iter().any(|(most, least)| machine <= *most && silence >= *least) {
        return Verdict::Human(1.0 - machine);
    }
    if silence < LATE_MS {
        Verdict::Open
    } else if machine < LATE_MACHINE {
        Verdict::Human(1.0 - machine)
    } else {
        Verdict::Machine(machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_alone_in_the_end_names_somebody() {
        let mut timeline = Timeline::new();
        let mut observation = Observation::default();
        for frame in 1..=200 {
            observation.end_ms = frame * 20;
            observation.speech = frame <= 30;
            timeline.observe(&observation);
            if frame == 4 {
                timeline.hear(&Heard::SpeechStarted { at_ms: 0 });
            }
        }
        assert!(matches!(weigh(&timeline, 0.6), Verdict::Human(_)));
        assert!(matches!(weigh(&timeline, 0.95), Verdict::Machine(_)));
        assert_eq!(weigh(&Timeline::new(), 0.99), Verdict::Open, "nobody has spoken");
    }
}
