//! Calls as they are read: one, a page of them, and what belongs to one.

use std::fmt;
use std::str::FromStr;

use callcore::call::Fact;
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::Sqlite;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use utoipa::ToSchema;

use super::{Error, Sight, Store};

/// A call and how far it got. Fields mean what they mean in [`super::NewCall`] and
/// [`super::CallUpdate`].
#[derive(Clone, Debug, PartialEq, Serialize, FromRow)]
pub struct CallRow {
    pub id: String,
    pub app_id: String,
    pub bot_id: String,
    pub trunk: String,
    pub direction: String,
    pub target: String,
    pub caller: String,
    pub flow: String,
    pub flow_digest: String,
    #[sqlx(json)]
    pub metadata: Value,
    pub notify_url: Option<String>,
    pub state: String,
    pub created_ms: i64,
    pub session_id: Option<String>,
    pub answered_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    /// As the carrier spells it, `NO ANSWER` for example.
    pub disposition: Option<String>,
    pub cause_code: Option<i64>,
    pub amd_event: Option<String>,
    pub amd_ms: Option<i64>,
    pub amd_reason: Option<String>,
    pub amd_subtype: Option<String>,
    pub outcome: Option<String>,
    pub last_checkpoint: Option<String>,
    pub message_left: Option<bool>,
    pub machine_detection: Option<String>,
    pub start_ms: Option<i64>,
    pub expires_ms: Option<i64>,
    pub began_ms: Option<i64>,
    /// When everything said in it was deleted.
    pub words_deleted_ms: Option<i64>,
}

/// One entry of a call's timeline; `seq` counts from 1 without gaps.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow, ToSchema)]
#[schema(as = TimelineEvent)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    pub seq: i64,
    /// Since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Since the call began.
    pub t_ms: i64,
    pub kind: String,
    #[sqlx(json)]
    pub detail: Value,
}

impl EventRow {
    /// What happened, by type.
    ///
    /// # Errors
    /// When another version wrote this, and its kind or its fields are unknown here. The row itself holds it all.
    pub fn fact(&self) -> Result<Fact, serde_json::Error> {
        Fact::read(&self.kind, &self.detail)
    }
}

/// One utterance of a call, in the order recorded.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow, ToSchema)]
#[schema(as = Utterance)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptRow {
    pub seq: i64,
    pub t_ms: i64,
    pub end_t_ms: Option<i64>,
    pub speaker: String,
    pub source: String,
    pub text: String,
    pub confidence: Option<f64>,
}

/// Where the audio of a call is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct RecordingRow {
    pub path: String,
    pub channels: i64,
    pub sample_rate_hz: i64,
    pub duration_ms: i64,
    pub started_ms: i64,
    /// Days until it is deleted, when its flow says so.
    pub keep_days: Option<i64>,
    /// When its file was deleted.
    pub deleted_ms: Option<i64>,
}

/// Which calls to list; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    pub app_id: Option<String>,
    pub bot_id: Option<String>,
    pub disposition: Option<String>,
    pub amd_event: Option<String>,
    pub progress: Progress,
    pub interaction: Option<Interaction>,
    pub sight: Sight,
    /// Created at or after.
    pub since_ms: Option<i64>,
    /// Created before.
    pub until_ms: Option<i64>,
}

/// What Kore's interactions page calls a call's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Interaction {
    Scheduled,
    InProgress,
    /// Hung up because a machine answered and `machineDetection` was `disconnect`.
    MachineDetected,
    Completed,
    Failed,
}

impl Interaction {
    pub const ALL: [Self; 5] =
        [Self::Scheduled, Self::InProgress, Self::MachineDetected, Self::Completed, Self::Failed];

