//! Parameters of the verdict that people promoted.

use futures_util::FutureExt;
use serde_json::json;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{AmdParamsRow, AuditAction, NewAmdParams, NewAudit};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

const COLUMNS: &str = "SELECT seq, params, basis, author, at_ms FROM amd_params ORDER BY seq DESC LIMIT ";

impl Engine {
    pub(in crate::store) async fn amd_params(&self) -> Result<Option<AmdParamsRow>, Error> {
        let query = sqlx::AssertSqlSafe(format!("{COLUMNS} 1"));
        Ok(sqlx::query_as(query).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn amd_params_history(&self, most: u32) -> Result<Vec<AmdParamsRow>, Error> {
        let query = sqlx::AssertSqlSafe(format!("{COLUMNS} $1"));
        Ok(sqlx::query_as(query).bind(i64::from(most)).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn put_amd_params(
        &self,
        new: NewAmdParams,
    ) -> Result<Option<AmdParamsRow>, Error> {
        self.write(move |connection| {
            async move {
                let (params, basis) = (new.params.map(|value| value.to_string()), new.basis.to_string());
                let kept: Option<AmdParamsRow> = sqlx::query_as(
                    "INSERT INTO amd_params (params, basis, author, at_ms) SELECT $1, $2, $3, $4 \
                     WHERE coalesce((SELECT max(seq) FROM amd_params), 0) = $5 \
                     RETURNING seq, params, basis, author, at_ms",
                )
                .bind(params)
                .bind(basis)
                .bind(&new.actor.name)
                .bind(now_ms())
                .bind(new.after)
                .fetch_optional(&mut *connection)
                .await?;
                let Some(kept) = kept else { return Ok(None) };
                let action = match kept.params {
                    Some(_) => AuditAction::AmdParamsPromote,
                    None => AuditAction::AmdParamsTakeBack,
                };
                let detail = json!({ "params": kept.params, "basis": kept.basis });
                let entry = NewAudit::new(new.actor, action, kept.seq.to_string(), detail);
                audit::append(connection, entry).await?;
                Ok(Some(kept))
            }
            .boxed()
        })
        .await
    }
}
