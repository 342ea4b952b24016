//! Calls: one, a page of them, and what belongs to one.

use callcore::amd::{EventKind, Subtype};
use callcore::call::{Direction, Disposition, FactKind};
use callcore::flow::NoteKind;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::Sqlite;

use super::engine::Engine;
use super::query::{like, narrow, newest_first};
use crate::store::error::Error;
use crate::store::model::{
    CallFilter, CallRow, CallStatus, Cursor, EventRow, LastSigns, Page, Progress, RecordingRow,
    SERVER_STOPPED, TranscriptRow,
};

/// So many digits are a whole number; with a plus before them so many, since fewer may be its beginning.
const WHOLE_NUMBER: usize = 8;
const WHOLE_WITH_PLUS: usize = 10;
/// A part of a number that nobody has must not cost a look at every call: so many are looked at for a page.
const LOOKED_AT: u32 = 30_000;
/// Calls whose numbers begin alike are sorted, while there are no more than this.
const FEW: i64 = 500;

/// How the calls of a number are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByNumber<'f> {
    /// By an index.
    Whole(&'f str),
    /// By an index too, since few begin with it.
    Beginning(&'f str),
    /// Call by call.
    Part { digits: &'f str, begins: bool },
}

impl Engine {
    pub(in crate::store) async fn call(&self, id: &str) -> Result<Option<CallRow>, Error> {
        Ok(sqlx::query_as("SELECT * FROM calls WHERE id = $1").bind(id).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn call_of_session(&self, session_id: &str) -> Result<Option<CallRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM calls WHERE session_id = $1 ORDER BY created_ms DESC");
        Ok(query.bind(session_id).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn calls(
        &self,
        filter: &CallFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<CallRow>, Error> {
        let number = self.by_number(filter).await?;
        let to = self.looked_to(filter, number, after).await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM calls WHERE 1 = 1");
        filtered(filter, number, to.as_ref(), &mut query);
        newest_first(&mut query, "calls", after, limit);
        let calls = query.build_query_as().fetch_all(&self.readers).await?;
        let page = Page::cut(calls, limit, |call: &CallRow| Cursor::new(call.created_ms, &call.id));
        // What is older was not looked at.
        Ok(Page { next: page.next.or(to), ..page })
    }

    async fn by_number<'f>(&self, filter: &'f CallFilter) -> Result<Option<ByNumber<'f>>, Error> {
        let Some(digits) = filter.digits.as_deref() else { return Ok(None) };
        let whole = if filter.begins { WHOLE_WITH_PLUS } else { WHOLE_NUMBER };
        if digits.len() >= whole {
            return Ok(Some(ByNumber::Whole(digits)));
        }
        if filter.begins {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT count(*) FROM (SELECT 1 FROM calls WHERE 1 = 1");
            beginning(digits, "", &mut query);
            query.push(" LIMIT ").push_bind(FEW + 1).push(")");
            let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
            if count <= FEW {
                return Ok(Some(ByNumber::Beginning(digits)));
            }
        }
        Ok(Some(ByNumber::Part { digits, begins: filter.begins }))
    }

    /// The oldest call that a page looks at, when it looks call by call and there are more behind it.
    async fn looked_to(
        &self,
        filter: &CallFilter,
        number: Option<ByNumber<'_>>,
        after: Option<&Cursor>,
    ) -> Result<Option<Cursor>, Error> {
        if !matches!(number, Some(ByNumber::Part { .. })) {
            return Ok(None);
        }
        let mut query = QueryBuilder::<Sqlite>::new("SELECT created_ms, id FROM calls WHERE 1 = 1");
        within(filter, &mut query);
        newest_first(&mut query, "calls", after, 0);
        query.push(" OFFSET ").push_bind(i64::from(LOOKED_AT));
        let oldest: Option<(i64, String)> = query.build_query_as().fetch_optional(&self.readers).await?;
        Ok(oldest.map(|(created_ms, id)| Cursor { created_ms, id }))
    }

    pub(in crate::store) async fn count_calls(&self, filter: &CallFilter, most: u32) -> Result<u64, Error> {
        let number = self.by_number(filter).await?;
        let to = self.looked_to(filter, number, None).await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT count(*) FROM (SELECT 1 FROM calls WHERE 1 = 1");
        filtered(filter, number, to.as_ref(), &mut query);
        query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) async fn cut_off_calls(&self, since_ms: i64) -> Result<Vec<CallRow>, Error> {
        let query = sqlx::query_as(
            "SELECT c.* FROM cdrs r JOIN calls c ON c.id = r.call_id WHERE r.created_ms >= $1 AND r.estimated = 1 \
             AND c.outcome = $2 AND (c.session_id IS NOT NULL OR EXISTS ( \
             SELECT 1 FROM call_events e WHERE e.call_id = c.id AND e.kind = $3)) ORDER BY c.id",
        );
        let query = query.bind(since_ms).bind(SERVER_STOPPED).bind(FactKind::MayBeRinging.as_str());
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn knows_session(&self, session_id: &str) -> Result<bool, Error> {
        let query = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM calls WHERE session_id = $1) \
             OR EXISTS (SELECT 1 FROM cdrs WHERE session_id = $1)",
        );
        Ok(query.bind(session_id).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) async fn last_signs(&self, call_id: &str) -> Result<LastSigns, Error> {
        let query = sqlx::query_as(
            "SELECT max(at_ms) AS last_ms, max(CASE WHEN kind = $2 THEN at_ms END) AS asked_ms, \
             min(CASE WHEN kind = $3 AND detail ->> '$.status' = 'Ringing' THEN at_ms END) AS ringing_ms, \
             coalesce(max(kind = $4), 0) AS do_not_call FROM call_events WHERE call_id = $1",
        );
        let query = query.bind(call_id).bind(FactKind::Dialling.as_str()).bind(FactKind::DialStatus.as_str());
        Ok(query.bind(NoteKind::DoNotCall.as_str()).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) async fn events(
        &self,
        call_id: &str,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, Error> {
        let query = sqlx::query_as(
            "SELECT seq, at_ms, t_ms, kind, detail FROM call_events \
             WHERE call_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        );
        Ok(query.bind(call_id).bind(after_seq).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn evidence(&self, call_id: &str) -> Result<Option<Value>, Error> {
        let query = sqlx::query_scalar("SELECT detail FROM amd_evidence WHERE call_id = $1").bind(call_id);
        let found: Option<Json<Value>> = query.fetch_optional(&self.readers).await?;
        Ok(found.map(|evidence| evidence.0))
    }

    pub(in crate::store) async fn transcripts(&self, call_id: &str) -> Result<Vec<TranscriptRow>, Error> {
        let query = sqlx::query_as(
            "SELECT seq, t_ms, end_t_ms, speaker, source, text, confidence FROM transcripts \
             WHERE call_id = $1 ORDER BY seq",
        );
        Ok(query.bind(call_id).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn recording(&self, call_id: &str) -> Result<Option<RecordingRow>, Error> {
        let query = sqlx::query_as(
            "SELECT path, channels, sample_rate_hz, duration_ms, started_ms, keep_days, deleted_ms FROM recordings \
             WHERE call_id = $1",
        );
        Ok(query.bind(call_id).fetch_optional(&self.readers).await?)
    }
}

/// Narrows a statement to the calls that are asked for, from `to` on.
fn filtered(
    filter: &CallFilter,
    number: Option<ByNumber<'_>>,
    to: Option<&Cursor>,
    query: &mut QueryBuilder<Sqlite>,
) {
    narrow(&filter.visibility, query, "calls");
    let whole_number = matches!(number, Some(ByNumber::Whole(_) | ByNumber::Beginning(_)));
    // What is rarer leads; a plus keeps an index from being used.
    let led = whole_number || filter.flow.is_some() || filter.outcome.is_some();
    let equal = [
        ("app_id", filter.app_id.as_deref(), false),
        ("bot_id", filter.bot_id.as_deref(), false),
        ("disposition", filter.disposition.map(Disposition::as_str), led),
        ("amd_event", filter.amd_event.map(EventKind::as_str), led),
        ("amd_subtype", filter.amd_subtype.map(Subtype::as_str), false),
        ("direction", filter.direction.map(Direction::as_str), false),
        ("flow", filter.flow.as_deref(), whole_number),
        ("trunk", filter.trunk.as_deref(), led),
        ("outcome", filter.outcome.as_deref(), whole_number),
    ];
    for (column, value, follows) in equal {
        if let Some(value) = value {
            query.push(if follows { " AND +" } else { " AND " }).push(column).push(" = ");
            query.push_bind(value.to_owned());
        }
    }
    if let Some(campaign) = &filter.campaign_id {
        query
            .push(" AND EXISTS (SELECT 1 FROM attempts ca WHERE ca.call_id = calls.id AND ca.campaign_id = ");
        query.push_bind(campaign.clone()).push(")");
    }
    if let Some(digest) = &filter.flow_digest {
        query.push(" AND substr(flow_digest, 1, length(").push_bind(digest.clone());
        query.push(")) = ").push_bind(digest.clone());
    }
    if let Some(number) = number {
        of_number(number, query);
    }
    match filter.progress {
        Progress::Any => {}
        Progress::Scheduled => drop(query.push(" AND ended_ms IS NULL AND state = 'scheduled'")),
        Progress::Live => drop(query.push(" AND ended_ms IS NULL AND state <> 'scheduled'")),
        Progress::Ended => drop(query.push(" AND ended_ms IS NOT NULL")),
    }
    if let Some(status) = filter.status {
        query.push(condition(status));
    }
    if let Some(to) = to {
        query.push(" AND (created_ms, id) >= (").push_bind(to.created_ms);
        query.push(", ").push_bind(to.id.clone()).push(")");
    }
    within(filter, query);
}

/// Narrows a statement to the time that is asked for.
fn within(filter: &CallFilter, query: &mut QueryBuilder<Sqlite>) {
    if let Some(since) = filter.since_ms {
        query.push(" AND created_ms >= ").push_bind(since);
    }
    if let Some(until) = filter.until_ms {
        query.push(" AND created_ms < ").push_bind(until);
    }
}

fn of_number(number: ByNumber<'_>, query: &mut QueryBuilder<Sqlite>) {
    match number {
        ByNumber::Whole(digits) => {
            let forms = [format!("+{digits}"), digits.to_owned()];
            for (before, column) in [(" AND (", "target"), (" OR ", "caller")] {
                query.push(before).push(column).push(" IN (").push_bind(forms[0].clone());
                query.push(", ").push_bind(forms[1].clone()).push(")");
            }
            query.push(")");
        }
        ByNumber::Beginning(digits) => beginning(digits, "", query),
        // The plus keeps an index of many from being used and sorted.
        ByNumber::Part { digits, begins: true } => beginning(digits, "+", query),
        ByNumber::Part { digits, begins: false } => {
            let part = like(digits);
            query.push(" AND (target LIKE ").push_bind(part.clone()).push(" ESCAPE '\\'");
            query.push(" OR caller LIKE ").push_bind(part).push(" ESCAPE '\\')");
        }
    }
}

/// Numbers that begin with `digits`: those between them and the sign after the last digit.
fn beginning(digits: &str, before: &'static str, query: &mut QueryBuilder<Sqlite>) {
    let mut joined = " AND (";
    for column in ["target", "caller"] {
        for from in [format!("+{digits}"), digits.to_owned()] {
            query.push(joined).push("(").push(before).push(column).push(" >= ").push_bind(from.clone());
            query.push(" AND ").push(before).push(column).push(" < ").push_bind(format!("{from}:")).push(")");
            joined = " OR ";
        }
    }
    query.push(")");
}

/// The rows of `calls` that have this status.
const fn condition(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Scheduled => " AND ended_ms IS NULL AND state = 'scheduled'",
        CallStatus::InProgress => " AND ended_ms IS NULL AND state <> 'scheduled'",
        CallStatus::EndedAtMachine => {
            " AND ended_ms IS NOT NULL AND machine_detection = 'disconnect' \
             AND outcome = 'machine_detected'"
        }
        CallStatus::Completed => {
            " AND ended_ms IS NOT NULL AND answered_ms IS NOT NULL \
             AND NOT (coalesce(machine_detection, '') = 'disconnect' \
             AND coalesce(outcome, '') = 'machine_detected')"
        }
        CallStatus::Failed => " AND ended_ms IS NOT NULL AND answered_ms IS NULL",
    }
}
