//! One case: the callee acts, the call runs to its end, and what happened is held against what was expected.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, Severity, Source, Span};
use super::super::errand::ErrandEnd;
use super::super::io::{Input, Outcome};
use super::super::model::Flow;
use super::super::run::Run;
use super::super::words::LocalTime;
use super::call::{Heard, MS_PER_CHAR, Rehearsal};
use super::world::Reply;
use crate::clock::CallTime;

/// A file of cases for one flow.
#[derive(Debug)]
pub struct Tests {
    pub(super) source: Source,
    /// The flow file, relative to the tests' own folder.
    pub(super) flow: String,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug)]
pub(super) struct Case {
    pub name: String,
    pub span: Span,
    pub variables: Map<String, Value>,
    /// The date and time of the call.
    pub now: LocalTime,
    pub callee: Vec<(Act, Span)>,
    /// What services answer, in the order of the requests.
    pub replies: Vec<Reply>,
    /// What comes of a transfer; without it no trunk can.
    pub transfer: Option<ErrandEnd>,
    pub expect: Vec<(Expectation, Span)>,
}

/// What the callee, or the detector that listens to them, does next.
#[derive(Debug)]
pub(super) enum Act {
    Wait {
        ms: u64,
    },
    Verdict(Outcome),
    GreetingEnds,
    Beep,
    Press(String),
    Says {
        text: Option<String>,
        ms: u64,
    },
    /// Waits until this check point, or a prompt with these words, has been heard.
    Hears(String),
    HangUp,
    /// The next prompt cannot be made.
    SpeechFails,
}

#[derive(Debug)]
pub(super) enum Expectation {
    Outcome(String),
    LastCheckpoint(String),
    /// Heard in this order; other things may be heard between.
    Heard(Vec<(String, Span)>),
    NotHeard(Vec<(String, Span)>),
    Variable {
        name: String,
        value: Value,
    },
    /// Requests with these words in `METHOD url body`, in this order; others may be between.
    Requests(Vec<(String, Span)>),
    /// Notifications with these words in `event {data}`, in this order.
    Notified(Vec<(String, Span)>),
    Within {
        ms: u64,
    },
}

/// How a case went.
#[derive(Clone, Debug)]
pub struct CaseResult {
    pub name: String,
    /// Line of the case in its file, 1-based.
    pub line: u32,
    /// What did not come true; empty when the case passed.
    pub failures: Vec<Diagnostic>,
    /// What went in (`<-`) and out (`->`), with the milliseconds of the call.
    pub log: String,
    /// Length of the rehearsed call.
    pub call_ms: u64,
}

/// A call that has not ended by then never will: no flow may run longer than an hour.
const LONGEST_CALL_MS: u64 = 2 * 3_600_000;

impl Tests {
    /// The flow file they are about, relative to their own folder.
    #[must_use]
    pub fn flow_file(&self) -> &str {
        &self.flow
    }

    /// Runs every case against `flow`.
    #[must_use]
    pub fn run(&self, flow: &Arc<Flow>) -> Vec<CaseResult> {
        self.cases.iter().map(|case| self.run_case(case, flow)).collect()
    }

    fn run_case(&self, case: &Case, flow: &Arc<Flow>) -> CaseResult {
        let mut result = CaseResult {
            name: case.name.clone(),
            line: case.span.line,
            failures: Vec::new(),
            log: String::new(),
            call_ms: 0,
        };
        let mut run = match Run::new(Arc::clone(flow), case.variables.clone()) {
            Ok(run) => run,
            Err(error) => {
                let hint = "give it under `variables:` of the case or of the file".to_owned();
                result.failures.push(self.failure(case.span, error.to_string(), hint));
                return result;
            }
        };
        run.begin_at(case.now);
        let mut call = Rehearsal::new(run);
        call.world.replies = case.replies.iter().cloned().collect();
        if let Some(transfer) = &case.transfer {
            call.world.transfer = transfer.clone();
        }
        call.put(Input::Answered);
        for (act, span) in &case.callee {
            if let Err((message, hint)) = perform(&mut call, act) {
                result.failures.push(self.failure(*span, message, hint));
                break;
            }
        }
        call.pass(LONGEST_CALL_MS);
        for (expectation, span) in &case.expect {
            if let Some((span, message, hint)) = missed(&call, expectation, *span) {
                result.failures.push(self.failure(span, message, hint));
            }
        }
        result.call_ms = call.now().as_ms();
        result.log = call.log().to_owned();
        result
    }

    fn failure(&self, span: Span, message: String, hint: String) -> Diagnostic {
        self.source.diagnostic(Severity::Error, span, message, Some(hint))
    }
}

