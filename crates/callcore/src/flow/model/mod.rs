//! What a checked flow file means, as data: every definition of the language, and nothing that reads or runs it.

mod amd;
mod assignment;
mod barge_in;
mod expected;
mod expr;
mod external;
mod fact;
mod filters;
mod flow;
mod function;
mod handler;
mod ids;
mod prompt;
mod question;
mod recording;
mod templates;
mod text;
mod value;
mod variable;

pub use self::amd::{AmdSettings, Greet, MachineDetection, Outcome, TimerOverrides};
pub(crate) use self::amd::{MACHINES, OUTCOME_NAMES, OUTCOMES, SUBTYPE_NAMES, outcome_named};
pub(crate) use self::assignment::{Assignment, Setting};
pub use self::barge_in::{BargeIn, Confirm, NOISE_MS, TALKS_ON_MS};
pub use self::expected::{AnswerId, Expected, ExpectedAnswer, Weighed};
pub(crate) use self::expr::{Expr, Op, Sign};
pub use self::external::Method;
pub(crate) use self::external::{
    ExternalStep, Filler, Http, JsonText, Record, StatusRange, Transfer, is_number,
};
pub(crate) use self::fact::{CONTEXT, EVENTS, Fact, IN_TEMPLATES};
pub(crate) use self::filters::SPOKEN;
pub(crate) use self::flow::{COMPLETED, Called, Case, Scene, SignalWait, Step, SubCall};
pub use self::flow::{Ears, Flow, Limits, NamedFile};
pub(crate) use self::function::Function;
pub(crate) use self::handler::{Act, DO_NOT_CALL, Handler};
pub(crate) use self::ids::SceneId;
pub(crate) use self::prompt::{Prompt, PromptPart};
pub use self::question::Listening;
pub(crate) use self::question::{Ask, Choice, Fallback, KeysSoFar, Slot, is_key};
pub use self::recording::RecordingPolicy;
pub(crate) use self::templates::Templates;
pub(crate) use self::text::{MAX_RENDERED, Text, URL_SUFFIX};
pub(crate) use self::value::{certain_number, number};
pub use self::variable::{Variable, VariableType};
