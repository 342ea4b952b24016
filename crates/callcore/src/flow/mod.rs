//! The flow language: what a call says, asks and does, written in YAML.
//!
//! [`parse`] turns the text of a file into a typed [`Flow`] and a list of [`Diagnostic`]s, all of them at
//! once. A [`Run`] interprets one flow for one call: [`Input`]s go in, [`Command`]s come out, time is an
//! argument. [`parse_tests`] reads cases that rehearse a flow in virtual time. `docs/flows.md` describes the language to its authors.
//!
//! | part | owns |
//! |---|---|
//! | `model` | the definitions: what a checked file means |
//! | `read` | YAML text → model, every error at its line and column |
//! | `view` | flows for people: picture, graph, difference |
//! | `lint` | warnings about what is probably not meant |
//! | `run` | the interpreter |
//! | `rehearse` | flow tests in virtual time |
//!
//! A part imports only from those above it.

mod lint;
mod model;
mod parse;
mod read;
mod rehearse;
mod run;
#[cfg(test)]
mod tests;
mod view;

pub use self::model::{
    AmdSettings, AnswerId, BargeIn, Confirm, Ears, Expected, ExpectedAnswer, Flow, Greet, Limits, Listening,
    MachineDetection, Method, NOISE_MS, NamedFile, Outcome, RecordingPolicy, TALKS_ON_MS, TimerOverrides,
    Variable, VariableType, Weighed,
};
pub use self::parse::{Parsed, parse, parse_with};
pub use self::read::{
    Diagnostic, JSON_SCHEMA, MAX_BYTES, Severity, TEST_JSON_SCHEMA, duration_ms, schema_with_scenes,
};
pub use self::rehearse::{
    CaseResult, Coverage, Effort, ParsedTests, Place, Recording, Recordings, Rehearsal, Replies, Tests,
    parse_replies, parse_tests, speaking_ms,
};
pub(crate) use self::run::detail_of;
pub use self::run::{
    AmdEvent, Answered, Command, ExternalStepEnd, ExternalStepOrder, Input, Note, NoteKind, Part,
    PlaybackEnd, Request, Run, StartError, Trigger, TurnEnd, Walked, Withdrawal,
};
pub use self::view::{Change, ChangeKind, diff, mermaid, svg};
