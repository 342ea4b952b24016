//! Versions of flows: who brought which one when, and where labels point. What a version says lies in files.

use futures_util::FutureExt;
use serde::Serialize;
use sqlx::FromRow;

use super::audit::{self, NewAudit};
use super::{Error, Store};
use crate::wallclock::now_ms;

/// A version to be written down.
#[derive(Clone, Debug)]
pub struct NewFlowVersion {
    pub flow: String,
    /// SHA-256 of what it says, in lower-case hexadecimal.
    pub digest: String,
    pub author: String,
    /// Why it was made; may be empty.
    pub message: String,
}

/// A version of a flow, oldest with the smallest `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct FlowVersionRow {
    pub seq: i64,
    pub flow: String,
    pub digest: String,
    pub author: String,
    pub message: String,
    pub created_ms: i64,
}

/// Where a label points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct FlowLabelRow {
    pub flow: String,
    pub label: String,
    pub digest: String,
}

/// What is done with a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelMove {
    Set,
    /// Set to a version that ran before.
    Back,
    TakeAway,
}

/// A label that was set, moved or taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct LabelMoveRow {
    pub seq: i64,
    pub flow: String,
    pub label: String,
    /// `None`: it was taken away.
    pub digest: Option<String>,
    /// What a plain name ran until then.
    pub ran_before: String,
    /// It was a roll-back.
    pub back: bool,
    pub author: String,
    pub at_ms: i64,
}

impl Store {
    /// Writes a version down, unless the flow has one of that digest already, and `entry` into the audit log. Tells
    /// whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_flow_version(
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

    /// Every version of every flow, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flow_versions(&self) -> Result<Vec<FlowVersionRow>, Error> {
        let query = "SELECT seq, flow, digest, author, message, created_ms FROM flow_versions ORDER BY seq";
        Ok(sqlx::query_as(query).fetch_all(&self.readers).await?)
    }

    /// Every label of every flow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flow_labels(&self) -> Result<Vec<FlowLabelRow>, Error> {
        let query = "SELECT flow, label, digest FROM flow_labels ORDER BY flow, label";
        Ok(sqlx::query_as(query).fetch_all(&self.readers).await?)
    }

    /// The moves of a flow's labels, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flow_label_moves(&self, flow: &str) -> Result<Vec<LabelMoveRow>, Error> {
        let query = "SELECT seq, flow, label, digest, ran_before, back, author, at_ms FROM flow_label_moves \
                     WHERE flow = $1 ORDER BY seq";
        Ok(sqlx::query_as(query).bind(flow).fetch_all(&self.readers).await?)
    }

    /// Points a label at a version that exists, or takes it away, keeps the move, and writes `entry` into the audit log.
    /// `ran_before` is what a plain name runs until now.
    ///
    /// # Errors
    /// When the version is unknown or the database fails.
    pub async fn move_flow_label(
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
