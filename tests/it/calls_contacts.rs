//! Contacts are kept, found, changed, imported, and say who does not want to be called.

use dering::access::Scope;
use dering::store::NewContact;
use reqwest::Method;
use serde_json::{Value, json};

use crate::calls_fixture::{Desk, key};
use crate::system_fixture::{PERSON, in_time, reply_to};

fn ids(list: &Value) -> Vec<&str> {
    list["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| contact["contact_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_contact_is_kept_found_changed_and_deleted() {
    let desk = Desk::start().await;
    let made = desk
        .post(
            "/v1/contacts",
            json!({"contact_id": "jj084", "phone_number": "+62 812-3456", "name": "Jaya", "metadata": {"amount": 120}}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["phone_number"], &made["do_not_call"]), (&json!("+628123456"), &json!(false)));
    let again = desk.post("/v1/contacts", json!({"contact_id": "jj084", "phone_number": "123"})).await;
    assert_eq!(again.problem().1, "conflict");
    let named = desk.post("/v1/contacts", json!({"phone_number": "0800 1"})).await.json();
    assert!(named["contact_id"].as_str().unwrap().starts_with("ct_"));

    for search in ["jay", "23456", "jj084", "812%203456"] {
        let found = desk.get(&format!("/v1/contacts?search={search}")).await;
        assert_eq!(ids(&found.json()), ["jj084"], "{search}");
    }
    assert_eq!(ids(&desk.get("/v1/contacts?search=100%25").await.json()), [""; 0]);

    let change = json!({"name": null, "flow": "short", "metadata": {"amount": null, "due": "Friday"}});
    let changed = desk.patch("/v1/contacts/jj084", change).await.json();
    assert_eq!((&changed["name"], &changed["flow"]), (&Value::Null, &json!("short")));
    assert_eq!(changed["metadata"], json!({"due": "Friday"}));

    let gone = reply_to(desk.request(Method::DELETE, "/v1/contacts/jj084")).await;
    assert_eq!(gone.status, 204);
    for reply in [
        desk.get("/v1/contacts/jj084").await,
        desk.patch("/v1/contacts/jj084", json!({})).await,
        reply_to(desk.request(Method::DELETE, "/v1/contacts/jj084")).await,
    ] {
        assert_eq!(reply.problem().1, "not_found");
    }
}

#[tokio::test]
async fn pages_of_contacts_hold_each_of_them_once() {
    let desk = Desk::start().await;
    let lines: String =
        (0..7).map(|n| format!("{{\"contact_id\":\"c{n}\",\"phone_number\":\"100{n}\"}}\n")).collect();
    let import =
        desk.request(Method::POST, "/v1/contacts/import").header("content-type", "application/x-ndjson");
    assert_eq!(reply_to(import.body(lines)).await.json()["created"], 7);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/v1/contacts?limit=3{after}")).await.json();
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    assert_eq!(desk.get("/v1/contacts?after=nonsense").await.problem().1, "malformed");
}

#[tokio::test]
async fn a_file_is_imported_line_by_line_and_may_be_sent_again() {
    let desk = Desk::start().await;
    let file = "contact_id,phone_number,name,amount\n\
                a,+15550001,Ann,120 dollars\n\
                b,none,Bob,1\n\
                ,+15550002,Cid,\n";
    let import = || {
        let request = desk.request(Method::POST, "/v1/contacts/import").header("content-type", "text/csv");
        reply_to(request.body(file))
    };
    let first = import().await.json();
    assert_eq!([&first["contacts"], &first["created"], &first["failed"]], [&json!(3), &json!(2), &json!(1)]);
    assert_eq!(
        (&first["errors"][0]["line"], &first["errors"][0]["field"]),
        (&json!(3), &json!("phone_number"))
    );
    let second = import().await.json();
    assert_eq!([&second["created"], &second["updated"]], [&json!(0), &json!(2)]);
    assert_eq!(desk.get("/v1/contacts/a").await.json()["metadata"], json!({"amount": "120 dollars"}));

    // Two people share a number: a line without an id cannot mean one of them.
    desk.post("/v1/contacts", json!({"contact_id": "partner", "phone_number": "+15550002"})).await;
    let third = import().await.json();
    assert!(third["errors"].to_string().contains("several contacts have this number"), "{third}");

    let other = reply_to(desk.request(Method::POST, "/v1/contacts/import").body("x")).await;
    assert_eq!((other.status, other.problem().1.as_str()), (415, "media_type"));
}

#[tokio::test]
async fn a_contact_shows_that_its_number_is_not_to_be_called() {
    let desk = Desk::start().await;
    let call_id = desk.system.dial("errands", PERSON, json!({})).await;
    desk.system.last_word(&call_id).await;
    let batch = dering::store::CallBatch {
        call_id: call_id.clone(),
        do_not_call: Some(dering::store::NewDoNotCall { at_ms: 7, words: None }),
        ..dering::store::CallBatch::default()
    };
    in_time(desk.system.app.store().record(batch)).await.unwrap();
    desk.post("/v1/contacts", json!({"contact_id": "a", "phone_number": PERSON})).await;
    let contact = desk.get("/v1/contacts/a").await.json();
    assert_eq!(contact["do_not_call"], true);
    assert_eq!(contact["do_not_call_id"], json!(call_id));
    assert_eq!(contact["do_not_call_since"], "1970-01-01T00:00:00.007Z");
    let refused = desk.post("/v1/calls", json!({"contact_id": "a", "type": "voice", "flow": "stay"})).await;
    assert_eq!((refused.status, refused.problem().1.as_str()), (403, "do_not_call"));
}

#[tokio::test]
async fn who_only_reads_may_look_and_not_touch() {
    let desk = Desk::start().await;
    let reader = key(&desk.system, &[Scope::Read]).await;
    let ask =
        |method: Method, path: &str| reply_to(desk.bare(method, path).bearer_auth(&reader).json(&json!({})));
    assert_eq!(ask(Method::GET, "/v1/contacts").await.status, 200);
    assert_eq!(ask(Method::POST, "/v1/contacts").await.problem().1, "scope_missing");
    assert_eq!(ask(Method::POST, "/v1/calls").await.problem().1, "scope_missing");
    assert_eq!(ask(Method::POST, "/v1/recordings/revoke-links").await.problem().1, "scope_missing");
    assert_eq!(reply_to(desk.bare(Method::GET, "/v1/contacts")).await.status, 401);
}

#[tokio::test]
async fn a_contact_that_is_deleted_in_the_same_moment_was_made_all_the_same() {
    let desk = Desk::start().await;
    let store = desk.system.app.store();
    for n in 0..50 {
        let id = format!("brief{n}");
        let new = NewContact { id: Some(id.clone()), number: "+6281234".into(), ..NewContact::default() };
        let (made, _deleted) = tokio::join!(store.create_contact(new), store.delete_contact(&id));
        assert_eq!(made.unwrap().id, id);
    }
}

#[tokio::test]
async fn the_do_not_call_list_is_kept_by_programs_and_holds_at_once() {
    let desk = Desk::start().await;
    let put = json!({"number": PERSON, "reason": "asked by letter"});
    let made = desk.post("/v1/do-not-call", put.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["number"], &made["reason"]), (&json!(PERSON), &json!("asked by letter")));
    assert_eq!(desk.post("/v1/do-not-call", put).await.status, 200, "it was there");
    let refused = desk.system.client.try_dial("short", PERSON, json!({})).await.problem();
    assert_eq!((refused.0, refused.1.as_str()), (403, "do_not_call"));
    assert!(refused.2.contains("Z: asked by letter. Send"), "{}", refused.2);
    let wrong = desk.post("/v1/do-not-call", json!({"number": "12 apples"})).await.problem();
    assert_eq!(wrong.0, 400);
    assert!(wrong.2.contains("number") && wrong.2.contains("reason"), "all at once: {}", wrong.2);

    let path = format!("/v1/do-not-call/{}", PERSON.replace('+', "00"));
    assert_eq!(desk.get(&path).await.status, 200, "in any spelling");
    let off = async |reason: &str| {
        reply_to(desk.request(Method::DELETE, &format!("{path}?reason={reason}"))).await.status
    };
    assert_eq!((off("").await, off("a+mistake").await, off("again").await), (400, 204, 404));
    assert_eq!(desk.get(&path).await.problem().1, "not_found");
    assert_eq!(desk.system.client.try_dial("short", PERSON, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_register_of_numbers_is_imported_and_its_wrong_lines_are_told() {
    let desk = Desk::start().await;
    let send = async |body: &'static str| {
        let path = "/v1/do-not-call/import?reason=register&country=ID";
        reply_to(desk.request(Method::POST, path).body(body)).await
    };
    let report =
        send("Nomor HP;Nama\n0812-3456-901;Ani\n2026-11-29;Budi\n0062 812 3456 901;Cici\n").await.json();
    assert_eq!(
        (&report["added"], &report["thereBefore"], &report["failed"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(report["errors"][0]["line"], 3);
    assert_eq!(send("hello\n").await.status, 400);
    let list = desk.get("/v1/do-not-call?search=3456").await.json();
    assert_eq!((&list["total"], &list["numbers"][0]["number"]), (&json!(1), &json!("+628123456901")));
    let reader = key(&desk.system, &[Scope::Read]).await;
    let reads = desk.bare(Method::GET, "/v1/do-not-call").bearer_auth(&reader);
    assert_eq!(reply_to(reads).await.status, 200);
    let changes = desk.bare(Method::POST, "/v1/do-not-call").bearer_auth(&reader);
    assert_eq!(reply_to(changes.json(&json!({}))).await.problem().1, "scope_missing");
}
