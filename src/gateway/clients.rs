//! Who is connected: each client with its account and what waits for it.

use std::sync::Arc;

use parking_lot::RwLock;

use super::accounts::Holder;
use super::messages::{Ack, Event, Question};
use super::outbox::{Item, Outbox};

/// One connection, whichever wire it came over.
#[derive(Debug)]
pub(super) struct Client {
    pub holder: Holder,
    /// It is told of every new session of its account; a plain WebSocket knows only its own.
    pub hears_of_sessions: bool,
    pub outbox: Outbox,
}

impl Client {
    /// One that nobody knows of yet; see [`Clients::add`].
    pub(super) fn new(holder: Holder, hears_of_sessions: bool) -> Arc<Self> {
        Arc::new(Self { holder, hears_of_sessions, outbox: Outbox::default() })
    }

    /// Tells it something that must not be lost, if its version knows of such a thing.
    pub(super) fn tell(&self, event: Event) {
        if event.exists_in(self.holder.version) {
            self.outbox.push(Item::Event(event));
        }
    }

    /// Says why an event of this client had no effect.
    pub(super) fn refuse(&self, about: &str, reason: impl Into<String>) {
        metrics::counter!("dering_gateway_events_refused_total").increment(1);
        let about = about.chars().take(40).collect();
        self.tell(Event::Error { about, reason: reason.into() });
    }

    pub(super) fn acknowledge(&self, question: Question, ack: Ack) {
        if question.is_asked() {
            self.outbox.push(Item::Ack(question, ack));
        }
    }
}

/// All clients.
#[derive(Debug, Default)]
pub(super) struct Clients(RwLock<Vec<Arc<Client>>>);

impl Clients {
    pub(super) fn add(&self, client: &Arc<Client>) {
        self.0.write().push(Arc::clone(client));
    }

    /// Forgets a client that is gone, and what waited for it.
    pub(super) fn remove(&self, client: &Arc<Client>) {
        client.outbox.close();
        self.0.write().retain(|other| !Arc::ptr_eq(other, client));
    }

    /// Tells every client of the account that hears of sessions.
    pub(super) fn announce(&self, account: usize, event: &Event) {
        let clients = self.0.read();
        for client in clients.iter().filter(|c| c.hears_of_sessions && c.holder.account == account) {
            client.tell(event.clone());
        }
    }

    /// Everything was handed to the connections.
    pub(super) fn are_drained(&self) -> bool {
        let clients = self.0.read();
        clients.iter().all(|client| client.outbox.is_drained())
    }
}
