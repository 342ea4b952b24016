//! Lists of contacts: over the API, on the pages, and through a server that is killed.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use dering::access::{self, Options, Role, Scope};
use dering::store::{self, ImportState, Store};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::api_fixture::{Answer, TestApi};
use crate::console_fixture::{Browser, Pages, leads_to};
use crate::system_fixture::{create_credentials, in_time, write_fixtures};
use crate::system_killed::{configure, dering, free, is_up};

/// A client with a key for campaigns.
struct Client {
    api: TestApi,
    key: String,
}

impl Client {
    async fn start() -> Self {
        let api = TestApi::with(&[], Options::default()).await;
        let (kept, key) = access::new_api_key("tests", &[Scope::Read, Scope::Campaigns]);
        api.store().create_api_key(kept).await.unwrap();
        Self { api, key: format!("Bearer {}", key.expose_secret()) }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, &self.key)
            .header(header::CONTENT_TYPE, kind);
        self.api.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "text/plain", Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string()).await
    }

    async fn list(&self) -> String {
        let made = self.post("/v1/lists", json!({ "name": "June", "country": "ID", "zone": "wib" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json()["zone"], "Asia/Jakarta");
        made.json()["listId"].as_str().unwrap().to_owned()
    }
}

const TABLE: &str = "Nama;Nomor HP;Zona waktu;Tagihan\nAni;0812-3456-901;WITA;250.000\nBudi;0812-3456-902;;1\n\
                     Cici;2026-11-29;;1\nDewi;0812-3456-901;;1\nEka;0812-3456-903;Mars;1\nFani;+62215550100;;\n";

#[tokio::test]
async fn a_file_is_looked_at_imported_and_undone_over_the_api() {
    let client = Client::start().await;
    let list = client.list().await;
    let imports = format!("/v1/lists/{list}/imports");
    let look = client.send("POST", &format!("{imports}?dryRun=true"), "text/csv", TABLE).await;
    assert_eq!(look.status, 200, "{}", look.text);
    let look = look.json();
    assert_eq!(look["readAs"], "CSV in UTF-8 with semicolons between the fields");
    assert_eq!(look["columns"][1], json!({ "column": "Nomor HP", "holds": "phone" }));
    assert_eq!((look["rows"].as_array().unwrap().len(), &look["problems"]), (6, &json!([])));
    assert_eq!(look["rows"][0]["contact"]["number"], "+628123456901");
    assert_eq!(look["rows"][2]["problems"][0]["field"], "phone");
    assert_eq!(client.get(&format!("/v1/lists/{list}/contacts")).await.json()["contacts"], json!([]));
    let done = client.send("POST", &format!("{imports}?file=june.csv"), "text/csv", TABLE).await;
    assert_eq!(done.status, 201, "{}", done.text);
    let done = done.json();
    let counts =
        ["rows", "added", "duplicates", "refused", "elsewhere"].map(|name| done[name].as_i64().unwrap());
    assert_eq!(counts, [6, 3, 1, 2, 0], "{done}");
    assert_eq!(done["zones"], json!({ "column": 1, "number": 1, "list": 1, "unknown": 0 }));
    let errors: Vec<(i64, &str, &str)> = done["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (e["line"].as_i64().unwrap(), e["kind"].as_str().unwrap(), e["field"].as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(errors, [(4, "refused", "phone"), (5, "duplicate", ""), (6, "refused", "zone")]);
    let shown = client.get("/v1/lists/june").await.json();
    assert_eq!(
        (&shown["contacts"], &shown["version"], &shown["variables"]),
        (&json!(3), &json!(1), &json!(["Tagihan"]))
    );
    let found = client.get(&format!("/v1/lists/{list}/contacts?search=0812&limit=1")).await.json();
    assert_eq!(found["contacts"][0]["variables"], json!({ "Tagihan": "250.000" }));
    let next = format!("/v1/lists/{list}/contacts?search=0812&after={}", found["next"].as_str().unwrap());
    assert_eq!(client.get(&next).await.json()["contacts"][0]["name"], "Budi");
    let before = client.send("POST", &format!("{imports}?dryRun=true"), "text/csv", TABLE).await.json();
    assert_eq!(before["importedBefore"], done["importId"]);
    let import = done["importId"].as_str().unwrap();
    let undone = client.post(&format!("{imports}/{import}/undo"), json!({})).await;
    assert_eq!((undone.status, &undone.json()["state"]), (200, &json!("undone")), "{}", undone.text);
    assert_eq!(client.get(&format!("/v1/lists/{list}")).await.json()["contacts"], 0);
    let again = client.post(&format!("{imports}/{import}/undo"), json!({})).await;
    assert_eq!(again.json()["state"], "undone");
    assert_eq!(client.send("DELETE", &format!("/v1/lists/{list}"), "text/plain", "").await.status, 204);
    assert_eq!(client.get(&format!("/v1/lists/{list}")).await.status, 404);
    assert_eq!(client.get(&imports).await.status, 404);
}

#[tokio::test]
async fn columns_hold_what_somebody_says_in_a_query_or_a_form() {
    let client = Client::start().await;
    let list = client.list().await;
    let path = format!("/v1/lists/{list}/imports");
    let table = "Kontak,Wer\n0812-3456-901,Ani\n";
    let refused = client.send("POST", &path, "text/csv", table).await;
    assert!(
        refused.status == 422 && refused.text.contains("no column holds the numbers"),
        "{}",
        refused.text
    );
    let mapping = "%7B%22Kontak%22:%22phone%22,%22Wer%22:%22name%22%7D";
    let done = client.send("POST", &format!("{path}?mapping={mapping}"), "text/csv", table).await.json();
    assert_eq!(done["added"], 1, "{done}");
    let form = "--x\r\nContent-Disposition: form-data; name=\"mapping\"\r\n\r\n{\"Kontak\":\"phone\"}\r\n\
                --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"july.csv\"\r\n\r\nKontak\n0812-3456-902\n\r\n--x--\r\n";
    let done = client.send("POST", &path, "multipart/form-data; boundary=x", form).await.json();
    assert_eq!((&done["added"], &done["file"]), (&json!(1), &json!("july.csv")), "{done}");
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_with_what_to_do() {
    let client = Client::start().await;
    let list = client.list().await;
    let path = format!("/v1/lists/{list}/imports");
    for (kind, body, status, told) in [
        ("image/png", "x", 415, "Content-Type"),
        ("text/csv", "", 422, "the file is empty"),
        ("application/octet-stream", "PK\u{3}\u{4}nothing", 422, "damaged"),
        ("application/json", "{}", 415, "text/csv"),
        ("text/csv", "+628123456901\n+628123456902\n", 422, "no column holds"),
        ("multipart/form-data; boundary=x", "--x--\r\n", 400, "no file"),
    ] {
        let answer = client.send("POST", &path, kind, body).await;
        assert!(
            answer.status == status && answer.text.contains(told),
            "{kind}: {} {}",
            answer.status,
            answer.text
        );
    }
    let large = Request::builder().method("POST").uri(&path).header(header::AUTHORIZATION, &client.key);
    let large = large.header(header::CONTENT_TYPE, "text/csv").header(header::CONTENT_LENGTH, 600 << 20);
    let large = client.api.send(large.body(Body::from(TABLE)).unwrap()).await;
    assert!(large.status == 413 && large.text.contains("512 MiB"), "{}", large.text);
    let bad = client.send("POST", &format!("{path}?mapping=x"), "text/csv", TABLE).await;
    assert!(bad.status == 400 && bad.text.contains("must be an object"), "{}", bad.text);
    let bad = client.send("POST", "/v1/lists/nope/imports", "text/csv", TABLE).await;
    assert_eq!(bad.status, 404);
    for (body, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "ls_1" }), "name"),
        (json!({ "name": "a", "zone": "Jakarta" }), "zone"),
        (json!({ "name": "a", "country": "Narnia" }), "country"),
    ] {
        let answer = client.post("/v1/lists", body).await;
        assert!(answer.status == 400 && answer.json()["errors"][0]["field"] == field, "{}", answer.text);
    }
    assert_eq!(client.post("/v1/lists", json!({ "name": "JUNE" })).await.status, 409);
}

