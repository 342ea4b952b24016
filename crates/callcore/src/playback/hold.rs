//! Prompts while the carrier cannot be reached: nothing is sent, and nothing counts as heard. They resume at the last
//! position that the carrier confirmed.

use super::answers::Answers;
use super::queue::{Mark, Out, Pending, Playback};
use crate::clock::CallTime;

impl Playback {
    /// The carrier is there at `now`: it has said something.
    pub const fn alive(&mut self, now: CallTime) {
        self.alive_at = now;
    }

    /// What the carrier is known to have received.
    pub const fn set_answers(&mut self, answers: Answers) {
        self.answers = answers;
    }

    /// The carrier cannot be reached: stops sending. Nothing that would have been played after `certain` counts as heard.
    pub fn hold(&mut self, certain: CallTime) {
        if self.held_at.is_some() {
            return;
        }
        self.held_at = Some(certain);
        self.out.retain(|out| matches!(out, Out::Flush));
        if !self.paused && !self.prompts.is_empty() {
            self.out.push_back(Out::Flush);
        }
    }

    /// The carrier can be reached again: whatever it has not confirmed is sent again.
    pub fn release(&mut self, now: CallTime) {
        if self.held_at.take().is_none() {
            return;
        }
        self.alive_at = now;
        if self.paused {
            return;
        }
        for prompt in &mut self.prompts {
            let lost = |mark: &&Pending| mark.id == prompt.id;
            let named = |mark: &&Pending| matches!(mark.mark, Mark::Named(_));
            let marks = self.pending.iter().filter(lost).filter(named).count();
            if self.pending.iter().filter(lost).any(|mark| mark.mark == Mark::End) {
                prompt.end_marked = false;
            }
            prompt.rewind(prompt.confirmed_ms(), marks, now);
        }
        self.pending.clear();
        self.unmarked_ms = 0;
        self.is_empty_at(now);
        if !self.prompts.is_empty() {
            self.out.push_back(Out::Flush);
        }
        self.advance(now);
    }
}