fn perform(call: &mut Rehearsal, act: &Act) -> Result<(), (String, String)> {
    if call.is_over() {
        let outcome = call.run().outcome().unwrap_or_default();
        let message = format!("the call is over before this, with the outcome `{outcome}`");
        return Err((message, "the log shows what happened".to_owned()));
    }
    match act {
        Act::Wait { ms } => call.pass(*ms),
        Act::Verdict(outcome) => call.put(Input::Outcome(*outcome)),
        Act::GreetingEnds => call.put(Input::GreetingEnded),
        Act::Beep => call.put(Input::BeepEnded),
        Act::Press(keys) => {
            for key in keys.chars() {
                call.put(Input::Digit(key));
            }
        }
        Act::Says { text, ms } => {
            call.put(Input::SpeechStarted);
            call.pass(*ms);
            call.put(Input::Utterance { text: text.clone() });
        }
        Act::HangUp => call.put(Input::HungUp),
        Act::SpeechFails => call.break_speech("the test says so"),
        Act::Hears(what) => return wait_to_hear(call, what),
    }
    Ok(())
}

/// How long the callee takes to say this.
pub(super) fn speaking_ms(text: &str) -> u64 {
    (text.chars().count() as u64 * MS_PER_CHAR).max(300)
}

fn wait_to_hear(call: &mut Rehearsal, what: &str) -> Result<(), (String, String)> {
    let already = call.heard().len();
    let until = call.now() + LONGEST_CALL_MS;
    while !call.heard().iter().skip(already).any(|heard| matches(heard, what)) {
        if !call.step(until) {
            let before = call.heard().iter().take(already).any(|heard| matches(heard, what));
            let hint = if before {
                "it was heard before the callee's last act; `hears` waits for what is still to come"
                    .to_owned()
            } else {
                heard_hint(call)
            };
            return Err((format!("the callee never hears `{what}`"), hint));
        }
    }
    Ok(())
}

fn matches(heard: &Heard, what: &str) -> bool {
    match heard {
        Heard::Text(text) => text.contains(what),
        Heard::File(name) | Heard::Checkpoint(name) => name == what,
    }
}

fn heard_hint(call: &Rehearsal) -> String {
    let heard: Vec<String> = call
        .heard()
        .iter()
        .map(|heard| match heard {
            Heard::Text(text) => format!("\"{text}\""),
            Heard::File(name) => name.clone(),
            Heard::Checkpoint(name) => format!("<{name}>"),
        })
        .collect();
    if heard.is_empty() {
        "nothing was heard at all".to_owned()
    } else {
        format!("heard: {}", heard.join(" "))
    }
}

/// The first of `expected` that is not among `seen`, in this order.
fn unseen(seen: &[String], expected: &[(String, Span)], word: &str) -> Option<(Span, String, String)> {
    let mut rest = seen.iter();
    let (what, span) = expected.iter().find(|(what, _)| !rest.any(|seen| seen.contains(what)))?;
    let hint = if seen.is_empty() {
        format!("nothing was {word} at all")
    } else {
        format!("{word}: {}", seen.join("; "))
    };
    Some((*span, format!("`{what}` is not {word} here"), hint))
}

/// What did not come true, where, and what happened in its stead.
fn missed(call: &Rehearsal, expectation: &Expectation, span: Span) -> Option<(Span, String, String)> {
    let run = call.run();
    match expectation {
        Expectation::Outcome(expected) => {
            let outcome = run.outcome().unwrap_or("none: the call never ends");
            (outcome != expected).then(|| {
                let message = format!("the outcome is `{outcome}`, not `{expected}`");
                (span, message, "the log shows how the call got there".to_owned())
            })
        }
        Expectation::LastCheckpoint(expected) => {
            let last = run.last_checkpoint().unwrap_or("none");
            (last != expected).then(|| {
                (span, format!("the last check point is `{last}`, not `{expected}`"), heard_hint(call))
            })
        }
        Expectation::Heard(expected) => {
            let mut heard = call.heard().iter();
            expected
                .iter()
                .find(|(what, _)| !heard.any(|heard| matches(heard, what)))
                .map(|(what, span)| (*span, format!("`{what}` is not heard here"), heard_hint(call)))
        }
        Expectation::NotHeard(unwanted) => unwanted
            .iter()
            .find(|(what, _)| call.heard().iter().any(|heard| matches(heard, what)))
            .map(|(what, span)| (*span, format!("`{what}` is heard"), heard_hint(call))),
        Expectation::Variable { name, value } => {
            let found = run.variables().get(name).cloned().unwrap_or_default();
            (found != *value).then(|| {
                let hint = "variables are compared with their type: 1 is not \"1\"".to_owned();
                (span, format!("`{name}` is {found}, not {value}"), hint)
            })
        }
        Expectation::Requests(expected) => unseen(&call.world.requests, expected, "requested"),
        Expectation::Notified(expected) => unseen(&call.world.notified, expected, "notified"),
        Expectation::Within { ms } => (call.now() > CallTime::from_ms(*ms)).then(|| {
            let took = call.now().as_ms();
            (span, format!("the call takes {took} ms, more than {ms}"), "the log shows where".to_owned())
        }),
    }
}
