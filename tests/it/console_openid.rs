//! Signing in at an issuer elsewhere, which is made here: what it says is believed, or not, with the reason.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dering::access::{OpenIdOptions, Options, Role};
use dering::store::{Actor, LinkedBy, NewOpenId, PersonChange, Rate};
use dering::wallclock::now_ms;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::console_fixture::{Browser, PASSWORD, Pages, leads_to};

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
}

/// What the issuer does with the next code.
struct Next {
    /// What the address told it.
    asked: BTreeMap<String, String>,
    /// Claims that differ from the right ones; null takes one away.
    claims: Value,
    /// Signed with another key than the published one.
    forged: bool,
    fails: bool,
    /// Its document names a place for codes where there is none.
    lost: bool,
}

struct Shared {
    name: String,
    pair: EcdsaKeyPair,
    next: Mutex<Next>,
}

/// An issuer on this machine.
struct Issuer(Arc<Shared>);

impl Issuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let next =
            Next { asked: BTreeMap::new(), claims: json!({}), forged: false, fails: false, lost: false };
        let shared = Arc::new(Shared { name, pair: pair(), next: Mutex::new(next) });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self(shared)
    }

    fn options(&self) -> OpenIdOptions {
        OpenIdOptions {
            issuer: self.0.name.clone(),
            client_id: "dering".into(),
            client_secret: Some("hush".to_owned().into()),
            label: "Shop <ID>".into(),
            scopes: vec!["email".into()],
            role_claim: Some("groups".into()),
            roles: [("ops".to_owned(), Role::Admin), ("staff".to_owned(), Role::CampaignManager)].into(),
            default_role: None,
            link_by_name: false,
        }
    }

    /// Signs in with these claims; the answer to the way back.
    async fn sign_in(&self, browser: &Browser<'_>, claims: Value) -> (u16, String, String) {
        let back = self.depart(browser, claims).await;
        self.arrive(browser, &back).await
    }

    /// Goes to the issuer, which sends the browser back; the way back.
    async fn depart(&self, browser: &Browser<'_>, claims: Value) -> String {
        let away = browser.get("/sign-in/openid?next=%2Fcalls").await;
        let to = Url::parse(leads_to(&away)).unwrap();
        assert_eq!(to.path(), "/authorize");
        let asked: BTreeMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!(
            [
                asked["response_type"].as_str(),
                &asked["client_id"],
                &asked["code_challenge_method"],
                &asked["scope"]
            ],
            ["code", "dering", "S256", "openid email"]
        );
        assert_eq!(asked["redirect_uri"], "http://pages.test/sign-in/openid/back");
        let back = format!("/sign-in/openid/back?state={}&code=c-1", asked["state"]);
        let mut next = self.0.next.lock().unwrap();
        next.asked = asked;
        next.claims = claims;
        back
    }

    async fn arrive(&self, browser: &Browser<'_>, back: &str) -> (u16, String, String) {
        let answer = browser.get(back).await;
        let to = answer.headers.get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status, to.unwrap_or_default(), answer.text)
    }
}

async fn document(State(issuer): State<Arc<Shared>>) -> Json<Value> {
    let name = &issuer.name;
    let token = if issuer.next.lock().unwrap().lost { "nowhere" } else { "token" };
    Json(json!({ "issuer": name, "authorization_endpoint": format!("{name}/authorize"),
        "token_endpoint": format!("{name}/{token}"), "jwks_uri": format!("{name}/keys") }))
}

async fn keys(State(issuer): State<Arc<Shared>>) -> Json<Value> {
    let point = issuer.pair.public_key().as_ref();
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "use": "sig",
        "x": encoded(&point[1..33]), "y": encoded(&point[33..]) }] }))
}

async fn token(State(issuer): State<Arc<Shared>>, form: String) -> (StatusCode, Json<Value>) {
    let form = Url::parse(&format!("http://form/?{form}")).unwrap();
    let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let next = issuer.next.lock().unwrap();
    let challenge = encoded(Sha256::digest(form["code_verifier"].as_bytes()));
    let right = challenge == next.asked["code_challenge"]
        && form["client_secret"] == "hush"
        && form["redirect_uri"] == next.asked["redirect_uri"]
        && form["code"] == "c-1";
    if next.fails || !right {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    }
    let now = now_ms() / 1_000;
    let mut claims = json!({ "iss": issuer.name, "aud": "dering", "sub": "u-1", "exp": now + 300, "iat": now,
        "nonce": next.asked["nonce"], "email": "rini@shop.test", "email_verified": true, "groups": ["staff"] });
    for (name, value) in next.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let message = format!(
        "{}.{}",
        encoded(json!({ "alg": "ES256", "kid": "k" }).to_string()),
        encoded(claims.to_string())
    );
    let other = pair();
    let key = if next.forged { &other } else { &issuer.pair };
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    (
        StatusCode::OK,
        Json(
            json!({ "access_token": "a", "token_type": "Bearer", "id_token": format!("{message}.{}", encoded(signature)) }),
        ),
    )
}

