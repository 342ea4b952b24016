//! One telephone has one number, however it is written and wherever it comes in.

use std::fs;

use dering::app::App;
use dering::store::{CallBatch, NewDoNotCall, Options, Store};
use serde_json::{Value, json};

use crate::system_fixture::{Carrier, Client, Reply, config, create_credentials, in_time, write_fixtures};

/// Its owner wants no more calls.
const SPARED: &str = "+628123456901";
/// A flow for callees in Indonesia.
const JAKARTA: &str =
    "flow: jakarta\ncountry: 62\nstart: talk\nscenes: { talk: [ { wait: 60s }, { hangup: bored } ] }\n";

struct Desk {
    app: App,
    client: Client,
    _carrier: Carrier,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn start(country: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        fs::write(folder.path().join("flows/jakarta.yaml"), JAKARTA).unwrap();
        let carrier = Carrier::start(folder.path()).await;
        let mut config = config(folder.path(), &carrier);
        config.country = country.map(|country| country.parse().unwrap());
        config.bots.insert("ghost".into(), "jakarta".into());
        let store = Store::open(Options::file(&config.database)).await.unwrap();
        let (secret, key) = create_credentials(&store).await;
        store.close().await;
        let app = App::start(&config).await.unwrap();
        let client = Client::new(app.address(), secret, key);
        let desk = Self { app, client, _carrier: carrier, _folder: folder };
        let call_id = desk.client.dial("short", SPARED, json!({})).await;
        let asked = NewDoNotCall { at_ms: 7, words: None };
        let batch = CallBatch { call_id, do_not_call: Some(asked), ..CallBatch::default() };
        desk.app.store().record(batch).await.unwrap();
        desk
    }

    async fn ask(&self, bot: &str, number: &str, extra: Value) -> Reply {
        self.client.try_dial(bot, number, extra).await
    }
}

#[tokio::test]
async fn who_wants_no_more_calls_is_spared_in_every_spelling_of_the_number() {
    let desk = Box::pin(Desk::start(None)).await;
    for (bot, number, extra) in [
        ("short", "00628123456901", json!({})),
        ("short", "628123456901", json!({})),
        ("short", "+62 (0)812\u{a0}3456\u{2011}901", json!({})),
        ("short", "08123456901;phone-context=+62", json!({})),
        ("short", "08123456901", json!({ "country": "ID" })),
        ("short", "08123456901", json!({ "country": 62 })),
        ("ghost", "08123456901", json!({})),
        (
            "ghost",
            "8123456901",
            json!({ "scheduleAt": dering::wallclock::iso(dering::wallclock::now_ms() + 600_000) }),
        ),
    ] {
        let reply = desk.ask(bot, number, extra).await;
        assert_eq!((reply.status, reply.problem().1.as_str()), (403, "do_not_call"), "{bot} {number}");
    }
    // Nobody knows its country: it stays another number.
    let reply = desk.ask("short", "08123456901", json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let call_id = desk.client.dial("ghost", "007 65 6123 4567", json!({})).await;
    let call = desk.app.store().call(&call_id).await.unwrap().unwrap();
    assert_eq!(call.target, "+6561234567", "the flow says which digits lead abroad");
    // The country of the request goes before that of the flow.
    let reply = desk.ask("ghost", "08123456901", json!({ "country": "GB" })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    in_time(desk.app.shutdown()).await;
}

#[tokio::test]
async fn the_servers_country_holds_for_every_door() {
    let desk = Box::pin(Desk::start(Some("62"))).await;
    let reply = desk.ask("short", "08123456901", json!({})).await;
    assert_eq!((reply.status, reply.problem().1.as_str()), (403, "do_not_call"));
    let call_id = desk.client.dial("short", "0812 3456 902", json!({})).await;
    let call = desk.app.store().call(&call_id).await.unwrap().unwrap();
    assert_eq!(call.target, "+628123456902");
    // Which digits lead abroad is the country's to say.
    for written in ["007 65 6123 4567", "008 65 6123 4567", "001 65 6123 4567"] {
        let call_id = desk.client.dial("short", written, json!({})).await;
        let call = desk.app.store().call(&call_id).await.unwrap().unwrap();
        assert_eq!(call.target, "+6561234567", "{written}");
    }
    let reply = desk.ask("short", "00862812345678", json!({})).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    in_time(desk.app.shutdown()).await;
}

#[tokio::test]
async fn what_a_spreadsheet_made_of_a_number_is_refused_with_its_cause() {
    let desk = Box::pin(Desk::start(None)).await;
    let reply = desk.ask("short", "6281234567013.0", json!({})).await;
    let (status, _, detail) = reply.problem();
    assert!(status == 400 && detail.contains("spreadsheet"), "{detail}");
    let reply = desk.ask("short", "+62812345678;ext=12;postd=pp22", json!({})).await;
    let ignored = crate::system_fixture::ignored_but_caller(&reply.headers["dering-ignored-fields"]);
    assert_eq!(ignored, "target.ext, target.postd");
    in_time(desk.app.shutdown()).await;
}
