//! A call without a telephone: virtual time, prompts of a plausible length, and a log of what happened.
//!
//! Prompts take [`MS_PER_CHAR`] per character; one that may be cut by speech is cut at the moment the
//! callee begins to speak.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use super::effort::{Effort, text_steps};
use super::script::Replies;
use super::speaking::{Heard, Playing};
use super::world::World;
use crate::clock::{CallTime, soonest};
use crate::flow::model::{BargeIn, Confirm, Outcome};
use crate::flow::run::{AmdEvent, Command, ExternalStepEnd, Input, Part, PlaybackEnd, Run};
use crate::ids::PlayId;
use crate::language::words_beside;

/// One rehearsed call: what happens to it is put in, virtual time is let pass, and the log tells the rest.
pub struct Rehearsal {
    run: Run,
    now: CallTime,
    heard: Vec<Heard>,
    /// When each of them had been heard.
    heard_at: Vec<CallTime>,
    playing: Option<Playing>,
    queue: VecDeque<Playing>,
    log: String,
    over: bool,
    /// The callee ended the call.
    left: bool,
    /// What the next prompt fails with.
    fault: Option<String>,
    /// Since when the callee talks over a prompt without having cut it yet.
    suspected: Option<CallTime>,
    pub(super) world: World,
    effort: Arc<Effort>,
    /// What of it the texts took.
    texts: u64,
    /// What was taken of it so far.
    taken: u64,
}

impl Rehearsal {
    /// A call that nobody has answered yet.
    #[must_use]
    pub fn new(run: Run) -> Self {
        Self::within(run, Arc::new(Effort::unbounded()))
    }

    /// The same; nothing more happens in it once `effort` is spent.
    #[must_use]
    pub fn within(run: Run, effort: Arc<Effort>) -> Self {
        Self {
            run,
            now: CallTime::ZERO,
            heard: Vec::new(),
            heard_at: Vec::new(),
            playing: None,
            queue: VecDeque::new(),
            log: String::new(),
            over: false,
            left: false,
            fault: None,
            suspected: None,
            world: World::new(),
            effort,
            texts: 0,
            taken: 0,
        }
    }

    /// Services answer with `replies`, in the order of the requests. Requests beyond them wait for [`Self::reply`].
    pub fn serve(&mut self, replies: Replies) {
        self.world.replies = replies.0.into();
        self.world.waits_for_replies = true;
    }

    /// The request that waits for an answer: `METHOD url body`.
    #[must_use]
    pub fn waiting_request(&self) -> Option<&str> {
        self.world.waiting.as_deref().filter(|_| !self.over)
    }

    /// The service answers the request that waits now, or else the next one as soon as it is made.
    pub fn reply(&mut self, end: ExternalStepEnd) {
        self.world.reply(end, self.now);
        self.step(self.now);
    }

    /// Whether it was ended because it took too much.
    pub(super) fn is_given_up(&self) -> bool {
        self.effort.is_spent()
    }

    /// Takes what happened since the last time off the effort.
    fn account(&mut self) {
        let all = self.texts + u64::from(self.run.steps_taken());
        self.effort.take(all - self.taken);
        self.taken = all;
        self.over |= self.effort.is_spent();
    }

    /// The flow that runs in the call.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// How far the call has come.
    #[must_use]
    pub fn now(&self) -> CallTime {
        self.now
    }

    /// Whether somebody has hung up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Everything heard so far, in order.
    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// When each of [`Self::heard`] had been heard.
    pub(super) fn heard_at(&self) -> &[CallTime] {
        &self.heard_at
    }

