//! The door of the pages: who comes in, how they stay, and how they are out.

use axum::http::header;
use dering::access::{Options, Role};
use dering::store::{Actor, AuditFilter, NewBrowser, NewStep, PersonChange, Proof, Rate};
use secrecy::ExposeSecret;

use crate::console_fixture::{Browser, PASSWORD, Pages, leads_to, secret};

#[tokio::test]
async fn the_first_link_makes_the_first_admin_once() {
    let pages = Pages::open().await;
    let link = pages.api.api.access.first_link().await.unwrap().unwrap();
    let link = link.expose_secret();
    let browser = Browser::new(&pages);
    for _ in 0..2 {
        let page = browser.get(link).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("You become the first admin"), "{}", page.text);
    }
    let form = |name, password| {
        [("link", secret(link)), ("name", name), ("password", password), ("again", password)]
    };
    let short = browser.post("/welcome", &form("Ani", "short")).await;
    assert_eq!(short.status, 422);
    assert!(
        short.text.contains("at least 10 characters") && short.text.contains("value=\"Ani\""),
        "{}",
        short.text
    );
    assert!(!short.text.contains("short\""), "a password is not shown again");
    assert_eq!(leads_to(&browser.post("/welcome", &form("Ani", PASSWORD)).await), "/?done=welcome");
    let home = browser.get("/?done=welcome").await;
    assert!(
        home.text.contains("Welcome. You are signed in.") && home.text.contains(">Ani<"),
        "{}",
        home.text
    );
    let again = Browser::new(&pages).post("/welcome", &form("Evil", PASSWORD)).await;
    assert_eq!(again.status, 410);
    assert!(pages.api.api.access.first_link().await.unwrap().is_none(), "there is an admin");
}

#[tokio::test]
async fn who_signs_in_comes_to_the_page_they_wanted_and_never_elsewhere() {
    let pages = Pages::open().await;
    pages.invite("Rini", Role::Viewer).await;
    let browser = Browser::new(&pages);
    assert_eq!(leads_to(&browser.get("/calls?flow=a").await), "/sign-in?next=%2Fcalls%3Fflow%3Da");
    let form = |next| [("name", "RINI"), ("password", PASSWORD), ("next", next)];
    assert_eq!(leads_to(&browser.post("/sign-in", &form("/calls?flow=a")).await), "/calls?flow=a");
    for evil in ["//evil.test/", "https://evil.test", "/\\evil.test", "javascript:alert(1)"] {
        assert_eq!(leads_to(&Browser::new(&pages).post("/sign-in", &form(evil)).await), "/", "{evil}");
    }
    assert_eq!(leads_to(&browser.get("/sign-in?next=//evil.test").await), "/", "who is in already");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_the_same_answer() {
    let pages = Pages::open().await;
    pages.invite("Rini", Role::Viewer).await;
    let browser = Browser::new(&pages);
    let wrong = browser.sign_in("Rini", "not the password").await;
    let unknown = browser.sign_in("Nobody", PASSWORD).await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.text.replace("Rini", "X"), unknown.text.replace("Nobody", "X"));
    assert!(browser.cookie().is_none());
    let strange = browser.sign_in("\"><script>alert(1)</script>", "x").await;
    assert!(!strange.text.contains("<script>alert"), "{}", strange.text);
}

#[tokio::test]
async fn who_guesses_is_slowed_down_from_that_address_and_by_that_name() {
    let rate = Rate { per_second: 0.01, burst: 3 };
    let pages = Pages::with(&[], Options { failed_logins: Some(rate), ..Options::default() }).await;
    pages.invite("Rini", Role::Viewer).await;
    pages.invite("Budi", Role::Viewer).await;
    let browser = Browser::new(&pages);
    for _ in 0..3 {
        assert_eq!(browser.sign_in("rini", "guess").await.status, 401);
    }
    let slowed = browser.sign_in("rini", PASSWORD).await;
    assert_eq!(slowed.status, 429);
    assert!(
        slowed.headers.contains_key(header::RETRY_AFTER) && slowed.text.contains("Try again in"),
        "{}",
        slowed.text
    );
    assert_eq!(browser.sign_in("budi", PASSWORD).await.status, 303, "others are not");
}

