//! Sums over the calls of a time.

use sqlx::FromRow;

/// What became of the calls that were created in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFigures {
    pub counts: CallCounts,
    /// Half of the verdicts came no later, ms since the answer; `None` without a verdict.
    pub verdict_median_ms: Option<i64>,
    /// Prompts that the other party cut, in calls whenever they were created.
    pub interruptions: i64,
}

/// Calls by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct CallCounts {
    pub calls: i64,
    pub ended: i64,
    pub answered: i64,
    /// Who answered, as far as that was decided.
    pub people: i64,
    pub machines: i64,
    pub nobody: i64,
    pub undecided: i64,
    pub messages_left: i64,
}

/// What a person says who answered a call.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CallLabelRow {
    /// `human`, `nobody`, or a kind of machine as verdicts name it.
    pub truth: String,
    /// What detection had said.
    pub verdict: Option<String>,
    pub author: String,
    pub at_ms: i64,
}
