//! Call detail records: kept once per carrier session.

use callcore::call::CarrierCdr;
use sqlx::QueryBuilder;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::engine::Engine;
use super::query::{like, narrow_by_call};
use crate::cdr_wire::{CdrField, CdrFilter, CdrMeta, CdrQuery, Comparison};
use crate::store::error::Error;
use crate::store::model::{CdrPage, CdrRow, Visibility, written};

impl Engine {
    pub(in crate::store) async fn cdrs(
        &self,
        query: &CdrQuery,
        visibility: &Visibility,
    ) -> Result<CdrPage, Error> {
        // One transaction, so that the count and the page agree.
        let mut transaction = self.readers.begin().await?;
        let mut count = QueryBuilder::<Sqlite>::new("SELECT count(*) FROM cdrs WHERE 1 = 1");
        push_filters(&mut count, query, visibility);
        let total_items: i64 = count.build_query_scalar().fetch_one(&mut *transaction).await?;

        let mut list = QueryBuilder::<Sqlite>::new("SELECT * FROM cdrs WHERE 1 = 1");
        push_filters(&mut list, query, visibility);
        list.push(" ORDER BY ");
        for (field, descending) in query.order() {
            let direction = if *descending { " DESC" } else { " ASC" };
            list.push(column(*field)).push(direction).push(", ");
        }
        list.push("session_id DESC LIMIT ").push_bind(i64::from(query.limit.max(1)));
        list.push(" OFFSET ").push_bind(i64::try_from(query.offset()).unwrap_or(i64::MAX));
        let data = list.build_query_as().fetch_all(&mut *transaction).await?;

        let meta = CdrMeta::new(query, u64::try_from(total_items).unwrap_or(0));
        Ok(CdrPage { data, meta })
    }

    pub(in crate::store) async fn cdr(&self, session_id: &str) -> Result<Option<CdrRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM cdrs WHERE session_id = $1").bind(session_id);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn cdr_of_call(&self, call_id: &str) -> Result<Option<CdrRow>, Error> {
        let query = sqlx::query_as("SELECT * FROM cdrs WHERE call_id = $1 ORDER BY updated_ms DESC LIMIT 1");
        Ok(query.bind(call_id).fetch_optional(&self.readers).await?)
    }
}

fn push_filters(sql: &mut QueryBuilder<Sqlite>, query: &CdrQuery, visibility: &Visibility) {
    narrow_by_call(visibility, sql, "cdrs.call_id");
    for filter in &query.filters {
        match filter {
            CdrFilter::DestinationIs(number) => {
                sql.push(" AND destination = ").push_bind(number.clone());
            }
            CdrFilter::DestinationContains(part) => {
                sql.push(" AND destination LIKE ").push_bind(like(part)).push(" ESCAPE '\\'");
            }
            CdrFilter::Duration(comparison, seconds) => {
                sql.push(" AND duration").push(operator(*comparison)).push_bind(*seconds);
            }
            CdrFilter::BillableSeconds(comparison, seconds) => {
                sql.push(" AND billable_seconds").push(operator(*comparison)).push_bind(*seconds);
            }
            CdrFilter::DispositionIn(dispositions) => {
                let mut list = sql.push(" AND disposition IN (").separated(", ");
                for disposition in dispositions {
                    list.push_bind(disposition.as_str());
                }
                sql.push(")");
            }
        }
    }
}

const fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => " = ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
    }
}

const fn column(field: CdrField) -> &'static str {
    match field {
        CdrField::Id => "created_ms",
        CdrField::StartTime => "start_time",
        CdrField::EndTime => "end_time",
        CdrField::Duration => "duration",
        CdrField::BillableSeconds => "billable_seconds",
        CdrField::Destination => "destination",
        CdrField::Disposition => "disposition",
    }
}

/// The session under which the call's record is filed: as the carrier names it, unless that is another call's already.
/// Carriers name two calls alike when they begin anew to count. Settled here, where nobody else writes.
async fn session_of(connection: &mut SqliteConnection, call_id: &str, wanted: &str) -> Result<String, Error> {
    let filed: Vec<(String, String)> =
        sqlx::query_as("SELECT session_id, call_id FROM cdrs WHERE call_id = $1 OR session_id = $2")
            .bind(call_id)
            .bind(wanted)
            .fetch_all(&mut *connection)
            .await?;
    let ours = filed.iter().find(|(_, call)| call == call_id);
    let taken = filed.iter().any(|(session, call)| session == wanted && call != call_id);
    Ok(match ours {
        // Filed under our own name for it, while nobody knew the carrier's.
        Some((session, _)) if session == call_id && session != wanted && !taken => {
            let rename = sqlx::query("UPDATE cdrs SET session_id = $1 WHERE call_id = $2");
            rename.bind(wanted).bind(call_id).execute(connection).await?;
            wanted.to_owned()
        }
        Some((session, _)) => session.clone(),
        None if taken => format!("{wanted}~{call_id}"),
        None => wanted.to_owned(),
    })
}

/// Keeps a record, replacing an earlier one of the same call; an estimate never replaces the carrier's own.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    call_id: &str,
    cdr: &CarrierCdr,
    estimated: bool,
    now: i64,
) -> Result<(), Error> {
    let session_id = session_of(connection, call_id, &cdr.session_id).await?;
    sqlx::query(
        "INSERT INTO cdrs (session_id, call_id, destination, start_time, answer_time, end_time, duration, \
         billable_seconds, disposition, hangup_by, hangup_cause_code, hangup_cause_text, source, estimated, \
         created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15) \
         ON CONFLICT (session_id) DO UPDATE SET destination = excluded.destination, \
         start_time = excluded.start_time, answer_time = excluded.answer_time, \
         end_time = excluded.end_time, duration = excluded.duration, \
         billable_seconds = excluded.billable_seconds, disposition = excluded.disposition, \
         hangup_by = excluded.hangup_by, hangup_cause_code = excluded.hangup_cause_code, \
         hangup_cause_text = excluded.hangup_cause_text, source = excluded.source, \
         estimated = excluded.estimated, updated_ms = excluded.updated_ms \
         WHERE excluded.estimated = 0 OR cdrs.estimated = 1",
    )
    .bind(session_id)
    .bind(call_id)
    .bind(&cdr.destination)
    .bind(&cdr.start_time)
    .bind(&cdr.answer_time)
    .bind(&cdr.end_time)
    .bind(i64::try_from(cdr.duration).unwrap_or(i64::MAX))
    .bind(i64::try_from(cdr.billable_seconds).unwrap_or(i64::MAX))
    .bind(cdr.disposition.as_str())
    .bind(cdr.hangup_by.and_then(written))
    .bind(i64::from(cdr.hangup_cause_code))
    .bind(&cdr.hangup_cause_text)
    .bind(&cdr.source)
    .bind(i64::from(estimated))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