    /// The word for how the call went: the flow's own, or what a record says of a callee who hangs up.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        self.run.outcome().or(self.left.then_some("callee_hung_up"))
    }

    /// Whether the callee ended the call.
    #[must_use]
    pub fn callee_left(&self) -> bool {
        self.left
    }

    /// The callee hangs up.
    pub fn hang_up(&mut self) {
        if !self.over {
            self.left = true;
            self.put(Input::HungUp);
        }
    }

    /// What went in (`<-`) and out (`->`), with the time of the call in milliseconds; a line each.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Whether the bot is saying or playing something.
    #[must_use]
    pub fn bot_speaks(&self) -> bool {
        self.playing.is_some() && !self.over
    }

    /// When something happens by itself next, if nothing is put in before.
    #[must_use]
    pub fn next_at(&self) -> Option<CallTime> {
        let heard = self.playing.as_ref().and_then(Playing::next);
        let outside = soonest(self.proven_at(), self.world.next());
        soonest(soonest(heard, outside), self.run.poll_timeout()).filter(|_| !self.over)
    }

    /// Lets the next thing happen, if anything does by `until`.
    pub fn step(&mut self, until: CallTime) -> bool {
        let heard = self.playing.as_ref().and_then(Playing::next);
        let (proven, back) = (self.proven_at(), self.world.next());
        let next = self.next_at().filter(|next| *next <= until);
        let Some(next) = next.filter(|_| !self.over) else { return false };
        self.now = self.now.max(next);
        if heard == Some(next) {
            self.hear();
        } else if proven == Some(next) {
            self.suspected = None;
            self.cut();
        } else if back == Some(next) {
            if let Some(input) = self.world.poll(self.now) {
                self.put(input);
            }
        } else {
            self.run.handle_timeout(self.now);
        }
        self.drain();
        true
    }

    /// When the length of what the callee says over a prompt proves that it is an interruption.
    fn proven_at(&self) -> Option<CallTime> {
        let (since, playing) = (self.suspected?, self.playing.as_ref()?);
        let min_speech_ms = playing.confirm.min_speech_ms;
        (min_speech_ms > 0).then(|| since + min_speech_ms)
    }

    /// The next prompt cannot be made.
    pub fn break_speech(&mut self, reason: &str) {
        self.fault = Some(reason.to_owned());
    }

    /// Lets `ms` of the call go by, or less when it ends.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.step(until) {}
        if !self.over {
            self.now = self.now.max(until);
        }
    }

    /// Something happens now.
    pub fn put(&mut self, input: Input) {
        let _ = writeln!(self.log, "{:>6} <- {}", self.now.as_ms(), described(&input));
        let deaf = self.playing.as_ref().is_some_and(|p| p.position(self.now) < p.keys_after_ms);
        if deaf && matches!(input, Input::Digit(_)) {
            return self.line("the key comes too early and is dropped");
        }
        self.over |= matches!(input, Input::HungUp);
        let (starts, ends) =
            (matches!(input, Input::SpeechStarted), matches!(input, Input::Utterance { .. } | Input::Noise));
        let (words, answers) = if let Input::Utterance { text: Some(text), .. } = &input {
            (words_beside(text, self.run.flow().backchannels()), self.run.answers(text))
        } else {
            (0, false)
        };
        if let Input::Outcome(outcome) = &input {
            self.run.amd_event(told(*outcome));
        }
        self.run.handle(input, self.now);
        if starts {
            self.world.speech_started();
            self.talk_over();
        }
        if ends {
            self.world.speech_ended(self.now);
            self.judge(words, answers);
        }
        self.drain();
    }

    /// The callee begins to talk while a prompt plays.
    fn talk_over(&mut self) {
        let Some(playing) = &mut self.playing else { return };
        if !playing.barge_in.by_speech() {
            return;
        }
        if playing.confirm.at_once() {
            return self.cut();
        }
        self.suspected = Some(self.now);
        if playing.confirm.resume && playing.protected_to(self.now).is_none() {
            playing.hold(self.now);
            self.line("pause");
        }
    }

    /// The callee has said `words` words over a prompt, perhaps an answer, and is silent again.
    fn judge(&mut self, words: usize, answers: bool) {
        let (Some(playing), Some(_)) = (&mut self.playing, self.suspected.take()) else { return };
        let enough = playing.confirm.min_words > 0 && words >= playing.confirm.min_words as usize;
        if enough || (words > 0 && answers) {
            self.cut();
        } else if playing.confirm.resume {
            playing.go_on(self.now);
            self.line("go on");
        }
    }

    /// What the callee has heard of the prompt by now, its end included.
    fn hear(&mut self) {
        while let Some(playing) = &mut self.playing {
            if let Some(heard) = playing.take_heard(self.now) {
                self.heard.push(heard.clone());
                self.heard_at.push(self.now);
                if let Heard::Checkpoint(name) = heard {
                    self.put(Input::Checkpoint(name));
                }
                continue;
            }
            if playing.length_ms <= playing.position(self.now) {
                let end = playing.end(self.now);
                self.next_prompt();
                self.put(Input::PlaybackEnded(end));
            } else if playing.cut_after && playing.protected_to(self.now).is_none() {
                self.cut();
            }
            return;
        }
    }

    /// Cuts the prompt, at the end of its protected stretch if it is in one.
    fn cut(&mut self) {
        let Some(playing) = &mut self.playing else { return };
        if playing.protected_to(self.now).is_some() {
            playing.cut_after = true;
            return;
        }
        self.end_early();
    }

    fn end_early(&mut self) {
        let Some(playing) = &self.playing else { return };
        let end = PlaybackEnd { completed: false, ..playing.end(self.now) };
        self.next_prompt();
        self.put(Input::PlaybackEnded(end));
    }

    fn next_prompt(&mut self) {
        self.suspected = None;
        self.playing = self.queue.pop_front();
        if let Some(playing) = &mut self.playing {
            playing.go_on(self.now);
        }
    }

    fn drain(&mut self) {
        self.account();
        while let Some(command) = self.run.poll_command() {
            match command {
                Command::Play { id, parts, barge_in, confirm, keys_after_ms } => {
                    self.play(id, &parts, barge_in, confirm, keys_after_ms);
                }
                Command::Stop { id } => {
                    self.line(&format!("stop {}", id.0));
                    if self.playing.as_ref().is_some_and(|playing| playing.id == id) {
                        self.cut();
                    }
                }
                Command::Withdraw { id } => {
                    self.line(&format!("withdraw {}", id.0));
                    if self.playing.as_ref().is_some_and(|playing| playing.id == id) {
                        self.end_early();
                    }
                }
                Command::Listen(_) => {}
                Command::External { id, order } => {
                    let shown = self.world.take(id, order, self.now);
                    self.line(&shown);
                }
                Command::EndRecording { id } => self.world.end_recording(id, self.now),
                Command::SendDigits(keys) => self.line(&format!("press {keys}")),
                Command::Show(picture) => {
                    self.line(&format!("show {}", picture.as_deref().unwrap_or("none")))
                }
                Command::Hangup { outcome } => {
                    self.line(&format!("hang up: {}", outcome.unwrap_or_default()));
                    self.over = true;
                }
                Command::Note(note) => self.line(&format!("note {} {}", note.kind(), note.detail())),
            }
        }
    }

    fn play(&mut self, id: PlayId, parts: &[Part], barge_in: BargeIn, confirm: Confirm, keys_after_ms: u64) {
        let (mut playing, shown) = Playing::new(id, parts, barge_in, confirm);
        playing.keys_after_ms = keys_after_ms;
        self.line(&format!("play {} ({barge_in:?}): {shown}", id.0));
        if let Some(error) = self.fault.take() {
            let end = PlaybackEnd::unheard(id, Some(error));
            return self.put(Input::PlaybackEnded(end));
        }
        self.queue.push_back(playing);
        if self.playing.is_none() {
            self.next_prompt();
        }
    }

    fn line(&mut self, text: &str) {
        self.texts += text_steps(text.len());
        let _ = writeln!(self.log, "{:>6} -> {text}", self.now.as_ms());
    }
}

