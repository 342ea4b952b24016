//! A call without a telephone: virtual time, prompts of a plausible length, and a log of what happened.
//!
//! The callee of a rehearsal is a script of inputs. Prompts take [`MS_PER_CHAR`] per character; a prompt
//! that may be cut by speech is cut when the callee begins to speak.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::{BargeIn, Command, Input, Part, PlaybackEnd, Run};
use crate::clock::CallTime;
use crate::ids::PlayId;

/// Speaking rate: about 15 characters a second.
const MS_PER_CHAR: u64 = 65;
/// Length taken for an audio file.
const FILE_MS: u64 = 2_000;

/// A prompt on its way to the callee.
struct Playing {
    id: PlayId,
    began: CallTime,
    length_ms: u64,
    /// Check points still ahead, by their distance from the beginning.
    checkpoints: VecDeque<(u64, String)>,
    barge_in: BargeIn,
}

/// One rehearsed call.
pub(crate) struct Rehearsal {
    run: Run,
    now: CallTime,
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
            playing: None,
            queue: VecDeque::new(),
            log: String::new(),
            over: false,
            fault: None,
        }
    }

    /// The callee answers now.
    pub(crate) fn answer(mut self) -> Self {
        self.put(Input::Answered);
        self
    }

    /// Lets the call go on for `ms`, then puts `input` in.
    pub(crate) fn after(mut self, ms: u64, input: Input) -> Self {
        self.pass_to(self.now + ms);
        self.put(input);
        self
    }

    /// The callee talks for `ms`, beginning `after` ms from now; `text` is what a recogniser hears.
    pub(crate) fn talks(self, after: u64, ms: u64, text: Option<&str>) -> Self {
        let utterance = Input::Utterance { text: text.map(str::to_owned) };
        self.after(after, Input::SpeechStarted).after(ms, utterance)
    }

    /// The next prompt cannot be made.
    pub(crate) fn with_broken_speech(mut self, reason: &str) -> Self {
        self.fault = Some(reason.to_owned());
        self
    }

    /// Lets the call go on until it ends or `ms` have passed, and hands out the log.
    pub(crate) fn end(mut self, ms: u64) -> String {
        self.pass_to(self.now + ms);
        let _ = write!(self.log, "outcome: {:?}", self.run.outcome());
        self.log
    }

    fn put(&mut self, input: Input) {
        let _ = writeln!(self.log, "{:>6} <- {}", self.now.as_ms(), described(&input));
        let cut = matches!(input, Input::SpeechStarted)
            && self.playing.as_ref().is_some_and(|playing| playing.barge_in.by_speech());
        self.run.handle(input, self.now);
        if cut {
            self.cut();
        }
        self.drain();
    }

    fn pass_to(&mut self, until: CallTime) {
        while !self.over {
            let marks = self.playing.as_ref().map(|playing| {
                let next = playing.checkpoints.front().map_or(playing.length_ms, |(at, _)| *at);
                playing.began + next
            });
            let timeout = self.run.poll_timeout();
            let Some(next) = crate::clock::soonest(marks, timeout).filter(|next| *next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if marks == Some(next) {
                self.mark();
            } else {
                self.run.handle_timeout(self.now);
            }
            self.drain();
        }
        self.now = self.now.max(until);
    }

    /// The next check point of the prompt, or its end, has been heard.
    fn mark(&mut self) {
        let Some(playing) = &mut self.playing else { return };
        if let Some((_, name)) = playing.checkpoints.pop_front() {
            return self.put(Input::Checkpoint(name));
        }
        let end = PlaybackEnd { id: playing.id, heard_ms: playing.length_ms, completed: true, error: None };
        self.next_prompt();
        self.put(Input::PlaybackEnded(end));
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
        let (mut length_ms, mut checkpoints, mut shown) = (0, VecDeque::new(), Vec::new());
        for part in parts {
            match part {
                Part::Say { text, .. } => {
                    length_ms += text.chars().count() as u64 * MS_PER_CHAR;
                    shown.push(format!("\"{text}\""));
                }
                Part::File(path) => {
                    length_ms += FILE_MS;
                    shown.push(path.clone());
                }
                Part::Checkpoint(name) => {
                    checkpoints.push_back((length_ms, name.clone()));
                    shown.push(format!("<{name}>"));
                }
            }
        }
        self.line(&format!("play {} ({barge_in:?}): {}", id.0, shown.join(" ")));
        if let Some(error) = self.fault.take() {
            let end = PlaybackEnd { id, heard_ms: 0, completed: false, error: Some(error) };
            return self.put(Input::PlaybackEnded(end));
        }
        self.queue.push_back(Playing { id, began: self.now, length_ms, checkpoints, barge_in });
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
