//! Campaigns from draft to end: kept, changed under the eyes of one author at a time, launched, paused, stopped.

use callcore::campaign::Settings;
use futures_util::FutureExt;
use serde_json::{Value, json};
use sqlx::QueryBuilder;
use sqlx::types::Json;
use sqlx_sqlite::{Sqlite, SqliteConnection};
use uuid::Uuid;

use super::news::notify;
use super::rows::by_id;
use crate::store::error::Error;
use crate::store::model::{
    Actor, AuditAction, CampaignChange, CampaignEvent, CampaignRow, CampaignState, Changed, Cursor, NewAudit,
    NewCampaign, Page, RevisionRow, Step, column,
};
use crate::store::sqlite::audit;
use crate::store::sqlite::batch::Writing;
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::error::exists_or;
use crate::wallclock::now_ms;

const SELECT: &str = "SELECT * FROM campaigns WHERE TRUE";

impl Engine {
    pub(in crate::store) async fn create_campaign(
        &self,
        campaign: NewCampaign,
        actor: Actor,
    ) -> Result<CampaignRow, Error> {
        self.write(move |connection| async move { create(connection, campaign, actor).await }.boxed()).await
    }

    pub(in crate::store) async fn campaign(&self, id: &str) -> Result<Option<CampaignRow>, Error> {
        by_id(&self.readers, id).await
    }

    pub(in crate::store) async fn campaign_named(&self, name: &str) -> Result<Option<CampaignRow>, Error> {
        let query =
            sqlx::query_as("SELECT * FROM campaigns WHERE id = $1 OR name_key = $2 ORDER BY id <> $1");
        Ok(query.bind(name).bind(name.to_lowercase()).fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn campaigns(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<CampaignRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        crate::store::sqlite::query::newest_first(&mut query, "campaigns", after, limit);
        let rows = query.build_query_as().fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |row: &CampaignRow| Cursor::new(row.created_ms, &row.id)))
    }

