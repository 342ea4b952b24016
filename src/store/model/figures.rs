//! Sums over calls, and what people say who answered them.

use callcore::amd::EventKind;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::text::read;

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
    /// Of which it is known whether they were answered.
    pub settled: i64,
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

/// How somebody came to say who answered a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelOrigin {
    /// They came across the call, for whatever reason.
    Noticed,
    /// It was drawn among all calls, without regard to what had been said of it.
    Drawn,
}

/// A labelled call, and where it can be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledCall {
    pub call_id: String,
    /// As in [`CallLabelRow`]; of a drawn call what was said when it was drawn.
    pub truth: String,
    /// What detection said.
    pub verdict: Option<EventKind>,
    pub amd_subtype: Option<String>,
    /// Of the other party.
    pub number: String,
    /// The recording, unless there is none or it was deleted.
    pub path: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for LabelledCall
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            call_id: row.try_get("call_id")?,
            truth: row.try_get("truth")?,
            verdict: event(row, "amd_event")?,
            amd_subtype: row.try_get("amd_subtype")?,
            number: row.try_get("number")?,
            path: row.try_get("path")?,
        })
    }
}

/// What detection said, as a column has it.
fn event<'r, R: Row>(row: &'r R, column: &'static str) -> Result<Option<EventKind>, sqlx::Error>
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get::<Option<String>, _>(column)?.as_deref().map(read).transpose()
}

/// So many labelled calls that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTally {
    pub flow: String,
    pub trunk: String,
    pub drawn: bool,
    /// As in [`CallLabelRow`].
    pub truth: String,
    /// What detection said.
    pub verdict: Option<EventKind>,
    pub calls: i64,
}

impl<'r, R: Row> FromRow<'r, R> for LabelTally
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            flow: row.try_get("flow")?,
            trunk: row.try_get("trunk")?,
            drawn: row.try_get("drawn")?,
            truth: row.try_get("truth")?,
            verdict: event(row, "amd_event")?,
            calls: row.try_get("calls")?,
        })
    }
}

/// So many calls that are alike, beside which a set of parameters ran in shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowTally {
    /// What detection said.
    pub verdict: Option<EventKind>,
    /// What the set would have said.
    pub shadow: Option<EventKind>,
    /// As in [`CallLabelRow`], where somebody said who answered.
    pub truth: Option<String>,
    pub drawn: bool,
    pub calls: i64,
}

impl<'r, R: Row> FromRow<'r, R> for ShadowTally
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            verdict: event(row, "amd_event")?,
            shadow: event(row, "event")?,
            truth: row.try_get("truth")?,
            drawn: row.try_get("drawn")?,
            calls: row.try_get("calls")?,
        })
    }
}

/// A call of which a set in shadow would have said something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowDifference {
    pub call_id: String,
    /// What detection said, and when, ms after the answer.
    pub verdict: Option<EventKind>,
    pub verdict_ms: Option<i64>,
    /// What the set would have said, and when.
    pub shadow: Option<EventKind>,
    pub shadow_ms: Option<i64>,
    /// Who answered, where somebody said so.
    pub truth: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for ShadowDifference
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            call_id: row.try_get("call_id")?,
            verdict: event(row, "amd_event")?,
            verdict_ms: row.try_get("amd_ms")?,
            shadow: event(row, "event")?,
            shadow_ms: row.try_get("at_ms")?,
            truth: row.try_get("truth")?,
        })
    }
}
