//! Versions and labels of flows.

use futures_util::FutureExt;

use super::engine::Engine;
use crate::store::error::Error;
use crate::store::model::{FlowLabelRow, FlowVersionRow, LabelMove, LabelMoveRow, NewAudit, NewFlowVersion};
use crate::store::sqlite::audit;
use crate::wallclock::now_ms;

impl Engine {
    pub(in crate::store) async fn add_flow_version(
        &self,
        new: NewFlowVersion,
        entry: Option<NewAudit>,
    ) -> Result<bool, Error> {
        self.write(move |connection| {
            async move {
                let done = sqlx::query(
                    "INSERT INTO flow_versions (flow, digest, author, message, created_ms) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (flow, digest) DO NOTHING",
                )
                .bind(new.flow)
                .bind(new.digest)
                .bind(new.author)
                .bind(new.message)
                .bind(now_ms())
                .execute(&mut *connection)
                .await?;
                if let Some(entry) = entry {
                    audit::append(connection, entry).await?;
                }
                Ok(done.rows_affected() == 1)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn flow_versions(&self) -> Result<Vec<FlowVersionRow>, Error> {
        let query = "SELECT seq, flow, digest, author, message, created_ms FROM flow_versions ORDER BY seq";
        Ok(sqlx::query_as(query).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn flow_labels(&self) -> Result<Vec<FlowLabelRow>, Error> {
        let query = "SELECT flow, label, digest FROM flow_labels ORDER BY flow, label";
        Ok(sqlx::query_as(query).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn flow_label_moves(&self, flow: &str) -> Result<Vec<LabelMoveRow>, Error> {
        let query = "SELECT seq, flow, label, digest, ran_before, back, author, at_ms FROM flow_label_moves \
                     WHERE flow = $1 ORDER BY seq";
        Ok(sqlx::query_as(query).bind(flow).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn move_flow_label(
        &self,
        label: FlowLabelRow,
        what: LabelMove,
        ran_before: String,
        author: String,
        entry: Option<NewAudit>,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            async move {
                let keep = what != LabelMove::TakeAway;
                let change = if keep {
                    sqlx::query(
                        "INSERT INTO flow_labels (flow, label, digest) VALUES ($1, $2, $3) \
                         ON CONFLICT (flow, label) DO UPDATE SET digest = excluded.digest",
                    )
                } else {
                    sqlx::query("DELETE FROM flow_labels WHERE flow = $1 AND label = $2 AND digest = $3")
                };
                change
                    .bind(&label.flow)
                    .bind(&label.label)
                    .bind(&label.digest)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "INSERT INTO flow_label_moves (flow, label, digest, ran_before, back, author, at_ms) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                )
                .bind(label.flow)
                .bind(label.label)
                .bind(Some(label.digest).filter(|_| keep))
                .bind(ran_before)
                .bind(what == LabelMove::Back)
                .bind(author)
                .bind(now_ms())
                .execute(&mut *connection)
                .await?;
                if let Some(entry) = entry {
                    audit::append(connection, entry).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }
}