#[tokio::test]
async fn a_cookie_that_was_there_before_is_worth_nothing_after() {
    let pages = Pages::open().await;
    pages.invite("Rini", Role::Viewer).await;
    let (victim, thief) = (Browser::new(&pages), Browser::new(&pages));
    let planted = "A".repeat(43);
    victim.cookies.lock().unwrap().insert("dering_session".to_owned(), planted.clone());
    let answer = victim.sign_in("Rini", PASSWORD).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("; Path=/"), "{set}");
    let first = victim.cookie().unwrap();
    assert_ne!(first, planted);
    thief.cookies.lock().unwrap().insert("dering_session".to_owned(), planted);
    assert_eq!(thief.get("/").await.status, 303);
    // Signing in again in the same browser ends what it had.
    victim.sign_in("Rini", PASSWORD).await;
    thief.cookies.lock().unwrap().insert("dering_session".to_owned(), first);
    assert_eq!(thief.get("/").await.status, 303);
    assert_eq!(victim.get("/").await.status, 200);
}

#[tokio::test]
async fn over_tls_the_cookie_goes_no_other_way() {
    let pages = Pages::with(&[], Options { over_tls: true, ..Options::default() }).await;
    pages.invite("Rini", Role::Viewer).await;
    let browser = Browser::new(&pages);
    let answer = browser.sign_in("Rini", PASSWORD).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-dering_session=") && set.contains("; Secure"), "{set}");
    assert_eq!(browser.get("/").await.status, 200);
    let value = browser.cookies.lock().unwrap().remove("__Host-dering_session").unwrap();
    browser.cookies.lock().unwrap().insert("dering_session".to_owned(), value);
    assert_eq!(browser.get("/").await.status, 303, "one that an open line may have set is none");
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Admin).await;
    let token = browser.token().await;
    let fields = [("where", "everywhere"), ("token", token.as_str())];
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "http://pages.test")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.test")],
        &[("origin", "null")],
        &[("origin", "http://pages.test:81")],
        &[],
    ] {
        let answer = browser.post_with("/sign-out", &fields, headers).await;
        assert_eq!(answer.status, 403, "{headers:?}: {}", answer.text);
    }
    for token in ["", "guess"] {
        let answer = browser.post("/sign-out", &[("where", "everywhere"), ("token", token)]).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    let other = Browser::new(&pages);
    pages.invite("Budi", Role::Admin).await;
    other.sign_in("Budi", PASSWORD).await;
    assert_eq!(
        browser.post("/sign-out", &[("token", &other.token().await)]).await.status,
        403,
        "another browser's"
    );
    assert_eq!(browser.get("/").await.status, 200, "still signed in");
    assert_eq!(
        browser.post_with("/sign-in", &[("name", "admin"), ("password", PASSWORD)], &[]).await.status,
        403
    );
    let origin_alone = browser.post_with("/sign-out", &fields, &[("origin", "http://pages.test")]).await;
    assert_eq!(leads_to(&origin_alone), "/sign-in", "browsers that send no more than that");
}

#[tokio::test]
async fn who_signs_out_is_out_here_or_everywhere() {
    let pages = Pages::open().await;
    let one = pages.signed_in(Role::Viewer).await;
    let (two, three) = (Browser::new(&pages), Browser::new(&pages));
    for browser in [&two, &three] {
        browser.sign_in("viewer", PASSWORD).await;
    }
    let kept = one.cookie().unwrap();
    one.press("/sign-out", &[]).await;
    one.cookies.lock().unwrap().insert("dering_session".to_owned(), kept);
    assert_eq!(one.get("/").await.status, 303, "the cookie itself is worth nothing");
    assert_eq!(two.get("/").await.status, 200);
    two.press("/sign-out", &[("where", "everywhere")]).await;
    assert_eq!(three.get("/").await.status, 303);
    assert_eq!(three.get("/static/console.css").await.status, 200);
}

