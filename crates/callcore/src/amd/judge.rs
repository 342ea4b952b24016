//! Person or machine: what is known about a call weighed, and when it is enough to say so.

use super::background::{Background, Turn};
use super::features::{Features, INPUTS};
use super::fusion::{Measured, Parts, Timing, WORDS_OF_A_PERSON, Words};
use super::net::Net;
use super::thresholds::DecisionThresholds;
use super::timeline::{Segment, Timeline};
use crate::detect::{Heard, Observation};

/// What the evidence says so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Open,
    /// A person may be spoken to: one is likely, and not yet certain. With the probability of being right, as below.
    LikelyHuman(f32),
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
    /// A person was likely: what sounds like music after that is the noise of their room, and takes nothing back.
    was_likely: bool,
    /// What the words heard say, as log-odds of a machine; 0.0 without any.
    words: f32,
    /// Whether words may come, and when the last final ones came, ms.
    awaits_words: bool,
    final_words_ms: Option<u64>,
    #[cfg(test)]
    scripted: Option<Verdict>,
}

/// Steps before the first speech that the model hears too: 200 ms.
const LEAD: usize = 5;
/// Log-odds of words that lean to a machine: it has then to have said less than by sound alone.
const LEANING_WORDS: f32 = 1.0;
/// When nothing more is to come: less speech than this says nothing, less than this nothing of a machine, and a silence
/// of this length ends what was said, ms.
const SAYS_SOMETHING_MS: u64 = 200;
const SOUNDS_LIKE_SOMETHING_MS: u64 = 900;
const ENDED_MS: u64 = 160;