async fn pages(options: OpenIdOptions) -> Pages {
    Pages::with(&[], Options { openid: Some(options), ..Options::default() }).await
}

#[tokio::test]
async fn who_the_issuer_vouches_for_comes_in_with_the_role_that_it_gives() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    pages.invite("Boss", Role::Admin).await;
    let browser = Browser::new(&pages);
    let door = browser.get("/sign-in?next=/calls").await.text;
    assert!(door.contains("Sign in with Shop &lt;ID&gt;"), "{door}");
    let (status, to, text) = issuer.sign_in(&browser, json!({})).await;
    assert_eq!((status, to.as_str()), (303, "/calls"), "{text}");
    assert_eq!(browser.get("/calls").await.status, 200);
    assert!(browser.cookies.lock().unwrap().get("dering_openid").is_none(), "it is used up");
    let rini = pages.api.store().person_to_sign_in("rini@shop.test").await.unwrap().unwrap();
    assert_eq!((rini.role.as_str(), rini.password.is_none()), ("campaign_manager", true));
    // Known by what the issuer calls them for good, whatever their address is now, and with the role of now.
    let again = json!({ "email": "rini@new.test", "groups": ["staff", "ops"] });
    assert_eq!(issuer.sign_in(&Browser::new(&pages), again).await.0, 303);
    assert_eq!(pages.api.store().person(&rini.id).await.unwrap().role, "admin");
    assert_eq!(pages.api.store().people().await.unwrap().len(), 2);
    let change = PersonChange { disabled: Some(true), ..PersonChange::default() };
    pages.api.store().change_person(&rini.id, change, Actor::operator()).await.unwrap();
    let (status, _, text) = issuer.sign_in(&Browser::new(&pages), json!({})).await;
    assert!(status == 403 && text.contains("turned away"), "{text}");
}

#[tokio::test]
async fn what_is_not_right_is_refused_with_a_sentence_and_nobody_comes_in() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    pages.invite("Boss", Role::Admin).await;
    for (claims, status, told) in [
        (json!({ "nonce": "another" }), 401, "belongs to another sign-in"),
        (json!({ "aud": "another" }), 401, "meant for another program"),
        (json!({ "iss": "https://evil.test" }), 401, "meant for another program"),
        (json!({ "exp": 1_000 }), 401, "too old or not valid yet"),
        (json!({ "iat": now_ms() / 1_000 + 900 }), 401, "too old or not valid yet"),
        (json!({ "groups": ["guests"] }), 403, "nothing gives you a role"),
        (json!({ "groups": null }), 403, "nothing gives you a role"),
        (json!({ "email_verified": false }), 403, "has not made sure of your e-mail"),
        (json!({ "email": "boss" }), 403, "has not made sure of your e-mail"),
        (json!({ "email": "a\u{1b}[31m\n@shop.test" }), 403, "has not made sure of your e-mail"),
        (json!({ "email": "bo\u{200b}ss@shop.test" }), 403, "has not made sure of your e-mail"),
        (json!({ "email": "\u{202e}boss@shop.test" }), 403, "has not made sure of your e-mail"),
    ] {
        let browser = Browser::new(&pages);
        let (found, _, text) = issuer.sign_in(&browser, claims.clone()).await;
        assert!(found == status && text.contains(told), "{claims}: {found} {text}");
        assert!(browser.cookie().is_none(), "{claims}");
    }
    issuer.0.next.lock().unwrap().forged = true;
    let (status, _, text) = issuer.sign_in(&Browser::new(&pages), json!({})).await;
    assert!(status == 401 && text.contains("does not bear its signature"), "{text}");
    {
        let mut next = issuer.0.next.lock().unwrap();
        (next.forged, next.fails) = (false, true);
    }
    let (status, _, text) = issuer.sign_in(&Browser::new(&pages), json!({})).await;
    assert!(status == 502 && text.contains("cannot be reached"), "{text}");
    assert_eq!(pages.api.store().people().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_counts_once_and_only_in_the_browser_that_asked() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    pages.invite("Boss", Role::Admin).await;
    let (victim, attacker) = (Browser::new(&pages), Browser::new(&pages));
    let back = issuer.depart(&attacker, json!({})).await;
    let (status, _, text) = issuer.arrive(&victim, &back).await;
    assert!(status == 400 && text.contains("not to a question of this browser"), "{text}");
    assert_eq!(issuer.arrive(&attacker, &back).await.0, 303);
    assert_eq!(issuer.arrive(&attacker, &back).await.0, 400, "once");
    let back = issuer.depart(&victim, json!({})).await.replace("&code=c-1", "&error=access_denied");
    let (status, _, text) = issuer.arrive(&victim, &back).await;
    assert!(status == 403 && text.contains("turned back there"), "{text}");
    // Nobody is led elsewhere afterwards.
    let away = victim.get("/sign-in/openid?next=https://evil.test/").await;
    let to = Url::parse(leads_to(&away)).unwrap();
    let asked: BTreeMap<String, String> = to.query_pairs().into_owned().collect();
    let back = format!("/sign-in/openid/back?state={}&code=c-1", asked["state"]);
    issuer.0.next.lock().unwrap().asked = asked;
    assert_eq!(issuer.arrive(&victim, &back).await.1, "/");
}

