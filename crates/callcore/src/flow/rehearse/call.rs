//! A call without a telephone: virtual time, prompts of a plausible length, and a log of what happened.
//!
//! Prompts take [`MS_PER_CHAR`] per character; one that may be cut by speech is cut at the moment the
//! callee begins to speak.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::super::{BargeIn, Command, Input, Part, PlaybackEnd, Run};
use crate::clock::{CallTime, soonest};
use crate::ids::PlayId;

/// Speaking rate: about 15 characters a second.
pub(super) const MS_PER_CHAR: u64 = 65;
/// Length taken for an audio file.
const FILE_MS: u64 = 2_000;

/// A prompt on its way to the callee.
struct Playing {
    id: PlayId,
    began: CallTime,
    length_ms: u64,
    /// What is still to be heard, by its distance from the beginning.
    ahead: VecDeque<(u64, Heard)>,
    barge_in: BargeIn,
}

/// Something the callee has heard to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(String),
    File(String),
    Checkpoint(String),
}

/// One rehearsed call.
pub(crate) struct Rehearsal {
    run: Run,
    now: CallTime,
    heard: Vec<Heard>,
    playing: Option<Playing>,
    queue: VecDeque<Playing>,
    log: String,
    over: bool,
    /// What the next prompt fails with.
    fault: Option<String>,
}

impl Rehearsal {
    pub(crate) fn new(run: Run) -> Self {
        Self {
            run,
            now: CallTime::ZERO,
            heard: Vec::new(),
            playing: None,
            queue: VecDeque::new(),
            log: String::new(),
            over: false,
            fault: None,
        }
    }

    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    pub(super) fn now(&self) -> CallTime {
        self.now
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Everything heard so far, in order.
    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// What went in (`<-`) and out (`->`), with the time of the call in milliseconds.
    pub(super) fn log(&self) -> &str {
        &self.log
    }

    /// Lets the next thing happen, if anything does by `until`.
    pub(super) fn step(&mut self, until: CallTime) -> bool {
        let heard = self.playing.as_ref().map(|playing| {
            let next = playing.ahead.front().map_or(playing.length_ms, |(at, _)| *at);
            playing.began + next
        });
        let next = soonest(heard, self.run.poll_timeout()).filter(|next| *next <= until);
        let Some(next) = next.filter(|_| !self.over) else { return false };
        self.now = self.now.max(next);
        if heard == Some(next) {
            self.hear();
        } else {
            self.run.handle_timeout(self.now);
        }
        self.drain();
        true
    }

    /// The next prompt cannot be made.
    pub(crate) fn break_speech(&mut self, reason: &str) {
        self.fault = Some(reason.to_owned());
    }

    pub(super) fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.step(until) {}
        if !self.over {
            self.now = self.now.max(until);
        }
    }

    pub(super) fn put(&mut self, input: Input) {
        let _ = writeln!(self.log, "{:>6} <- {}", self.now.as_ms(), described(&input));
        let cut = matches!(input, Input::SpeechStarted)
            && self.playing.as_ref().is_some_and(|playing| playing.barge_in.by_speech());
        self.over |= matches!(input, Input::HungUp);
        self.run.handle(input, self.now);
        if cut {
            self.cut();
        }
        self.drain();
    }

    /// What the callee has heard of the prompt by now, its end included.
    fn hear(&mut self) {
        while let Some(playing) = &mut self.playing {
            let position = self.now.ms_since(playing.began);
            if playing.ahead.front().is_some_and(|(at, _)| *at <= position) {
                let Some((_, heard)) = playing.ahead.pop_front() else { return };
                self.heard.push(heard.clone());
                if let Heard::Checkpoint(name) = heard {
                    self.put(Input::Checkpoint(name));
                }
                continue;
            }
            if playing.length_ms <= position {
                let (id, heard_ms) = (playing.id, playing.length_ms);
                self.next_prompt();
                self.put(Input::PlaybackEnded(PlaybackEnd { id, heard_ms, completed: true, error: None }));
            }
            return;
        }
    }

