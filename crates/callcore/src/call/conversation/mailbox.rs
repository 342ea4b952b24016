//! When a mailbox listens: a beep that it was quiet behind opens it, another one or more talk closes it again.

use crate::audio::FRAME_MS;
use crate::detect::{Tone, ToneKind};
use crate::flow::TALKS_ON_MS;

/// Quiet behind a beep before anything is said: recorders begin late, and some beep twice, ms.
const QUIET_MS: u64 = 300;
/// Frames looked back on for talk, and how many of speech among them are talk.
const WINDOW: u32 = 40;
const TALK_FRAMES: u32 = (TALKS_ON_MS / FRAME_MS) as u32;
/// With fewer of them the talk is over, and the next is told again.
const SILENT_FRAMES: u32 = 5;

/// What became of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Turned {
    /// It has beeped and is quiet: it records.
    Open,
    /// Somebody has talked for longer than a cough takes.
    Talks,
}

/// Watches one line for them, frame by frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mailbox {
    /// Since when it is quiet behind a beep, ms of audio.
    quiet_since: Option<u64>,
    /// When it was last loud, ms of audio.
    loud_ms: u64,
    recent: u64,
    told: bool,
}

impl Mailbox {
    /// A tone has ended.
    pub(super) fn tone_ended(&mut self, tone: &Tone) {
        if tone.kind == ToneKind::Beep
            && let Some(end_ms) = tone.end_ms
        {
            *self = Self { quiet_since: Some(end_ms), loud_ms: self.loud_ms, ..Self::default() };
        }
    }

    /// One more frame, which ends at `now_ms`: whether it was speech, whether a tone or a voice sounds as far as can
    /// be told, which is a little later than it does, and whether the frame was loud.
    pub(super) fn frame(&mut self, speech: bool, sounds: bool, loud: bool, now_ms: u64) -> Option<Turned> {
        if loud {
            self.loud_ms = now_ms;
        }
        self.recent = ((self.recent << 1) | u64::from(speech)) & ((1 << WINDOW) - 1);
        let spoken = self.recent.count_ones();
        self.told &= spoken >= SILENT_FRAMES;
        if !self.told && spoken >= TALK_FRAMES {
            self.told = true;
            self.quiet_since = None;
            return Some(Turned::Talks);
        }
        let since = self.quiet_since.as_mut()?;
        if sounds {
            *since = self.loud_ms.max(*since);
        }
        if now_ms < *since + QUIET_MS {
            return None;
        }
        self.quiet_since = None;
        Some(Turned::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beep(start_ms: u64, end_ms: u64) -> Tone {
        Tone { kind: ToneKind::Beep, start_ms, end_ms: Some(end_ms), hz: [1_000.0, 0.0] }
    }

    /// What is told of a line on which `beeps` have ended and somebody speaks in these stretches.
    fn told(beeps: &[Tone], speech: &[(u64, u64)]) -> Vec<(u64, Turned)> {
        let within = |ms: u64, (from, to): (u64, u64)| (from..to).contains(&(ms - FRAME_MS));
        let mut mailbox = Mailbox::default();
        let mut told = Vec::new();
        for ms in (FRAME_MS..10_000).step_by(FRAME_MS as usize) {
            // A tone is told some 60 ms after it has ended.
            for tone in beeps
                .iter()
                .filter(|tone| tone.end_ms.is_some_and(|end| (end + 60).next_multiple_of(20) == ms))
            {
                mailbox.tone_ended(tone);
            }
            let sounds = beeps.iter().any(|tone| within(ms, (tone.start_ms, tone.end_ms.unwrap_or(ms))));
            let speaks = speech.iter().any(|stretch| within(ms, *stretch));
            told.extend(
                mailbox.frame(speaks, sounds || speaks, sounds || speaks, ms).map(|turned| (ms, turned)),
            );
        }
        told
    }

    #[test]
    fn a_mailbox_opens_when_it_was_quiet_behind_its_last_beep() {
        assert_eq!(told(&[beep(500, 900)], &[]), [(1_200, Turned::Open)]);
        assert_eq!(told(&[beep(500, 700), beep(900, 1_090)], &[]), [(1_400, Turned::Open)]);
        let triple = [beep(500, 600), beep(750, 850), beep(1_000, 1_100)];
        assert_eq!(told(&triple, &[]), [(1_400, Turned::Open)]);
        assert!(told(&[], &[]).is_empty());
    }

    #[test]
    fn a_beep_that_talk_follows_at_once_opens_nothing() {
        assert_eq!(told(&[beep(500, 900)], &[(1_000, 4_000)]), [(1_500, Turned::Talks)]);
        let between = told(&[beep(500, 900), beep(2_500, 2_900)], &[(1_100, 2_200)]);
        assert_eq!(between, [(1_600, Turned::Talks), (3_200, Turned::Open)]);
    }

    #[test]
    fn a_cough_is_no_talk_and_every_talk_is_told_once() {
        assert!(told(&[], &[(1_000, 1_260)]).is_empty());
        let talks: Vec<u64> =
            told(&[], &[(1_000, 4_000), (6_000, 7_000)]).iter().map(|(at, _)| *at).collect();
        assert_eq!(talks, [1_500, 6_500]);
    }
}
