//! Person or machine: the learned model's probability, and when it is enough to say so.

use super::background::{Background, Turn};
use super::features::{Features, INPUTS};
use super::net::Net;
use super::thresholds::DecisionThresholds;
use super::timeline::{Segment, Timeline};
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
    params: DecisionThresholds,
    features: Features,
    net: Net,
    background: Background,
    /// The last steps before speech: the model starts with them, and only once there is speech.
    lead: [[f32; INPUTS]; LEAD],
    started: bool,
    /// What the words heard add, as log-odds of a machine; 0.0 without any.
    words: f32,
    #[cfg(test)]
    scripted: Option<Verdict>,
}

/// Steps before the first speech that the model hears too: 200 ms.
const LEAD: usize = 5;

impl Judge {
    pub(crate) fn new(params: DecisionThresholds) -> Self {
        Self {
            params,
            features: Features::default(),
            net: Net::new(),
            background: Background::new(),
            lead: [[0.0; INPUTS]; LEAD],
            started: false,
            words: 0.0,
            #[cfg(test)]
            scripted: None,
        }
    }

    /// Takes one frame; on every second one there is a new verdict.
    pub(crate) fn observe(&mut self, observation: &Observation) -> Option<Verdict> {
        let timeline = self.features.timeline();
        let (speaking, onset_ms) = (timeline.is_speaking(), timeline.onset_ms());
        match self.background.observe(observation, speaking, onset_ms) {
            Turn::None => {}
            Turn::Over => self.forget(),
            Turn::SpokenOver => self.features.forget_before(),
        }
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
        if self.background.is_music() {
            return Some(Verdict::Open);
        }
        Some(verdict(&self.params, self.features.timeline(), self.machine()))
    }

    /// Whether what seems speech is music.
    pub(crate) const fn hears_music(&self) -> bool {
        self.background.is_music()
    }

    /// Stretches of music so far.
    pub(crate) fn music(&self) -> &[Segment] {
        self.background.stretches()
    }

    /// What seemed speech was music: nobody has spoken yet.
    pub(crate) fn forget(&mut self) {
        self.features.forget();
    }

    pub(crate) fn feed(&mut self, heard: &Heard) {
        self.features.feed(heard);
    }

    pub(crate) const fn timeline(&self) -> &Timeline {
        self.features.timeline()
    }

    /// Probability that a machine answered, by sound and words.
    pub(crate) fn machine(&self) -> f32 {
        fuse(self.net.machine(), self.words)
    }

    /// The same by sound alone.
    pub(crate) const fn acoustic(&self) -> f32 {
        self.net.machine()
    }

    /// From now on the words heard add these log-odds of a machine.
    pub(crate) const fn add_bias(&mut self, log_odds: f32) {
        self.words = log_odds;
    }

    /// Lets a test say the verdict, to try the events apart from the model.
    #[cfg(test)]
    pub(crate) fn say(&mut self, verdict: Verdict) {
        self.scripted = Some(verdict);
    }
}

/// Surer than this the sound is not taken to be once there are words: the model is wrong more often than it says.
const SUREST_SOUND: f32 = 0.99;

/// The two kinds of evidence as one: log-odds add up.
fn fuse(sound: f32, words: f32) -> f32 {
    if words == 0.0 {
        return sound;
    }
    let sound = sound.clamp(1.0 - SUREST_SOUND, SUREST_SOUND);
    let odds = (sound / (1.0 - sound)).ln() + words;
    1.0 / (1.0 + (-odds).exp())
}

/// Whether `machine`, the probability of one, suffices after what `timeline` holds.
pub(crate) fn verdict(params: &DecisionThresholds, timeline: &Timeline, machine: f32) -> Verdict {
    if timeline.onset_ms().is_none() {
        return Verdict::Open;
    }
    let (said, silence) = (timeline.speech_ms(), timeline.silence_ms());
    if params.machine.iter().any(|(least, sure)| said >= *least && machine >= *sure) {
        return Verdict::Machine(machine);
    }
    if params.human.iter().any(|(most, least)| machine <= *most && silence >= *least) {
        return Verdict::Human(1.0 - machine);
    }
    if silence < params.late_ms {
        Verdict::Open
    } else if machine < params.late_machine {
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
        let params = DecisionThresholds::default();
        let mut timeline = Timeline::new();
        let mut observation = Observation::default();
        for frame in 1..=200 {
            observation.end_ms = frame * 20;
            observation.speech = frame <= 30;
            timeline.observe(&observation);
            if frame == 4 {
                timeline.feed(&Heard::SpeechStarted { at_ms: 0 });
            }
        }
        assert!(matches!(verdict(&params, &timeline, 0.6), Verdict::Human(_)));
        assert!(matches!(verdict(&params, &timeline, 0.95), Verdict::Machine(_)));
        assert_eq!(verdict(&params, &Timeline::new(), 0.99), Verdict::Open, "nobody has spoken");
    }

    #[test]
    fn words_move_the_probability_both_ways_and_no_words_leave_it() {
        assert_eq!(fuse(0.3, 0.0), 0.3);
        assert!(fuse(0.3, 3.9) > 0.9 && fuse(0.9, -3.9) < 0.2);
        assert!(fuse(1.0, -9.0).is_finite() && fuse(1.0, -9.0) < 0.05, "sound alone never outshouts words");
    }
}
