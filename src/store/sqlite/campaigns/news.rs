//! What becomes of a campaign is told by webhooks, written in the transaction of what they tell.

use futures_util::FutureExt;
use sqlx_sqlite::SqliteConnection;

use super::rows::by_id;
use crate::store::error::Error;
use crate::store::model::{
    Actor, BudgetKind, CampaignEvent, CampaignNews, CampaignNotice, CampaignRow, NewNotification,
    NoticeBudget, NoticeContacts,
};
use crate::store::sqlite::batch::{About, Writing, append_notifications};
use crate::store::sqlite::engine::Engine;
use crate::wallclock::{iso, now_ms};

impl Engine {
    pub(in crate::store) async fn tell_of_campaign(
        &self,
        id: &str,
        news: CampaignNews,
    ) -> Result<bool, Error> {
        let (writing, id) = (self.writing()?, id.to_owned());
        self.write(move |connection| {
            async move {
                let Some(row) = by_id(&mut *connection, &id).await? else { return Ok(false) };
                if !is_new(connection, &row, news).await? {
                    return Ok(false);
                }
                notify(connection, &writing, &row, news.event(), &Actor::server().name, Some(news)).await?;
                Ok(row.settings.notify_url.is_some())
            }
            .boxed()
        })
        .await
    }
}

/// Notes what is told, and whether it was not told before.
async fn is_new(
    connection: &mut SqliteConnection,
    row: &CampaignRow,
    news: CampaignNews,
) -> Result<bool, Error> {
    let query = match news {
        CampaignNews::BreakerOpened { .. } => {
            sqlx::query("UPDATE campaigns SET told_breaker = 1 WHERE id = $1 AND told_breaker = 0")
        }
        CampaignNews::BreakerClosed => {
            sqlx::query("UPDATE campaigns SET told_breaker = 0 WHERE id = $1 AND told_breaker = 1")
        }
        CampaignNews::BudgetReached { day_ms, .. } => {
            sqlx::query("UPDATE campaigns SET told_budget_ms = $2 WHERE id = $1 AND told_budget_ms IS NOT $2")
                .bind(&row.id)
                .bind(day_ms.unwrap_or(0))
        }
    };
    let query = match news {
        CampaignNews::BreakerOpened { .. } | CampaignNews::BreakerClosed => query.bind(&row.id),
        CampaignNews::BudgetReached { .. } => query,
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

/// Appends a notification about a campaign to the ledger, if somebody wants to know.
pub(super) async fn notify(
    connection: &mut SqliteConnection,
    writing: &Writing,
    row: &CampaignRow,
    event: CampaignEvent,
    by: &str,
    news: Option<CampaignNews>,
) -> Result<(), Error> {
    let Some(url) = &row.settings.notify_url else { return Ok(()) };
    let now = now_ms();
    let sequence: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) + 1 FROM notifications WHERE call_id = $1")
            .bind(&row.id)
            .fetch_one(&mut *connection)
            .await?;
    let mut contacts: NoticeContacts = sqlx::query_as(
        "SELECT coalesce(sum(places), 0) AS total, \
         coalesce(sum(places) FILTER (WHERE state = 'waiting'), 0) AS waiting, \
         coalesce(sum(places) FILTER (WHERE state = 'calling'), 0) AS calling, \
         coalesce(sum(places) FILTER (WHERE state = 'done'), 0) AS done, \
         coalesce(sum(places) FILTER (WHERE state = 'exhausted'), 0) AS exhausted, \
         coalesce(sum(places) FILTER (WHERE state = 'excluded'), 0) AS excluded \
         FROM place_counts WHERE campaign_id = $1",
    )
    .bind(&row.id)
    .fetch_one(&mut *connection)
    .await?;
    if row.state.is_over() {
        contacts.close();
    }
    let (until, budget) = match news {
        Some(CampaignNews::BreakerOpened { until_ms }) => (Some(iso(until_ms)), None),
        Some(CampaignNews::BudgetReached { day_ms, used_minutes, of }) => {
            let kind = if day_ms.is_some() { BudgetKind::Day } else { BudgetKind::All };
            (None, Some(NoticeBudget { kind, used_minutes, of }))
        }
        Some(CampaignNews::BreakerClosed) | None => (None, None),
    };
    let notice = CampaignNotice {
        event,
        campaign_id: &row.id,
        name: &row.name,
        state: row.state,
        revision: row.revision,
        sequence,
        at: iso(now),
        by,
        contacts,
        until,
        budget,
    };
    let notification = NewNotification {
        app_id: row.app_id.clone(),
        kind: event.as_str().to_owned(),
        url: url.clone(),
        headers: std::collections::BTreeMap::new(),
        body: serde_json::to_string(&notice).unwrap_or_default(),
    };
    append_notifications(connection, writing, About::Campaign(&row.id), vec![notification], now).await
}
