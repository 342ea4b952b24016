//! The flow language: what a call says, asks and does, written in YAML.
//!
//! [`parse`] turns the text of a file into a typed [`Flow`] and a list of [`Diagnostic`]s, all of them at
//! once. A [`Run`] interprets one flow for one call: [`Input`]s go in, [`Command`]s come out, time is an
//! argument. [`parse_tests`] reads cases that rehearse a flow in virtual time. `docs/flows.md` describes the language to its authors.

mod amd;
mod check;
mod circles;
mod diagnostic;
mod diff;
mod duration;
mod errand;
mod expr;
mod graph;
mod handlers;
mod io;
mod keeping;
mod lint;
mod model;
mod note;
mod parse;
mod pattern;
mod picture;
mod place;
mod question;
mod reader;
mod rehearse;
mod run;
mod schema;
mod session;
mod shelf;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod words;
mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Change, ChangeKind, diff};
pub use duration::parse as duration_ms;
pub use errand::{ErrandEnd, ErrandOrder, Method, Request};
pub use graph::mermaid;
pub use io::{BargeIn, Command, Confirm, Input, NOISE_MS, Outcome, Part, PlaybackEnd, TALKS_ON_MS, Turn};
pub use keeping::Keeping;
pub use model::{
    AmdSettings, AudioFile, Flow, Limits, MachineDetection, TimerOverrides, Variable, VariableType,
};
pub(crate) use note::detail_of;
pub use note::{Answered, Note, Trigger, Withdrawal};
pub use parse::{Parsed, parse, parse_with};
pub use picture::svg;
pub use question::Listening;
pub use rehearse::{
    CaseResult, Coverage, Effort, ParsedTests, Place, Recording, Recordings, Rehearsal, Replies, Tests,
    parse_replies, parse_tests, speaking_ms,
};
pub use run::{Run, StartError, Walked};
pub use schema::{JSON_SCHEMA, TEST_JSON_SCHEMA, schema_with_scenes};
pub use session::AmdEvent;
pub(crate) use steps::count_words;
pub use words::{Date, LocalTime, Sentence, TimeOfDay, masked, sentences, speakable};
pub use yaml::MAX_BYTES;
