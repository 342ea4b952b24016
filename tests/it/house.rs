//! What the tests of the server as a process of its own need beside it: a carrier, a receiver, a client, a database.

use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{self, Store};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::system_fixture::{Carrier, Client, PERSON, arrived, create_credentials, local, write_fixtures};
use crate::system_process::Server;

/// Everything but the server.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) carrier: Carrier,
    pub(crate) inbox: Inbox,
    pub(crate) receiver: Receiver,
    secret: SecretString,
    key: SecretString,
}

impl House {
    /// With a database in `folder/NAME`.
    pub(crate) async fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        let carrier = Carrier::start(folder.path()).await;
        let store = Store::open(store::Options::file(folder.path().join(name))).await.unwrap();
        let (secret, key) = create_credentials(&store).await;
        store.close().await;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
        Self { folder, carrier, inbox, receiver, secret, key }
    }

    pub(crate) fn client(&self, server: &Server) -> Client {
        Client::new(server.address, self.secret.clone(), self.key.clone())
    }

    /// Where notifications of this house's calls go, with `extra`.
    pub(crate) fn told(&self, extra: Value) -> Value {
        let mut all = json!({ "notifyUrl": self.receiver.url() });
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        all
    }

    /// A call that somebody has taken and that nobody ends.
    pub(crate) async fn answered(&self, client: &Client) -> String {
        let call_id = client.dial("stay", PERSON, self.told(json!({}))).await;
        arrived(&self.inbox, &call_id, |bodies| !bodies.is_empty()).await;
        call_id
    }
}
