//! The typed flow: what a checked file means. Immutable once read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errand::Errand;
use super::expr::Expr;
use super::handlers::{Act, Handler};
use super::io::{BargeIn, Confirm, Outcome};
use super::keeping::Keeping;
use super::question::Ask;
use super::template::{Templates, Text};
use super::words::{LocalTime, Zone};
use crate::number::Country;

/// A checked flow, ready to run any number of calls.
#[derive(Debug)]
pub struct Flow {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) variables: BTreeMap<String, Variable>,
    /// Variables that some step writes; their values are unknown before the call.
    pub(super) assigned: BTreeSet<String>,
    pub(super) amd: AmdSettings,
    /// Where each verdict leads; empty when the flow does not wait for one.
    pub(super) branches: BTreeMap<Outcome, SceneId>,
    pub(super) start: Option<SceneId>,
    /// Where a beep before the verdict leads.
    pub(super) on_beep: Option<SceneId>,
    pub(super) on_error: Option<SceneId>,
    /// The scene of what is left to do when the callee has hung up.
    pub(super) on_hangup: Option<SceneId>,
    /// The scene of what is left to do when the connection to the carrier is lost.
    pub(super) on_carrier_lost: Option<SceneId>,
    /// Phrases and keys that lead away from wherever the flow stands.
    pub(super) handlers: Vec<Handler>,
    /// The zone of `today` and `now`.
    pub(super) zone: Zone,
    /// That of callees' numbers that name none.
    pub(super) country: Option<Country>,
    pub(super) scenes: Vec<Scene>,
    pub(super) limits: Limits,
    pub(super) keeping: Keeping,
    /// What callees say to show that they listen, in plain lower-case words.
    pub(super) backchannels: Vec<String>,
    pub(super) templates: Templates,
    pub(super) audio: Vec<AudioFile>,
}

impl Flow {
    /// The `flow:` name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language spoken unless a prompt says otherwise, such as `en` or `id-ID`.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// How the flow wants answering machines detected.
    #[must_use]
    pub fn amd(&self) -> &AmdSettings {
        &self.amd
    }

    /// The variables a call may bring, by name.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Variable> {
        &self.variables
    }

    /// Every audio file the flow plays, with where it is named.
    #[must_use]
    pub fn audio_files(&self) -> &[AudioFile] {
        &self.audio
    }

    /// How long and how far a call may go.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What is kept of a call: its recording and for how long, and whether digits are hidden.
    #[must_use]
    pub fn keeping(&self) -> Keeping {
        self.keeping
    }

    /// Every language and voice that texts of this flow are spoken with, each once; a `None` is the engine's
    /// own voice.
    #[must_use]
    pub fn voices(&self) -> BTreeSet<(&str, Option<&str>)> {
        let parts = self.prompts().flat_map(|prompt| &prompt.parts);
        parts
            .filter_map(|part| match part {
                PromptPart::Say { language, voice, .. } => Some((language.as_str(), voice.as_deref())),
                PromptPart::File(_) | PromptPart::Checkpoint(_) | PromptPart::Protected(_) => None,
            })
            .collect()
    }

    /// What callees say to show that they listen: such words are no interruption.
    #[must_use]
    pub fn backchannels(&self) -> &[String] {
        &self.backchannels
    }

    /// The names of the scenes, in file order.
    pub fn scene_names(&self) -> impl Iterator<Item = &str> {
        self.scenes.iter().map(|scene| scene.name.as_str())
    }

    /// The scenes with a question that nobody can answer by keys: without a recogniser it only repeats itself.
    #[must_use]
    pub fn scenes_that_need_words(&self) -> Vec<&str> {
        let deaf = |step: &Step| matches!(step, Step::Ask(ask) if !ask.takes_keys());
        let scenes = self.scenes.iter().filter(|scene| scene.steps.iter().any(deaf));
        scenes.map(|scene| scene.name.as_str()).collect()
    }

    /// The date and time where the flow's `today` and `now` are, at `unix_ms`, ms since 1970-01-01 UTC.
    #[must_use]
    pub fn local_time(&self, unix_ms: i64) -> Option<LocalTime> {
        self.zone.local(unix_ms)
    }

    /// The country of callees' numbers that name none.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        self.country
    }

    /// The flows that this one calls, and those they call, each once.
    #[must_use]
    pub fn called_flows(&self) -> Vec<&Arc<Flow>> {
        let mut called: Vec<&Arc<Flow>> = Vec::new();
        let mut todo: Vec<&Self> = vec![self];
        while let Some(flow) = todo.pop() {
            for step in flow.scenes.iter().flat_map(|scene| &scene.steps) {
                if let Step::Call(call) = step
                    && let Called::Flow(next) = &call.called
                    && !called.iter().any(|known| Arc::ptr_eq(known, next))
                {
                    called.push(next);
                    todo.push(next);
                }
            }
        }
        called
    }

    /// Every prompt of the flow, re-prompts included, in file order.
    pub(super) fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        let farewells = self.handlers.iter().filter_map(|handler| match &handler.act {
            Act::DoNotCall(prompt) => Some(prompt.as_ref()),
            Act::Goto(_) => None,
        });
        self.scenes.iter().flat_map(|scene| &scene.steps).flat_map(Step::prompts).chain(farewells)
    }
}

