//! The typed flow: what a checked file means. Immutable once read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::amd::{AmdSettings, Outcome};
use super::assignment::Assignment;
use super::expr::Expr;
use super::external::ExternalStep;
use super::handler::{Act, Handler};
use super::ids::SceneId;
use super::prompt::{Prompt, PromptPart};
use super::question::Ask;
use super::recording::RecordingPolicy;
use super::templates::Templates;
use super::text::Text;
use super::variable::Variable;
use crate::language::{LocalTime, Zone};
use crate::number::Country;

/// A checked flow, ready to run any number of calls.
#[derive(Debug)]
pub struct Flow {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) variables: BTreeMap<String, Variable>,
    /// Variables that some step writes; their values are unknown before the call.
    pub(crate) assigned: BTreeSet<String>,
    pub(crate) amd: AmdSettings,
    /// Where each verdict leads; empty when the flow does not wait for one.
    pub(crate) branches: BTreeMap<Outcome, SceneId>,
    pub(crate) start: Option<SceneId>,
    /// Where a beep before the verdict leads.
    pub(crate) on_beep: Option<SceneId>,
    pub(crate) on_error: Option<SceneId>,
    /// The scene of what is left to do when the callee has hung up.
    pub(crate) on_hangup: Option<SceneId>,
    /// The scene of what is left to do when the connection to the carrier is lost.
    pub(crate) on_carrier_lost: Option<SceneId>,
    /// Phrases and keys that lead away from wherever the flow stands.
    pub(crate) handlers: Vec<Handler>,
    /// The zone of `today` and `now`.
    pub(crate) zone: Zone,
    /// That of callees' numbers that name none.
    pub(crate) country: Option<Country>,
    pub(crate) scenes: Vec<Scene>,
    pub(crate) limits: Limits,
    pub(crate) recording_policy: RecordingPolicy,
    /// What callees say to show that they listen, in plain lower-case words.
    pub(crate) backchannels: Vec<String>,
    pub(crate) templates: Templates,
    pub(crate) audio: Vec<NamedFile>,
    pub(crate) pictures: Vec<NamedFile>,
}

/// What of callees' words a server hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ears {
    /// Nothing.
    Deaf,
    /// The answers of questions that know theirs: choices, yes and no, digits, small numbers.
    Answers,
    /// Everything.
    Words,
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
    pub fn audio_files(&self) -> &[NamedFile] {
        &self.audio
    }

    /// Every picture the flow shows, with where it is named.
    #[must_use]
    pub fn picture_files(&self) -> &[NamedFile] {
        &self.pictures
    }

    /// How long and how far a call may go.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What is kept of a call: its recording and for how long, and whether digits are hidden.
    #[must_use]
    pub fn recording_policy(&self) -> RecordingPolicy {
        self.recording_policy
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

    /// The scenes with a question that no callee can answer, by keys or by what of their words is heard: it only repeats
    /// itself.
    #[must_use]
    pub fn scenes_unheard(&self, ears: Ears) -> Vec<&str> {
        let unheard = |step: &Step| match (step, ears) {
            (Step::Ask(ask), Ears::Deaf) => !ask.takes_keys(),
            (Step::Ask(ask), Ears::Answers) => !ask.takes_keys() && !ask.knows_its_answers(),
            _ => false,
        };
        let scenes = self.scenes.iter().filter(|scene| scene.steps.iter().any(unheard));
        scenes.map(|scene| scene.name.as_str()).collect()
    }

    /// The verdicts that lead somewhere else than a mailbox does and that are mostly told by words: where those are not heard,
    /// they come seldom.
    #[must_use]
    pub fn verdicts_unheard(&self, ears: Ears) -> Vec<Outcome> {
        if ears == Ears::Words {
            return Vec::new();
        }
        let mailbox = self.branches.get(&Outcome::Voicemail);
        let told = [Outcome::Screening, Outcome::Ivr, Outcome::Unavailable].into_iter();
        told.filter(|verdict| self.branches.get(verdict).is_some_and(|scene| Some(scene) != mailbox))
            .collect()
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
    pub(crate) fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        let farewells = self.handlers.iter().filter_map(|handler| match &handler.act {
            Act::DoNotCall(prompt) => Some(prompt.as_ref()),
            Act::Goto(_) => None,
        });
        self.scenes.iter().flat_map(|scene| &scene.steps).flat_map(Step::prompts).chain(farewells)
    }
}

/// A file that the flow plays or shows, and the first place that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedFile {
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

#[derive(Debug)]
pub(crate) struct Scene {
    pub name: String,
    pub steps: Vec<Step>,
}

/// One step of a scene. A step without a `goto` goes on with the next one.
#[derive(Debug)]
pub(crate) enum Step {
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
    /// Show the picture of this name, or none any more.
    Show(Option<String>),
    External(ExternalStep),
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
    pub(crate) fn always_leaves(&self) -> bool {
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
            | Self::Show(_)
            | Self::SendDigits(_)
            | Self::External(_) => false,
        }
    }

    /// The prompts of the step, re-prompts included.
    pub(crate) fn prompts(&self) -> Vec<&Prompt> {
        match self {
            Self::Prompt(prompt) => vec![prompt],
            Self::Ask(ask) => ask.prompts().collect(),
            Self::External(external) => external.prompts(),
            Self::WaitForBeep(_)
            | Self::WaitForGreetingEnd(_)
            | Self::Wait { .. }
            | Self::Branch { .. }
            | Self::Checkpoint(_)
            | Self::Set(_)
            | Self::SendDigits(_)
            | Self::Show(_)
            | Self::Call(_)
            | Self::Return(_)
            | Self::Goto(_)
            | Self::Hangup { .. } => Vec::new(),
        }
    }
}

/// A scene or a flow that does its part and comes back.
#[derive(Debug)]
pub(crate) struct SubCall {
    pub called: Called,
    /// The called flow's variables, worked out in ours.
    pub with: Vec<Assignment>,
    /// Our variables and those of the called flow that they take in the end.
    pub into: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) enum Called {
    Scene(SceneId),
    Flow(Arc<Flow>),
}

/// Waiting for the beep or for the end of the greeting.
#[derive(Debug)]
pub(crate) struct SignalWait {
    pub timeout_ms: u64,
    pub on_timeout: Option<SceneId>,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub when: Expr,
    /// The condition as its author wrote it.
    pub text: String,
    pub goto: SceneId,
}

/// The outcome of a call that ended without the author's own word for it.
pub(crate) const COMPLETED: &str = "completed";