    /// As it is written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "inProgress",
            Self::MachineDetected => "machineDetected",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The rows of `calls` it stands for.
    const fn condition(self) -> &'static str {
        match self {
            Self::Scheduled => " AND ended_ms IS NULL AND state = 'scheduled'",
            Self::InProgress => " AND ended_ms IS NULL AND state <> 'scheduled'",
            Self::MachineDetected => {
                " AND ended_ms IS NOT NULL AND machine_detection = 'disconnect' \
                 AND outcome = 'machine_detected'"
            }
            Self::Completed => {
                " AND ended_ms IS NOT NULL AND answered_ms IS NOT NULL \
                 AND NOT (coalesce(machine_detection, '') = 'disconnect' \
                 AND coalesce(outcome, '') = 'machine_detected')"
            }
            Self::Failed => " AND ended_ms IS NOT NULL AND answered_ms IS NULL",
        }
    }
}

impl CallRow {
    /// How the interactions page would show it.
    #[must_use]
    pub fn interaction(&self) -> Interaction {
        let by_machine = self.machine_detection.as_deref() == Some("disconnect")
            && self.outcome.as_deref() == Some("machine_detected");
        match (self.ended_ms, self.answered_ms) {
            (None, _) if self.state == "scheduled" => Interaction::Scheduled,
            (None, _) => Interaction::InProgress,
            (Some(_), _) if by_machine => Interaction::MachineDetected,
            (Some(_), Some(_)) => Interaction::Completed,
            (Some(_), None) => Interaction::Failed,
        }
    }
}

/// Whether a call has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    #[default]
    Any,
    /// Planned, and neither begun nor ended.
    Scheduled,
    Live,
    Ended,
}

/// The place in a list behind which the next page begins. Opaque to clients; travels as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) created_ms: i64,
    pub(super) id: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('.').and_then(|(ms, id)| Some((ms.parse().ok()?, id)));
        let (created_ms, id) = parts.ok_or_else(|| format!("{text:?} is not a cursor of an earlier page"))?;
        Ok(Self { created_ms, id: id.to_owned() })
    }
}

/// Calls, newest first.
#[derive(Clone, Debug)]
pub struct CallPage {
    pub calls: Vec<CallRow>,
    /// `None` on the last page.
    pub next: Option<Cursor>,
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn call(&self, id: &str) -> Result<Option<CallRow>, Error> {
        Ok(sqlx::query_as("SELECT * FROM calls WHERE id = $1").bind(id).fetch_optional(&self.readers).await?)
    }

