//! What the callee hears: the flow's prompts on their way through play-out.

use std::collections::BTreeMap;

use crate::clock::CallTime;
use crate::flow::{BargeIn, Part};
use crate::ids::PlayId;
use crate::playback::{Event, Options, Out, Piece, Playback};

#[derive(Debug)]
struct Prompt {
    barge_in: BargeIn,
    /// It began after the mailbox started to record.
    is_message: bool,
    error: Option<String>,
}

/// A prompt to speak.
#[derive(Debug)]
pub(super) struct Speech {
    pub(super) id: PlayId,
    pub(super) parts: Vec<Part>,
    pub(super) barge_in: BargeIn,
    pub(super) is_message: bool,
}

/// A prompt that is over.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) id: PlayId,
    pub(super) heard_ms: u64,
    pub(super) completed: bool,
    pub(super) is_message: bool,
    pub(super) error: Option<String>,
}

/// What speaking has to report.
#[derive(Debug)]
pub(super) enum Said {
    Reached(String),
    Over(Over),
}

/// The speaking half of an answered call.
#[derive(Debug)]
pub(super) struct Speaking {
    playback: Playback,
    prompts: BTreeMap<PlayId, Prompt>,
}

impl Speaking {
    pub(super) fn new(options: Options) -> Self {
        Self { playback: Playback::new(options), prompts: BTreeMap::new() }
    }

    /// Sends by `options` from the next packet on.
    pub(super) const fn set_options(&mut self, options: Options) {
        self.playback.set_options(options);
    }

    /// Queues a prompt and returns the parts whose audio must be made, by number.
    pub(super) fn speak(&mut self, speech: Speech, now: CallTime) -> Vec<(u16, Part)> {
        let mut wanted = Vec::new();
        let mut pieces = Vec::with_capacity(speech.parts.len());
        for (part, number) in speech.parts.into_iter().zip(0_u16..) {
            match part {
                Part::Checkpoint(name) => pieces.push(Piece::Mark(name)),
                part @ (Part::Say { .. } | Part::File(_)) => {
                    pieces.push(Piece::Awaiting { part: number });
                    wanted.push((number, part));
                }
            }
        }
        let prompt = Prompt { barge_in: speech.barge_in, is_message: speech.is_message, error: None };
        self.prompts.insert(speech.id, prompt);
        self.playback.enqueue(speech.id, pieces, now);
        wanted
    }

    /// Audio has been made, or could not be: then the prompt, and all behind it, ends with the error.
    pub(super) fn rendered(
        &mut self,
        id: PlayId,
        part: u16,
        result: Result<std::sync::Arc<[i16]>, String>,
        now: CallTime,
    ) {
        match result {
            Ok(audio) => self.playback.fill(id, part, audio, now),
            Err(error) => {
                if let Some(prompt) = self.prompts.get_mut(&id) {
                    prompt.error = Some(error);
                    self.playback.interrupt(now);
                }
            }
        }
    }

    pub(super) fn confirm(&mut self, wire_name: &str, now: CallTime) {
        self.playback.confirm(wire_name, now);
    }

    pub(super) fn interrupt(&mut self, now: CallTime) {
        self.playback.interrupt(now);
    }

    /// Cuts `id` short if it is what plays or waits.
    pub(super) fn stop(&mut self, id: PlayId, now: CallTime) {
        if self.prompts.contains_key(&id) {
            self.playback.interrupt(now);
        }
    }

    /// What may cut short what the callee hears at `now`.
    pub(super) fn barge_in(&self, now: CallTime) -> BargeIn {
        self.playback
            .current()
            .filter(|_| self.playback.is_audible(now))
            .and_then(|id| self.prompts.get(&id))
            .map_or(BargeIn::Off, |prompt| prompt.barge_in)
    }

    pub(super) fn poll_out(&mut self) -> Option<Out> {
        self.playback.poll_out()
    }

    pub(super) fn poll(&mut self) -> Option<Said> {
        match self.playback.poll_event()? {
            Event::Reached { name, .. } => Some(Said::Reached(name)),
            Event::Ended { id, heard_ms, completed } => {
                let prompt = self.prompts.remove(&id);
                let is_message = prompt.as_ref().is_some_and(|p| p.is_message);
                let error = prompt.and_then(|p| p.error);
                Some(Said::Over(Over { id, heard_ms, completed, is_message, error }))
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: CallTime) {
        self.playback.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        self.playback.poll_timeout()
    }
}