    pub(in crate::store) async fn campaigns_under_way(&self) -> Result<Vec<CampaignRow>, Error> {
        let query = sqlx::query_as(
            "SELECT * FROM campaigns WHERE state IN ('running', 'paused', 'draining') \
             OR EXISTS (SELECT 1 FROM attempts a WHERE a.campaign_id = campaigns.id AND a.ended_ms IS NULL) \
             ORDER BY created_ms, id",
        );
        Ok(query.fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn campaign_revisions(&self, id: &str) -> Result<Vec<RevisionRow>, Error> {
        let query = sqlx::query_as(
            "SELECT revision, settings, author, at_ms FROM campaign_revisions WHERE campaign_id = $1 \
             ORDER BY revision DESC LIMIT 200",
        );
        Ok(query.bind(id).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn change_campaign(
        &self,
        id: &str,
        change: CampaignChange,
        actor: Actor,
    ) -> Result<Changed, Error> {
        let id = id.to_owned();
        self.write(move |connection| async move { update(connection, &id, change, actor).await }.boxed())
            .await
    }

    pub(in crate::store) async fn step_campaign(
        &self,
        id: &str,
        step: Step,
        actor: Actor,
    ) -> Result<Changed, Error> {
        let (writing, id) = (self.writing()?, id.to_owned());
        self.write(move |connection| {
            async move { take(connection, &writing, &id, step, actor).await }.boxed()
        })
        .await
    }

    pub(in crate::store) async fn delete_campaign(&self, id: &str, actor: Actor) -> Result<Changed, Error> {
        let id = id.to_owned();
        let own = id.clone();
        let begun =
            self.write(move |connection| async move { withdraw(connection, &own).await }.boxed()).await?;
        if let Changed::Done(_) = &begun {
            self.empty_campaign(&id).await?;
        } else {
            return Ok(begun);
        }
        self.write(move |connection| async move { delete(connection, &id, actor).await }.boxed()).await
    }
}

async fn tell(
    connection: &mut SqliteConnection,
    actor: Actor,
    action: AuditAction,
    id: &str,
    detail: Value,
) -> Result<(), Error> {
    audit::append(connection, NewAudit::new(actor, action, id.to_owned(), detail)).await
}

async fn create(
    connection: &mut SqliteConnection,
    campaign: NewCampaign,
    actor: Actor,
) -> Result<CampaignRow, Error> {
    let (id, now) = (format!("cp_{}", Uuid::now_v7().simple()), now_ms());
    let NewCampaign { name, app_id, settings } = campaign;
    lists_stand(connection, &settings).await?;
    sqlx::query(
        "INSERT INTO campaigns (id, name, name_key, app_id, state, revision, decided_revision, settings, author, created_ms, \
         updated_ms) VALUES ($1, $2, $3, $4, 'draft', 1, 1, $5, $6, $7, $7)",
    )
    .bind(&id)
    .bind(&name)
    .bind(name.to_lowercase())
    .bind(app_id)
    .bind(column(&settings))
    .bind(&actor.name)
    .bind(now)
    .execute(&mut *connection)
    .await
    .map_err(|error| exists_or(error, || format!("a campaign named {name:?}")))?;
    keep_revision(connection, &id, 1, &settings, &actor, now).await?;
    tell(connection, actor, AuditAction::CampaignCreate, &id, json!({ "name": name })).await?;
    by_id(connection, &id).await?.ok_or(Error::NoSuch { what: format!("campaign {id}") })
}

/// Makes sure that the lists of settings are there still: somebody may have deleted one since they were looked up.
async fn lists_stand(connection: &mut SqliteConnection, settings: &Settings) -> Result<(), Error> {
    let named: Vec<&String> = settings.lists.iter().chain(&settings.suppression_lists).collect();
    let gone: Option<String> = sqlx::query_scalar(
        "SELECT value FROM json_each($1) WHERE NOT EXISTS \
         (SELECT 1 FROM lists WHERE lists.id = value AND lists.deleted_ms IS NULL) LIMIT 1",
    )
    .bind(json!(named))
    .fetch_optional(connection)
    .await?;
    match gone {
        Some(list) => Err(Error::Conflict(format!(
            "somebody deleted the contact list {list} just now; look at the lists, and name others"
        ))),
        None => Ok(()),
    }
}

async fn keep_revision(
    connection: &mut SqliteConnection,
    id: &str,
    revision: i64,
    settings: &Settings,
    actor: &Actor,
    now: i64,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO campaign_revisions (campaign_id, revision, settings, author, at_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(revision)
    .bind(column(settings))
    .bind(&actor.name)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(
    connection: &mut SqliteConnection,
    id: &str,
    change: CampaignChange,
    actor: Actor,
) -> Result<Changed, Error> {
    let Some(row) = by_id(&mut *connection, id).await? else { return Ok(Changed::Unknown) };
    if row.state.is_over() || row.state == CampaignState::Draining {
        return Ok(Changed::Refused(row.state));
    }
    if row.revision != change.revision {
        return Ok(Changed::Stale(Box::new(row)));
    }
    lists_stand(connection, &change.settings).await?;
    let (now, revision) = (now_ms(), row.revision + 1);
    let name = change.name.unwrap_or_else(|| row.name.clone());
    // What was found about the revision before says nothing about this one.
    let state = if row.state == CampaignState::Ready { CampaignState::Draft } else { row.state };
    sqlx::query(
        "UPDATE campaigns SET name = $2, name_key = $3, settings = $4, revision = $5, state = $6, updated_ms = $7 \
         WHERE id = $1",
    )
    .bind(id)
    .bind(&name)
    .bind(name.to_lowercase())
    .bind(column(&change.settings))
    .bind(revision)
    .bind(state)
    .bind(now)
    .execute(&mut *connection)
    .await
    .map_err(|error| exists_or(error, || format!("a campaign named {name:?}")))?;
    keep_revision(connection, id, revision, &change.settings, &actor, now).await?;
    tell(connection, actor, AuditAction::CampaignChange, id, json!({ "revision": revision })).await?;
    Ok(done(by_id(connection, id).await?))
}

fn done(row: Option<CampaignRow>) -> Changed {
    row.map_or(Changed::Unknown, |row| Changed::Done(Box::new(row)))
}

async fn take(
    connection: &mut SqliteConnection,
    writing: &Writing,
    id: &str,
    step: Step,
    actor: Actor,
) -> Result<Changed, Error> {
    let Some(row) = by_id(&mut *connection, id).await? else { return Ok(Changed::Unknown) };
    let now = now_ms();
    let next = match (&step, row.state) {
        (Step::Launch { revision, .. }, CampaignState::Ready) if row.revision != *revision => {
            return Ok(Changed::Stale(Box::new(row)));
        }
        (Step::Launch { .. }, CampaignState::Ready) | (Step::Resume, CampaignState::Paused) => {
            CampaignState::Running
        }
        (Step::Pause, CampaignState::Running) => CampaignState::Paused,
        (Step::Drain, CampaignState::Running | CampaignState::Paused) => CampaignState::Draining,
        (Step::Stop, state) if state.is_under_way() => CampaignState::Stopped,
        (Step::Finish, CampaignState::Running) => CampaignState::Done,
        (Step::Finish, CampaignState::Draining) => CampaignState::Stopped,
        (_, state) => return Ok(Changed::Refused(state)),
    };
    sqlx::query(
        "UPDATE campaigns SET state = $2, updated_ms = $3, \
         running_ms = iif($2 = 'running', $3, running_ms), ended_ms = iif($2 IN ('done', 'stopped'), $3, NULL) \
         WHERE id = $1",
    )
    .bind(id)
    .bind(next)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    if let Step::Launch { consent, .. } = &step {
        sqlx::query("UPDATE campaigns SET launched_ms = $2, launched_by = $3, consent = $4 WHERE id = $1")
            .bind(id)
            .bind(now)
            .bind(&actor.name)
            .bind(consent)
            .execute(&mut *connection)
            .await?;
    }
    let (action, event) = match step {
        Step::Launch { .. } => (AuditAction::CampaignLaunch, CampaignEvent::Launched),
        Step::Pause => (AuditAction::CampaignPause, CampaignEvent::Paused),
        Step::Resume => (AuditAction::CampaignResume, CampaignEvent::Resumed),
        Step::Drain => (AuditAction::CampaignDrain, CampaignEvent::Draining),
        Step::Stop => (AuditAction::CampaignStop, CampaignEvent::Stopped),
        Step::Finish if next == CampaignState::Done => (AuditAction::CampaignFinish, CampaignEvent::Done),
        Step::Finish => (AuditAction::CampaignFinish, CampaignEvent::Stopped),
    };
    let detail = match step {
        Step::Launch { revision, consent } => json!({ "revision": revision, "consent": consent }),
        Step::Pause | Step::Resume | Step::Drain | Step::Stop | Step::Finish => json!({}),
    };
    let by = actor.name.clone();
    tell(connection, actor, action, id, detail).await?;
    let row = by_id(&mut *connection, id).await?;
    if let Some(row) = &row {
        notify(connection, writing, row, event, &by, None).await?;
    }
    Ok(done(row))
}

/// Makes sure that a campaign which is going to be deleted cannot be launched meanwhile.
async fn withdraw(connection: &mut SqliteConnection, id: &str) -> Result<Changed, Error> {
    let Some(row) = by_id(&mut *connection, id).await? else { return Ok(Changed::Unknown) };
    if is_busy(connection, &row).await? {
        return Ok(Changed::Refused(row.state));
    }
    sqlx::query("UPDATE campaigns SET state = 'draft' WHERE id = $1 AND state = 'ready'")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(Changed::Done(Box::new(row)))
}

/// Whether it is under way, or a call of it is.
async fn is_busy(connection: &mut SqliteConnection, row: &CampaignRow) -> Result<bool, Error> {
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM attempts WHERE campaign_id = $1 AND ended_ms IS NULL")
            .bind(&row.id)
            .fetch_one(connection)
            .await?;
    Ok(row.state.is_under_way() || open > 0)
}

async fn delete(connection: &mut SqliteConnection, id: &str, actor: Actor) -> Result<Changed, Error> {
    let Some(row) = by_id(&mut *connection, id).await? else { return Ok(Changed::Unknown) };
    if is_busy(connection, &row).await? {
        return Ok(Changed::Refused(row.state));
    }
    for table in [
        "DELETE FROM attempts WHERE campaign_id = $1",
        "DELETE FROM places WHERE campaign_id = $1",
        "DELETE FROM place_counts WHERE campaign_id = $1",
        "DELETE FROM attempt_counts WHERE campaign_id = $1",
        "DELETE FROM attempt_facets WHERE campaign_id = $1",
        "DELETE FROM first_words WHERE campaign_id = $1",
        "DELETE FROM campaign_minutes WHERE campaign_id = $1",
        "DELETE FROM campaign_revisions WHERE campaign_id = $1",
        "DELETE FROM campaigns WHERE id = $1",
    ] {
        sqlx::query(table).bind(id).execute(&mut *connection).await?;
    }
    tell(connection, actor, AuditAction::CampaignDelete, id, json!({ "name": row.name })).await?;
    Ok(Changed::Done(Box::new(row)))
}

/// Keeps what a pre-flight found, if the revision it looked at still stands.
pub(super) async fn keep_preflight(
    connection: &mut SqliteConnection,
    id: &str,
    revision: i64,
    found: Value,
    ready: bool,
) -> Result<bool, Error> {
    let kept = sqlx::query(
        "UPDATE campaigns SET preflight = $3, preflight_revision = $2, \
         state = CASE WHEN state IN ('draft', 'ready') THEN iif($4, 'ready', 'draft') ELSE state END \
         WHERE id = $1 AND revision = $2",
    )
    .bind(id)
    .bind(revision)
    .bind(Json(found))
    .bind(ready)
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == 1)
}
