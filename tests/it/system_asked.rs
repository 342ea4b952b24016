//! A server that is killed with `kill -9` between its dial request and the carrier's answer: nobody knows whether a
//! telephone rings, so the next start bills nothing, claims nothing and says just that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{self, Store};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::system_fixture::{Client, RINGS, create_credentials, in_time, last_word, local, write_fixtures};
use crate::system_killed::{configure, dering, free, is_up};

/// A way to the carrier on which dial requests arrive and their answers are lost.
struct Way {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    /// One for each answer that was lost.
    lost: Arc<Semaphore>,
}

impl Way {
    async fn start(carrier: SocketAddr) -> Self {
        let listener = TcpListener::bind(local()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, losses) = (Arc::clone(&asked), Arc::clone(&lost));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, carrier, Arc::clone(&count), Arc::clone(&losses)));
            }
        });
        Self { address, asked, lost }
    }
}

async fn pass(
    mut near: TcpStream,
    carrier: SocketAddr,
    asked: Arc<AtomicUsize>,
    lost: Arc<Semaphore>,
) -> std::io::Result<()> {
    let mut far = TcpStream::connect(carrier).await?;
    let (mut out, mut back) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut dials = false;
    loop {
        tokio::select! {
            read = near.read(&mut out) => match read? {
                0 => return Ok(()),
                length => {
                    if out[..length].starts_with(b"POST /pbx/call") {
                        dials = true;
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                    far.write_all(&out[..length]).await?;
                }
            },
            read = far.read(&mut back) => match read? {
                0 => return Ok(()),
                _ if dials => lost.add_permits(1),
                length => near.write_all(&back[..length]).await?,
            },
        }
    }
}

#[tokio::test]
async fn a_call_whose_dial_request_was_cut_off_is_neither_billed_nor_claimed_and_may_be_ringing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_fixtures(folder);
    let (server, carrier) = (free(), free());
    let listen = carrier.to_string();
    let gateway = ["gateway", "--listen", &listen, "--token", "t", "--callees", "callees", "--log", "error"];
    let _gateway = dering(folder, "gateway.log", &gateway);
    is_up(carrier).await;
    let way = Way::start(carrier).await;
    configure(folder, server, way.address);
    let database = folder.join("dering.db");
    let store = Store::open(store::Options::file(&database)).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let inbox = Inbox::new(vec![secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let client = Client::new(server, secret, key);

    let serve = ["serve", "--config", "dering.yaml"];
    let mut killed = dering(folder, "server.log", &serve);
    is_up(server).await;
    let call_id = client.dial("stay", RINGS, json!({ "notifyUrl": receiver.url() })).await;
    in_time(way.lost.acquire()).await.unwrap().forget();
    // On Unix this is SIGKILL.
    killed.kill().await.unwrap();

    let mut next = dering(folder, "server.log", &serve);
    is_up(server).await;
    let told = last_word(&inbox, &call_id).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "Failed", "{told:?}");
    assert!(told[0]["detail"].as_str().is_some_and(|why| why.contains("not known")), "{told:?}");
    next.kill().await.unwrap();
    assert_eq!(way.asked.load(Ordering::SeqCst), 1, "it is not dialled again");

    let store = Store::open_read_only(&database).await.unwrap();
    let events = store.events(&call_id, 0, 100).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds[..2], ["dialled", "dialling"], "{kinds:?}");
    assert!(kinds.contains(&"may_be_ringing") && kinds.contains(&"recovered"), "{kinds:?}");
    assert!(!kinds.contains(&"placed") && !kinds.contains(&"dial_status"), "{kinds:?}");
    let call = store.call(&call_id).await.unwrap().unwrap();
    assert_eq!((call.answered_ms, call.session_id), (None, None));
    assert_eq!(call.message_left, None);
    let ours = store.cdr(&call_id).await.unwrap().unwrap();
    assert_eq!((ours.estimated, ours.cdr.billable_seconds, ours.cdr.answer_time), (true, 0, None));
}
