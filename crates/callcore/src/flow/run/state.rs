//! Where a running flow stands, and what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::io::Part;
use super::knowledge::Cut;
use crate::clock::{CallTime, soonest};
use crate::flow::model::{BargeIn, Flow, SceneId, Weighed};
use crate::ids::{ExternalStepId, PlayId};

/// Where a call came from.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) at: Position,
    /// The calling flow, when another one was called.
    pub(super) outer: Option<Box<Outer>>,
}

#[derive(Clone, Debug)]
pub(super) struct Outer {
    pub(super) flow: Arc<Flow>,
    pub(super) variables: Map<String, Value>,
    pub(super) context: tera::Context,
    pub(super) visits: BTreeMap<SceneId, u32>,
}

/// What is said to a mailbox since it was taken to record.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    pub(super) parts: Vec<Part>,
    pub(super) barge_in: BargeIn,
    /// Silence in which a beep may still come.
    pub(super) timeout_ms: u64,
    pub(super) starts: u32,
    /// What was said so far must be said again.
    pub(super) again: bool,
    /// It is said again before the step at which the flow stands.
    pub(super) before: bool,
    /// Where the flow goes when no beep comes, and the flow whose scene that is.
    pub(super) without_beep: Option<(Arc<Flow>, SceneId)>,
    /// The greeting went on behind the beep: that was not the one.
    pub(super) talked_over: bool,
}

/// What the flow waits for meanwhile.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    /// The beep before a recording.
    Beeping {
        play: PlayId,
    },
    Recording {
        id: ExternalStepId,
        until: CallTime,
    },
    Requesting {
        id: ExternalStepId,
        until: CallTime,
        filler: Filling,
    },
    /// The answer is there; words that have begun are heard to their end.
    HearingOut {
        play: PlayId,
        until: CallTime,
        then: Option<SceneId>,
    },
    Transferring {
        id: ExternalStepId,
        until: CallTime,
    },
}

/// What the callee hears while a request runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    Due(CallTime),
    Playing(PlayId),
    Silent,
}

impl Doing {
    /// The prompt that plays meanwhile.
    pub(super) const fn prompt(&self) -> Option<PlayId> {
        match self {
            Self::Beeping { play }
            | Self::HearingOut { play, .. }
            | Self::Requesting { filler: Filling::Playing(play), .. } => Some(*play),
            Self::Recording { .. } | Self::Requesting { .. } | Self::Transferring { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<CallTime> {
        match self {
            Self::Beeping { .. } => None,
            Self::Requesting { until, filler: Filling::Due(due), .. } => soonest(Some(*until), Some(*due)),
            Self::Recording { until, .. }
            | Self::Requesting { until, .. }
            | Self::HearingOut { until, .. }
            | Self::Transferring { until, .. } => Some(*until),
        }
    }

    pub(super) fn put_off(&mut self, ms: u64) {
        match self {
            Self::Beeping { .. } => {}
            Self::Requesting { until, filler, .. } => {
                *until = *until + ms;
                if let Filling::Due(due) = filler {
                    *due = *due + ms;
                }
            }
            Self::Recording { until, .. }
            | Self::HearingOut { until, .. }
            | Self::Transferring { until, .. } => {
                *until = *until + ms;
            }
        }
    }
}

/// Speech before this much of a prompt was heard is not about the prompt, ms: many people pick up with "Yes?".
pub(super) const HEARD_MS: u64 = 500;

/// What the callee said.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// In a recogniser's words, when there are any.
    pub(super) text: Option<String>,
    /// What it makes of the answers of the open question.
    pub(super) weighed: Option<Weighed>,
}

impl Said {
    /// Words of which nobody has weighed anything.
    pub(super) fn words(text: String) -> Self {
        Self { text: Some(text), weighed: None }
    }
}

/// What the callee said during the prompt that comes right before a question.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    /// When the prompt began.
    pub(super) since: Option<CallTime>,
    /// What began during it is not over, or its words are not known yet.
    pub(super) talks: bool,
    pub(super) words: Option<String>,
}

impl Ahead {
    pub(super) fn prompt_begins(&mut self, now: CallTime) {
        *self = Self { since: Some(now), ..Self::default() };
    }

    pub(super) fn speech_started(&mut self, now: CallTime) {
        self.talks |= self.since.is_some_and(|since| now.ms_since(since) >= HEARD_MS);
    }

    /// What was said is over; whether it belongs to the prompt.
    pub(super) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.talks)
    }

    pub(super) fn keep(&mut self, words: String) {
        self.words = Some(words);
    }
}

/// Steps run for one input before the flow is taken to be spinning.
pub(super) const STEPS_PER_INPUT: u32 = 200;

/// A verdict may come this long after the decision timeout: it travels from the detector's clock to ours.
pub(super) const VERDICT_GRACE_MS: u64 = 500;

/// Longest time the callee may talk before the flow stops waiting for the end of it.
pub(super) const LONGEST_SPEECH_MS: u64 = 10_000;

/// Longest time a greeting may go on while the flow waits for its beep.
pub(super) const LONGEST_GREETING_MS: u64 = 45_000;

