//! One stretch of the callee's talk, from the first sound to the silence that ends it, and when its words are
//! asked for meanwhile.

use super::super::input::Hypothesis;
use crate::audio::FRAME_MS;
use crate::flow::{self, NOISE_MS, TurnEnd};

/// Speech after which the words are asked for the first time while the callee talks, ms.
const FIRST_SPEECH_MS: u64 = 600;
/// From one such request to the next, ms.
const INTERVAL_MS: u64 = 500;
/// Speech that was noticed before the utterance began to count, ms.
const NOTICED_MS: u64 = 80;

/// Less sure words than this tell nothing about whether more will come.
const SURE: f32 = 0.4;
/// A complete answer is waited behind for this share of the usual silence, and not less than this, ms.
const COMPLETE_SHARE: u64 = 2;
const LEAST_SILENCE_MS: u64 = 300;
/// Hypothesis that want more behind them are given this much more time than usual, ms.
const PATIENCE_MS: u64 = 800;

/// The silence that ends an utterance, ms, by what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndSilence {
    usual: u64,
    complete: u64,
    unfinished: u64,
}

impl EndSilence {
    /// As the open question wants it; `usual` where it says nothing.
    pub(super) fn new(how: &flow::Listening, usual: u64) -> Self {
        let usual = how.end_silence_ms.unwrap_or(usual);
        let complete = (usual / COMPLETE_SHARE).max(LEAST_SILENCE_MS).min(usual);
        Self {
            usual,
            complete: how.complete_ms.unwrap_or(complete),
            unfinished: how.unfinished_ms.unwrap_or(usual + PATIENCE_MS),
        }
    }

    const fn after(self, turn: TurnEnd) -> u64 {
        match turn {
            TurnEnd::Complete => self.complete,
            TurnEnd::Open => self.usual,
            TurnEnd::Unfinished => self.unfinished,
        }
    }
}

/// An utterance under way.
#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) number: u32,
    pub(super) start_ms: u64,
    /// Media time at which the speech paused; `None` while it goes on.
    pub(super) paused_ms: Option<u64>,
    speech_ms: u64,
    /// Media time of the last request, and the speech that there was.
    asked_ms: Option<u64>,
    asked_speech_ms: u64,
    waits: bool,
    /// The latest words, and what they say about whether more will come.
    words: Option<Hypothesis>,
    turn: TurnEnd,
}

impl Utterance {
    pub(super) const fn new(number: u32, start_ms: u64) -> Self {
        Self {
            number,
            start_ms,
            paused_ms: None,
            speech_ms: NOTICED_MS,
            asked_ms: None,
            asked_speech_ms: 0,
            waits: false,
            words: None,
            turn: TurnEnd::Open,
        }
    }

    /// One more frame.
    pub(super) const fn frame(&mut self, speech: bool) {
        if speech {
            self.speech_ms += FRAME_MS;
        }
    }

    /// Whether the words should be asked for now: enough was said, the last answer is there, and there is
    /// something new. At a pause they are wanted at once.
    pub(super) fn wants_words(&self, now_ms: u64) -> bool {
        if self.waits || self.speech_ms == self.asked_speech_ms {
            return false;
        }
        let due = match self.asked_ms {
            None => self.speech_ms >= FIRST_SPEECH_MS,
            Some(asked) => now_ms >= asked + INTERVAL_MS,
        };
        due || self.paused_ms.is_some()
    }

    pub(super) const fn ask(&mut self, now_ms: u64) {
        self.asked_ms = Some(now_ms);
        self.asked_speech_ms = self.speech_ms;
        self.waits = true;
    }

    /// The answer to the last request; `turn` is what its words say about whether more will come.
    pub(super) fn answer(&mut self, heard: Option<&Hypothesis>, turn: TurnEnd) {
        self.waits = false;
        if let Some(heard) = heard {
            self.turn = if heard.confidence < SURE { TurnEnd::Open } else { turn };
            self.words = Some(heard.clone());
        }
    }

    /// Speech since the audio was taken that the latest words stand for, ms.
    pub(super) const fn unheard_ms(&self) -> u64 {
        self.speech_ms.saturating_sub(self.asked_speech_ms)
    }

    /// What the words say about whether more will come. Speech behind a complete answer makes it doubtful;
    /// one that wanted more is not over because more has begun.
    fn turn(&self) -> TurnEnd {
        let doubtful = self.turn == TurnEnd::Complete && (self.waits || self.unheard_ms() > 0);
        if doubtful { TurnEnd::Open } else { self.turn }
    }

    /// Media time at which it ended, once the silence is long enough at `now_ms` or it is `longest_ms` long.
    pub(super) fn ended_ms(&self, now_ms: u64, silence: EndSilence, longest_ms: u64) -> Option<u64> {
        match self.paused_ms {
            Some(paused) => (now_ms >= paused + silence.after(self.turn())).then_some(paused),
            None => (now_ms >= self.start_ms + longest_ms).then_some(now_ms),
        }
    }

