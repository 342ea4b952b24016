//! Calls as they are read: one, a page of them, and what belongs to one.

use callcore::amd::{EventKind, Reason, Subtype};
use callcore::call::{Direction, Disposition, Fact};
use callcore::flow::MachineDetection;
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::Sqlite;
use sqlx::types::Json;
use sqlx::{ColumnIndex, Decode, FromRow, QueryBuilder, Row, Type};
use utoipa::ToSchema;

use super::model::{CallState, Cursor, Page, Speaker, read};
use super::query::newest_first;
use super::{Error, Store, Visibility};

/// A call and how far it got. Fields mean what they mean in [`super::NewCall`] and
/// [`super::CallUpdate`].
#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    pub id: String,
    pub app_id: String,
    pub bot_id: String,
    pub trunk: String,
    pub direction: Direction,
    pub target: String,
    pub caller: String,
    pub flow: String,
    pub flow_digest: String,
    pub metadata: Value,
    pub notify_url: Option<String>,
    pub state: CallState,
    pub created_ms: i64,
    pub session_id: Option<String>,
    pub answered_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub disposition: Option<Disposition>,
    pub cause_code: Option<i64>,
    pub amd_event: Option<EventKind>,
    pub amd_ms: Option<i64>,
    pub amd_reason: Option<Reason>,
    pub amd_subtype: Option<Subtype>,
    pub outcome: Option<String>,
    pub last_checkpoint: Option<String>,
    pub message_left: Option<bool>,
    pub machine_detection: Option<MachineDetection>,
    pub start_ms: Option<i64>,
    pub expires_ms: Option<i64>,
    pub began_ms: Option<i64>,
    /// When everything said in it was deleted.
    pub words_deleted_ms: Option<i64>,
}

impl<'r, R> FromRow<'r, R> for CallRow
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    Json<Value>: Decode<'r, R::Database> + Type<R::Database>,
    CallState: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let text = |column: &'static str| row.try_get::<Option<String>, _>(column);
        let ms = |column: &'static str| row.try_get::<Option<i64>, _>(column);
        Ok(Self {
            id: row.try_get("id")?,
            app_id: row.try_get("app_id")?,
            bot_id: row.try_get("bot_id")?,
            trunk: row.try_get("trunk")?,
            direction: read(&row.try_get::<String, _>("direction")?)?,
            target: row.try_get("target")?,
            caller: row.try_get("caller")?,
            flow: row.try_get("flow")?,
            flow_digest: row.try_get("flow_digest")?,
            metadata: row.try_get::<Json<Value>, _>("metadata")?.0,
            notify_url: text("notify_url")?,
            state: row.try_get("state")?,
            created_ms: row.try_get("created_ms")?,
            session_id: text("session_id")?,
            answered_ms: ms("answered_ms")?,
            ended_ms: ms("ended_ms")?,
            disposition: text("disposition")?.as_deref().map(read).transpose()?,
            cause_code: ms("cause_code")?,
            amd_event: text("amd_event")?.as_deref().map(read).transpose()?,
            amd_ms: ms("amd_ms")?,
            amd_reason: text("amd_reason")?.as_deref().map(read).transpose()?,
            amd_subtype: text("amd_subtype")?.as_deref().map(read).transpose()?,
            outcome: text("outcome")?,
            last_checkpoint: text("last_checkpoint")?,
            message_left: row.try_get("message_left")?,
            machine_detection: text("machine_detection")?.as_deref().map(read).transpose()?,
            start_ms: ms("start_ms")?,
            expires_ms: ms("expires_ms")?,
            began_ms: ms("began_ms")?,
            words_deleted_ms: ms("words_deleted_ms")?,
        })
    }
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
    #[schema(value_type = String)]
    pub speaker: Speaker,
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
    pub disposition: Option<Disposition>,
    pub amd_event: Option<EventKind>,
    pub progress: Progress,
    pub interaction: Option<Interaction>,
    pub visibility: Visibility,
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
        let by_machine = self.machine_detection == Some(MachineDetection::Disconnect)
            && self.outcome.as_deref() == Some("machine_detected");
        match (self.ended_ms, self.answered_ms) {
            (None, _) if self.state == CallState::Scheduled => Interaction::Scheduled,
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
    ) -> Result<Page<CallRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM calls WHERE 1 = 1");
        filter.visibility.narrow(&mut query, "calls");
        let equal = [
            (" AND app_id = ", filter.app_id.as_deref()),
            (" AND bot_id = ", filter.bot_id.as_deref()),
            (" AND disposition = ", filter.disposition.map(Disposition::as_str)),
            (" AND amd_event = ", filter.amd_event.map(EventKind::as_str)),
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
        newest_first(&mut query, "calls", after, limit);
        let calls = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(calls, limit, |call: &CallRow| Cursor::new(call.created_ms, &call.id)))
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