    fn cut(&mut self) {
        let Some(playing) = &self.playing else { return };
        let heard_ms = self.now.ms_since(playing.began);
        let end = PlaybackEnd { id: playing.id, heard_ms, completed: false, error: None };
        self.next_prompt();
        self.put(Input::PlaybackEnded(end));
    }

    fn next_prompt(&mut self) {
        self.playing = self.queue.pop_front();
        if let Some(playing) = &mut self.playing {
            playing.began = self.now;
        }
    }

    fn drain(&mut self) {
        while let Some(command) = self.run.poll_command() {
            match command {
                Command::Play { id, parts, barge_in } => self.play(id, &parts, barge_in),
                Command::Stop { id } => {
                    self.line(&format!("stop {}", id.0));
                    if self.playing.as_ref().is_some_and(|playing| playing.id == id) {
                        self.cut();
                    }
                }
                Command::Listen(_) => {}
                Command::SendDigits(keys) => self.line(&format!("press {keys}")),
                Command::Hangup { outcome } => {
                    self.line(&format!("hang up: {}", outcome.unwrap_or_default()));
                    self.over = true;
                }
                Command::Note { what, detail } => self.line(&format!("note {what} {detail}")),
            }
        }
    }

    fn play(&mut self, id: PlayId, parts: &[Part], barge_in: BargeIn) {
        let (mut length_ms, mut ahead, mut shown) = (0, VecDeque::new(), Vec::new());
        for part in parts {
            match part {
                Part::Say { text, .. } => {
                    length_ms += text.chars().count() as u64 * MS_PER_CHAR;
                    ahead.push_back((length_ms, Heard::Text(text.clone())));
                    shown.push(format!("\"{text}\""));
                }
                Part::File(path) => {
                    length_ms += FILE_MS;
                    ahead.push_back((length_ms, Heard::File(path.clone())));
                    shown.push(path.clone());
                }
                Part::Checkpoint(name) => {
                    ahead.push_back((length_ms, Heard::Checkpoint(name.clone())));
                    shown.push(format!("<{name}>"));
                }
            }
        }
        self.line(&format!("play {} ({barge_in:?}): {}", id.0, shown.join(" ")));
        if let Some(error) = self.fault.take() {
            let end = PlaybackEnd { id, heard_ms: 0, completed: false, error: Some(error) };
            return self.put(Input::PlaybackEnded(end));
        }
        self.queue.push_back(Playing { id, began: self.now, length_ms, ahead, barge_in });
        if self.playing.is_none() {
            self.next_prompt();
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.log, "{:>6} -> {text}", self.now.as_ms());
    }
}

fn described(input: &Input) -> String {
    match input {
        Input::Answered => "answered".to_owned(),
        Input::HungUp => "hung up".to_owned(),
        Input::Outcome(outcome) => format!("verdict {}", outcome.as_str()),
        Input::GreetingEnded => "greeting ended".to_owned(),
        Input::BeepEnded => "beep ended".to_owned(),
        Input::Digit(digit) => format!("key {digit}"),
        Input::SpeechStarted => "speech".to_owned(),
        Input::Utterance { text } => format!("said {}", text.as_deref().unwrap_or("something")),
        Input::Checkpoint(name) => format!("heard <{name}>"),
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
    pub(crate) fn talks(self, after: u64, ms: u64, text: Option<&str>) -> Self {
        let utterance = Input::Utterance { text: text.map(str::to_owned) };
        self.after(after, Input::SpeechStarted).after(ms, utterance)
    }

    /// Lets the call go on until it ends or `ms` have passed, and hands out the log.
    pub(crate) fn end(mut self, ms: u64) -> String {
        self.pass(ms);
        let _ = write!(self.log, "outcome: {:?}", self.run.outcome());
        self.log
    }
}
