//! What holds at any step of the flow: handlers, and the clean-up after the callee has hung up.

use std::sync::Arc;

use super::Run;
use super::io::Command;
use super::note::{Note, Trigger};
use super::state::{Doing, State};
use crate::clock::CallTime;
use crate::flow::model::{Act, DO_NOT_CALL, SceneId};
use crate::language::plain_words;

impl Run {
    /// Whether a handler took these words. An open question with a phrase at least as long keeps them.
    pub(super) fn handled_words(&mut self, text: &str) -> bool {
        let root = Arc::clone(&self.root);
        if root.handlers.is_empty() || !self.is_under_way() {
            return false;
        }
        let plain = plain_words(text);
        let padded = format!(" {plain} ");
        let found = root
            .handlers
            .iter()
            .flat_map(|handler| handler.phrases.iter().map(move |phrase| (phrase, handler)))
            .filter(|(phrase, _)| padded.contains(&format!(" {phrase} ")))
            .max_by_key(|(phrase, _)| phrase.len());
        let Some((_, handler)) = found.filter(|(phrase, _)| phrase.len() > self.ask_phrase(&plain)) else {
            return false;
        };
        self.knowledge.said = text.chars().take(1_000).collect();
        self.knowledge.pressed.clear();
        let words = self.knowledge.said.clone();
        self.act(&handler.act, Trigger::Speech { words });
        true
    }

    /// Whether a handler took this key. An open question that can make something of it keeps it.
    pub(super) fn handled_key(&mut self, key: char) -> bool {
        let root = Arc::clone(&self.root);
        let Some(handler) = root.handlers.iter().find(|handler| handler.key == Some(key)) else {
            return false;
        };
        if !self.is_under_way() || self.ask_wants(key) {
            return false;
        }
        self.knowledge.pressed = key.to_string();
        self.knowledge.said.clear();
        self.act(&handler.act, Trigger::Dtmf { key: key.to_string() });
        true
    }

    fn is_under_way(&self) -> bool {
        !self.in_hanging_up_scene
            && !matches!(self.state, State::Unanswered | State::Over | State::Farewell { .. })
    }

    fn act(&mut self, act: &Act, trigger: Trigger) {
        if let State::Doing(Doing::Recording { id, .. }) = &self.state {
            self.commands.push_back(Command::EndRecording { id: *id });
        }
        if let Some(id) = self.state.prompt() {
            self.commands.push_back(Command::Stop { id });
        }
        self.keys_ahead.clear();
        self.leaving = None;
        self.leave_calls();
        match act {
            Act::Goto(scene) => {
                self.note(Note::Handler(trigger));
                self.go(Some(*scene));
            }
            Act::DoNotCall(prompt) => {
                self.note(Note::DoNotCall(trigger));
                match self.play(prompt) {
                    Ok(Some(id)) => self.state = State::Farewell { id },
                    // What was asked for is noted; no farewell is worth an error.
                    Ok(None) | Err(_) => self.hang_up(DO_NOT_CALL.to_owned()),
                }
            }
        }
    }

    /// The callee is gone: `last`, the scene of `on_hangup` or `on_carrier_lost`, does what is left, and nothing is
    /// said any more.
    pub(super) fn gone(&mut self, last: Option<SceneId>, now: CallTime) {
        let begun = !matches!(self.state, State::Unanswered);
        if let Some(scene) = last.filter(|_| begun && !self.in_hanging_up_scene) {
            self.in_hanging_up_scene = true;
            self.leave_calls();
            self.go(Some(scene));
            self.advance(now);
        }
        self.state = State::Over;
    }
}