    /// Whether its words are a complete answer already, so that nobody needs to recognise it again.
    fn is_settled(&self) -> bool {
        self.paused_ms.is_some() && self.words.is_some() && self.turn() == TurnEnd::Complete
    }

    /// It is over; its speech ended at `end_ms`.
    pub(super) fn ended(self, end_ms: u64) -> EndedUtterance {
        EndedUtterance {
            number: self.number,
            start_ms: self.start_ms,
            end_ms,
            spoken_ms: self.speech_ms,
            settled: self.is_settled(),
            so_far: self.words,
        }
    }
}

/// An utterance that is over.
#[derive(Debug)]
pub(in super::super) struct EndedUtterance {
    pub(super) number: u32,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// How much of it was speech.
    pub(in super::super) spoken_ms: u64,
    /// What an engine made of it before it was over.
    pub(super) so_far: Option<Hypothesis>,
    /// These are all its words: nobody needs to recognise it again.
    pub(super) settled: bool,
}

/// Speech of which there are no words, or a noise. What was enough to cut a prompt is no noise: nobody would say anything
/// until the callee's time is over.
pub(in super::super) const fn without_words(spoken_ms: u64, has_cut: bool) -> flow::Input {
    if spoken_ms < NOISE_MS && !has_cut {
        flow::Input::Noise
    } else {
        flow::Input::Utterance { text: None, weighed: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, confidence: f32) -> Hypothesis {
        Hypothesis { text: text.to_owned(), confidence, weighed: None }
    }

    /// An utterance of `speech_ms` that began at 0, paused at its end and has been asked about there.
    fn paused(speech_ms: u64) -> Utterance {
        let mut utterance = Utterance::new(1, 0);
        for _ in 0..(speech_ms - NOTICED_MS) / FRAME_MS {
            utterance.frame(true);
        }
        utterance.paused_ms = Some(speech_ms);
        assert!(utterance.wants_words(speech_ms + 200));
        utterance.ask(speech_ms + 200);
        utterance
    }

    fn silence() -> EndSilence {
        EndSilence::new(&flow::Listening::default(), 700)
    }

    #[test]
    fn a_complete_answer_is_taken_sooner_and_an_unfinished_one_later() {
        for (turn, confidence, waits) in [
            (TurnEnd::Complete, 0.9, 350),
            (TurnEnd::Open, 0.9, 700),
            (TurnEnd::Unfinished, 0.9, 1_500),
            (TurnEnd::Complete, 0.2, 700),
        ] {
            let mut utterance = paused(500);
            utterance.answer(Some(&words("yes", confidence)), turn);
            assert_eq!(utterance.ended_ms(500 + waits - 20, silence(), 30_000), None, "{turn:?}");
            assert_eq!(utterance.ended_ms(500 + waits, silence(), 30_000), Some(500), "{turn:?}");
        }
    }

    #[test]
    fn words_that_were_talked_past_or_never_came_change_nothing() {
        let waiting = paused(500);
        assert_eq!(waiting.ended_ms(1_199, silence(), 30_000), None);
        assert_eq!(waiting.ended_ms(1_200, silence(), 30_000), Some(500));
        let mut passed = paused(500);
        passed.answer(Some(&words("yes", 0.9)), TurnEnd::Complete);
        assert!(passed.is_settled());
        passed.paused_ms = None;
        passed.frame(true);
        passed.paused_ms = Some(900);
        assert!(!passed.is_settled());
        assert_eq!(passed.ended_ms(1_300, silence(), 30_000), None, "the speech behind it is not known");
        assert!(passed.wants_words(1_100), "and is asked about");
    }

    #[test]
    fn the_first_sound_behind_unfinished_words_does_not_end_them() {
        let mut utterance = paused(500);
        utterance.answer(Some(&words("one two three", 0.9)), TurnEnd::Unfinished);
        utterance.frame(true);
        assert_eq!(utterance.ended_ms(1_480, silence(), 30_000), None);
    }

    #[test]
    fn words_are_asked_for_after_600_ms_then_every_500_ms_and_at_a_pause() {
        let mut utterance = Utterance::new(1, 0);
        let mut asked = Vec::new();
        for frame in 0..150_u64 {
            let now = frame * FRAME_MS;
            utterance.frame(now < 2_000);
            utterance.paused_ms = (now >= 2_200).then_some(2_000);
            if utterance.wants_words(now) {
                asked.push(now);
                utterance.ask(now);
                utterance.answer(None, TurnEnd::Open);
            }
        }
        assert_eq!(asked, [500, 1_000, 1_500, 2_000], "{asked:?}");
    }
}
