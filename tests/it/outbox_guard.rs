//! What may not be posted to, through the worker itself: redirects and names that lead to a metadata service, and
//! receivers whose certificate nobody vouches for. Each attempt says why, and other receivers do not notice.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use callcore::retry::Schedule;
use dering::net::guard::AddressPolicy;
use dering::outbox::receiver::{Inbox, Receiver};
use dering::outbox::{Handle, Options, Outbox};
use dering::store::{AttemptRow, CallBatch, NotificationRow, NotificationState, Store};
use dering::trunk::ocs_inbound::tls;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::store_fixture::{SECRET, begun, notification, store_with_app};
use crate::system_fixture::{in_time, local};

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Names as an attacker's DNS may have them.
fn hosts(name: &str) -> Option<IpAddr> {
    match name {
        "shop.test" => Some(Ipv4Addr::LOCALHOST.into()),
        "metadata.test" => Some(METADATA.into()),
        _ => None,
    }
}

/// A worker that may post to this computer, which stands for the public network, and nowhere else that is private.
fn guarded(store: &Store) -> Handle {
    let policy = AddressPolicy::PublicAnd(Arc::new(["127.0.0.0/8".parse().unwrap()]));
    let schedule = Schedule(&[0, 10, 10]);
    Outbox::start(store.clone(), Options { policy, hosts, schedule, ..Options::default() }).unwrap()
}

async fn begin(store: &Store, outbox: &Handle, call: &str, url: &str) {
    let notifications = vec![notification(call, url, "Answered")];
    store.record(CallBatch { notifications, ..begun(call, 5) }).await.unwrap();
    outbox.wake();
}

/// A call's notification, once it is delivered or given up, with the log of its attempts.
async fn settled(store: &Store, call: &str) -> (NotificationRow, Vec<AttemptRow>) {
    in_time(async {
        loop {
            let row = store.notifications(call).await.unwrap().remove(0);
            if row.settled_ms.is_some() {
                let log = store.attempts(&row.id).await.unwrap();
                return (row, log);
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Answers every post with a redirect, and counts them.
fn redirecting(to: &str) -> (Router, Arc<AtomicUsize>) {
    let (to, posts) = (HeaderValue::try_from(to).unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&posts);
    let router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let to = to.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response() }
    });
    (router, posts)
}

#[tokio::test]
async fn a_redirect_to_a_metadata_service_is_refused_and_the_log_says_why() {
    let store = store_with_app().await;
    let outbox = guarded(&store);
    for (call, to, expected) in [
        ("address", "http://169.254.169.254/latest/meta-data/", "the receiver redirects where it may not: "),
        ("name", "http://metadata.test/latest/meta-data/", "after a redirect to metadata.test: "),
    ] {
        let (router, posts) = redirecting(to);
        let receiver = Receiver::start(router, local()).await.unwrap();
        begin(&store, &outbox, call, &receiver.url()).await;
        let (row, log) = settled(&store, call).await;
        assert_eq!(
            (row.state.as_str(), row.reason.map(|reason| reason.as_str())),
            ("dead", Some("exhausted")),
            "{call}"
        );
        // Each attempt was made at the receiver and stopped at the hop.
        assert_eq!((log.len(), posts.load(Ordering::SeqCst)), (3, 3), "{call}");
        for attempt in log {
            let error = attempt.error.unwrap();
            assert!(error.starts_with(expected), "{call}: {error}");
            assert!(error.ends_with("is not at a public address; nothing is sent there"), "{call}: {error}");
        }
    }
}

#[tokio::test]
async fn a_name_that_turns_to_a_metadata_service_is_never_posted_to_and_holds_up_nobody() {
    let store = store_with_app().await;
    let inbox = Inbox::new(vec![SECRET.into()]);
    let shop = Receiver::start(inbox.router(), local()).await.unwrap();
    let url = format!("http://shop.test:{}/notify", shop.address().port());
    let outbox = guarded(&store);
    for n in 0..20 {
        begin(&store, &outbox, &format!("evil-{n}"), "http://metadata.test/latest/").await;
        begin(&store, &outbox, &format!("shop-{n}"), &url).await;
    }
    for n in 0..20 {
        let (row, log) = settled(&store, &format!("shop-{n}")).await;
        assert_eq!((row.state.as_str(), log.len()), ("delivered", 1));
    }
    assert_eq!(inbox.after(0).len(), 20);
    for n in 0..20 {
        let (row, log) = settled(&store, &format!("evil-{n}")).await;
        assert_eq!((row.state.as_str(), log.len()), ("dead", 3));
        let told = "metadata.test is not at a public address; nothing is sent there";
        assert!(log.iter().all(|attempt| attempt.error.as_deref() == Some(told)), "{log:?}");
        assert!(log.iter().all(|attempt| attempt.status.is_none()), "{log:?}");
    }
}

/// A certificate of its own for 127.0.0.1 and its key, made on the spot; false where openssl is missing.
fn self_signed(cert: &Path, key: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(cert)
        .output();
    made.is_ok_and(|made| made.status.success())
}

#[tokio::test]
async fn a_receiver_with_a_certificate_that_nobody_vouches_for_gets_nothing_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    if !self_signed(&cert, &key) {
        println!("skipped: this test needs openssl");
        return;
    }
    let acceptor = TlsAcceptor::from(tls::server_config(&cert, &key).unwrap());
    let listener = TcpListener::bind(local()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (met, shaken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, done) = (Arc::clone(&met), Arc::clone(&shaken));
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            if acceptor.accept(peer).await.is_ok() {
                done.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let store = store_with_app().await;
    let outbox = guarded(&store);
    let inbox = Inbox::new(vec![SECRET.into()]);
    let well = Receiver::start(inbox.router(), local()).await.unwrap();
    begin(&store, &outbox, "untrusted", &format!("https://shop.test:{port}/notify")).await;
    begin(&store, &outbox, "well", &well.url()).await;

    assert_eq!(settled(&store, "well").await.0.state, NotificationState::Delivered);
    let (row, log) = settled(&store, "untrusted").await;
    assert_eq!(
        (row.state.as_str(), row.reason.map(|reason| reason.as_str()), log.len()),
        ("dead", Some("exhausted"), 3)
    );
    for attempt in &log {
        let error = attempt.error.as_deref().unwrap();
        assert!(error.starts_with("the post failed: ") && error.contains("certificate"), "{error}");
    }
    assert_eq!((met.load(Ordering::SeqCst), shaken.load(Ordering::SeqCst)), (3, 0), "no post went out");
    let endpoints = store.endpoints(10).await.unwrap();
    let ill = endpoints.iter().find(|row| row.endpoint.starts_with("https:")).unwrap();
    assert_eq!((ill.failures, ill.delivered), (3, 0));
    assert!(ill.last_problem.as_deref().unwrap().contains("certificate"), "{ill:?}");
}