#[tokio::test]
async fn who_is_disabled_or_has_a_new_role_notices_on_the_page_that_is_open() {
    let pages = Pages::open().await;
    let admin = pages.signed_in(Role::Admin).await;
    let id = pages.invite("Budi", Role::CampaignManager).await;
    let browser = Browser::new(&pages);
    browser.sign_in("Budi", PASSWORD).await;
    let token = browser.token().await;
    let redeliver = [("token", token.as_str())];
    assert_eq!(browser.post("/webhooks/redeliver", &redeliver).await.status, 303);
    let store = pages.api.store();
    let viewer = PersonChange { role: Some(Role::Viewer.into()), disabled: None };
    store.change_person(&id, viewer, Actor::server()).await.unwrap();
    let refused = browser.post("/webhooks/redeliver", &redeliver).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Your role, viewer, does not allow this"), "{}", refused.text);
    let disabled = PersonChange { role: None, disabled: Some(true) };
    store.change_person(&id, disabled, Actor::server()).await.unwrap();
    assert_eq!(browser.get("/now").await.status, 303);
    assert_eq!(browser.post("/webhooks/redeliver", &redeliver).await.status, 401);
    assert_eq!(browser.sign_in("Budi", PASSWORD).await.status, 401);
    assert_eq!(admin.get("/").await.status, 200);
}

#[tokio::test]
async fn a_link_is_good_once_and_a_new_one_ends_the_old_one() {
    let pages = Pages::open().await;
    let access = &pages.api.api.access;
    let id = pages.invite("Rini", Role::Viewer).await;
    let browser = Browser::new(&pages);
    browser.sign_in("Rini", PASSWORD).await;
    let old = access.password_link(&id, Actor::server()).await.unwrap();
    let new = access.password_link(&id, Actor::server()).await.unwrap();
    assert_eq!(Browser::new(&pages).get(old.expose_secret()).await.status, 410);
    let page = Browser::new(&pages).get(new.expose_secret()).await;
    assert!(page.text.contains("Rini, choose the password"), "{}", page.text);
    let chosen = "another quiet word";
    let form = [("link", secret(new.expose_secret())), ("password", chosen), ("again", chosen)];
    assert_eq!(Browser::new(&pages).post("/welcome", &form).await.status, 303);
    assert_eq!(browser.get("/").await.status, 303, "a new password signs out everywhere");
    assert_eq!(browser.sign_in("Rini", PASSWORD).await.status, 401);
    assert_eq!(browser.sign_in("Rini", chosen).await.status, 303);
    assert_eq!(Browser::new(&pages).post("/welcome", &form).await.status, 410);
    assert_eq!(Browser::new(&pages).get("/welcome?link=%3Cscript%3E").await.status, 410);
}

#[tokio::test]
async fn a_link_of_the_demo_signs_in_once() {
    let pages = Pages::open().await;
    let link = pages.api.api.access.sign_in_link("demo", Role::Admin).await.unwrap();
    let (one, two) = (Browser::new(&pages), Browser::new(&pages));
    assert_eq!(leads_to(&one.get(link.expose_secret()).await), "/");
    assert_eq!(one.get("/").await.status, 200);
    assert_eq!(two.get(link.expose_secret()).await.status, 410);
    // It is no password link: nobody can take the account over with it.
    let link = pages.api.api.access.sign_in_link("demo", Role::Admin).await.unwrap();
    let form = [("link", secret(link.expose_secret())), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(two.post("/welcome", &form).await.status, 410);
}

#[tokio::test]
async fn ones_own_password_takes_the_present_one() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let other = Browser::new(&pages);
    other.sign_in("viewer", PASSWORD).await;
    let chosen = "another quiet word";
    let wrong = [("current", "guess"), ("password", chosen), ("again", chosen)];
    let refused = browser.press("/me/password", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("not your present password"), "{}", refused.text);
    let differs = [("current", PASSWORD), ("password", chosen), ("again", "something else")];
    assert!(browser.press("/me/password", &differs).await.text.contains("not the same"));
    let right = [("current", PASSWORD), ("password", chosen), ("again", chosen)];
    assert_eq!(leads_to(&browser.press("/me/password", &right).await), "/me?done=password");
    assert_eq!(browser.get("/me").await.status, 200, "this browser stays in");
    assert_eq!(other.get("/me").await.status, 303);
}

