//! One case: the callee acts, the call runs to its end, and what happened is held against what was expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::call::Rehearsal;
use super::effort::Effort;
use super::recording::Recordings;
use super::speaking::Heard;
use super::world::Reply;
use crate::clock::CallTime;
use crate::flow::model::{Flow, Outcome};
use crate::flow::read::{Diagnostic, Severity, Source, Span};
use crate::flow::run::{ExternalStepEnd, Input, Run, Walked};
use crate::language::LocalTime;

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
    /// What every case of the file brings, unless it says otherwise.
    pub common: Arc<Map<String, Value>>,
    pub variables: Map<String, Value>,
    /// The date and time of the call.
    pub now: LocalTime,
    pub callee: Vec<(Act, Span)>,
    /// What services answer, in the order of the requests.
    pub replies: Vec<Reply>,
    /// What comes of a transfer; without it no trunk can.
    pub transfer: Option<ExternalStepEnd>,
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
    /// The next prompt cannot be made.
    SpeechFails,
    /// A recording is what the callee's side of the line sounds like.
    Wav(String),
    HangsUp,
}

#[derive(Debug)]
pub(super) enum Expectation {
    Outcome(String),
    LastCheckpoint(String),
    /// Heard in this order; other things may be heard between.
    Heard(Vec<Wanted>),
    /// Every check point that was reached, in order.
    Checkpoints(Vec<String>),
    EndedByCallee(bool),
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

/// Something that must be heard, and when at the earliest and latest, in milliseconds of the call.
#[derive(Debug)]
pub(super) struct Wanted {
    pub what: String,
    pub after: Option<u64>,
    pub before: Option<u64>,
    pub span: Span,
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
    /// Where the call has been.
    pub walked: Walked,
}

/// A call that has not ended by then never will: no flow may run longer than an hour.
const LONGEST_CALL_MS: u64 = 2 * 3_600_000;

/// What it takes to begin a case.
const CASE_STEPS: u64 = 10;

impl Tests {
    /// The flow file they are about, relative to their own folder.
    #[must_use]
    pub fn flow_file(&self) -> &str {
        &self.flow
    }

    /// The names of the cases, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().map(|case| case.name.as_str())
    }

    /// The recordings that the callees of the cases are, relative to the tests' own folder.
    #[must_use]
    pub fn recordings(&self) -> BTreeMap<&str, Place> {
        let acts = self.cases.iter().flat_map(|case| &case.callee);
        acts.filter_map(|(act, span)| match act {
            Act::Wav(file) => Some((file.as_str(), Place(*span))),
            Act::Wait { .. }
            | Act::Verdict(_)
            | Act::GreetingEnds
            | Act::Beep
            | Act::Press(_)
            | Act::Says { .. }
            | Act::Hears(_)
            | Act::SpeechFails
            | Act::HangsUp => None,
        })
        .collect()
    }

    /// A finding about something the file names at `place`.
    #[must_use]
    pub fn finding(&self, place: Place, message: String, hint: String) -> Diagnostic {
        self.failure(place.0, message, hint)
    }

    /// Runs every case against `flow`. A case that names a recording fails: there are none here.
    #[must_use]
    pub fn run(&self, flow: &Arc<Flow>) -> Vec<CaseResult> {
        let (none, effort) = (Recordings::new(), Arc::new(Effort::unbounded()));
        self.cases.iter().map(|case| self.run_case(case, flow, &none, &effort)).collect()
    }

    /// Runs the nth case of [`Self::names`] against `flow`; `None` when there are fewer.
    #[must_use]
    pub fn run_nth(&self, nth: usize, flow: &Arc<Flow>, recordings: &Recordings) -> Option<CaseResult> {
        self.run_nth_within(nth, flow, recordings, &Arc::new(Effort::unbounded()))
    }

    /// The same; a case that cannot be run within `effort` fails.
    #[must_use]
    pub fn run_nth_within(
        &self,
        nth: usize,
        flow: &Arc<Flow>,
        recordings: &Recordings,
        effort: &Arc<Effort>,
    ) -> Option<CaseResult> {
        self.cases.get(nth).map(|case| self.run_case(case, flow, recordings, effort))
    }

