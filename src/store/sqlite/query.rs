//! What several statements have in common: a page of a list, whose calls are shown, a part of a text that is looked for.

use sqlx::QueryBuilder;
use sqlx_sqlite::Sqlite;

use crate::store::model::{Cursor, Visibility};

/// Ends a statement: the rows of `table` behind `after`, newest first, one more than `limit`, so that
/// [`crate::store::model::Page::cut`] sees whether there are more.
pub(super) fn newest_first(
    query: &mut QueryBuilder<Sqlite>,
    table: &'static str,
    after: Option<&Cursor>,
    limit: u32,
) {
    if let Some(after) = after {
        query.push(format_args!(" AND ({table}.created_ms, {table}.id) < (")).push_bind(after.created_ms);
        query.push(", ").push_bind(after.id.clone()).push(")");
    }
    query.push(format_args!(" ORDER BY {table}.created_ms DESC, {table}.id DESC LIMIT "));
    query.push_bind(i64::from(limit) + 1);
}

/// A pattern of `LIKE … ESCAPE '\\'` for texts that hold `part`.
pub(super) fn like(part: &str) -> String {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// Adds the conditions to a statement whose table of calls is called `calls`.
pub(super) fn narrow(visibility: &Visibility, query: &mut QueryBuilder<Sqlite>, calls: &'static str) {
    if let Some(bots) = visibility.bots() {
        let bots = serde_json::to_string(bots).unwrap_or_default();
        query.push(format_args!(" AND {calls}.bot_id IN (SELECT value FROM json_each("));
        query.push_bind(bots).push("))");
    }
    if let Some(name) = visibility.asked_by() {
        query.push(format_args!(" AND {calls}.app_id = ")).push_bind(name.to_owned());
    }
}

/// Adds the conditions to a statement about what belongs to calls; `call_id` is the column that names the call.
pub(super) fn narrow_by_call(
    visibility: &Visibility,
    query: &mut QueryBuilder<Sqlite>,
    call_id: &'static str,
) {
    if visibility.is_all() {
        return;
    }
    query.push(format_args!(" AND EXISTS (SELECT 1 FROM calls sc WHERE sc.id = {call_id}"));
    narrow(visibility, query, "sc");
    query.push(")");
}

/// Databases count in signed 64 bits.
pub(super) fn column_ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