#[tokio::test]
async fn somebody_of_here_is_linked_by_an_admin_or_by_name_where_that_is_set() {
    let issuer = Issuer::start().await;
    let first = pages(issuer.options()).await;
    let admin = first.signed_in(Role::Admin).await;
    let id = first.invite("rini@shop.test", Role::Viewer).await;
    let (status, _, text) = issuer.sign_in(&Browser::new(&first), json!({})).await;
    assert!(status == 403 && text.contains("has the name rini@shop.test here already"), "{text}");
    let people = admin.get("/people").await.text;
    assert!(people.contains("May sign in with Shop &lt;ID&gt;"), "{people}");
    let path = format!("/people/{id}/openid");
    assert_eq!(admin.press(&path, &[("do", "expect"), ("email", "nonsense")]).await.status, 422);
    let form = [("do", "expect"), ("email", "Rini@Shop.test")];
    assert_eq!(leads_to(&admin.press(&path, &form).await), "/people?done=openid_expected");
    assert_eq!(issuer.sign_in(&Browser::new(&first), json!({ "groups": ["staff"] })).await.0, 303);
    assert_eq!(first.api.store().openid_person(&issuer.0.name, "u-1").await.unwrap(), Some(id));
    let unknown = admin.press(&path, &[("do", "forget"), ("email", "ani@shop.test")]).await;
    assert!(unknown.status == 422 && unknown.text.contains("does not do"), "{}", unknown.text);
    assert_eq!(leads_to(&admin.press(&path, &[("do", "drop")]).await), "/people?done=openid_dropped");
    assert_eq!(issuer.sign_in(&Browser::new(&first), json!({})).await.0, 403);

    let second = pages(OpenIdOptions { link_by_name: true, role_claim: None, ..issuer.options() }).await;
    let id = second.invite("rini@shop.test", Role::Viewer).await;
    assert_eq!(issuer.sign_in(&Browser::new(&second), json!({ "groups": null })).await.0, 303);
    assert_eq!(second.api.store().openid_person(&issuer.0.name, "u-1").await.unwrap(), Some(id));
    // The address of somebody who left, given to somebody else at the issuer.
    let heir = json!({ "groups": null, "sub": "u-2", "email": " RINI@shop.test " });
    let (status, _, text) = issuer.sign_in(&Browser::new(&second), heir).await;
    assert!(status == 403 && text.contains("An admin can end that under People"), "{text}");
    assert_eq!(second.api.store().openid_person(&issuer.0.name, "u-2").await.unwrap(), None);
}

#[tokio::test]
async fn two_who_come_at_once_by_one_name_or_expectation_do_not_both_become_that_person() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    let id = pages.invite("rini@shop.test", Role::Viewer).await;
    let store = pages.api.store();
    let link = |subject: &str, by| NewOpenId {
        person_id: id.clone(),
        issuer: issuer.0.name.clone(),
        subject: subject.to_owned(),
        email: "rini@shop.test".to_owned(),
        by,
    };
    let linked = async |subject, by| store.link_openid(link(subject, by), Actor::server()).await.unwrap();
    assert_eq!(linked("u-1", LinkedBy::Name).await, Some(id.clone()));
    assert_eq!(linked("u-1", LinkedBy::Name).await, Some(id.clone()), "who was linked stays so");
    assert_eq!(linked("u-2", LinkedBy::Name).await, None);
    store.expect_openid(&id, "rini@shop.test", Actor::server()).await.unwrap();
    assert_eq!(linked("u-2", LinkedBy::Expectation).await, Some(id.clone()));
    assert_eq!(linked("u-3", LinkedBy::Expectation).await, None, "one is expected, not two");
    assert_eq!(store.openid_person(&issuer.0.name, "u-3").await.unwrap(), None);
}

