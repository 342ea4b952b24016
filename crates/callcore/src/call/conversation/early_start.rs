//! A flow that begins to speak before the verdict: a person is likely, and is not kept waiting for certainty.
//!
//! A copy of the flow is kept from before. What the flow says is said at once; what cannot be taken back (a request, a
//! transfer, hanging up, what was heard) is held until the verdict confirms that a person listens. When it does not, the
//! bot falls silent, and the call goes on as if it had waited.

use std::collections::VecDeque;

use super::super::fact::{Fact, HeardPrompt};
use super::Conversation;
use crate::amd::{EventKind, Prospect, Subtype};
use crate::clock::CallTime;
use crate::flow::{self, AmdEvent, Command, ExternalStepOrder, Note, Outcome, Run};
use crate::ids::PlayId;

/// What the callee did since the start, kept for the flow that waits; the last so many. A person is certain, or not, after
/// about a second.
const MOST_TOLD: usize = 64;

/// Something that counts only when the verdict is a person.
#[derive(Debug)]
enum Held {
    /// Of the flow, and when it was ordered.
    Command(Command, CallTime),
    Reached {
        name: String,
        estimated: bool,
    },
    Heard(HeardPrompt),
}

/// A flow under way without the verdict that it waits for.
#[derive(Debug)]
pub(super) struct EarlyStart {
    /// The flow as it waits for the verdict.
    waiting: Run,
    held: Vec<Held>,
    told: VecDeque<(flow::Input, CallTime)>,
    /// What was spoken of prompts that are over, ms.
    spoken_ms: u64,
}

impl EarlyStart {
    fn new(waiting: Run) -> Self {
        Self { waiting, held: Vec::new(), told: VecDeque::new(), spoken_ms: 0 }
    }

    /// Whether `command` is obeyed at once: it can be taken back, or changes nothing outside the call.
    pub(super) const fn allows(&self, command: &Command) -> bool {
        match command {
            Command::Play { .. } | Command::Stop { .. } | Command::Withdraw { .. } | Command::Listen(_) => {
                true
            }
            Command::Note(note) => !matches!(note, Note::DoNotCall(_) | Note::Checkpoint { .. }),
            Command::SendDigits(_)
            | Command::Show(_)
            | Command::Hangup { .. }
            | Command::External { .. }
            | Command::EndRecording { .. } => false,
        }
    }

    pub(super) fn hold(&mut self, command: Command, now: CallTime) {
        self.held.push(Held::Command(command, now));
    }

    pub(super) fn reached(&mut self, name: String, estimated: bool) {
        self.held.push(Held::Reached { name, estimated });
    }

    pub(super) fn heard(&mut self, prompt: HeardPrompt) {
        self.spoken_ms += prompt.heard_ms;
        self.held.push(Held::Heard(prompt));
    }

    /// The connection was away for so long.
    pub(super) fn stood_still(&mut self, ms: u64) {
        self.waiting.stood_still(ms);
    }

    fn remember(&mut self, input: flow::Input, now: CallTime) {
        if self.told.len() == MOST_TOLD {
            self.told.pop_front();
        }
        self.told.push_back((input, now));
    }
}

/// Whether nothing can come of `command` when nobody is there any more.
const fn needs_the_callee(command: &Command) -> bool {
    use ExternalStepOrder::{Record, Transfer};
    matches!(
        command,
        Command::Hangup { .. }
            | Command::SendDigits(_)
            | Command::Show(_)
            | Command::EndRecording { .. }
            | Command::External { order: Record { .. } | Transfer { .. }, .. }
    )
}

/// A prompt of which nothing counts as heard.
pub(super) fn unheard(prompt: HeardPrompt) -> HeardPrompt {
    HeardPrompt {
        heard_ms: 0,
        heard_text: String::new(),
        heard_words: 0,
        completed: false,
        estimated: false,
        ..prompt
    }
}

impl Conversation {
    /// Tells the flow something about the callee; one that waits for the verdict would have been told it, too.
    pub(super) fn tell_flow(&mut self, input: flow::Input, now: CallTime) {
        if let Some(early) = &mut self.early {
            early.remember(input.clone(), now);
        }
        self.flow.handle(input, now);
    }

    /// What is to be expected of the verdict has changed.
    pub(super) fn prospect(&mut self, prospect: Prospect, now: CallTime) {
        match prospect {
            Prospect::LikelyHuman { at_ms } => {
                self.record(Fact::LikelyHuman { media_ms: at_ms });
                // What it has ordered so far is no part of what may be taken back.
                self.obey_flow(now);
                if self.greets_early && self.hung_up.is_none() && self.flow.awaits_verdict() {
                    self.start_early(now);
                }
            }
            Prospect::Doubtful { .. } => self.take_back(now),
        }
    }

    fn start_early(&mut self, now: CallTime) {
        self.early = Some(Box::new(EarlyStart::new(self.flow.clone())));
        let person = EventKind::HumanDetected;
        self.flow.amd_event(AmdEvent { name: person.as_str(), decides: true, ..AmdEvent::default() });
        let subtype = Subtype::Human.as_str();
        self.flow.handle(flow::Input::Learned { outcome: Outcome::Human, subtype }, now);
        self.flow.handle(flow::Input::Outcome(Outcome::Human), now);
    }

    /// It is a person: what was held counts, in its order, as far as it can still be done.
    pub(super) fn confirm_start(&mut self, now: CallTime) {
        let Some(early) = self.early.take() else { return };
        for held in early.held {
            match held {
                Held::Reached { name, estimated } => self.reached(name, estimated),
                Held::Heard(prompt) => self.heard(prompt),
                Held::Command(note @ Command::Note(_), _) => self.obey(note, now),
                Held::Command(command, _)
                    if (self.is_over || self.hung_up.is_some()) && needs_the_callee(&command) => {}
                Held::Command(command, ordered) => {
                    // Nothing comes back of a notification, so nobody waits for it.
                    let is_awaited =
                        |order: &ExternalStepOrder| !matches!(order, ExternalStepOrder::Notify { .. });
                    if matches!(&command, Command::External { order, .. } if is_awaited(order)) {
                        self.flow.begins_late(ordered, now);
                    }
                    self.obey(command, now);
                }
            }
        }
    }

    /// It is no person, or may be none: the bot falls silent at once, and the flow waits as if nothing had been said.
    pub(super) fn take_back(&mut self, now: CallTime) {
        let Some(early) = self.early.take() else { return };
        let EarlyStart { mut waiting, held, told, spoken_ms } = *early;
        let spoken_ms = spoken_ms + self.speaking.heard_ms(now);
        self.record(Fact::FalseStart { spoken_ms });
        for held in held {
            if let Held::Heard(prompt) = held {
                self.record(Fact::PromptEnded(unheard(prompt)));
            }
        }
        self.taken_back = self.flow.last_play();
        waiting.replace(&self.flow);
        self.flow = waiting;
        self.interruption.settle();
        self.cut_by = None;
        self.speaking.interrupt(now);
        self.report_prompts(now);
        self.obey(Command::Listen(flow::Listening::default()), now);
        for (input, at) in told {
            self.flow.handle(input, at);
        }
    }

    /// Whether what became of `play` means nothing: it was said before it turned out that nobody should be spoken to.
    pub(super) fn is_taken_back(&self, play: PlayId) -> bool {
        self.taken_back.is_some_and(|last| play <= last)
    }
}
