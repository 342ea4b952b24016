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
    #[cfg(test)]
    scripted: Option<Verdict>,
}

/// Steps before the first speech that the model hears too: 200 ms.
const LEAD: usize = 5;
/// Log-odds of words that lean to a machine, and how much less it has then to have said than by sound alone, ms.
const LEANING_WORDS: f32 = 1.0;
const LESS_WITH_WORDS_MS: u64 = 1_500;
/// Log-odds of words by which a person is certain as soon as one is likely.
const WORDS_OF_A_PERSON: f32 = -2.0;
/// When nothing more is to come: less speech than this says nothing, less than this nothing of a machine, and a silence
/// of this length ends what was said, ms.
const SAYS_SOMETHING_MS: u64 = 200;
const SOUNDS_LIKE_SOMETHING_MS: u64 = 900;
const ENDED_MS: u64 = 160;

impl Judge {
    pub(crate) fn new(params: DecisionThresholds) -> Self {
        Self {
            params,
            features: Features::default(),
            net: Net::new(),
            background: Background::new(),
            lead: [[0.0; INPUTS]; LEAD],
            started: false,
            was_likely: false,
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
        let verdict = verdict(&self.params, self.features.timeline(), self.machine(), self.words);
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
        } else if machine >= self.params.late_machine {
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

    /// Probability that a machine answered, by sound and words.
    pub(crate) fn machine(&self) -> f32 {
        fuse(self.net.machine(), self.words + self.params.bias)
    }

    /// The same by sound alone.
    pub(crate) const fn acoustic(&self) -> f32 {
        self.net.machine()
    }

    /// The words heard so far are worth these log-odds of a machine.
    pub(crate) const fn hear_words(&mut self, log_odds: f32) {
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

/// Whether `machine`, the probability of one, suffices after what `timeline` holds. `words` are the log-odds of a machine
/// that words alone give, and part of it.
pub(crate) fn verdict(params: &DecisionThresholds, timeline: &Timeline, machine: f32, words: f32) -> Verdict {
    if timeline.onset_ms().is_none() {
        return Verdict::Open;
    }
    let (said, silence) = (timeline.speech_ms(), timeline.silence_ms());
    let less = if words >= LEANING_WORDS { LESS_WITH_WORDS_MS } else { 0 };
    if params.machine.iter().any(|(least, sure)| said + less >= *least && machine >= *sure) {
        return Verdict::Machine(machine);
    }
    let suffices =
        |rows: &[(f32, u64)]| rows.iter().any(|(most, least)| machine <= *most && silence >= *least);
    let is_likely = suffices(&params.likely);
    if suffices(&params.human) || (is_likely && words <= WORDS_OF_A_PERSON) {
        return Verdict::Human(1.0 - machine);
    }
    if silence < params.late_ms {
        if is_likely { Verdict::LikelyHuman(1.0 - machine) } else { Verdict::Open }
    } else if machine < params.late_machine {
        Verdict::Human(1.0 - machine)
    } else {
        Verdict::Machine(machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody spoke for the first `said_ms` and was silent for `silence_ms`.
    fn heard(said_ms: u64, silence_ms: u64) -> Timeline {
        let mut timeline = Timeline::new();
        let mut observation = Observation::default();
        for end_ms in (20..=said_ms + silence_ms).step_by(20) {
            observation.end_ms = end_ms;
            observation.speech = end_ms <= said_ms;
            timeline.observe(&observation);
            if end_ms == 80 {
                timeline.feed(&Heard::SpeechStarted { at_ms: 0 });
            }
        }
        timeline
    }

    fn after(said_ms: u64, silence_ms: u64, machine: f32, words: f32) -> Verdict {
        verdict(&DecisionThresholds::default(), &heard(said_ms, silence_ms), machine, words)
    }

    #[test]
    fn silence_alone_in_the_end_names_somebody() {
        assert!(matches!(after(600, 3_400, 0.6, 0.0), Verdict::Human(_)));
        assert!(matches!(after(600, 3_400, 0.95, 0.0), Verdict::Machine(_)));
        let params = DecisionThresholds::default();
        assert_eq!(verdict(&params, &Timeline::new(), 0.99, 0.0), Verdict::Open, "nobody has spoken");
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
        assert_eq!(after(2_300, 0, 0.99, 0.0), Verdict::Open);
        assert!(matches!(after(2_400, 0, 0.96, 0.0), Verdict::Machine(_)));
        assert_eq!(after(800, 0, 0.99, 1.5), Verdict::Open);
        assert!(matches!(after(900, 0, 0.96, 1.5), Verdict::Machine(_)));
    }

    #[test]
    fn words_move_the_probability_both_ways_and_no_words_leave_it() {
        assert_eq!(fuse(0.3, 0.0), 0.3);
        assert!(fuse(0.3, 3.9) > 0.9 && fuse(0.9, -3.9) < 0.2);
        assert!(fuse(1.0, -9.0).is_finite() && fuse(1.0, -9.0) < 0.05, "sound alone never outshouts words");
    }
}
