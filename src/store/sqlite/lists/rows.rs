//! Rows of a file, written down some thousand at a time: what becomes of each, and from where the import goes on, in one
//! transaction.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt;
use serde_json::json;
use sqlx::QueryBuilder;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::imports::import_by_id;
use crate::store::error::Error;
use crate::store::model::{
    ImportRow, ImportState, KEPT_ERRORS, NewListContact, RefusedRow, RowChunk, RowErrorKind, RowProblem,
    ZoneFrom,
};
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::query::column_ms;

/// Rows of one statement; SQLite takes 32,766 values in one.
const AT_ONCE: usize = 250;

impl Engine {
    pub(in crate::store) async fn take_rows(
        &self,
        import_id: &str,
        rows: RowChunk,
    ) -> Result<Option<ImportRow>, Error> {
        let import_id = import_id.to_owned();
        self.write(move |connection| async move { take(connection, &import_id, rows).await }.boxed()).await
    }
}

async fn take(
    connection: &mut SqliteConnection,
    import_id: &str,
    rows: RowChunk,
) -> Result<Option<ImportRow>, Error> {
    let running = |import: &ImportRow| import.state == ImportState::Running;
    let Some(import) = import_by_id(&mut *connection, import_id).await?.filter(running) else {
        return Ok(None);
    };
    if column_ms(rows.first_row) != import.next_row {
        return Err(Error::Conflict(format!(
            "the import {import_id} goes on at row {} and not at {}; somebody else reads the same file",
            import.next_row, rows.first_row
        )));
    }
    let RowChunk { taken, refused, position, .. } = rows;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (all, wrong) = (taken.len() + refused.len(), refused.len());
    let (new, duplicates) = told_apart(connection, &import, taken).await?;
    let elsewhere = in_other_lists(connection, &import.list_id, &new).await?;
    insert(connection, &import, &new).await?;
    let room = |kept: i64| usize::try_from((KEPT_ERRORS - kept).max(0)).unwrap_or_default();
    let told_refused = refused.into_iter().take(room(import.refused)).map(|row| (RowErrorKind::Refused, row));
    let told_twice = duplicates.iter().take(room(import.duplicates));
    let told_twice = told_twice.map(|row| (RowErrorKind::Duplicate, row.clone()));
    tell(connection, import_id, told_refused.chain(told_twice).collect()).await?;
    let zones = |from: ZoneFrom| {
        count(new.iter().filter(|row| row.zone.as_ref().is_some_and(|(_, known)| *known == from)).count())
    };
    sqlx::query(
        "UPDATE list_imports SET position = $2, next_row = next_row + $3, rows = rows + $3, added = added + $4, \
         duplicates = duplicates + $5, refused = refused + $6, elsewhere = elsewhere + $7, \
         zone_column = zone_column + $8, zone_number = zone_number + $9, zone_list = zone_list + $10 WHERE id = $1",
    )
    .bind(import_id)
    .bind(column_ms(position))
    .bind(count(all))
    .bind(count(new.len()))
    .bind(count(duplicates.len()))
    .bind(count(wrong))
    .bind(elsewhere)
    .bind(zones(ZoneFrom::Column))
    .bind(zones(ZoneFrom::Number))
    .bind(zones(ZoneFrom::List))
    .execute(&mut *connection)
    .await?;
    import_by_id(connection, import_id).await
}

/// The digits of rows, for `json_each`.
fn digits(rows: &[NewListContact]) -> String {
    let digits: Vec<&str> = rows.iter().map(|row| row.digits.as_str()).collect();
    serde_json::to_string(&digits).unwrap_or_default()
}

