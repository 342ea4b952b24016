//! Callers against a real store: tokens of client apps, API keys.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use dering::access::{Access, Administer, Error, Right, Scope, SeeCalls, mint, new_api_key, new_app_secret};
use dering::api::error::Problem;
use dering::store::{ClientApp, NewApp};
use secrecy::{ExposeSecret, SecretString};

use crate::store_fixture::{APP, SECRET, store_with_app};

const HOUR: Duration = Duration::from_secs(3600);

fn with(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
}

fn minted(secret: &SecretString, scopes: &[String]) -> HeaderMap {
    with("auth", mint(APP, secret, HOUR, scopes).unwrap().expose_secret())
}

fn status(error: Error) -> StatusCode {
    Problem::from(error).into_response().status()
}

/// The client app that may dial out for a bot.
async fn dialout(access: &Access, headers: &HeaderMap, bot: &str) -> Result<ClientApp, Error> {
    access.dialling_app(&access.identify(headers).await?, bot).await
}

#[tokio::test]
async fn a_minted_token_opens_dial_out_for_the_apps_own_bots_only() {
    let access = Access::new(store_with_app().await);
    let headers = minted(&SECRET.into(), &[]);
    assert_eq!(dialout(&access, &headers, "st-demo").await.unwrap().id, APP);
    let refused = dialout(&access, &headers, "st-other").await.unwrap_err();
    assert_eq!(refused.to_string(), "the client app may not use the bot st-other");
    assert_eq!(status(refused), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_app_and_no_token_are_turned_away() {
    let access = Access::new(store_with_app().await);
    let forged = dialout(&access, &minted(&"guess".into(), &[]), "st-demo").await.unwrap_err();
    let stranger = mint("cs-nobody", &SECRET.into(), HOUR, &[]).unwrap();
    let unknown = dialout(&access, &with("auth", stranger.expose_secret()), "st-demo").await.unwrap_err();
    // Whether an app exists is not given away.
    assert_eq!(unknown.to_string(), forged.to_string().replace(APP, "cs-nobody"));
    assert_eq!((status(forged), status(unknown)), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let nothing = dialout(&access, &HeaderMap::new(), "st-demo").await.unwrap_err();
    assert!(matches!(access.why_no_app(&HeaderMap::new(), nothing).await, Error::Missing));
}

#[tokio::test]
async fn dial_out_needs_its_scope_in_the_app_and_in_the_token() {
    let store = store_with_app().await;
    let access = Access::new(store.clone());
    let narrowed = minted(&SECRET.into(), &["read".to_owned()]);
    assert!(
        matches!(dialout(&access, &narrowed, "st-demo").await, Err(Error::Scope(scope)) if scope == Scope::Dialout)
    );

    let secret = new_app_secret();
    let reader = NewApp {
        id: "cs-reader".to_owned(),
        name: "Reader".to_owned(),
        scopes: vec![Scope::Read.into()],
        bots: vec!["*".to_owned()],
        secret: secret.clone(),
    };
    store.create_app(reader).await.unwrap();
    let token = mint("cs-reader", &secret, HOUR, &[Scope::Dialout.into()]).unwrap();
    let headers = with("authorization", &format!("Bearer {}", token.expose_secret()));
    assert!(matches!(dialout(&access, &headers, "st-demo").await, Err(Error::Scope(_))));
}

#[tokio::test]
async fn an_api_key_works_until_it_is_revoked() {
    let store = store_with_app().await;
    let access = Access::new(store.clone());
    let (key, text) = new_api_key("reports", &[Scope::Read]);
    let id = key.id.clone();
    assert!(!format!("{key:?}").contains(text.expose_secret()));
    store.create_api_key(key).await.unwrap();
    let headers = with("authorization", &format!("Bearer {}", text.expose_secret()));
    let known = access.identify(&headers).await.unwrap();
    assert_eq!(known.name(), "reports");
    assert!(known.require(&SeeCalls::RULE).is_ok());
    assert!(matches!(known.require(&Administer::RULE), Err(Error::KeyScope(_))));

    let altered = with("authorization", &format!("Bearer {}x", text.expose_secret()));
    for wrong in [altered, with("authorization", "Bearer dk_"), with("authorization", "Bearer x")] {
        assert!(matches!(access.identify(&wrong).await, Err(Error::KeyUnknown)));
    }
    store.revoke_api_key(&id).await.unwrap();
    assert!(matches!(access.identify(&headers).await, Err(Error::KeyUnknown)));
}