impl Judge {
    /// `awaits_words`: a recogniser listens.
    pub(crate) fn new(params: DecisionThresholds, awaits_words: bool) -> Self {
        Self {
            params,
            features: Features::default(),
            net: Net::new(),
            background: Background::new(),
            lead: [[0.0; INPUTS]; LEAD],
            started: false,
            was_likely: false,
            words: 0.0,
            awaits_words,
            final_words_ms: None,
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
            Turn::Over | Turn::SpokenOver if self.was_likely => {}
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
        if self.hears_music() {
            return Some(Verdict::Open);
        }
        if self.timeline().onset_ms().is_none() {
            return Some(Verdict::Open);
        }
        let timing = Timing::of(self.timeline());
        let verdict = verdict(&self.params, &timing, self.machine(), self.words(), self.awaits_words);
        self.was_likely |= matches!(verdict, Verdict::LikelyHuman(_));
        Some(verdict)
    }

    /// What can be said when nothing more is to come: the same that would be said after a longer silence, if somebody
    /// has said something and ended it.
    pub(crate) fn last_word(&self) -> Verdict {
        #[cfg(test)]
        if let Some(verdict) = self.scripted {
            return verdict;
        }
        let (timeline, machine) = (self.features.timeline(), self.machine());
        let said = timeline.speech_ms();
        if self.hears_music() || said < SAYS_SOMETHING_MS {
            Verdict::Open
        } else if machine >= self.params.even() {
            if said >= SOUNDS_LIKE_SOMETHING_MS { Verdict::Machine(machine) } else { Verdict::Open }
        } else if timeline.silence_ms() >= ENDED_MS {
            Verdict::Human(1.0 - machine)
        } else {
            Verdict::Open
        }
    }

    /// Whether what seems speech is music.
    pub(crate) const fn hears_music(&self) -> bool {
        self.background.is_music() && !self.was_likely
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

    /// Probability that a machine answered, by all that is known.
    pub(crate) fn machine(&self) -> f32 {
        self.parts().machine()
    }

    /// What each kind of evidence says; nothing before the first speech.
    pub(crate) fn parts(&self) -> Parts {
        if self.timeline().onset_ms().is_none() {
            return Parts::default();
        }
        self.measured().weigh(&self.params.weights, self.params.bias)
    }

    /// What there is to weigh.
    pub(super) fn measured(&self) -> Measured {
        Measured { timing: Timing::of(self.timeline()), network: self.net.machine(), words: self.words() }
    }

    /// The words heard so far are worth these log-odds of a machine; `is_final` when the last of them will not change.
    pub(crate) const fn hear_words(&mut self, log_odds: f32, is_final: bool) {
        self.words = log_odds;
        if is_final {
            self.final_words_ms = Some(self.features.timeline().now_ms());
        }
    }

    fn words(&self) -> Words {
        let timeline = self.timeline();
        let complete = !timeline.is_speaking() && self.final_words_ms >= timeline.speech_end_ms();
        Words { log_odds: self.words, complete: complete && self.final_words_ms.is_some() }
    }

    /// Lets a test say the verdict, to try the events apart from the model.
    #[cfg(test)]
    pub(crate) fn say(&mut self, verdict: Verdict) {
        self.scripted = Some(verdict);
    }
}

/// What is to be said after `timing`, when a machine is `machine` likely by all that is known and `words` are a part of it.
/// `awaits_words`: a recogniser listens, and its words may still come.
pub(super) fn verdict(
    params: &DecisionThresholds,
    timing: &Timing,
    machine: f32,
    words: Words,
    awaits_words: bool,
) -> Verdict {
    let silence = timing.silence_ms;
    let words_lean = words.log_odds >= LEANING_WORDS;
    if params.machine_at(timing.said_ms, words_lean).is_some_and(|least| machine >= least) {
        return Verdict::Machine(machine);
    }
    let suffices = |most: Option<f32>| most.is_some_and(|most| machine <= most);
    let is_likely = suffices(params.likely_at(silence));
    let may_be_told = !awaits_words || words.complete || silence >= params.words_wait_ms;
    let says_so = is_likely && words.log_odds <= WORDS_OF_A_PERSON;
    if says_so || (may_be_told && suffices(params.human_at(silence))) {
        return Verdict::Human(1.0 - machine);
    }
    if silence < params.late_ms {
        if is_likely { Verdict::LikelyHuman(1.0 - machine) } else { Verdict::Open }
    } else if machine < params.even() {
        Verdict::Human(1.0 - machine)
    } else {
        Verdict::Machine(machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(said_ms: u64, silence_ms: u64, machine: f32, log_odds: f32) -> Verdict {
        let timing = Timing { said_ms, silence_ms, ..Timing::default() };
        let words = Words { log_odds, complete: false };
        verdict(&DecisionThresholds::default(), &timing, machine, words, false)
    }

    #[test]
    fn silence_alone_in_the_end_names_somebody() {
        assert!(matches!(after(600, 3_400, 0.6, 0.0), Verdict::Human(_)));
        assert!(matches!(after(600, 3_400, 0.95, 0.0), Verdict::Machine(_)));
    }

    #[test]
    fn a_person_is_likely_before_one_is_certain_and_words_of_a_person_make_it_certain() {
        assert_eq!(after(600, 340, 0.05, 0.0), Verdict::Open);
        assert_eq!(after(600, 360, 0.05, 0.0), Verdict::LikelyHuman(0.95));
        assert_eq!(after(600, 880, 0.05, 0.0), Verdict::LikelyHuman(0.95));
        assert_eq!(after(600, 900, 0.05, 0.0), Verdict::Human(0.95));
        assert_eq!(after(600, 360, 0.05, -2.5), Verdict::Human(0.95));
        assert_eq!(after(600, 200, 0.05, -2.5), Verdict::Open, "and nobody is cut short");
    }

    #[test]
    fn sound_alone_names_no_machine_before_it_has_said_something_and_words_need_less() {
        assert_eq!(after(2_300, 0, 0.995, 0.0), Verdict::Open);
        assert!(matches!(after(2_400, 0, 0.985, 0.0), Verdict::Machine(_)));
        assert_eq!(after(800, 0, 0.995, 1.5), Verdict::Open);
        assert!(matches!(after(900, 0, 0.995, 1.5), Verdict::Machine(_)));
    }

    #[test]
    fn words_that_may_still_come_are_waited_for_and_not_for_long() {
        let params = DecisionThresholds::default();
        let after = |silence_ms, complete| {
            let timing = Timing { said_ms: 600, silence_ms, ..Timing::default() };
            verdict(&params, &timing, 0.02, Words { log_odds: 0.0, complete }, true)
        };
        assert!(matches!(after(900, false), Verdict::LikelyHuman(_)));
        assert!(matches!(after(900, true), Verdict::Human(_)));
        assert!(matches!(after(params.words_wait_ms, false), Verdict::Human(_)), "late or failing");
    }
}
