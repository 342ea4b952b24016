//! Speech and keys over a prompt: what cuts it, when, and what only seemed to.
//!
//! A prompt that asks for no proof is cut at once. One that does is watched: the callee goes on talking, or
//! says words that mean something, and it is cut; or it was a cough, and a prompt that fell silent for it
//! goes on where the callee stopped hearing.

use super::fact::{CutBy, Fact};
use super::machine::{Call, State};
use crate::audio::FRAME_MS;
use crate::clock::CallTime;
use crate::flow::Confirm;
use crate::ids::PlayId;
use crate::language::count_words;

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
/// Whoever talks this long into a prompt that fell silent means it, ms.
const TALKS_ON_MS: u64 = 3_000;
/// No doubt lasts longer, ms.
const LONGEST_DOUBT_MS: u64 = 10_000;

/// Speech over a prompt that has not proved to be an interruption.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
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

impl Suspicion {
    fn new(now: CallTime) -> Self {
        Self { until: now + LONGEST_DOUBT_MS, talked_ms: NOTICED_MS, quiet_ms: 0 }
    }

    pub(super) const fn until(&self) -> CallTime {
        self.until
    }

    /// One more frame. `enough_quiet_ms` of silence show that it was nothing; `None` where silence shows nothing.
    fn hear(
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
pub(super) struct OverPrompt {
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

impl Call {
    /// What the frame that was just heard means for the prompt that plays.
    pub(super) fn talk_over(&mut self, now: CallTime) {
        self.cut_deferred(now);
        let State::Talking(talk) = &mut self.state else { return };
        let talking = talk.listening.talking_over();
        if (!talking && talk.suspicion.is_none()) || talk.speaking.is_cut_deferred() {
            return;
        }
        let (barge_in, confirm) = talk.speaking.barge_in(now);
        if !barge_in.by_speech() {
            talk.suspicion = None;
            return;
        }
        if confirm.at_once() {
            return self.interrupt(CutBy::Speech, now);
        }
        let Some(suspicion) = &mut talk.suspicion else {
            talk.suspicion = Some(Suspicion::new(now));
            talk.over_prompt = talk.listening.utterance().map(|u| u.number).zip(talk.speaking.current()).map(
                |(utterance, play)| {
                    let near_end = talk.speaking.left_ms(now).is_some_and(|left| left <= NEAR_END_MS);
                    OverPrompt { utterance, play, near_end }
                },
            );
            if confirm.resume {
                talk.speaking.pause(now);
            }
            let paused = talk.speaking.is_paused();
            return self.record(Fact::TalkOver { paused });
        };
        let words_come = self.settings.recognises && self.settings.interim;
        let enough_quiet_ms = match (words_come, confirm.min_words) {
            (true, _) => Some(QUIET_FOR_WORDS_MS),
            (false, 0) if talk.listening.is_noisy() => Some(QUIET_IN_NOISE_MS),
            (false, 0) => Some(QUIET_MS),
            // Words that come only in the end cut a prompt that has gone on, too.
            (false, _) if confirm.min_speech_ms > 0 => Some(QUIET_FOR_WORDS_MS),
            // Where nothing but words proves anything, they are waited for.
            (false, _) => None,
        };
        match suspicion.hear(talking, confirm, talk.speaking.is_paused(), enough_quiet_ms) {
            Finding::Interrupts => self.interrupt(CutBy::Speech, now),
            Finding::Nothing => self.go_on(now),
            Finding::Unsure => {}
        }
    }

    /// What `text`, said over the prompt that still plays, means for it.
    fn meaning(&self, utterance: u32, text: &str, now: CallTime) -> Option<Meaning> {
        let State::Talking(talk) = &self.state else { return None };
        let over = talk.over_prompt.filter(|over| over.utterance == utterance)?;
        if talk.speaking.current() != Some(over.play) {
            return None;
        }
        let (barge_in, confirm) = talk.speaking.barge_in(now);
        if !barge_in.by_speech() {
            return None;
        }
        let words = count_words(text, self.flow.flow().backchannels());
        let enough = confirm.min_words > 0 && words >= confirm.min_words as usize;
        let answers = || self.flow.answers(text);
        Some(match words {
            0 if over.near_end && answers() => Meaning::Interrupts,
            0 if !text.trim().is_empty() => Meaning::Listens,
            0 => Meaning::Unclear,
            _ if enough || answers() => Meaning::Interrupts,
            _ => Meaning::Unclear,
        })
    }

    /// Whether `text`, said over the prompt that still plays, only shows that the callee listens.
    pub(super) fn only_listens(&self, utterance: u32, text: &str, now: CallTime) -> bool {
        self.meaning(utterance, text, now) == Some(Meaning::Listens)
    }

    /// Words of an utterance that goes on.
    pub(super) fn judge_meanwhile(&mut self, utterance: u32, text: &str, now: CallTime) {
        let meaning = self.meaning(utterance, text, now);
        let State::Talking(talk) = &mut self.state else { return };
        let Some(suspicion) = &mut talk.suspicion else { return };
        match meaning {
            Some(Meaning::Interrupts) => self.interrupt(CutBy::Speech, now),
            Some(Meaning::Listens) => {
                let under_way = talk.listening.utterance().filter(|u| u.number == utterance);
                let Some(under_way) = under_way else { return };
                suspicion.discount(under_way.unheard_ms());
                if under_way.paused_ms.is_some() && under_way.unheard_ms() == 0 {
                    self.go_on(now);
                }
            }
            Some(Meaning::Unclear) | None => {}
        }
    }

    /// The callee has said something and fallen silent; `text` is what a recogniser heard of it. It cuts a
    /// prompt that has gone on meanwhile, too.
    pub(super) fn judge_end(&mut self, utterance: u32, text: Option<&str>, now: CallTime) {
        let meaning = text.and_then(|text| self.meaning(utterance, text, now));
        let State::Talking(talk) = &mut self.state else { return };
        talk.over_prompt.take_if(|over| over.utterance == utterance);
        if meaning == Some(Meaning::Interrupts) {
            self.interrupt(CutBy::Speech, now);
        } else if talk.suspicion.is_some() && !talk.listening.talking_over() {
            self.go_on(now);
        }
    }

    /// A doubt that nothing settles is given up.
    pub(super) fn end_doubt(&mut self, now: CallTime) {
        self.cut_deferred(now);
        if let State::Talking(talk) = &self.state
            && talk.suspicion.is_some_and(|suspicion| suspicion.until <= now)
        {
            self.go_on(now);
        }
    }

    /// It was no interruption.
    fn go_on(&mut self, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        talk.suspicion = None;
        if talk.speaking.is_paused() {
            talk.speaking.go_on(now);
            self.record(Fact::Resumed {});
        }
    }

    /// Cuts the prompt, now or at the end of its protected stretch.
    pub(super) fn interrupt(&mut self, by: CutBy, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        talk.suspicion = None;
        if by == CutBy::Speech {
            talk.listening.spoken_for();
        }
        let cut = talk.speaking.cut(by, now);
        self.record(if cut { Fact::Interruption { by } } else { Fact::InterruptionDeferred { by } });
        self.report_prompts(now);
    }

    fn cut_deferred(&mut self, now: CallTime) {
        let State::Talking(talk) = &mut self.state else { return };
        if let Some(by) = talk.speaking.cut_deferred(now) {
            talk.suspicion = None;
            self.record(Fact::Interruption { by });
            self.report_prompts(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(suspicion: &mut Suspicion, talking: bool, ms: u64, confirm: Confirm) -> Finding {
        {
            let quiet_ms = (confirm.min_words == 0).then_some(QUIET_MS);
            (0..ms / FRAME_MS).map(|_| suspicion.hear(talking, confirm, true, quiet_ms)).last().unwrap()
        }
    }

    #[test]
    fn a_cough_is_nothing_and_a_sentence_interrupts() {
        let confirm = Confirm { min_speech_ms: 600, min_words: 0, resume: true };
        let mut cough = Suspicion::new(CallTime::ZERO);
        assert_eq!(frames(&mut cough, true, 200, confirm), Finding::Unsure);
        assert_eq!(frames(&mut cough, false, 300, confirm), Finding::Nothing);
        let mut sentence = Suspicion::new(CallTime::ZERO);
        assert_eq!(frames(&mut sentence, true, 500, confirm), Finding::Interrupts);
    }

    #[test]
    fn where_words_decide_silence_is_waited_out_and_endless_talk_interrupts() {
        let confirm = Confirm { min_speech_ms: 0, min_words: 2, resume: true };
        let mut words = Suspicion::new(CallTime::ZERO);
        assert_eq!(frames(&mut words, true, 800, confirm), Finding::Unsure);
        assert_eq!(frames(&mut words, false, 2_000, confirm), Finding::Unsure);
        assert_eq!(frames(&mut words, true, 2_200, confirm), Finding::Interrupts);
    }
}