/// A variable the flow declares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variable {
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Its value when the call brings none; without one the variable is required.
    pub default: Option<Value>,
    /// What the metadata, or the contact's column, calls it, if not by the variable's own name.
    pub from: Option<String>,
}

/// What values a variable takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableType {
    Text,
    Number,
    Boolean,
    /// A day, kept as `2026-05-31`.
    Date,
    /// A time of day, kept as `14:30`.
    Time,
}

impl VariableType {
    pub(super) const NAMES: [&'static str; 5] = ["text", "number", "boolean", "date", "time"];

    /// What to write for a value of this type.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Text => "write a text in quotes",
            Self::Number => "write digits, such as `250000` or `0.5`",
            Self::Boolean => "write `true` or `false`",
            Self::Date => "write it like `2026-05-31`",
            Self::Time => "write it like `14:30`",
        }
    }

    /// As it is written in a flow.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
        }
    }
}

/// An audio file and the place that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AudioFile {
    /// Relative to the flow's own folder.
    pub path: String,
    pub line: u32,
    pub column: u32,
}

/// Bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Milliseconds from answer after which the flow hangs up.
    pub call_ms: u64,
    /// Steps taken after which the flow hangs up.
    pub steps: u32,
    /// Most times one scene may be entered.
    pub repeats: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { call_ms: 600_000, steps: 2_000, repeats: None }
    }
}

/// The `amd:` part of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AmdSettings {
    pub mode: MachineDetection,
    pub timers: TimerOverrides,
    /// The flow says nothing before the verdict is in.
    pub waits_for_verdict: bool,
}

/// What happens about answering machines, in Kore's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineDetection {
    /// Detect, and hang up on a machine.
    Disconnect,
    /// Detect, and let the flow decide.
    Detect,
    #[default]
    Disabled,
}

/// Kore's AMD timers as far as the flow sets them, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerOverrides {
    pub no_speech_timeout_ms: Option<u64>,
    pub decision_timeout_ms: Option<u64>,
    pub tone_timeout_ms: Option<u64>,
    pub greeting_completion_timeout_ms: Option<u64>,
}

impl TimerOverrides {
    /// These timers, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            no_speech_timeout_ms: self.no_speech_timeout_ms.or(other.no_speech_timeout_ms),
            decision_timeout_ms: self.decision_timeout_ms.or(other.decision_timeout_ms),
            tone_timeout_ms: self.tone_timeout_ms.or(other.tone_timeout_ms),
            greeting_completion_timeout_ms: self
                .greeting_completion_timeout_ms
                .or(other.greeting_completion_timeout_ms),
        }
    }
}

