//! Handlers that hold for the whole call: phrases and keys that lead elsewhere from any step.

use super::ids::SceneId;
use super::prompt::Prompt;

/// Phrases or a key, and what they do.
#[derive(Debug)]
pub(crate) struct Handler {
    /// Lower-case phrases.
    pub phrases: Vec<String>,
    pub key: Option<char>,
    pub act: Act,
}

#[derive(Debug)]
pub(crate) enum Act {
    Goto(SceneId),
    /// Note that the callee wants no more calls, say so, and hang up.
    DoNotCall(Box<Prompt>),
}

/// The outcome of a call whose callee wants no more of them, and the note that tells it.
pub(crate) const DO_NOT_CALL: &str = "do_not_call";
