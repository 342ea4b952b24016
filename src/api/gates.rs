//! The gates before the routes of those who ask for calls, and of those who look after the server.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::auth::{ANY_BOT, Auth, AuthError, DIALOUT, KEY_PREFIX};
use super::error::Problem;
use super::{ADMIN, Api, CALLS, READ};

/// The gate of those who look after the server.
pub(super) async fn admins_only(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    Auth::new(api.store.clone()).api_key(request.headers(), ADMIN).await?;
    Ok(next.run(request).await)
}

/// Who asks for calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The client app, or `key:` and the id of an API key.
    pub(super) id: String,
    bots: Vec<String>,
}

impl Caller {
    /// # Errors
    /// When the client app may not use that bot.
    pub(super) fn may_use(&self, bot: &str) -> Result<(), Problem> {
        if self.bots.iter().any(|known| known == bot || known == ANY_BOT) {
            return Ok(());
        }
        Err(AuthError::Bot(bot.to_owned()).into())
    }
}

/// The gate of the Calls API: an API key with the scope `calls`, or a client app that may dial out. Who only reads
/// also passes with the scope `read`.
pub(super) async fn callers_only(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = caller(&api, request.method(), request.headers()).await?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn caller(api: &Api, method: &Method, headers: &HeaderMap) -> Result<Caller, AuthError> {
    let auth = Auth::new(api.store.clone());
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_key = text.split_once(' ').is_some_and(|(_, token)| token.trim().starts_with(KEY_PREFIX));
    if !is_key {
        let app = auth.app(headers, DIALOUT).await?;
        return Ok(Caller { id: app.id, bots: app.bots });
    }
    let key = match auth.api_key(headers, CALLS).await {
        Err(AuthError::Scope(_)) if *method == Method::GET => auth.api_key(headers, READ).await?,
        admitted => admitted?,
    };
    Ok(Caller { id: format!("key:{}", key.id), bots: vec![ANY_BOT.to_owned()] })
}