/// What the detector would tell of this verdict.
fn told(outcome: Outcome) -> AmdEvent {
    let name = match outcome {
        Outcome::Human => "amd_human_detected",
        Outcome::NoSpeech => "amd_no_speech_detected",
        Outcome::Timeout => "amd_decision_timeout",
        Outcome::Voicemail | Outcome::Screening | Outcome::Ivr | Outcome::Unavailable | Outcome::Fax => {
            "amd_machine_detected"
        }
    };
    AmdEvent { name, decides: true, ..AmdEvent::default() }
}

fn described(input: &Input) -> String {
    match input {
        Input::Answered => "answered".to_owned(),
        Input::HungUp => "callee hangs up".to_owned(),
        Input::CarrierLost => "carrier lost".to_owned(),
        Input::Outcome(outcome) => format!("verdict {}", outcome.as_str()),
        Input::Learned { subtype, .. } => format!("subtype {subtype}"),
        Input::GreetingEnded => "greeting ended".to_owned(),
        Input::BeepStarted => "beep".to_owned(),
        Input::BeepEnded => "beep ended".to_owned(),
        Input::Digit(digit) => format!("key {digit}"),
        Input::SpeechStarted => "speech".to_owned(),
        Input::TalksOn => "talks on".to_owned(),
        Input::SpeechEnded => "speech ended".to_owned(),
        Input::Noise => "noise".to_owned(),
        Input::LateWords { text, .. } => format!("heard late: {text}"),
        Input::Utterance { text, .. } => format!("said {}", text.as_deref().unwrap_or("something")),
        Input::Checkpoint(name) => format!("heard <{name}>"),
        Input::ExternalStepEnded { end, .. } => match end {
            ExternalStepEnd::Recorded { name, ms } => format!("recorded {name}, {ms} ms"),
            ExternalStepEnd::NothingSaid => "nothing said".to_owned(),
            ExternalStepEnd::Answered { status, .. } => format!("answered {status}"),
            ExternalStepEnd::Transferred => "transferred".to_owned(),
            ExternalStepEnd::Unsupported => "not supported".to_owned(),
            ExternalStepEnd::Failed(reason) => format!("failed: {reason}"),
        },
        Input::PlaybackEnded(end) => match (&end.error, end.completed) {
            (Some(error), _) => format!("prompt {} failed: {error}", end.id.0),
            (None, true) => format!("prompt {} ended", end.id.0),
            (None, false) => format!("prompt {} cut after {} ms", end.id.0, end.heard_ms),
        },
    }
}

/// A callee in a chain of calls, for traces.
#[cfg(test)]
impl Rehearsal {
    /// The callee answers now.
    pub(crate) fn answer(mut self) -> Self {
        self.put(Input::Answered);
        self
    }

    /// Lets the call go on for `ms`, then puts `input` in.
    pub(crate) fn after(mut self, ms: u64, input: Input) -> Self {
        self.pass(ms);
        self.put(input);
        self
    }

    /// The callee talks for `ms`, beginning `after` ms from now; `text` is what a recogniser hears.
    pub(crate) fn talks(mut self, after: u64, ms: u64, text: Option<&str>) -> Self {
        self.pass(after);
        self.say(ms, text.map(str::to_owned));
        self
    }

    /// Lets the call go on until it ends or `ms` have passed, and hands out the log.
    pub(crate) fn end(mut self, ms: u64) -> String {
        self.pass(ms);
        let _ = write!(self.log, "outcome: {:?}", self.run.outcome());
        self.log
    }
}
