//! What an expression or a text can ask of the call it runs in.
//!
//! The long names below `context.session.UserSession` are there for flows that were written for another platform;
//! `docs/from-kore.md` has them.

use super::variable::VariableType;

/// Under this name templates find it.
pub(crate) const CONTEXT: &str = "context";

/// Every event of the detector, by its name in notifications.
pub(crate) const EVENTS: [&str; 8] = [
    "amd_human_detected",
    "amd_machine_detected",
    "amd_no_speech_detected",
    "amd_decision_timeout",
    "amd_machine_stopped_speaking",
    "amd_tone_detected",
    "amd_error",
    "amd_stopped",
];

/// What a template may name.
pub(crate) const IN_TEMPLATES: [&str; 6] = [
    "context.session.UserSession.amd",
    "context.session.UserSession.amdInfo.amdEvents",
    "context.session.UserSession.amdInfo.amdGreeting",
    "context.session.UserSession.amdInfo.amdReason",
    "context.session.UserSession.amdInfo.amdRingDurationInMs",
    "context.session.UserSession.amdInfo.amdConnectDurationInMs",
];

/// What the call itself knows, by the name an expression uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The verdict, `""` before there is one.
    AmdOutcome,
    /// What kind of person or machine it is, in a webhook's word; `""` before the verdict.
    AmdSubtype,
    /// The last check point the callee heard, `""` before the first.
    LastCheckpoint,
    /// Milliseconds heard of the last prompt.
    HeardMs,
    /// What of the last prompt's words was heard, and how many that are.
    HeardText,
    HeardWords,
    /// The last prompt was heard to its end.
    HeardAll,
    /// The last prompt was cut short by the callee.
    Interrupted,
    /// What cut it short: `speech`, `dtmf` or `""`.
    InterruptedBy,
    /// The keys last taken as an answer.
    Pressed,
    /// The words last taken as an answer.
    Said,
    /// The choice last taken, by its name.
    Picked,
    /// The word a called scene or flow last returned with.
    Returned,
    /// The date where the callee is, when the call began.
    Today,
    /// The time of day where the callee is, when the call began.
    Now,
    /// `context.session.UserSession.amd`.
    SessionAmd,
    /// Whether the detector told this event, by its name in notifications.
    SessionSaw(&'static str),
    SessionEvents,
    SessionGreeting,
    SessionReason,
    SessionRingMs,
    SessionConnectMs,
}

impl Fact {
    pub(crate) const ALL: [(&'static str, Self); 29] = [
        ("amd.outcome", Self::AmdOutcome),
        ("amd.subtype", Self::AmdSubtype),
        ("last_checkpoint", Self::LastCheckpoint),
        ("heard_ms", Self::HeardMs),
        ("heard_text", Self::HeardText),
        ("heard_words", Self::HeardWords),
        ("heard_all", Self::HeardAll),
        ("interrupted", Self::Interrupted),
        ("interrupted_by", Self::InterruptedBy),
        ("pressed", Self::Pressed),
        ("said", Self::Said),
        ("picked", Self::Picked),
        ("returned", Self::Returned),
        ("today", Self::Today),
        ("now", Self::Now),
        ("context.session.UserSession.amd", Self::SessionAmd),
        ("context.session.UserSession.amdInfo.amdEvents", Self::SessionEvents),
        ("context.session.UserSession.amdInfo.amdGreeting", Self::SessionGreeting),
        ("context.session.UserSession.amdInfo.amdReason", Self::SessionReason),
        ("context.session.UserSession.amdInfo.amdRingDurationInMs", Self::SessionRingMs),
        ("context.session.UserSession.amdInfo.amdConnectDurationInMs", Self::SessionConnectMs),
        ("context.session.UserSession.amd.amd_human_detected", Self::SessionSaw("amd_human_detected")),
        ("context.session.UserSession.amd.amd_machine_detected", Self::SessionSaw("amd_machine_detected")),
        (
            "context.session.UserSession.amd.amd_no_speech_detected",
            Self::SessionSaw("amd_no_speech_detected"),
        ),
        ("context.session.UserSession.amd.amd_decision_timeout", Self::SessionSaw("amd_decision_timeout")),
        (
            "context.session.UserSession.amd.amd_machine_stopped_speaking",
            Self::SessionSaw("amd_machine_stopped_speaking"),
        ),
        ("context.session.UserSession.amd.amd_tone_detected", Self::SessionSaw("amd_tone_detected")),
        ("context.session.UserSession.amd.amd_error", Self::SessionSaw("amd_error")),
        ("context.session.UserSession.amd.amd_stopped", Self::SessionSaw("amd_stopped")),
    ];

    /// The names a variable cannot have, because an expression could not tell them apart.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(name, _)| *name)
    }

    /// Those that a text may name: what has a plain name. (The detector's findings have theirs in
    /// `session::IN_TEMPLATES`.)
    pub(crate) fn names_in_texts() -> impl Iterator<Item = &'static str> {
        Self::names().filter(|name| !name.contains('.'))
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    pub(crate) const fn kind(self) -> VariableType {
        match self {
            Self::AmdOutcome
            | Self::AmdSubtype
            | Self::LastCheckpoint
            | Self::HeardText
            | Self::InterruptedBy
            | Self::Pressed
            | Self::Said
            | Self::Picked
            | Self::Returned
            | Self::SessionAmd
            | Self::SessionEvents
            | Self::SessionGreeting
            | Self::SessionReason => VariableType::Text,
            Self::HeardMs | Self::HeardWords | Self::SessionRingMs | Self::SessionConnectMs => {
                VariableType::Number
            }
            Self::HeardAll | Self::Interrupted | Self::SessionSaw(_) => VariableType::Boolean,
            Self::Today => VariableType::Date,
            Self::Now => VariableType::Time,
        }
    }
}
