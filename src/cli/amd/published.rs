//! Detectors of others, written anew from what their documentation says, to be measured beside ours. They hear energy alone.

use crate::trials::Verdict;

/// Samples of a frame: 20 ms at 8 kHz.
const FRAME: usize = 160;
const FRAME_MS: u32 = 20;

/// The settings that `app_amd` of Asterisk made known, and others took over; times in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct WordCounter {
    /// Silence before the first sound: a machine.
    initial_silence: u32,
    /// Sound: a machine.
    greeting: u32,
    /// Whether `greeting` is the sound since the last pause, and not all of it.
    greeting_in_one: bool,
    /// Silence after a sound: a person.
    after_greeting_silence: u32,
    /// Nothing is decided later.
    total: u32,
    min_word: u32,
    between_words: u32,
    /// More are a machine.
    max_words: u32,
    /// Sound without a pause: a machine.
    max_word: u32,
    /// Mean of the absolute samples of a frame; below it is silence.
    threshold: u32,
}

impl WordCounter {
    /// Asterisk's `app_amd` with its usual settings (`amd.conf`).
    pub(super) const ASTERISK: Self = Self {
        initial_silence: 2_500,
        greeting: 1_500,
        greeting_in_one: false,
        after_greeting_silence: 800,
        total: 5_000,
        min_word: 100,
        between_words: 50,
        max_words: 2,
        max_word: 5_000,
        threshold: 256,
    };
    /// FreeSWITCH's `mod_amd` with its usual settings: the same rules, but a greeting is measured between pauses. Its third word is a
    /// machine, as Asterisk's.
    pub(super) const FREESWITCH: Self = Self { greeting_in_one: true, ..Self::ASTERISK };

    /// What it says of a recording at 8 kHz whose first sample is the answer, and when, ms.
    pub(super) fn verdict(&self, audio: &[i16]) -> (Verdict, Option<u64>) {
        let mut heard = Heard::default();
        for (frame, end_ms) in audio.chunks_exact(FRAME).zip((FRAME_MS..).step_by(FRAME_MS as usize)) {
            if let Some(verdict) = self.take(&mut heard, level(frame) >= self.threshold) {
                return (verdict, Some(end_ms.into()));
            }
            if end_ms >= self.total {
                break;
            }
        }
        (Verdict::Undecided, None)
    }

    fn take(&self, heard: &mut Heard, sounds: bool) -> Option<Verdict> {
        if sounds {
            heard.silence = 0;
            heard.word += FRAME_MS;
            heard.sound += FRAME_MS;
            if heard.word >= self.min_word && !heard.in_word {
                heard.in_word = true;
                heard.words += 1;
            }
            let greeting = if self.greeting_in_one { heard.word } else { heard.sound };
            let machine = heard.word >= self.max_word
                || heard.words > self.max_words
                || heard.began && greeting >= self.greeting;
            heard.began |= greeting >= self.min_word;
            return machine.then_some(Verdict::Machine);
        }
        heard.silence += FRAME_MS;
        if heard.silence >= self.between_words {
            heard.in_word = false;
            heard.word = 0;
        }
        match heard.began {
            false if heard.silence >= self.initial_silence => Some(Verdict::Machine),
            true if heard.silence >= self.after_greeting_silence => Some(Verdict::Human),
            true | false => None,
        }
    }
}

/// What was heard so far, ms.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Since the last sound.
    silence: u32,
    /// Of the present word.
    word: u32,
    /// In all.
    sound: u32,
    words: u32,
    in_word: bool,
    began: bool,
}

fn level(frame: &[i16]) -> u32 {
    let sum: u32 = frame.iter().map(|sample| u32::from(sample.unsigned_abs())).sum();
    sum / FRAME as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Silence and sound in turn, ms each.
    fn call(parts: &[usize]) -> Vec<i16> {
        let samples = |(at, ms): (usize, &usize)| {
            let loud = if at % 2 == 1 { 3_000 } else { 0 };
            std::iter::repeat_n(loud, ms * 8)
        };
        parts.iter().enumerate().flat_map(samples).collect()
    }

    #[test]
    fn each_rule_decides_when_its_time_has_come() {
        let (asterisk, freeswitch) = (WordCounter::ASTERISK, WordCounter::FREESWITCH);
        for (parts, verdict, at_ms) in [
            (&[6_000][..], Verdict::Machine, Some(2_500)),
            (&[500, 600, 3_000], Verdict::Human, Some(1_900)),
            (&[500, 4_000], Verdict::Machine, Some(2_000)),
            (&[0, 200, 100, 200, 100, 200, 2_000], Verdict::Machine, Some(700)),
            // A click is no word.
            (&[500, 60, 3_000], Verdict::Machine, Some(3_060)),
            (&[500, 600, 300], Verdict::Undecided, None),
        ] {
            assert_eq!(asterisk.verdict(&call(parts)), (verdict, at_ms), "{parts:?}");
        }
        let two = call(&[0, 900, 100, 900, 2_000]);
        assert_eq!(asterisk.verdict(&two).0, Verdict::Machine);
        assert_eq!(freeswitch.verdict(&two), (Verdict::Human, Some(2_700)));
    }
}
