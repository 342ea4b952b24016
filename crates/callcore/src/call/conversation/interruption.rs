//! Speech and keys over a prompt: what cuts it, when, and what only seemed to.
//!
//! A prompt that asks for no proof is cut at once. One that does is watched: the callee goes on talking, or
//! says words that mean something, and it is cut; or it was a cough, and a prompt that fell silent for it
//! goes on where the callee stopped hearing.

use super::listening::Listening;
use super::speaking::Speaking;
use crate::audio::FRAME_MS;
use crate::clock::CallTime;
use crate::flow::{Confirm, Run};
use crate::ids::PlayId;
use crate::language::words_beside;

/// Speech that [`super::barge_in`] needs before it speaks of talking over, ms.
const NOTICED_MS: u64 = 100;
/// Silence after which the callee has stopped, where words prove nothing, ms.
const QUIET_MS: u64 = 300;
/// The same on a noisy line, where the faint ends of words drown, ms.
const QUIET_IN_NOISE_MS: u64 = 500;
/// The same where words come soon after the silence has begun, ms.
const QUIET_FOR_WORDS_MS: u64 = 900;
/// With less than this left of a question, a "yes" is its answer and no sign of listening, ms.
const NEAR_END_MS: u64 = 1_500;
/// Talking this long into a prompt that fell silent is an interruption, ms.
const TALKS_ON_MS: u64 = 3_000;
/// No doubt lasts longer, ms.
const LONGEST_DOUBT_MS: u64 = 10_000;

/// Speech over a prompt that has not proved to be an interruption.
#[derive(Clone, Copy, Debug)]
struct BargeInCandidate {
    until: CallTime,
    talked_ms: u64,
    quiet_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Interrupts,
    Nothing,
    Unsure,
}

impl BargeInCandidate {
    fn new(now: CallTime) -> Self {
        Self { until: now + LONGEST_DOUBT_MS, talked_ms: NOTICED_MS, quiet_ms: 0 }
    }

    /// One more frame. `enough_quiet_ms` of silence show that it was nothing; `None` where silence shows nothing.
    fn update(
        &mut self,
        talking: bool,
        confirm: Confirm,
        paused: bool,
        enough_quiet_ms: Option<u64>,
    ) -> Finding {
        if talking {
            self.talked_ms += FRAME_MS;
            self.quiet_ms = 0;
            let long = confirm.min_speech_ms > 0 && self.talked_ms >= confirm.min_speech_ms;
            if long || (paused && self.talked_ms >= TALKS_ON_MS) {
                return Finding::Interrupts;
            }
            return Finding::Unsure;
        }
        self.quiet_ms += FRAME_MS;
        if enough_quiet_ms.is_some_and(|ms| self.quiet_ms >= ms) { Finding::Nothing } else { Finding::Unsure }
    }

    /// All but the last `unheard_ms` of the talk was a sign of listening.
    fn discount(&mut self, unheard_ms: u64) {
        self.talked_ms = self.talked_ms.min(unheard_ms);
    }
}

/// An utterance that began over a prompt.
#[derive(Clone, Copy, Debug)]
struct OverPrompt {
    utterance: u32,
    play: PlayId,
    /// It began when the prompt was all but over.
    near_end: bool,
}

/// What words over a prompt mean for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Interrupts,
    /// Signs of listening and nothing else.
    Listens,
    Unclear,
}

/// What speech over a prompt leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Nothing,
    /// The callee speaks while the bot does, and it is not clear yet why.
    Noticed,
    /// The prompt is to be cut.
    Interrupt,
    /// It was no interruption: a prompt that fell silent goes on.
    GoOn,
}

/// Watches the callee's speech over the bot's prompts.
#[derive(Debug)]
pub(super) struct Interruption {
    /// Words come while the callee still talks.
    words_come: bool,
    candidate: Option<BargeInCandidate>,
    /// The utterance that raised it, whose words may come when the prompt has gone on.
    over_prompt: Option<OverPrompt>,
}

impl Interruption {
    pub(super) const fn new(words_come: bool) -> Self {
        Self { words_come, candidate: None, over_prompt: None }
    }

    /// What the frame that was just heard means for the prompt that plays.
    pub(super) fn frame(
        &mut self,
        listening: &Listening,
        speaking: &mut Speaking,
        now: CallTime,
    ) -> Reaction {
        let talking = listening.talking_over();
        if (!talking && self.candidate.is_none()) || speaking.is_cut_deferred() {
            return Reaction::Nothing;
        }
        let (barge_in, confirm) = speaking.barge_in(now);
        if !barge_in.by_speech() {
            self.candidate = None;
            return Reaction::Nothing;
        }
        if confirm.at_once() {
            return Reaction::Interrupt;
        }
        let Some(candidate) = &mut self.candidate else {
            self.candidate = Some(BargeInCandidate::new(now));
            self.over_prompt =
                listening.utterance().map(|u| u.number).zip(speaking.current()).map(|(utterance, play)| {
                    let near_end = speaking.left_ms(now).is_some_and(|left| left <= NEAR_END_MS);
                    OverPrompt { utterance, play, near_end }
                });
            if confirm.resume {
                speaking.pause(now);
            }
            return Reaction::Noticed;
        };
        let enough_quiet_ms = match (self.words_come, confirm.min_words) {
            (true, _) => Some(QUIET_FOR_WORDS_MS),
            (false, 0) if listening.is_noisy() => Some(QUIET_IN_NOISE_MS),
            (false, 0) => Some(QUIET_MS),
            // Words that come only in the end cut a prompt that has gone on, too.
            (false, _) if confirm.min_speech_ms > 0 => Some(QUIET_FOR_WORDS_MS),
            // Where nothing but words proves anything, they are waited for.
            (false, _) => None,
        };
        match candidate.update(talking, confirm, speaking.is_paused(), enough_quiet_ms) {
            Finding::Interrupts => Reaction::Interrupt,
            Finding::Nothing => Reaction::GoOn,
            Finding::Unsure => Reaction::Nothing,
        }
    }

