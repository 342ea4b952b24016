//! What a running flow knows: its variables, the verdict, and what the callee has heard and done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::amd_context::Session;
use super::expr::Facts;
use crate::flow::model::{Fact, Outcome, SceneId};
use crate::language::{Date, LocalTime};

/// What cut a prompt short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Speech,
    Keys,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    pub variables: Map<String, Value>,
    pub amd: Option<Outcome>,
    pub subtype: &'static str,
    /// What the detector told, as flows read it under long names.
    pub session: Session,
    pub greeting_ended: bool,
    pub beep_ended: bool,
    /// A beep has sounded, whatever came behind it.
    pub beep_heard: bool,
    pub last_checkpoint: Option<String>,
    pub reached: BTreeSet<String>,
    pub heard_ms: u64,
    pub heard_text: String,
    pub heard_words: usize,
    pub heard_all: bool,
    pub interrupted_by: Option<Cut>,
    pub pressed: String,
    pub said: String,
    /// The name of the choice last taken.
    pub picked: String,
    /// The word that a called scene or flow last returned with.
    pub returned: String,
    /// Where the callee is, when the call began.
    pub began: LocalTime,
    /// How often each scene has been entered.
    pub visits: BTreeMap<SceneId, u32>,
    /// The callee is talking right now.
    pub speaking: bool,
    /// They have stopped, and what they said is not known yet.
    pub has_spoken: bool,
}

impl Knowledge {
    pub(super) fn pass(&mut self, checkpoint: String) {
        self.reached.insert(checkpoint.clone());
        self.last_checkpoint = Some(checkpoint);
    }

    /// Whether a machine still talks through its greeting.
    pub(super) fn greeting_runs(&self) -> bool {
        self.amd.is_some_and(Outcome::is_machine) && !self.greeting_ended
    }
}

impl Facts for Knowledge {
    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::AmdOutcome => Value::from(self.amd.map_or("", Outcome::as_str)),
            Fact::AmdSubtype => Value::from(self.subtype),
            Fact::LastCheckpoint => Value::from(self.last_checkpoint.as_deref().unwrap_or_default()),
            Fact::HeardMs => Value::from(self.heard_ms),
            Fact::HeardText => Value::from(self.heard_text.as_str()),
            Fact::HeardWords => Value::from(self.heard_words),
            Fact::HeardAll => Value::from(self.heard_all),
            Fact::Interrupted => Value::from(self.interrupted_by.is_some()),
            Fact::InterruptedBy => Value::from(match self.interrupted_by {
                None => "",
                Some(Cut::Speech) => "speech",
                Some(Cut::Keys) => "dtmf",
            }),
            Fact::Pressed => Value::from(self.pressed.as_str()),
            Fact::Said => Value::from(self.said.as_str()),
            Fact::Picked => Value::from(self.picked.as_str()),
            Fact::Returned => Value::from(self.returned.as_str()),
            Fact::Today => Value::from(self.began.date.to_string()),
            Fact::Now => Value::from(self.began.time.to_string()),
            Fact::SessionAmd => Value::from(self.session.amd()),
            Fact::SessionSaw(event) => Value::from(self.session.saw(event)),
            Fact::SessionEvents => Value::from(self.session.events()),
            Fact::SessionGreeting => Value::from(self.session.greeting()),
            Fact::SessionReason => Value::from(self.session.reason()),
            Fact::SessionRingMs => Value::from(self.session.ring_ms),
            Fact::SessionConnectMs => Value::from(self.session.connect_ms),
        }
    }

    fn variable(&self, name: &str) -> Value {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    fn reached(&self, checkpoint: &str) -> bool {
        self.reached.contains(checkpoint)
    }

    fn visits(&self, scene: SceneId) -> u32 {
        self.visits.get(&scene).copied().unwrap_or_default()
    }

    fn today(&self) -> Date {
        self.began.date
    }
}