const EVIL: &str = "<script>alert(1)</script>\"'";

/// Sends a file from the page of a list; where that leads.
async fn upload(browser: &Browser<'_>, list: &str, name: &str, body: &str) -> Answer {
    let token = browser.token().await;
    let form = format!(
        "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{body}\r\n--x--\r\n"
    );
    let request = browser
        .request("POST", &format!("{list}/import"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .header("origin", "http://pages.test")
        .header("sec-fetch-site", "same-origin");
    browser.send(request.body(Body::from(form)).unwrap()).await
}

#[tokio::test]
async fn a_campaign_manager_fills_a_list_on_the_pages() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    assert!(browser.get("/lists").await.text.contains("There are no lists yet."));
    let bad = browser.press("/lists", &[("name", "June"), ("country", "Narnia"), ("zone", "Mars")]).await;
    assert_eq!(bad.status, 422);
    assert!(bad.text.contains("zone-error") && bad.text.contains("country-error"), "{}", bad.text);
    assert!(bad.text.contains("value=\"Narnia\"") && bad.text.contains("value=\"June\""), "nothing is lost");
    let list = leads_to(&browser.press("/lists", &[("name", EVIL), ("country", "ID"), ("zone", "")]).await)
        .to_owned();
    assert!(browser.press("/lists", &[("name", EVIL)]).await.text.contains("There is a list of that name."));
    let body = format!("Kontak;{EVIL}\n0812-3456-901;{EVIL}\nx;y\n0812-3456-901;z\n");
    let file = leads_to(&upload(&browser, &list, "june.csv", &body).await).to_owned();
    let look = browser.get(&file).await;
    assert_eq!(look.status, 422);
    assert!(
        look.text.contains("No column holds the numbers") && look.text.contains("semicolons"),
        "{}",
        look.text
    );
    let file = file.split('?').next().unwrap().to_owned();
    let says = [("name", "june.csv"), ("holds-1", "phone"), ("holds-2", "variable"), ("variable-2", "note")];
    let again = browser.press(&file, &[says.as_slice(), &[("do", "look")]].concat()).await;
    assert!(again.status == 200 && again.text.contains("+628123456901"), "{}", again.text);
    assert!(again.text.contains("Of 3 rows 1 would be refused"), "{}", again.text);
    let begun = browser.press(&file, &[says.as_slice(), &[("do", "import")]].concat()).await;
    let report = leads_to(&begun).to_owned();
    let id = report.rsplit('/').next().unwrap().to_owned();
    let list_id = list.rsplit('/').next().unwrap();
    in_time(async {
        while pages.api.store().list_import(list_id, &id).await.unwrap().unwrap().state
            == ImportState::Running
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told = browser.get(&report).await.text;
    assert!(told.contains("Contacts added: 1. Numbers that were there: 1. Rows refused: 1."), "{told}");
    assert!(told.contains("is not a phone number") && told.contains("has the number of line 2"), "{told}");
    // Whoever comes back to the file sees what became of it.
    assert_eq!(leads_to(&browser.get(&file).await), report);
    let people = browser.get(&format!("{list}/contacts")).await.text;
    assert!(people.contains("+628123456901") && people.contains("not known"), "{people}");
    for path in ["/lists", list.as_str(), report.as_str(), &format!("{list}/contacts")] {
        let page = browser.get(path).await;
        assert!(page.status == 200 && !page.text.contains("<script>alert"), "{path}: {}", page.text);
    }
    let undone = browser.press(&format!("{report}/undo"), &[]).await;
    assert!(leads_to(&undone).ends_with("?done=import_undone"));
    assert_eq!(browser.press(&format!("{list}/delete"), &[("name", "June")]).await.status, 422);
    assert_eq!(
        leads_to(&browser.press(&format!("{list}/delete"), &[("name", EVIL)]).await),
        "/lists?done=list_deleted"
    );
    assert_eq!(browser.get(&list).await.status, 404);
}

#[tokio::test]
async fn a_viewer_sees_lists_with_numbers_masked_and_changes_nothing() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let list = leads_to(&browser.press("/lists", &[("name", "June"), ("country", "ID")]).await).to_owned();
    let table = "phone;name\n0812-3456-901;Ani\n62215550100;two readings\n";
    let file =
        leads_to(&upload(&browser, &list, "june.csv", table).await).split('?').next().unwrap().to_owned();
    let report = leads_to(&browser.press(&file, &[("do", "import"), ("name", "june.csv")]).await).to_owned();
    let list_id = list.rsplit('/').next().unwrap();
    in_time(async {
        while pages.api.store().list(list_id).await.unwrap().unwrap().contacts == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let viewer = pages.signed_in(Role::Viewer).await;
    for path in [format!("{list}/contacts"), report.clone()] {
        let text = viewer.get(&path).await.text;
        assert!(!text.contains("28123456901") && !text.contains("62215550100"), "{path}: {text}");
        assert!(text.contains('…'), "{path}: {text}");
    }
    assert_eq!(viewer.get(&format!("{list}/contacts?q=0812")).await.status, 403);
    assert_eq!(viewer.press("/lists", &[("name", "x")]).await.status, 403);
    assert_eq!(upload(&viewer, &list, "x.csv", table).await.status, 403);
    assert_eq!(viewer.press(&format!("{report}/undo"), &[]).await.status, 403);
    assert_eq!(viewer.press(&format!("{list}/delete"), &[("name", "June")]).await.status, 403);
    // Without the token of the browser nothing is taken, and no file stays.
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nphone\n+1\n\r\n--x--\r\n";
    let request = browser
        .request("POST", &format!("{list}/import"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(request.body(Body::from(form)).unwrap()).await.status, 403);
}

const ROWS: usize = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_is_killed_while_it_reads_a_file_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_fixtures(folder);
    let (server, carrier) = (free(), free());
    configure(folder, server, carrier);
    let database = folder.join("dering.db");
    let store = Store::open(store::Options::file(&database)).await.unwrap();
    let (_, key) = create_credentials(&store).await;
    store.close().await;
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
    let url = format!("http://{server}/v1/lists");
    let mut process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
    is_up(server).await;
    let made =
        http.post(&url).bearer_auth(key.expose_secret()).body("{\"name\":\"June\"}").send().await.unwrap();
    let list = made.json::<Value>().await.unwrap()["listId"].as_str().unwrap().to_owned();
    let mut table = "phone,name\n".to_owned();
    for row in 0..ROWS {
        table.push_str(&if row % 10 == 9 {
            format!("x{row},n\n")
        } else {
            format!("+62812{row:07},n{row}\n")
        });
    }
    let sending = {
        let request = http.post(format!("{url}/{list}/imports")).bearer_auth(key.expose_secret());
        let request = request.header("content-type", "text/csv").body(table);
        tokio::spawn(async move { request.send().await.is_ok() })
    };
    let watched = |rows: u64| {
        let (http, key) = (http.clone(), key.clone());
        let path = format!("{url}/{list}/imports");
        async move {
            loop {
                let answer = http.get(&path).bearer_auth(key.expose_secret()).send().await.unwrap();
                let import = answer.json::<Value>().await.unwrap()["imports"][0].clone();
                if import["state"] == "done" || import["rows"].as_u64().is_some_and(|read| read >= rows) {
                    return import;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let mut cut = 0;
    for rows in [1, 10_000, 30_000] {
        let import = in_time(watched(rows)).await;
        cut += u32::from(import["state"] == "running");
        process.kill().await.unwrap();
        process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
        is_up(server).await;
    }
    drop(sending.await);
    let done = in_time(watched(u64::MAX)).await;
    assert!(cut > 0, "it was never cut off");
    let counts = ["rows", "added", "duplicates", "refused"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts, [60_000, 54_000, 0, 6_000], "{done}");
    process.kill().await.unwrap();
    let store = Store::open_read_only(&database).await.unwrap();
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_contacts(&list, None, after, 500).await.unwrap();
        numbers.extend(page.items.into_iter().map(|row| (row.line, row.number)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // In the order of the file, none missing, none twice.
    assert_eq!(numbers.len(), 54_000);
    assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0].1 < pair[1].1));
}
