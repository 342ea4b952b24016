//! The webhook ledger: rounds of the delivery worker, lists, sending again.

use crate::store::error::Error;
use crate::store::handle::{Backend, Store, verbs};
use crate::store::keys::{Headers, NO_HEADERS, open_headers};
use crate::store::model::{
    Actor, AttemptRow, Claimed, DeliveryFilter, DeliveryRound, DeliveryRow, EndpointHealth, EndpointRow,
    NotSettled, NotificationRow, Page, Redelivered, Tally, Visibility,
};

impl Store {
    /// Settles what was sent and claims what is due, oldest first and fairly among endpoints, in one
    /// transaction.
    ///
    /// # Errors
    /// When the database fails; then nothing is written, and the same round may be tried again.
    pub async fn settle_and_claim(&self, round: DeliveryRound) -> Result<Claimed, Error> {
        let mut claimed = match &self.backend {
            Backend::Sqlite(engine) => engine.settle_and_claim(round).await?,
        };
        for claim in &mut claimed.claims {
            claim.headers = self.open_headers(&claim.call_id, &claim.sealed_headers);
            claim.secrets = self.signing_secrets(&claim.app_id).await?;
        }
        Ok(claimed)
    }

    /// At most `limit` notifications that match, newest first, behind the id `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<DeliveryRow, String>, Error> {
        let mut page = match &self.backend {
            Backend::Sqlite(engine) => engine.deliveries(filter, after, limit).await?,
        };
        page.items.iter_mut().for_each(|row| self.open_row(row));
        Ok(page)
    }

    /// # Errors
    /// When the database fails.
    pub async fn delivery(&self, id: &str) -> Result<Option<DeliveryRow>, Error> {
        let mut row = match &self.backend {
            Backend::Sqlite(engine) => engine.delivery(id).await?,
        };
        row.iter_mut().for_each(|row| self.open_row(row));
        Ok(row)
    }

    /// Has at most `limit` notifications that match sent again, oldest first. Those that are on their way
    /// are left alone. Within a call they go in their old order, one at a time, and before what has not
    /// been sent yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeliver(&self, filter: DeliveryFilter, limit: u32) -> Result<Redelivered, Error> {
        self.redeliver_by(filter, limit, None).await
    }

    /// The same for one of them.
    ///
    /// # Errors
    /// When the database fails. The inner error says why it is not sent.
    pub async fn redeliver_one(&self, id: &str) -> Result<Result<Redelivered, NotSettled>, Error> {
        self.redeliver_one_by(id, None).await
    }

    /// The same, with an entry in the audit log when it is sent.
    ///
    /// # Errors
    /// When the database fails. The inner error says why it is not sent.
    pub async fn redeliver_one_by(
        &self,
        id: &str,
        actor: Option<Actor>,
    ) -> Result<Result<Redelivered, NotSettled>, Error> {
        let filter =
            DeliveryFilter { ids: Some(vec![id.to_owned()]), ..DeliveryFilter::within(Visibility::all()) };
        let done = self.redeliver_by(filter, 1, actor).await?;
        if !done.ids.is_empty() {
            return Ok(Ok(done));
        }
        let known = self.delivery(id).await?.is_some();
        Ok(Err(if known { NotSettled::Open } else { NotSettled::Unknown }))
    }

    /// The headers that the webhooks of a call carry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notify_headers(&self, call_id: &str) -> Result<Headers, Error> {
        let text = match &self.backend {
            Backend::Sqlite(engine) => engine.sealed_notify_headers(call_id).await?,
        };
        Ok(text.map(|text| self.open_headers(call_id, &text)).unwrap_or_default())
    }

    fn open_row(&self, row: &mut DeliveryRow) {
        row.headers = self.open_headers(&row.notification.call_id, &row.sealed_headers);
    }

    /// Headers as a row has them. Those that do not open are told in the log and left out: a webhook is sent without
    /// them rather than not at all.
    fn open_headers(&self, call_id: &str, text: &str) -> Headers {
        if text == NO_HEADERS {
            return Headers::new();
        }
        let opened = self.clients.vault.key().and_then(|key| open_headers(&key, call_id, text));
        opened.unwrap_or_else(|error| {
            tracing::error!(call.id = call_id, "{error}; its webhooks are sent without them");
            Headers::new()
        })
    }
}

verbs! {
    /// The same, with an entry in the audit log when anything is sent.
    ///
    /// # Errors
    /// When the database fails.
    fn redeliver_by(&self, filter: DeliveryFilter, limit: u32, actor: Option<Actor>) -> Redelivered;

    /// Endpoints that have failed of late, as the worker left them. The counts are of all time.
    ///
    /// # Errors
    /// When the database fails.
    fn endpoint_health(&self) -> Vec<EndpointHealth>;

    /// At most `limit` endpoints with what waits for them: trouble first, then the most lately used.
    ///
    /// # Errors
    /// When the database fails.
    fn endpoints(&self, limit: u32) -> Vec<EndpointRow>;

    /// How many notifications match, at most `most`.
    ///
    /// # Errors
    /// When the database fails.
    fn count_deliveries(&self, filter: &DeliveryFilter, most: u32) -> u64;

    /// A call's notifications in order.
    ///
    /// # Errors
    /// When the database fails.
    fn notifications(&self, call_id: &str) -> Vec<NotificationRow>;

    /// The attempts made for one notification, in order.
    ///
    /// # Errors
    /// When the database fails.
    fn attempts(&self, notification_id: &str) -> Vec<AttemptRow>;

    /// Counts a call's notifications.
    ///
    /// # Errors
    /// When the database fails.
    fn tally(&self, call_id: &str) -> Tally;
}
