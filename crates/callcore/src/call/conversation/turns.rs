//! Who has the floor: what cuts a prompt, and what only seemed to.

use super::super::fact::{CutBy, Fact};
use super::Conversation;
use super::interruption::Reaction;
use crate::clock::CallTime;

impl Conversation {
    /// What the frame that was just heard means for the prompt that plays.
    pub(super) fn watch_speech(&mut self, now: CallTime) {
        self.cut_deferred(now);
        let reaction = self.interruption.frame(&self.listening, &mut self.speaking, now);
        self.react(reaction, now);
    }

    /// A doubt that nothing settles is given up.
    pub(super) fn end_doubt(&mut self, now: CallTime) {
        self.cut_deferred(now);
        self.react(self.interruption.handle_timeout(now), now);
    }

    pub(super) fn react(&mut self, reaction: Reaction, now: CallTime) {
        match reaction {
            Reaction::Nothing => {}
            Reaction::Noticed => self.record(Fact::TalkOver { paused: self.speaking.is_paused() }),
            Reaction::Interrupt => self.interrupt(CutBy::Speech, now),
            Reaction::GoOn => {
                self.interruption.settle();
                if self.speaking.is_paused() {
                    self.speaking.go_on(now);
                    self.record(Fact::Resumed {});
                }
            }
        }
    }

    /// Cuts the prompt, now or at the end of its protected stretch.
    pub(super) fn interrupt(&mut self, by: CutBy, now: CallTime) {
        self.interruption.settle();
        if by == CutBy::Speech {
            self.listening.reset_barge_in();
            self.cut_by = self.listening.utterance().map(|utterance| utterance.number);
        }
        let cut = self.speaking.cut(by, now);
        self.record(if cut { Fact::Interruption { by } } else { Fact::InterruptionDeferred { by } });
        self.report_prompts(now);
    }

    fn cut_deferred(&mut self, now: CallTime) {
        if let Some(by) = self.speaking.cut_deferred(now) {
            self.interruption.settle();
            self.record(Fact::Interruption { by });
            self.report_prompts(now);
        }
    }
}