/// Rows whose numbers the list does not have, and the others, told where it has them.
async fn told_apart(
    connection: &mut SqliteConnection,
    import: &ImportRow,
    rows: Vec<NewListContact>,
) -> Result<(Vec<NewListContact>, Vec<RefusedRow>), Error> {
    let there: Vec<(String, String, i64, Option<String>)> = sqlx::query_as(
        "SELECT c.digits, c.import_id, c.line, i.source FROM json_each($2) r \
         CROSS JOIN list_contacts c ON c.list_id = $1 AND c.digits = r.value \
         LEFT JOIN list_imports i ON i.id = c.import_id",
    )
    .bind(&import.list_id)
    .bind(digits(&rows))
    .fetch_all(connection)
    .await?;
    let mut known: HashMap<String, String> = HashMap::with_capacity(there.len());
    for (digits, import_id, line, source) in there {
        let place = match source {
            Some(source) if import_id != import.id => format!("line {line} of {source}"),
            Some(_) | None => format!("line {line}"),
        };
        known.insert(digits, place);
    }
    let mut seen: HashMap<String, u64> = HashMap::with_capacity(rows.len());
    let mut new = Vec::with_capacity(rows.len());
    let mut twice = Vec::new();
    for row in rows {
        let place = known
            .get(&row.digits)
            .cloned()
            .or_else(|| seen.get(&row.digits).map(|line| format!("line {line}")));
        if let Some(place) = place {
            let problem = format!("has the number of {place}; the first is kept");
            twice.push(RefusedRow { line: row.line, problems: vec![RowProblem { field: None, problem }] });
        } else {
            seen.insert(row.digits.clone(), row.line);
            new.push(row);
        }
    }
    Ok((new, twice))
}

/// How many of these numbers other lists have.
async fn in_other_lists(
    connection: &mut SqliteConnection,
    list_id: &str,
    rows: &[NewListContact],
) -> Result<i64, Error> {
    let unique: HashSet<&str> = rows.iter().map(|row| row.digits.as_str()).collect();
    debug_assert_eq!(unique.len(), rows.len());
    let query = sqlx::query_scalar(
        "SELECT count(*) FROM json_each($2) r WHERE EXISTS ( \
         SELECT 1 FROM list_contacts c JOIN lists l ON l.id = c.list_id \
         WHERE c.digits = r.value AND c.list_id <> $1 AND l.deleted_ms IS NULL)",
    );
    Ok(query.bind(list_id).bind(digits(rows)).fetch_one(connection).await?)
}

async fn insert(
    connection: &mut SqliteConnection,
    import: &ImportRow,
    rows: &[NewListContact],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    for rows in rows.chunks(AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO list_contacts (list_id, import_id, line, number, digits, zone, zone_from, external_id, name, \
             consent_ms, consent_source, variables) ",
        );
        query.push_values(rows, |mut values, row| {
            let (zone, from) = row
                .zone
                .as_ref()
                .map_or((None, None), |(zone, from)| (Some(zone.clone()), Some(from.as_str())));
            values.push_bind(import.list_id.clone()).push_bind(import.id.clone());
            values.push_bind(column_ms(row.line)).push_bind(row.number.clone()).push_bind(row.digits.clone());
            values.push_bind(zone).push_bind(from).push_bind(row.external_id.clone());
            values
                .push_bind(row.name.clone())
                .push_bind(row.consent_ms)
                .push_bind(row.consent_source.clone());
            values.push_bind(serde_json::to_string(&row.variables).unwrap_or_default());
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn tell(
    connection: &mut SqliteConnection,
    import_id: &str,
    rows: Vec<(RowErrorKind, RefusedRow)>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let values: Vec<_> = rows
        .iter()
        .flat_map(|(kind, row)| row.problems.iter().map(move |wrong| (kind, row.line, wrong)))
        .map(|(kind, line, wrong)| json!([line, kind.as_str(), wrong.field, wrong.problem]))
        .collect();
    sqlx::query(
        "INSERT INTO list_import_errors (import_id, line, kind, field, problem) \
         SELECT $1, r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3 FROM json_each($2) r",
    )
    .bind(import_id)
    .bind(serde_json::to_string(&values).unwrap_or_default())
    .execute(connection)
    .await?;
    Ok(())
}