    /// The call that the carrier knows as `session_id`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn call_of_session(&self, session_id: &str) -> Result<Option<CallRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM calls WHERE session_id = $1 ORDER BY created_ms DESC");
        Ok(query.bind(session_id).fetch_optional(&self.readers).await?)
    }

    /// At most `limit` calls that match, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls(
        &self,
        filter: &CallFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<CallPage, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM calls WHERE 1 = 1");
        filter.sight.narrow(&mut query, "calls");
        let equal = [
            (" AND app_id = ", &filter.app_id),
            (" AND bot_id = ", &filter.bot_id),
            (" AND disposition = ", &filter.disposition),
            (" AND amd_event = ", &filter.amd_event),
        ];
        for (clause, value) in equal {
            if let Some(value) = value {
                query.push(clause).push_bind(value);
            }
        }
        match filter.progress {
            Progress::Any => {}
            Progress::Scheduled => drop(query.push(" AND ended_ms IS NULL AND state = 'scheduled'")),
            Progress::Live => drop(query.push(" AND ended_ms IS NULL AND state <> 'scheduled'")),
            Progress::Ended => drop(query.push(" AND ended_ms IS NOT NULL")),
        }
        if let Some(interaction) = filter.interaction {
            query.push(interaction.condition());
        }
        if let Some(since) = filter.since_ms {
            query.push(" AND created_ms >= ").push_bind(since);
        }
        if let Some(until) = filter.until_ms {
            query.push(" AND created_ms < ").push_bind(until);
        }
        if let Some(after) = after {
            query.push(" AND (created_ms, id) < (").push_bind(after.created_ms);
            query.push(", ").push_bind(&after.id).push(")");
        }
        query.push(" ORDER BY created_ms DESC, id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let mut calls: Vec<CallRow> = query.build_query_as().fetch_all(&self.readers).await?;
        let more = calls.len() > limit as usize;
        calls.truncate(limit as usize);
        let next = calls.last().filter(|_| more);
        let next = next.map(|last| Cursor { created_ms: last.created_ms, id: last.id.clone() });
        Ok(CallPage { calls, next })
    }

    /// Calls that began and have no end, oldest first: what a crash left behind. Planned calls are not among
    /// them; their time is still to come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unfinished_calls(&self) -> Result<Vec<CallRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM calls WHERE ended_ms IS NULL AND id NOT IN (SELECT call_id FROM planned_calls) \
             ORDER BY created_ms, id",
        );
        Ok(query.fetch_all(&self.readers).await?)
    }

    /// Calls that the server's end cut off at or after `since_ms`, and of which there is no record but our own. Without
    /// a session are those that the carrier may have taken without anybody hearing its answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cut_off_calls(&self, since_ms: i64) -> Result<Vec<CallRow>, Error> {
        let query = sqlx::query_as(
            "SELECT c.* FROM cdrs r JOIN calls c ON c.id = r.call_id WHERE r.created_ms >= $1 AND r.estimated = 1 \
             AND c.outcome = 'server_stopped' AND (c.session_id IS NOT NULL OR EXISTS ( \
             SELECT 1 FROM call_events e WHERE e.call_id = c.id AND e.kind = 'may_be_ringing')) ORDER BY c.id",
        );
        Ok(query.bind(since_ms).fetch_all(&self.readers).await?)
    }

    /// Whether a call or a record of this name of the carrier's is in the books.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn knows_session(&self, session_id: &str) -> Result<bool, Error> {
        let query = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM calls WHERE session_id = $1) \
             OR EXISTS (SELECT 1 FROM cdrs WHERE session_id = $1)",
        );
        Ok(query.bind(session_id).fetch_one(&self.readers).await?)
    }

    /// When something was last written into a call's timeline, and when the carrier was asked to place it, if it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_signs(&self, call_id: &str) -> Result<(Option<i64>, Option<i64>), Error> {
        let query = sqlx::query_as(
            "SELECT max(at_ms), max(CASE WHEN kind = 'dialling' THEN at_ms END) FROM call_events WHERE call_id = $1",
        );
        Ok(query.bind(call_id).fetch_one(&self.readers).await?)
    }

    /// At most `limit` entries of a call's timeline behind `after_seq` (0 for the start).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events(&self, call_id: &str, after_seq: i64, limit: u32) -> Result<Vec<EventRow>, Error> {
        let query = sqlx::query_as(
            "SELECT seq, at_ms, t_ms, kind, detail FROM call_events \
             WHERE call_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        );
        Ok(query.bind(call_id).bind(after_seq).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// What the answering-machine verdict rests on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence(&self, call_id: &str) -> Result<Option<Value>, Error> {
        let query = sqlx::query_scalar("SELECT detail FROM amd_evidence WHERE call_id = $1").bind(call_id);
        let found: Option<Json<Value>> = query.fetch_optional(&self.readers).await?;
        Ok(found.map(|evidence| evidence.0))
    }

    /// # Errors
    /// When the database fails.
    pub async fn transcripts(&self, call_id: &str) -> Result<Vec<TranscriptRow>, Error> {
        let query = sqlx::query_as(
            "SELECT seq, t_ms, end_t_ms, speaker, source, text, confidence FROM transcripts \
             WHERE call_id = $1 ORDER BY seq",
        );
        Ok(query.bind(call_id).fetch_all(&self.readers).await?)
    }

    /// # Errors
    /// When the database fails.
    pub async fn recording(&self, call_id: &str) -> Result<Option<RecordingRow>, Error> {
        let query = sqlx::query_as(
            "SELECT path, channels, sample_rate_hz, duration_ms, started_ms, keep_days, deleted_ms FROM recordings \
             WHERE call_id = $1",
        );
        Ok(query.bind(call_id).fetch_optional(&self.readers).await?)
    }
}