/// A scene's place in [`Flow::scenes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SceneId(pub usize);

#[derive(Debug)]
pub(super) struct Scene {
    pub name: String,
    pub steps: Vec<Step>,
}

/// One step of a scene. A step without a `goto` goes on with the next one.
#[derive(Debug)]
pub(super) enum Step {
    Prompt(Prompt),
    Ask(Box<Ask>),
    WaitForBeep(SignalWait),
    WaitForGreetingEnd(SignalWait),
    Wait {
        ms: u64,
    },
    Branch {
        cases: Vec<Case>,
        otherwise: Option<SceneId>,
    },
    Checkpoint(String),
    Set(Vec<Assignment>),
    SendDigits(Text),
    Errand(Errand),
    Goto(SceneId),
    Call(Box<SubCall>),
    /// Back to the call, with a word for how it went.
    Return(String),
    Hangup {
        outcome: String,
    },
}

impl Step {
    /// Whether the next step is never reached from here.
    pub(super) fn always_leaves(&self) -> bool {
        match self {
            Self::Goto(_) | Self::Return(_) | Self::Hangup { .. } => true,
            Self::Branch { otherwise, .. } => otherwise.is_some(),
            Self::Ask(ask) => ask.always_leaves(),
            Self::Prompt(_)
            | Self::WaitForBeep(_)
            | Self::WaitForGreetingEnd(_)
            | Self::Wait { .. }
            | Self::Checkpoint(_)
            | Self::Set(_)
            | Self::Call(_)
            | Self::SendDigits(_)
            | Self::Errand(_) => false,
        }
    }

    /// The prompts of the step, re-prompts included.
    pub(super) fn prompts(&self) -> Vec<&Prompt> {
        match self {
            Self::Prompt(prompt) => vec![prompt],
            Self::Ask(ask) => ask.prompts().collect(),
            Self::Errand(errand) => errand.prompts(),
            Self::WaitForBeep(_)
            | Self::WaitForGreetingEnd(_)
            | Self::Wait { .. }
            | Self::Branch { .. }
            | Self::Checkpoint(_)
            | Self::Set(_)
            | Self::SendDigits(_)
            | Self::Call(_)
            | Self::Return(_)
            | Self::Goto(_)
            | Self::Hangup { .. } => Vec::new(),
        }
    }
}

/// Something to say or play: `say`, `play`, and the prompts of an `ask`.
#[derive(Clone, Debug, Default)]
pub(super) struct Prompt {
    pub parts: Vec<PromptPart>,
    pub barge_in: BargeIn,
    pub confirm: Confirm,
    /// Where to go when the callee's voice cut it short.
    pub on_speech: Option<SceneId>,
}

#[derive(Clone, Debug)]
pub(super) enum PromptPart {
    Say {
        text: Text,
        language: String,
        voice: Option<String>,
    },
    File(String),
    Checkpoint(String),
    /// From here on nothing cuts the prompt short, or it may be cut again.
    Protected(bool),
}

/// A scene or a flow that does its part and comes back.
#[derive(Debug)]
pub(super) struct SubCall {
    pub called: Called,
    /// The called flow's variables, worked out in ours.
    pub with: Vec<Assignment>,
    /// Our variables and those of the called flow that they take in the end.
    pub into: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) enum Called {
    Scene(SceneId),
    Flow(Arc<Flow>),
}

/// Waiting for the beep or for the end of the greeting.
#[derive(Debug)]
pub(super) struct SignalWait {
    pub timeout_ms: u64,
    pub on_timeout: Option<SceneId>,
}

#[derive(Debug)]
pub(super) struct Case {
    pub when: Expr,
    /// The condition as its author wrote it.
    pub text: String,
    pub goto: SceneId,
}

#[derive(Debug)]
pub(super) struct Assignment {
    pub variable: String,
    pub value: Setting,
}

#[derive(Debug)]
pub(super) enum Setting {
    Literal(Value),
    Text(Text),
    /// Worked out when the step is reached.
    Expr(Expr),
}