    fn run_case(
        &self,
        case: &Case,
        flow: &Arc<Flow>,
        recordings: &Recordings,
        effort: &Arc<Effort>,
    ) -> CaseResult {
        let mut result = CaseResult {
            name: case.name.clone(),
            line: case.span.line,
            failures: Vec::new(),
            log: String::new(),
            call_ms: 0,
            walked: Walked::default(),
        };
        let mut variables = Map::clone(&case.common);
        variables.extend(case.variables.clone());
        let mut run = match Run::new(Arc::clone(flow), variables) {
            Ok(run) => run,
            Err(error) => {
                let hint =
                    "give it under `variables:` of the case or of the file; one that the flow sets itself \
                            needs a `default:` there"
                        .to_owned();
                result.failures.push(self.failure(case.span, error.to_string(), hint));
                return result;
            }
        };
        run.begin_at(case.now);
        effort.take(CASE_STEPS);
        let mut call = Rehearsal::within(run, Arc::clone(effort));
        call.world.replies = case.replies.iter().cloned().collect();
        if let Some(transfer) = &case.transfer {
            call.world.transfer = transfer.clone();
        }
        call.put(Input::Answered);
        for (act, span) in &case.callee {
            if let Err((message, hint)) = perform(&mut call, act, recordings) {
                result.failures.push(self.failure(*span, message, hint));
                break;
            }
        }
        call.pass(LONGEST_CALL_MS);
        if call.is_given_up() {
            let hint = "split them into several uploads, or upload without them (`tests=false`)".to_owned();
            result.failures = vec![self.failure(case.span, effort.told(), hint)];
            return result;
        }
        for (expectation, span) in &case.expect {
            if let Some((span, message, hint)) = missed(&call, expectation, *span) {
                result.failures.push(self.failure(span, message, hint));
            }
        }
        result.call_ms = call.now().as_ms();
        result.walked = call.run().walked().clone();
        result.log = call.log().to_owned();
        result
    }

    fn failure(&self, span: Span, message: String, hint: String) -> Diagnostic {
        self.source.diagnostic(Severity::Error, span, message, Some(hint))
    }
}

/// A place in a file of tests.
#[derive(Clone, Copy, Debug)]
pub struct Place(pub(super) Span);

fn perform(call: &mut Rehearsal, act: &Act, recordings: &Recordings) -> Result<(), (String, String)> {
    if call.is_over() {
        let outcome = call.outcome().unwrap_or_default();
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
            call.say(*ms, text.clone());
        }
        Act::SpeechFails => call.break_speech("the test says so"),
        Act::Hears(what) => return wait_to_hear(call, what),
        Act::Wav(file) => match recordings.get(file) {
            Some(recording) => call.play_recording(recording),
            None => {
                let message = format!("the recording `{file}` was not read");
                return Err((message, "run the case where its files are".to_owned()));
            }
        },
        Act::HangsUp => call.hang_up(),
    }
    Ok(())
}

fn wait_to_hear(call: &mut Rehearsal, what: &str) -> Result<(), (String, String)> {
    let already = call.heard().len();
    let until = call.now() + LONGEST_CALL_MS;
    let mut seen = already;
    while !call.heard().iter().skip(seen).any(|heard| matches(heard, what)) {
        seen = call.heard().len();
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

impl Wanted {
    /// It is heard, but not when it should be.
    fn missed_time(&self, at: CallTime) -> Option<(Span, String, String)> {
        let at = at.as_ms();
        let message = match (self.after, self.before) {
            (Some(after), _) if at < after => {
                format!("`{}` is heard after {at} ms, before {after} ms", self.what)
            }
            (_, Some(before)) if at > before => {
                format!("`{}` is heard after {at} ms, later than {before} ms", self.what)
            }
            _ => return None,
        };
        Some((
            self.span,
            message,
            "the time is when it has been heard to its end; the log shows it".to_owned(),
        ))
    }
}

fn first_difference(found: &[&str], expected: &[String]) -> String {
    let at = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    match (found.get(at), expected.get(at)) {
        (Some(found), Some(expected)) => {
            format!("the first difference is `{found}` where `{expected}` should be")
        }
        (Some(found), None) => format!("`{found}` comes behind the last one expected"),
        (None, Some(expected)) => format!("`{expected}` is never reached"),
        (None, None) => "the log shows how the call got there".to_owned(),
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
            let outcome = call.outcome().unwrap_or("none: the call never ends");
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
            let mut heard = call.heard().iter().zip(call.heard_at());
            expected.iter().find_map(|wanted| match heard.find(|(heard, _)| matches(heard, &wanted.what)) {
                None => {
                    let message = format!("`{}` is not heard here", wanted.what);
                    Some((wanted.span, message, heard_hint(call)))
                }
                Some((_, at)) => wanted.missed_time(*at),
            })
        }
        Expectation::Checkpoints(expected) => {
            let reached: Vec<&str> = call
                .heard()
                .iter()
                .filter_map(|heard| match heard {
                    Heard::Checkpoint(name) => Some(name.as_str()),
                    Heard::Text(_) | Heard::File(_) => None,
                })
                .collect();
            (reached != *expected).then(|| {
                let message =
                    format!("the check points are [{}], not [{}]", reached.join(", "), expected.join(", "));
                (span, message, first_difference(&reached, expected))
            })
        }
        Expectation::EndedByCallee(expected) => (call.callee_left() != *expected).then(|| {
            let (found, wanted) =
                if *expected { ("the bot", "the callee") } else { ("the callee", "the bot") };
            (span, format!("{found} ends the call, not {wanted}"), "the log shows when".to_owned())
        }),
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