#[tokio::test]
async fn who_came_from_the_issuer_is_invited_no_more() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    let admin = pages.signed_in(Role::Admin).await;
    assert_eq!(issuer.sign_in(&Browser::new(&pages), json!({ "groups": ["staff"] })).await.0, 303);
    let people = admin.get("/people").await.text;
    assert!(people.contains("rini@shop.test") && !people.contains(">invited<"), "{people}");
}

#[tokio::test]
async fn two_are_not_expected_with_one_address() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    let admin = pages.signed_in(Role::Admin).await;
    let (rini, ani) = (pages.invite("Rini", Role::Viewer).await, pages.invite("Ani", Role::Viewer).await);
    let form = [("do", "expect"), ("email", "rini@shop.test")];
    for _ in 0..2 {
        let answer = admin.press(&format!("/people/{rini}/openid"), &form).await;
        assert_eq!(leads_to(&answer), "/people?done=openid_expected");
    }
    let form = [("do", "expect"), ("email", "Rini@Shop.test")];
    let refused = admin.press(&format!("/people/{ani}/openid"), &form).await;
    assert!(refused.status == 409 && refused.text.contains("Somebody else is expected"), "{}", refused.text);
    assert_eq!(pages.api.store().expected_openid("rini@shop.test").await.unwrap(), Some(rini));
}

#[tokio::test]
async fn who_has_no_role_there_any_more_is_out_and_another_role_holds_at_once() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    pages.invite("Boss", Role::Admin).await;
    let browser = Browser::new(&pages);
    issuer.sign_in(&browser, json!({ "groups": ["ops"] })).await;
    assert_eq!(browser.get("/people").await.status, 200);
    assert_eq!(issuer.sign_in(&Browser::new(&pages), json!({ "groups": ["staff"] })).await.0, 303);
    assert_eq!(browser.get("/people").await.status, 403, "no admin any more, in no browser");
    assert_eq!(browser.get("/me").await.status, 200);
    assert_eq!(issuer.sign_in(&Browser::new(&pages), json!({ "groups": [] })).await.0, 403);
    assert_eq!(browser.get("/me").await.status, 303, "out");
}

#[tokio::test]
async fn answers_that_no_browser_asked_for_slow_nobody_down() {
    let issuer = Issuer::start().await;
    let options = Options {
        openid: Some(issuer.options()),
        failed_logins: Some(Rate { per_second: 0.01, burst: 2 }),
        ..Options::default()
    };
    let pages = Pages::with(&[], options).await;
    pages.invite("Boss", Role::Admin).await;
    let browser = Browser::new(&pages).at("198.51.100.1");
    for _ in 0..5 {
        assert_eq!(issuer.arrive(&browser, "/sign-in/openid/back?state=x&code=y").await.0, 400);
    }
    issuer.0.next.lock().unwrap().forged = true;
    for _ in 0..2 {
        assert_eq!(issuer.sign_in(&browser, json!({})).await.0, 401);
    }
    assert_eq!(issuer.sign_in(&browser, json!({})).await.0, 429, "of those it asked for each counts");
}

#[tokio::test]
async fn what_an_issuer_told_wrongly_is_asked_again_at_the_next_sign_in() {
    let issuer = Issuer::start().await;
    let pages = pages(issuer.options()).await;
    pages.invite("Boss", Role::Admin).await;
    issuer.0.next.lock().unwrap().lost = true;
    assert_eq!(issuer.sign_in(&Browser::new(&pages), json!({})).await.0, 502);
    issuer.0.next.lock().unwrap().lost = false;
    assert_eq!(issuer.sign_in(&Browser::new(&pages), json!({})).await.0, 303);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_told_and_passwords_go_on() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let issuer = Issuer::start().await;
    let pages = pages(OpenIdOptions { issuer: name, ..issuer.options() }).await;
    pages.invite("Boss", Role::Admin).await;
    let browser = Browser::new(&pages);
    let away = browser.get("/sign-in/openid").await;
    assert!(away.status == 502 && away.text.contains("cannot be reached"), "{}", away.text);
    assert_eq!(browser.sign_in("Boss", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_behind_the_issuer_too() {
    let issuer = Issuer::start().await;
    let options = Options {
        openid: Some(issuer.options()),
        second_factor: vec![Role::CampaignManager],
        ..Options::default()
    };
    let pages = Pages::with(&[], options).await;
    pages.invite("Boss", Role::Admin).await;
    let browser = Browser::new(&pages);
    let (status, _, text) = issuer.sign_in(&browser, json!({})).await;
    assert!(status == 200 && text.contains("Your role needs a code"), "{text}");
    assert!(browser.cookie().is_none());
}
