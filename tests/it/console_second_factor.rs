//! The second factor: set up, asked for, used up, lost, reset.

use dering::access::{Options, Role};
use dering::store::{Actor, AuditFilter, FactorGone, Rate};
use dering::wallclock::now_ms;
use secrecy::ExposeSecret;
use totp_rs::{Builder, Secret};

use crate::api_fixture::Answer;
use crate::console_fixture::{Browser, PASSWORD, Pages, leads_to, secret};

/// What a telephone shows, `steps` of 30 seconds from now.
fn code(secret: &str, steps: i64) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate((now_ms() / 1_000 + steps * 30) as u64).to_string()
}

/// The secret that a page asks somebody to type into their telephone.
fn typed(page: &str) -> String {
    let behind = page.split("type this in: <span class=\"code\">").nth(1).expect("a secret");
    behind.split('<').next().unwrap().to_owned()
}

/// The recovery codes on a page.
fn recovery(page: &str) -> Vec<String> {
    let list = page.split("class=\"codes code\"").nth(1).expect("codes").split("</ul>").next().unwrap();
    list.split("<li>").skip(1).map(|item| item.split('<').next().unwrap().to_owned()).collect()
}

/// What stands in a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let behind = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a hidden field");
    behind.split('"').next().unwrap().to_owned()
}

/// Sends the form with the first code.
async fn turn_on(browser: &Browser<'_>, begun: &str, password: &str, shown: &str) -> Answer {
    let form = [("do", "on"), ("begun", begun), ("current", password), ("code", shown)];
    browser.press("/me/second-factor", &form).await
}

/// Turns the second factor on; its secret and the recovery codes.
async fn turned_on(browser: &Browser<'_>) -> (String, Vec<String>) {
    let begun = browser.press("/me/second-factor", &[("do", "begin")]).await.text;
    assert!(begun.contains("<svg class=\"square\"") && begun.contains("h7v1h-7z"), "the square: {begun}");
    let secret = typed(&begun);
    let time = hidden(&begun, "begun");
    for (password, shown) in [(PASSWORD, "000000"), ("wrong password", code(&secret, 0).as_str())] {
        let wrong = turn_on(browser, &time, password, shown).await;
        assert!(wrong.status == 422 && wrong.text.contains("not right"), "{}", wrong.text);
        assert_eq!(typed(&wrong.text), secret, "the telephone need not be set up again");
    }
    let on = turn_on(browser, &time, PASSWORD, &code(&secret, 0)).await.text;
    let codes = recovery(&on);
    assert!(codes.len() == 10 && on.contains("Recovery codes that are left: 10."), "{on}");
    (secret, codes)
}

