//! What several statements have in common: a page of a list, a part of a text that is looked for.

use sqlx::QueryBuilder;
use sqlx::sqlite::Sqlite;

use super::model::Cursor;

/// Ends a statement: the rows of `table` behind `after`, newest first, one more than `limit`, so that
/// [`super::model::Page::cut`] sees whether there are more.
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
