//! The webhook ledger: which notification may be sent now, and what became of it.
//!
//! Of a call the first notification that is not settled is due or being sent, and no other; the next one becomes due
//! when it is settled.

mod claim;
mod deliveries;
mod endpoints;
mod promote;
mod redeliver;
mod settle;

use futures_util::FutureExt;

use crate::store::error::Error;
use crate::store::model::{Claimed, DeliveryRound};
use crate::store::sqlite::engine::Engine;

impl Engine {
    pub(in crate::store) async fn settle_and_claim(&self, round: DeliveryRound) -> Result<Claimed, Error> {
        let node = self.node.clone();
        let work = self.write(move |connection| {
            async move {
                let DeliveryRound { settlements, health, request } = round;
                let stale = settle::settle(connection, &settlements).await?;
                endpoints::put(connection, &health).await?;
                let claimed = claim::claim(connection, request, &node).await?;
                Ok(Claimed { stale, ..claimed })
            }
            .boxed()
        });
        work.await
    }
}