/// Shows a code at the second step, after name and password.
async fn signs_in(pages: &Pages, name: &str, shown: &str) -> (u16, String) {
    let browser = Browser::new(pages);
    let asked = browser.sign_in(name, PASSWORD).await;
    assert!(asked.status == 200 && asked.text.contains("one-time-code"), "{}", asked.text);
    assert!(browser.cookie().is_none(), "nobody is in yet");
    let form =
        [("step", hidden(&asked.text, "step")), ("next", "/calls".to_owned()), ("code", shown.to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post("/sign-in/code", &form).await;
    if answer.status == 303 {
        assert_eq!(leads_to(&answer), "/calls");
        assert_eq!(browser.get("/calls").await.status, 200);
    }
    (answer.status, answer.text)
}

async fn acts(pages: &Pages) -> Vec<String> {
    let log = pages.api.store().audit_log(&AuditFilter::default(), 50).await.unwrap().items;
    let told = log.into_iter().filter(|row| row.action.contains("second") || row.action.contains("recovery"));
    told.map(|row| format!("{} {}", row.action, row.detail)).collect()
}

#[tokio::test]
async fn a_code_is_asked_for_once_it_is_turned_on_and_each_is_good_once() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let (secret, codes) = turned_on(&browser).await;
    let reader =
        pages.api.store().second_factor(&pages.api.store().people().await.unwrap()[0].id).await.unwrap();
    assert_eq!(reader.unwrap().secret.expose_secret(), secret.replace(' ', ""));
    assert_eq!(signs_in(&pages, "viewer", &code(&secret, 0)).await.0, 401, "that code turned it on");
    let next = code(&secret, 1);
    assert_eq!(signs_in(&pages, "viewer", &next).await.0, 303);
    let (status, text) = signs_in(&pages, "viewer", &next).await;
    assert!(status == 401 && text.contains("was used before"), "{text}");
    assert_eq!(signs_in(&pages, "viewer", &codes[3].to_uppercase()).await.0, 303, "a recovery code");
    assert_eq!(signs_in(&pages, "viewer", &codes[3]).await.0, 401, "once");
    assert!(browser.get("/me").await.text.contains("Recovery codes that are left: 9."));
    let told = acts(&pages).await;
    assert_eq!(told, ["person.recovery_code {\"left\":9}", "person.second_factor {\"on\":true}"]);
    assert!(
        !format!("{:?}", pages.api.store().audit_log(&AuditFilter::default(), 50).await.unwrap())
            .contains(&codes[3])
    );
}

#[tokio::test]
async fn after_five_wrong_codes_the_password_is_asked_for_again() {
    let pages = Pages::open().await;
    let (secret, _) = turned_on(&pages.signed_in(Role::Viewer).await).await;
    let browser = Browser::new(&pages);
    let step = hidden(&browser.sign_in("viewer", PASSWORD).await.text, "step");
    for _ in 0..4 {
        assert_eq!(browser.post("/sign-in/code", &[("step", &step), ("code", "123")]).await.status, 401);
    }
    let fifth = browser.post("/sign-in/code", &[("step", &step), ("code", "123")]).await;
    assert_eq!(leads_to(&fifth), "/sign-in?next=%2F&why=late");
    let late = browser.post("/sign-in/code", &[("step", &step), ("code", &code(&secret, 1))]).await;
    assert_eq!(leads_to(&late), "/sign-in?next=%2F&why=late");
    assert!(browser.get("/sign-in?next=%2F&why=late").await.text.contains("Begin with your password again"));
    assert_eq!(
        leads_to(&browser.post("/sign-in/code", &[("step", "made up"), ("code", "1")]).await),
        "/sign-in?next=%2F&why=late"
    );
}

#[tokio::test]
async fn codes_are_slowed_down_as_passwords_are() {
    let options = Options { failed_logins: Some(Rate { per_second: 0.01, burst: 2 }), ..Options::default() };
    let pages = Pages::with(&[], options).await;
    let browser = pages.signed_in(Role::Viewer).await;
    let begun = browser.press("/me/second-factor", &[("do", "begin")]).await.text;
    turn_on(&browser, &hidden(&begun, "begun"), PASSWORD, &code(&typed(&begun), 0)).await;
    let other = Browser::new(&pages);
    let step = hidden(&other.sign_in("viewer", PASSWORD).await.text, "step");
    for _ in 0..2 {
        assert_eq!(other.post("/sign-in/code", &[("step", &step), ("code", "1")]).await.status, 401);
    }
    let slow = other.post("/sign-in/code", &[("step", &step), ("code", "1")]).await;
    assert!(slow.status == 429 && slow.headers.contains_key("retry-after"), "{}", slow.text);
}

#[tokio::test]
async fn it_is_turned_off_with_password_and_code_and_reset_by_an_admin() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let (_, codes) = turned_on(&browser).await;
    for (password, shown) in [("wrong password", codes[0].as_str()), (PASSWORD, "000000")] {
        let form = [("do", "off"), ("current", password), ("code", shown)];
        let refused = browser.press("/me/second-factor", &form).await;
        assert!(refused.status == 422 && refused.text.contains("password or the code"), "{}", refused.text);
    }
    let form = [("do", "off"), ("current", PASSWORD), ("code", codes[0].as_str())];
    assert_eq!(leads_to(&browser.press("/me/second-factor", &form).await), "/me?done=factor_off");
    assert_eq!(Browser::new(&pages).sign_in("viewer", PASSWORD).await.status, 303);
    turned_on(&browser).await;
    let admin = pages.signed_in(Role::Admin).await;
    let id = pages.api.store().person_to_sign_in("viewer").await.unwrap().unwrap().id;
    assert!(admin.get("/people").await.text.contains("Reset the second factor"));
    let reset = format!("/people/{id}/second-factor");
    assert_eq!(browser.press(&reset, &[]).await.status, 403);
    assert_eq!(leads_to(&admin.press(&reset, &[]).await), "/people?done=factor_reset");
    assert_eq!(Browser::new(&pages).sign_in("viewer", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn who_must_have_one_sets_it_up_before_they_come_in() {
    let options = Options { second_factor: vec![Role::Admin], ..Options::default() };
    let pages = Pages::with(&[], options).await;
    let access = &pages.api.api.access;
    let person = access.add_person("Rini", Role::Admin, Actor::server()).await.unwrap();
    let link = access.password_link(&person.id, Actor::server()).await.unwrap();
    let browser = Browser::new(&pages);
    let form = [("link", secret(link.expose_secret())), ("password", PASSWORD), ("again", PASSWORD)];
    let asked = browser.post("/welcome", &form).await;
    assert!(asked.status == 200 && asked.text.contains("Your role needs a code"), "{}", asked.text);
    assert!(browser.cookie().is_none());
    let (step, telephone) = (hidden(&asked.text, "step"), typed(&asked.text));
    let shown = code(&telephone, 0);
    let codes =
        browser.post("/sign-in/code", &[("step", &step), ("next", "/people"), ("code", &shown)]).await;
    assert!(codes.status == 200 && recovery(&codes.text).len() == 10, "{}", codes.text);
    assert!(
        codes.text.contains("href=\"&#x2F;people\"") || codes.text.contains("href=\"/people\""),
        "{}",
        codes.text
    );
    assert_eq!(browser.get("/people").await.status, 200);
    assert!(browser.get("/me").await.text.contains("cannot be turned off"));
    let off = [("do", "off"), ("current", PASSWORD), ("code", recovery(&codes.text)[0].as_str())]
        .map(|(a, b)| (a, b.to_owned()));
    let off: Vec<(&str, &str)> = off.iter().map(|(a, b)| (*a, b.as_str())).collect();
    browser.press("/me/second-factor", &off).await;
    assert!(pages.api.store().person(&person.id).await.unwrap().has_second_factor);
    // Somebody who becomes an admin while they are signed in is asked, too.
    let viewer = pages.signed_in(Role::Viewer).await;
    let id = pages.api.store().person_to_sign_in("viewer").await.unwrap().unwrap().id;
    let change = dering::store::PersonChange { role: Some("admin".into()), ..Default::default() };
    pages.api.store().change_person(&id, change, Actor::operator()).await.unwrap();
    assert_eq!(leads_to(&viewer.get("/people").await), "/sign-in?next=%2Fpeople");
}

#[tokio::test]
async fn the_api_tells_who_has_one_and_takes_it_away() {
    let pages = Pages::open().await;
    turned_on(&pages.signed_in(Role::Viewer).await).await;
    let id = pages.api.store().people().await.unwrap()[0].id.clone();
    assert!(pages.api.store().person(&id).await.unwrap().has_second_factor);
    let gone = FactorGone::Reset;
    assert!(pages.api.store().drop_second_factor(&id, gone, Actor::operator()).await.unwrap());
    assert!(!pages.api.store().drop_second_factor(&id, gone, Actor::operator()).await.unwrap());
    assert_eq!(acts(&pages).await[0], "person.second_factor {\"on\":false,\"reset\":true}");
}

#[tokio::test]
async fn each_browser_and_each_time_sets_up_another_telephone() {
    let options = Options { second_factor: vec![Role::Admin], ..Options::default() };
    let pages = Pages::with(&[], options).await;
    let (one, other) = (Browser::new(&pages), pages.signed_in(Role::Viewer).await);
    one.sign_in("viewer", PASSWORD).await;
    let begin = [("do", "begin")];
    let first = one.press("/me/second-factor", &begin).await.text;
    let second = one.press("/me/second-factor", &begin).await.text;
    assert_ne!(typed(&first), typed(&second), "another one each time");
    let seen = turn_on(&other, &hidden(&first, "begun"), PASSWORD, &code(&typed(&first), 0)).await;
    assert_eq!(seen.status, 422, "what one browser began another one does not end");
    let on = turn_on(&one, &hidden(&second, "begun"), PASSWORD, &code(&typed(&second), 0)).await;
    assert_eq!(recovery(&on.text).len(), 10);
    assert!(!on.text.contains("action=\"/preferences\""), "no button loses the codes: {}", on.text);
    assert_eq!(other.get("/me").await.status, 303, "every other browser is out");
    assert_eq!(one.get("/me").await.status, 200);

    // Who knows the password sees a square; it is worth nothing in the browser of its owner, nor after theirs.
    let access = &pages.api.api.access;
    let boss = access.add_person("Boss", Role::Admin, Actor::server()).await.unwrap();
    let link = access.password_link(&boss.id, Actor::server()).await.unwrap();
    let form = [("link", secret(link.expose_secret())), ("password", PASSWORD), ("again", PASSWORD)];
    Browser::new(&pages).post("/welcome", &form).await;
    let (attacker, owner) = (Browser::new(&pages), Browser::new(&pages));
    let stolen = attacker.sign_in("Boss", PASSWORD).await.text;
    let own = owner.sign_in("Boss", PASSWORD).await.text;
    assert_ne!(typed(&stolen), typed(&own));
    assert!(!own.contains("action=\"/preferences\""), "no button loses the square: {own}");
    let step = hidden(&own, "step");
    let foreign = code(&typed(&stolen), 0);
    assert_eq!(owner.post("/sign-in/code", &[("step", &step), ("code", &foreign)]).await.status, 401);
    let right = code(&typed(&own), 0);
    let codes = owner.post("/sign-in/code", &[("step", &step), ("code", &right)]).await;
    assert_eq!(recovery(&codes.text).len(), 10);
    assert!(!codes.text.contains("action=\"/preferences\""), "no button loses the codes: {}", codes.text);
    let late = attacker
        .post("/sign-in/code", &[("step", &hidden(&stolen, "step")), ("code", &code(&typed(&stolen), 1))])
        .await;
    assert_eq!(leads_to(&late), "/sign-in?next=%2F&why=late");
    assert!(attacker.get("/sign-in").await.text.contains("action=\"/preferences\""));
}

#[tokio::test]
async fn who_owes_a_code_begins_again_when_the_password_or_the_factor_is_another() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let (telephone, codes) = turned_on(&browser).await;
    let id = pages.api.store().person_to_sign_in("viewer").await.unwrap().unwrap().id;
    let access = &pages.api.api.access;
    let changed = "other quiet words";
    for (n, what) in ["password", "link", "everywhere", "reset"].into_iter().enumerate() {
        let password = if n == 0 { PASSWORD } else { changed };
        let attacker = Browser::new(&pages);
        let step = hidden(&attacker.sign_in("viewer", password).await.text, "step");
        match what {
            "password" => {
                let form = [("current", PASSWORD), ("password", changed), ("again", changed)];
                assert_eq!(leads_to(&browser.press("/me/password", &form).await), "/me?done=password");
            }
            "link" => {
                let link = access.password_link(&id, Actor::server()).await.unwrap();
                let form =
                    [("link", secret(link.expose_secret())), ("password", changed), ("again", changed)];
                let asked = browser.post("/welcome", &form).await.text;
                let form = [("step", hidden(&asked, "step")), ("code", codes[0].clone())];
                let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (*a, b.as_str())).collect();
                assert_eq!(browser.post("/sign-in/code", &form).await.status, 303);
            }
            "everywhere" => {
                browser.press("/sign-out", &[("where", "everywhere")]).await;
            }
            _ => {
                let reset = FactorGone::Reset;
                assert!(pages.api.store().drop_second_factor(&id, reset, Actor::operator()).await.unwrap());
            }
        }
        let form = [("step", step.as_str()), ("code", codes[5 + n].as_str())];
        let late = attacker.post("/sign-in/code", &form).await;
        assert_eq!(leads_to(&late), "/sign-in?next=%2F&why=late", "{what}");
        let form = [("step", step.clone()), ("code", code(&telephone, 1))];
        let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (*a, b.as_str())).collect();
        attacker.post("/sign-in/code", &form).await;
        assert!(attacker.cookie().is_none(), "{what}");
    }
}

#[tokio::test]
async fn a_wrong_code_is_told_as_one_and_not_as_a_wrong_password() {
    let options = Options { failed_logins: Some(Rate { per_second: 0.01, burst: 9 }), ..Options::default() };
    let pages = Pages::with(&[], options).await;
    turned_on(&pages.signed_in(Role::Viewer).await).await;
    let guesser = Browser::new(&pages).at("198.51.100.1");
    let step = hidden(&guesser.sign_in("viewer", PASSWORD).await.text, "step");
    assert_eq!(guesser.post("/sign-in/code", &[("step", &step), ("code", "123456")]).await.status, 401);
    pages.api.api.access.run_maintenance().await;
    let log = pages.api.store().audit_log(&AuditFilter::default(), 1).await.unwrap().items;
    let reason = log[0].detail["reason"].as_str().unwrap();
    assert!(reason.contains("the password was right, the code of the second step is not"), "{reason}");
}
