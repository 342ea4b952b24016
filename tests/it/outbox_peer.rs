//! Signatures of webhooks, held against an implementation that is not ours: npm's `standardwebhooks`.

use dering::net::guard::AddressPolicy;
use dering::outbox::{Options, Outbox};
use dering::store::{CallBatch, Store};
use serde_json::{Value, json};

use crate::peer::{Peer, is_ready};
use crate::store_fixture::{APP, SECRET, begun, notification, store_with_app};

async fn next(peer: &mut Peer) -> Value {
    peer.wait_for("a webhook", |report| report["webhook"].is_object().then(|| report["webhook"].clone()))
        .await
}

fn options() -> Options {
    Options { policy: AddressPolicy::Anywhere, ..Options::default() }
}

async fn one_call(store: &Store, call: &str, url: &str) {
    let notifications =
        vec![notification(call, url, "Answered — “ja”"), notification(call, url, "completed")];
    store.record(CallBatch { notifications, ..begun(call, 5) }).await.unwrap();
}

#[tokio::test]
async fn standardwebhooks_of_npm_accepts_our_signatures_and_knows_forgeries() {
    if !is_ready() {
        return;
    }
    let store = store_with_app().await;
    let mut peer = Peer::start("webhooks.js", json!({ "secret": SECRET })).await;
    let outbox = Outbox::start(store.clone(), options()).unwrap();
    one_call(&store, "c1", &peer.url()).await;
    outbox.wake();
    for status in ["Answered — “ja”", "completed"] {
        let seen = next(&mut peer).await;
        assert_eq!((&seen["ok"], &seen["body"]["status"]), (&json!(true), &json!(status)), "{seen}");
    }
    // Somebody who does not know the secret is told apart by the same check.
    drop(rustls::crypto::ring::default_provider().install_default());
    let forged = reqwest::Client::builder().no_proxy().build().unwrap().post(peer.url()).body("{}");
    let forged = forged
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", (dering::wallclock::now_ms() / 1000).to_string())
        .header("webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    assert_eq!(next(&mut peer).await["ok"], false);
    peer.kill().await;
}

#[tokio::test]
async fn while_a_secret_is_replaced_receivers_with_the_old_and_with_the_new_one_both_accept() {
    if !is_ready() {
        return;
    }
    let store = store_with_app().await;
    let newer = "whsec_bmV3ZXItc2VjcmV0LW5ld2VyLXNlY3JldC1uZXdlci0=";
    let mut old = Peer::start("webhooks.js", json!({ "secret": SECRET })).await;
    let mut new = Peer::start("webhooks.js", json!({ "secret": newer })).await;
    store.add_secret(APP, newer.into()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options()).unwrap();
    for (call, peer) in [("c1", &mut old), ("c2", &mut new)] {
        one_call(&store, call, &peer.url()).await;
        outbox.wake();
        let seen = [next(peer).await, next(peer).await];
        assert!(seen.iter().all(|seen| seen["ok"] == true), "{seen:?}");
    }
    store.retire_old_secrets(APP).await.unwrap();
    one_call(&store, "c3", &old.url()).await;
    outbox.wake();
    assert_eq!(next(&mut old).await["ok"], false);
    one_call(&store, "c4", &new.url()).await;
    outbox.wake();
    assert_eq!(next(&mut new).await["ok"], true);
    old.kill().await;
    new.kill().await;
}