/// Most keys kept for the next question.
pub(super) const MAX_KEYS_AHEAD: usize = 32;

/// The outcome of a flow that failed.
pub(super) const FAILED: &str = "error";

/// The outcome of a call that reached its `limits: call:`.
pub(super) const TOO_LONG: &str = "too_long";

/// A step of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) scene: SceneId,
    pub(super) step: usize,
}

/// What the flow waits for.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// The callee has not answered.
    Unanswered,
    /// The verdict, which decides where to begin.
    Deciding {
        until: CallTime,
    },
    /// Nothing: the step at the position is next.
    Ready,
    /// The end of a prompt.
    Playing {
        id: PlayId,
        cut: Option<Cut>,
    },
    /// The callee has cut a prompt short and talks.
    Yielding {
        until: CallTime,
        then: Option<SceneId>,
    },
    Asking(Asking),
    /// A beep. The clock stands still while the machine talks, but never runs past `latest`.
    AwaitingBeep {
        until: CallTime,
        latest: CallTime,
    },
    AwaitingGreetingEnd {
        until: CallTime,
    },
    /// The message was taken back and is said again behind the next beep, or when none has come by `until`.
    Withheld {
        until: CallTime,
        latest: CallTime,
    },
    Pausing {
        until: CallTime,
    },
    /// The last prompt before the end of a call that the callee wants no more of.
    Farewell {
        id: PlayId,
    },
    /// Something outside the conversation.
    Doing(Doing),
    /// Hung up.
    Over,
}

impl State {
    /// A beep may come, now or again.
    pub(super) const fn awaits_beep(&self) -> bool {
        matches!(self, Self::AwaitingBeep { .. } | Self::Withheld { .. })
    }

    /// The prompt that plays now, if the flow waits for one.
    pub(super) const fn prompt(&self) -> Option<PlayId> {
        match self {
            Self::Playing { id, .. } | Self::Farewell { id } => Some(*id),
            Self::Asking(Asking { phase: Phase::Prompting { id, .. }, .. }) => Some(*id),
            Self::Doing(doing) => doing.prompt(),
            Self::Unanswered
            | Self::Deciding { .. }
            | Self::Ready
            | Self::Yielding { .. }
            | Self::Asking(_)
            | Self::AwaitingBeep { .. }
            | Self::AwaitingGreetingEnd { .. }
            | Self::Withheld { .. }
            | Self::Pausing { .. }
            | Self::Over => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<CallTime> {
        match self {
            Self::Deciding { until }
            | Self::Yielding { until, .. }
            | Self::AwaitingBeep { until, .. }
            | Self::AwaitingGreetingEnd { until }
            | Self::Withheld { until, .. }
            | Self::Pausing { until } => Some(*until),
            Self::Asking(asking) => asking.phase.deadline(),
            Self::Doing(doing) => doing.deadline(),
            Self::Unanswered | Self::Ready | Self::Playing { .. } | Self::Farewell { .. } | Self::Over => {
                None
            }
        }
    }

    /// Everything is waited for `ms` longer.
    pub(super) fn put_off(&mut self, ms: u64) {
        match self {
            Self::Deciding { until }
            | Self::Yielding { until, .. }
            | Self::AwaitingGreetingEnd { until }
            | Self::Pausing { until } => *until = *until + ms,
            Self::AwaitingBeep { until, latest } | Self::Withheld { until, latest } => {
                (*until, *latest) = (*until + ms, *latest + ms);
            }
            Self::Asking(asking) => asking.phase.put_off(ms),
            Self::Doing(doing) => doing.put_off(ms),
            Self::Unanswered | Self::Ready | Self::Playing { .. } | Self::Farewell { .. } | Self::Over => {}
        }
    }
}

/// Where a question stands.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub phase: Phase,
    /// Keys pressed since the question began.
    pub(super) digits: String,
    pub(super) missed: Count,
    /// What the callee said while the prompt still ended: handled once it has.
    pub(super) said: Option<Said>,
    /// The slot is filled and would lead there; the callee is asked whether that is right.
    pub(super) confirming: Option<Option<SceneId>>,
}

/// How often it has been asked again, by the reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) no_input: u32,
    pub(super) no_match: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    Prompting {
        id: PlayId,
        cut: Option<Cut>,
    },
    /// Waiting for a key or the first word.
    Listening {
        until: CallTime,
    },
    /// The callee talks: what comes of it is waited for.
    Hearing {
        until: CallTime,
    },
}

impl Phase {
    pub(super) fn deadline(&self) -> Option<CallTime> {
        match self {
            Self::Prompting { .. } => None,
            Self::Listening { until } | Self::Hearing { until } => Some(*until),
        }
    }

    pub(super) fn put_off(&mut self, ms: u64) {
        match self {
            Self::Prompting { .. } => {}
            Self::Listening { until } | Self::Hearing { until } => *until = *until + ms,
        }
    }
}

impl Asking {
    pub(super) fn new(phase: Phase) -> Self {
        Self { phase, digits: String::new(), missed: Count::default(), said: None, confirming: None }
    }

    /// Whether it is asked if the answer is right.
    pub(super) const fn is_confirming(&self) -> bool {
        self.confirming.is_some()
    }
}