#[tokio::test]
async fn a_sign_in_that_began_before_the_password_changed_lets_nobody_in() {
    let pages = Pages::open().await;
    let (store, browser) = (pages.api.store(), pages.signed_in(Role::Viewer).await);
    let known = store.person_to_sign_in("viewer").await.unwrap().unwrap();
    let proof = Proof { password: known.password.map(Into::into), code: false };
    let opens = |digest: &str| NewBrowser {
        digest: digest.to_owned(),
        person_id: known.id.clone(),
        until_ms: i64::MAX,
        address: None,
        agent: None,
        proof: proof.clone(),
    };
    let owes = |digest: &str| NewStep {
        digest: digest.to_owned(),
        person_id: known.id.clone(),
        until_ms: i64::MAX,
        proof: Proof { code: true, ..proof.clone() },
    };
    assert!(store.open_browser(opens("one"), None, Actor::server()).await.unwrap());
    assert!(store.begin_sign_in_step(owes("one")).await.unwrap());
    let chosen = "another quiet word";
    let form = [("current", PASSWORD), ("password", chosen), ("again", chosen)];
    assert_eq!(leads_to(&browser.press("/me/password", &form).await), "/me?done=password");
    assert!(!store.open_browser(opens("two"), None, Actor::server()).await.unwrap());
    assert!(!store.begin_sign_in_step(owes("two")).await.unwrap());
    let now = dering::wallclock::now_ms();
    assert_eq!(store.browsers_of(&known.id, now).await.unwrap().len(), 1, "the one that changed it");
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    store.change_person(&known.id, disabled, Actor::server()).await.unwrap();
    let by_link = NewBrowser { proof: Proof::default(), ..opens("three") };
    assert!(!store.open_browser(by_link, None, Actor::server()).await.unwrap());
}

#[tokio::test]
async fn what_people_do_at_the_door_is_in_the_audit_log_and_no_secret_is() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let cookie = browser.cookie().unwrap();
    browser.press("/sign-out", &[]).await;
    let log = pages.api.store().audit_log(&AuditFilter::default(), 50).await.unwrap().items;
    let acts: Vec<_> =
        log.iter().rev().map(|row| (row.actor.split(':').next().unwrap(), row.action.as_str())).collect();
    let expected = [
        ("server", "person.create"),
        ("server", "person.link"),
        ("person", "person.password"),
        ("person", "person.sign_in"),
        ("person", "person.sign_in"),
        ("person", "person.sign_out"),
    ];
    assert_eq!(acts, expected);
    let told = format!("{log:?}");
    assert!(!told.contains(PASSWORD) && !told.contains(&cookie) && !told.contains("argon2"), "{told}");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let pages = Pages::open().await;
    let id = pages.invite("Ani", Role::Admin).await;
    for change in [
        PersonChange { role: Some(Role::Viewer.into()), disabled: None },
        PersonChange { role: None, disabled: Some(true) },
    ] {
        let error = pages.api.store().change_person(&id, change, Actor::server()).await.unwrap_err();
        assert!(error.to_string().contains("Ani is the last admin"), "{error}");
    }
}

#[tokio::test]
async fn pages_cannot_be_framed_and_run_nothing_but_their_own_files() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Admin).await;
    for path in ["/", "/calls", "/me", "/webhooks", "/sign-in", "/nothing-here", "/calls/nobody"] {
        let answer = browser.get(path).await;
        if answer.status == 303 {
            continue;
        }
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("form-action 'self'") && policy.contains("base-uri 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_FRAME_OPTIONS], "DENY", "{path}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
        for wrong in ["<style", "style=\"", "onclick", "javascript:"] {
            assert!(!answer.text.contains(wrong), "{path}: {wrong}");
        }
    }
}
