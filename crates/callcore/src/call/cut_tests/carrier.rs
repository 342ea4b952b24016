//! A carrier that plays what it is sent, and a way to it that breaks. It keeps what the callee truly heard.

use std::collections::{BTreeMap, VecDeque};

use crate::audio::FRAME_MS;
use crate::ids::PlayId;
use crate::playback::Chunk;

/// What happens to the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection is reset: what is on its way is lost, and both sides know at once.
    Reset,
    /// Nothing gets through, and comes late when it is over.
    Stuck,
    /// The same, and the carrier itself stands still.
    Frozen,
    /// Nothing gets through to the carrier, but what it says comes.
    Deaf,
}

/// A trouble and when, ms of the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) trouble: Trouble,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Cut {
    pub(super) fn holds(&self, at: u64) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// How the carrier is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// One way, ms.
    pub(super) delay_ms: u64,
    /// Of a hundred ms, it plays so many.
    pub(super) percent: u64,
    pub(super) confirms: bool,
    /// It answers when it is asked whether it is there.
    pub(super) answers: bool,
}

/// What goes to the carrier.
#[derive(Debug)]
pub(super) enum Sent {
    Audio(Chunk),
    Mark(String),
    Flush,
    /// At this moment.
    Ping(u64),
}

/// What comes from it.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Frame,
    CheckPoint(String),
    Pong(u64),
}

#[derive(Debug)]
enum Item {
    /// Samples of a part of a prompt.
    Audio {
        play: PlayId,
        part: usize,
        from: usize,
        to: usize,
    },
    Mark(String),
}

#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) manner: Manner,
    queue: VecDeque<Item>,
    credit: u64,
    /// Where each part of each prompt begins, in samples, and where the last one ends.
    pub(super) parts: BTreeMap<PlayId, Vec<usize>>,
    /// Samples of each prompt, from its beginning, that the callee has heard.
    heard: BTreeMap<PlayId, usize>,
    outward: VecDeque<(u64, Sent)>,
    inward: VecDeque<(u64, Said)>,
}

/// The samples of part `n` are all of this value, so that the carrier knows what it plays.
pub(super) const fn value(part: u16) -> i16 {
    part as i16 + 1
}

impl Carrier {
    pub(super) fn new(manner: Manner) -> Self {
        Self {
            manner,
            queue: VecDeque::new(),
            credit: 0,
            parts: BTreeMap::new(),
            heard: BTreeMap::new(),
            outward: VecDeque::new(),
            inward: VecDeque::new(),
        }
    }

    /// Ms of the prompt that the callee has heard from its beginning on.
    pub(super) fn heard_ms(&self, play: PlayId) -> u64 {
        self.heard.get(&play).map_or(0, |samples| *samples as u64 / 8)
    }

    /// Ms of the prompt before part `n`, or of all of it.
    pub(super) fn length_ms(&self, play: PlayId, parts: usize) -> u64 {
        self.parts
            .get(&play)
            .and_then(|ends| ends.get(parts).or(ends.last()))
            .map_or(0, |end| *end as u64 / 8)
    }

    pub(super) fn send(&mut self, sent: Sent, now: u64) {
        self.outward.push_back((now + self.manner.delay_ms, sent));
    }

    /// What is on its way is lost.
    pub(super) fn reset(&mut self) {
        self.outward.clear();
        self.inward.clear();
    }

    /// 20 ms pass. What came through by `now`.
    pub(super) fn tick(&mut self, now: u64, cut: Option<Trouble>) -> Vec<Said> {
        if cut.is_none() {
            while self.outward.front().is_some_and(|(at, _)| *at <= now) {
                match self.outward.pop_front() {
                    Some((_, Sent::Ping(at))) if self.manner.answers => {
                        self.inward.push_back((now + self.manner.delay_ms, Said::Pong(at)));
                    }
                    Some((_, sent)) => self.take(sent),
                    None => break,
                }
            }
        }
        if cut != Some(Trouble::Frozen) {
            let mut said = Vec::new();
            self.play(&mut said);
            said.push(Said::Frame);
            if cut != Some(Trouble::Reset) {
                let at = now + self.manner.delay_ms;
                self.inward.extend(said.into_iter().map(|said| (at, said)));
            }
        }
        let mut came = Vec::new();
        while matches!(cut, None | Some(Trouble::Deaf))
            && self.inward.front().is_some_and(|(at, _)| *at <= now)
        {
            came.extend(self.inward.pop_front().map(|(_, said)| said));
        }
        came
    }

    fn take(&mut self, sent: Sent) {
        match sent {
            Sent::Audio(chunk) => {
                let part = usize::try_from(chunk.samples()[0] - 1).unwrap();
                self.queue.push_back(Item::Audio { play: chunk.play, part, from: chunk.from, to: chunk.to });
            }
            Sent::Mark(name) => self.queue.push_back(Item::Mark(name)),
            Sent::Flush => self.queue.clear(),
            Sent::Ping(_) => {}
        }
    }

    fn play(&mut self, said: &mut Vec<Said>) {
        self.credit += FRAME_MS * 8 * self.manner.percent / 100;
        loop {
            match self.queue.front_mut() {
                Some(Item::Mark(name)) => {
                    if self.manner.confirms {
                        said.push(Said::CheckPoint(std::mem::take(name)));
                    }
                    self.queue.pop_front();
                }
                Some(Item::Audio { play, part, from, to }) if self.credit > 0 => {
                    let plays = (*to - *from).min(self.credit as usize);
                    let begins = self.parts[play][*part] + *from;
                    let heard = self.heard.entry(*play).or_default();
                    // What is heard behind a gap is not heard from the beginning on.
                    if begins <= *heard {
                        *heard = (*heard).max(begins + plays);
                    }
                    *from += plays;
                    self.credit -= plays as u64;
                    if from == to {
                        self.queue.pop_front();
                    }
                }
                Some(Item::Audio { .. }) => return,
                None => {
                    self.credit = 0;
                    return;
                }
            }
        }
    }
}
