//! Both directions of an answered call, 20 ms at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use callcore::audio::frame::{FRAME_MS, Frame};
use callcore::clock::CallTime;

use super::effect::Effect;
use crate::gateway::callees::prepare::Prepared;
use crate::gateway::callees::script::{self, Script};
use crate::gateway::playout::{self, Playout};
use crate::gateway::record::Happening;

#[derive(Debug)]
pub(super) struct Conversation {
    /// When the next frame is due.
    pub due: CallTime,
    pub playout: Playout,
    /// That audio of the client could not be read is in the timeline.
    pub told_unreadable: bool,
    script: Script,
}

impl Conversation {
    /// Begins at the answer.
    pub(super) fn new(now: CallTime, prepared: Arc<Prepared>, seed: u64, queue_limit_ms: u64) -> Self {
        Self {
            due: now + FRAME_MS,
            playout: Playout::new(queue_limit_ms),
            told_unreadable: false,
            script: Script::new(prepared, seed),
        }
    }

    /// Since the answer.
    pub(super) const fn at_ms(&self) -> u64 {
        self.playout.position_ms()
    }

    /// Plays and hears 20 ms; `false` when the callee has hung up.
    pub(super) fn frame(
        &mut self,
        said: &mut Frame,
        heard: &mut Frame,
        effects: &mut VecDeque<Effect>,
    ) -> bool {
        self.playout.next_frame(heard);
        self.script.exchange(heard, said);
        self.tell_played(effects);
        let mut goes_on = true;
        while let Some(event) = self.script.poll_event() {
            goes_on &= spoken(event, effects);
        }
        goes_on
    }

    /// Tells what has happened to what the client sent.
    pub(super) fn tell_played(&mut self, effects: &mut VecDeque<Effect>) {
        while let Some(event) = self.playout.poll_event() {
            played(event, effects);
        }
    }
}

fn played(event: playout::Event, effects: &mut VecDeque<Effect>) {
    let (at_ms, happening) = match event {
        playout::Event::Sound { label, stage } => {
            effects.push_back(Effect::Sound { label, stage });
            return;
        }
        playout::Event::Started { at_ms } => (at_ms, Happening::BotStarted),
        playout::Event::Stopped { at_ms } => (at_ms, Happening::BotStopped),
        playout::Event::Interrupted { at_ms, dropped_ms } => (at_ms, Happening::Interruption { dropped_ms }),
        playout::Event::Pressed { at_ms, key } => (at_ms, Happening::BotKey { key }),
        playout::Event::CheckPoint { at_ms, name } => {
            effects.push_back(Effect::CheckPoint(name.clone()));
            (at_ms, Happening::CheckPoint { name })
        }
    };
    effects.push_back(Effect::Note { at_ms, happening });
}

/// `false` when the callee has hung up.
fn spoken(event: script::Event, effects: &mut VecDeque<Effect>) -> bool {
    let (at_ms, happening) = match event {
        script::Event::Began { at_ms, sound } => (at_ms, Happening::CalleeStarted { sound: sound.into() }),
        script::Event::Ended { at_ms, sound } => (at_ms, Happening::CalleeStopped { sound: sound.into() }),
        script::Event::Key { at_ms, key } => {
            effects.push_back(Effect::Key(key));
            (at_ms, Happening::CalleeKey { key })
        }
        script::Event::HungUp { .. } => return false,
    };
    effects.push_back(Effect::Note { at_ms, happening });
    true
}
