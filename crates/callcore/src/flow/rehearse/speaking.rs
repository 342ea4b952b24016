//! The prompts of a rehearsed call: how far each is heard, and what cuts it.

use std::collections::VecDeque;

use crate::clock::CallTime;
use crate::flow::model::{BargeIn, Confirm};
use crate::flow::run::{Part, PlaybackEnd};
use crate::ids::PlayId;
use crate::language::Spoken;

/// Speaking rate: about 15 characters a second.
pub(super) const MS_PER_CHAR: u64 = 65;

/// Length taken for an audio file.
const FILE_MS: u64 = 2_000;

/// Length of the sound before a recording.
const BEEP_MS: u64 = 250;

/// What a test calls that sound.
const BEEP: &str = "recording_beep";

/// Something the callee has heard to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(String),
    File(String),
    Checkpoint(String),
}

/// A prompt on its way to the callee.
pub(super) struct Playing {
    pub id: PlayId,
    pub barge_in: BargeIn,
    pub confirm: Confirm,
    pub length_ms: u64,
    /// What is still to be heard, by its distance from the beginning.
    ahead: VecDeque<(u64, Heard)>,
    spoken: Spoken,
    /// From and to, by their distance from the beginning.
    protected: Vec<(u64, u64)>,
    /// Heard before the last pause.
    heard_ms: u64,
    /// When it began to sound, or went on; `None` while it is held back.
    since: Option<CallTime>,
    /// It is cut as soon as its protected stretch is over.
    pub cut_after: bool,
    /// Keys pressed before so much of it was heard are dropped.
    pub keys_after_ms: u64,
}

impl Playing {
    /// The prompt, and how a log shows it.
    pub(super) fn new(id: PlayId, parts: &[Part], barge_in: BargeIn, confirm: Confirm) -> (Self, String) {
        let (mut length_ms, mut ahead, mut protected, mut shown) =
            (0, VecDeque::new(), Vec::new(), Vec::new());
        let mut spoken = Spoken::default();
        for (part, number) in parts.iter().zip(0..) {
            match part {
                Part::Say { text, .. } => {
                    let ms = text.chars().count() as u64 * MS_PER_CHAR;
                    length_ms += ms;
                    spoken.say(number, text);
                    spoken.made(number, ms);
                    ahead.push_back((length_ms, Heard::Text(text.clone())));
                    shown.push(format!("\"{text}\""));
                }
                Part::File(path) => {
                    length_ms += FILE_MS;
                    spoken.file(number, path);
                    spoken.made(number, FILE_MS);
                    ahead.push_back((length_ms, Heard::File(path.clone())));
                    shown.push(path.clone());
                }
                Part::Checkpoint(name) => {
                    ahead.push_back((length_ms, Heard::Checkpoint(name.clone())));
                    shown.push(format!("<{name}>"));
                }
                Part::Beep => {
                    length_ms += BEEP_MS;
                    spoken.sound(BEEP_MS);
                    ahead.push_back((length_ms, Heard::File(BEEP.to_owned())));
                    shown.push(BEEP.to_owned());
                }
                Part::Protected(true) => {
                    protected.push((length_ms, u64::MAX));
                    shown.push("[".to_owned());
                }
                Part::Protected(false) => {
                    if let Some((_, to)) = protected.last_mut() {
                        *to = length_ms;
                    }
                    shown.push("]".to_owned());
                }
            }
        }
        let playing = Self {
            id,
            barge_in,
            confirm,
            length_ms,
            ahead,
            spoken,
            protected,
            heard_ms: 0,
            since: None,
            cut_after: false,
            keys_after_ms: 0,
        };
        (playing, shown.join(" "))
    }

    pub(super) fn position(&self, now: CallTime) -> u64 {
        let heard = self.heard_ms + self.since.map_or(0, |since| now.ms_since(since));
        heard.min(self.length_ms)
    }

    /// How it ends now.
    pub(super) fn end(&self, now: CallTime) -> PlaybackEnd {
        let heard_ms = self.position(now);
        let completed = heard_ms == self.length_ms;
        let (heard_text, heard_words) =
            if completed { self.spoken.all() } else { self.spoken.heard(heard_ms) };
        PlaybackEnd { id: self.id, heard_ms, heard_text, heard_words, completed, error: None }
    }

    pub(super) fn go_on(&mut self, now: CallTime) {
        self.since.get_or_insert(now);
    }

    pub(super) fn hold(&mut self, now: CallTime) {
        self.heard_ms = self.position(now);
        self.since = None;
    }

    /// When the next thing of it has been heard, or its protected stretch is over.
    pub(super) fn next(&self) -> Option<CallTime> {
        let since = self.since?;
        let next = self.ahead.front().map_or(self.length_ms, |(at, _)| *at);
        let cut = self.protected_to(since).filter(|_| self.cut_after).unwrap_or(u64::MAX);
        Some(since + next.min(cut).saturating_sub(self.heard_ms))
    }

    /// What has been heard by now, one after the other.
    pub(super) fn take_heard(&mut self, now: CallTime) -> Option<Heard> {
        let position = self.position(now);
        self.ahead.pop_front_if(|(at, _)| *at <= position).map(|(_, heard)| heard)
    }

    /// Where the protected stretch ends that is heard now.
    pub(super) fn protected_to(&self, now: CallTime) -> Option<u64> {
        let position = self.position(now);
        self.protected.iter().find(|(from, to)| (*from..*to).contains(&position)).map(|(_, to)| *to)
    }
}
