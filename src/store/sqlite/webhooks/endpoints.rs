//! How endpoints fare, kept so that a restart does not forget which ones are out of order.

use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::model::{EndpointHealth, EndpointRow};
use crate::store::sqlite::engine::Engine;

impl Engine {
    pub(in crate::store) async fn endpoint_health(&self) -> Result<Vec<EndpointHealth>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM webhook_endpoints WHERE failures > 0 OR open_until_ms > 0 \
             OR last_failed_ms > coalesce(last_ok_ms, 0)",
        );
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn endpoints(&self, limit: u32) -> Result<Vec<EndpointRow>, Error> {
        let query = sqlx::query_as(
            "SELECT e.*, (SELECT count(*) FROM notifications n WHERE n.endpoint = e.endpoint \
             AND n.state = 'due') AS due, (SELECT count(*) FROM notifications n \
             WHERE n.endpoint = e.endpoint AND n.state = 'dead') AS dead FROM webhook_endpoints e \
             ORDER BY e.open_until_ms IS NULL, e.failures = 0, \
             coalesce(e.last_failed_ms, 0) <= coalesce(e.last_ok_ms, 0), \
             max(coalesce(e.last_ok_ms, 0), coalesce(e.last_failed_ms, 0)) DESC LIMIT $1",
        );
        Ok(query.bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }
}

pub(super) async fn put(connection: &mut SqliteConnection, health: &[EndpointHealth]) -> Result<(), Error> {
    for row in health {
        sqlx::query(
            "INSERT INTO webhook_endpoints (endpoint, failures, trips, open_until_ms, last_ok_ms, \
             last_failed_ms, last_problem, answer_ms, delivered, failed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (endpoint) DO UPDATE SET \
             failures = $2, trips = $3, open_until_ms = $4, last_ok_ms = coalesce($5, last_ok_ms), \
             last_failed_ms = coalesce($6, last_failed_ms), last_problem = coalesce($7, last_problem), \
             answer_ms = coalesce($8, answer_ms), delivered = delivered + $9, failed = failed + $10",
        )
        .bind(&row.endpoint)
        .bind(row.failures)
        .bind(row.trips)
        .bind(row.open_until_ms)
        .bind(row.last_ok_ms)
        .bind(row.last_failed_ms)
        .bind(&row.last_problem)
        .bind(row.answer_ms)
        .bind(row.delivered)
        .bind(row.failed)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
