//! A caller wants its callee connected with somebody else (REFER): that number is called, and the caller is told what comes of
//! it. The two are not heard by each other; a caller that transfers leaves.

use std::sync::Arc;

use callcore::call::DialStatus;
use tokio::sync::oneshot;

use crate::gateway::accounts::Holder;
use crate::gateway::clients::Client;
use crate::gateway::messages::Event;
use crate::gateway::outbox::Item;
use crate::gateway::placing::PlaceRequest;
use crate::gateway::record::Party;
use crate::gateway::room::Room;
use crate::gateway::shared::Shared;
use crate::sip::cause;

/// Hang-up cause of a transfer for which there is no room: resource unavailable.
const NO_ROOM: u16 = 47;
/// SIP status of a call that cannot be taken.
const UNAVAILABLE: u16 = 503;

/// The room of a call that is placed now.
pub(super) fn room_of(
    shared: &Arc<Shared>,
    holder: Holder,
    request: PlaceRequest,
) -> Result<(Arc<Room>, oneshot::Sender<()>), u16> {
    let (unannounced, answered) = oneshot::channel();
    let session = shared.place(holder, request, answered).ok_or(UNAVAILABLE)?;
    let room = shared.rooms.find(holder.account, &session).map_err(|_| UNAVAILABLE)?;
    Ok((room, unannounced))
}

/// A transfer that is under way.
pub(super) struct Transfer {
    shared: Arc<Shared>,
    room: Arc<Room>,
    client: Arc<Client>,
    /// The last word has been said.
    is_over: bool,
    _unannounced: oneshot::Sender<()>,
}

impl Transfer {
    /// Calls `to`; the SIP status of a refusal.
    pub(super) fn begin(shared: &Arc<Shared>, holder: Holder, to: String) -> Result<Self, u16> {
        let request = PlaceRequest { number: to, ..PlaceRequest::default() };
        let (room, unannounced) = room_of(shared, holder, request)?;
        let client = Client::new(holder, false);
        shared.clients.add(&client);
        let transfer =
            Self { shared: Arc::clone(shared), room, client, is_over: false, _unannounced: unannounced };
        match transfer.room.join(&transfer.client) {
            Ok(()) => Ok(transfer),
            Err(error) => {
                tracing::debug!(%error, "a transfer could not join its call");
                Err(cause::status(NO_ROOM))
            }
        }
    }

    /// The next status to be told; none after one from 200 on.
    pub(super) async fn next(&mut self) -> u16 {
        while !self.is_over {
            let status = match self.client.outbox.next().await {
                Some(Item::Event(Event::Status { status: DialStatus::Ringing, .. })) => 180,
                Some(Item::Event(Event::Status { status: DialStatus::Connected, .. })) => 200,
                Some(Item::Event(Event::Cdr(cdr))) => cause::status(cdr.hangup_cause_code),
                Some(Item::Event(_) | Item::Audio(_) | Item::Ack(..) | Item::End) => continue,
                None => cause::status(NO_ROOM),
            };
            self.is_over = status >= 200;
            return status;
        }
        std::future::pending().await
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.shared.clients.remove(&self.client);
        self.room.hang_up(Party::Gateway);
    }
}