    /// What `text`, said over the prompt that still plays, means for it.
    fn meaning(
        &self,
        utterance: u32,
        text: &str,
        speaking: &Speaking,
        flow: &Run,
        now: CallTime,
    ) -> Option<Meaning> {
        let over = self.over_prompt.filter(|over| over.utterance == utterance)?;
        if speaking.current() != Some(over.play) {
            return None;
        }
        let (barge_in, confirm) = speaking.barge_in(now);
        if !barge_in.by_speech() {
            return None;
        }
        let words = words_beside(text, flow.flow().backchannels());
        let enough = confirm.min_words > 0 && words >= confirm.min_words as usize;
        let answers = || flow.answers(text);
        Some(match words {
            0 if over.near_end && answers() => Meaning::Interrupts,
            0 if !text.trim().is_empty() => Meaning::Listens,
            0 => Meaning::Unclear,
            _ if enough || answers() => Meaning::Interrupts,
            _ => Meaning::Unclear,
        })
    }

    /// Whether `text`, said over the prompt that still plays, only shows that the callee listens.
    pub(super) fn only_listens(
        &self,
        utterance: u32,
        text: &str,
        speaking: &Speaking,
        flow: &Run,
        now: CallTime,
    ) -> bool {
        self.meaning(utterance, text, speaking, flow, now) == Some(Meaning::Listens)
    }

    /// Words of an utterance that goes on.
    pub(super) fn words_meanwhile(
        &mut self,
        (utterance, text): (u32, &str),
        listening: &Listening,
        speaking: &Speaking,
        flow: &Run,
        now: CallTime,
    ) -> Reaction {
        let meaning = self.meaning(utterance, text, speaking, flow, now);
        let Some(candidate) = &mut self.candidate else { return Reaction::Nothing };
        match meaning {
            Some(Meaning::Interrupts) => Reaction::Interrupt,
            Some(Meaning::Listens) => {
                let under_way = listening.utterance().filter(|u| u.number == utterance);
                let Some(under_way) = under_way else { return Reaction::Nothing };
                candidate.discount(under_way.unheard_ms());
                if under_way.paused_ms.is_some() && under_way.unheard_ms() == 0 {
                    Reaction::GoOn
                } else {
                    Reaction::Nothing
                }
            }
            Some(Meaning::Unclear) | None => Reaction::Nothing,
        }
    }

    /// The callee has said something and fallen silent; `text` is what a recogniser heard of it. It cuts a
    /// prompt that has gone on meanwhile, too.
    pub(super) fn utterance_ended(
        &mut self,
        (utterance, text): (u32, Option<&str>),
        listening: &Listening,
        speaking: &Speaking,
        flow: &Run,
        now: CallTime,
    ) -> Reaction {
        let meaning = text.and_then(|text| self.meaning(utterance, text, speaking, flow, now));
        self.over_prompt.take_if(|over| over.utterance == utterance);
        if meaning == Some(Meaning::Interrupts) {
            Reaction::Interrupt
        } else if self.candidate.is_some() && !listening.talking_over() {
            Reaction::GoOn
        } else {
            Reaction::Nothing
        }
    }

    /// A doubt that nothing settles is given up.
    pub(super) fn handle_timeout(&self, now: CallTime) -> Reaction {
        if self.poll_timeout().is_some_and(|until| until <= now) { Reaction::GoOn } else { Reaction::Nothing }
    }

    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        self.candidate.map(|candidate| candidate.until)
    }

    /// The doubt is settled.
    pub(super) const fn settle(&mut self) {
        self.candidate = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(candidate: &mut BargeInCandidate, talking: bool, ms: u64, confirm: Confirm) -> Finding {
        {
            let quiet_ms = (confirm.min_words == 0).then_some(QUIET_MS);
            (0..ms / FRAME_MS).map(|_| candidate.update(talking, confirm, true, quiet_ms)).last().unwrap()
        }
    }

    #[test]
    fn a_cough_is_nothing_and_a_sentence_interrupts() {
        let confirm = Confirm { min_speech_ms: 600, min_words: 0, resume: true };
        let mut cough = BargeInCandidate::new(CallTime::ZERO);
        assert_eq!(frames(&mut cough, true, 200, confirm), Finding::Unsure);
        assert_eq!(frames(&mut cough, false, 300, confirm), Finding::Nothing);
        let mut sentence = BargeInCandidate::new(CallTime::ZERO);
        assert_eq!(frames(&mut sentence, true, 500, confirm), Finding::Interrupts);
    }

    #[test]
    fn where_words_decide_silence_is_waited_out_and_endless_talk_interrupts() {
        let confirm = Confirm { min_speech_ms: 0, min_words: 2, resume: true };
        let mut words = BargeInCandidate::new(CallTime::ZERO);
        assert_eq!(frames(&mut words, true, 800, confirm), Finding::Unsure);
        assert_eq!(frames(&mut words, false, 2_000, confirm), Finding::Unsure);
        assert_eq!(frames(&mut words, true, 2_200, confirm), Finding::Interrupts);
    }
}
