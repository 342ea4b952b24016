//! The issuer: its document (OpenID Connect Discovery 1.0), its keys, and the code that it takes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder, Url, redirect};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Options;
use super::id_token::{Key, keys};
use super::pending::Pending;
use crate::net::guard::{AddressPolicy, NO_HOSTS, guarded_client};

const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer, bytes.
const LARGEST: usize = 512 * 1024;
/// The document and the keys are fetched again after this.
const FRESH: Duration = Duration::from_secs(3600);
/// And the keys no more often than this, however many tokens do not fit.
const LEAST: Duration = Duration::from_secs(10);

/// What an issuer tells of itself.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) authorization: Url,
    token: Url,
    jwks: Url,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

#[derive(Debug)]
pub(super) struct Issuer {
    address: Url,
    /// As it calls itself.
    name: String,
    /// For its own host, wherever that is.
    near: Client,
    /// For the hosts that it names.
    far: Client,
    known: Mutex<Option<(Instant, Known)>>,
    keys: Mutex<Option<(Instant, Arc<[Key]>)>>,
}

impl Issuer {
    /// # Errors
    /// When `name` is no address, or the HTTP client cannot be set up.
    pub(super) fn new(name: &str) -> Result<Self, String> {
        let address = Url::parse(name).map_err(|error| format!("{name:?} is no address: {error}"))?;
        let client = |policy: &AddressPolicy| {
            guarded_client(policy, NO_HOSTS, "requests to the issuer of sign-ins", |builder| {
                builder
                    .redirect(redirect::Policy::none())
                    .timeout(PATIENCE)
                    .user_agent(concat!("dering/", env!("CARGO_PKG_VERSION")))
            })
            .map_err(|error| error.to_string())
        };
        Ok(Self {
            near: client(&AddressPolicy::Anywhere)?,
            far: client(&AddressPolicy::Public)?,
            known: Mutex::default(),
            keys: Mutex::default(),
            address,
            name: name.to_owned(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it tells of itself.
    pub(super) async fn known(&self) -> Result<Known, String> {
        if let Some((at, known)) = &*self.known.lock()
            && at.elapsed() < FRESH
        {
            return Ok(known.clone());
        }
        let path =
            format!("{}/.well-known/openid-configuration", self.address.as_str().trim_end_matches('/'));
        let url = Url::parse(&path).map_err(|error| error.to_string())?;
        let body = self.fetch(&url, |client| client.get(url.clone())).await?;
        let document: Document =
            serde_json::from_slice(&body).map_err(|_| format!("{url} is no document of an issuer"))?;
        if document.issuer != self.name {
            return Err(format!(
                "the issuer calls itself {}; write it in the settings just so",
                document.issuer
            ));
        }
        let endpoint = |named: &str| {
            let open = |url: &Url| self.address.scheme() == "http" && url.scheme() == "http";
            let url = Url::parse(named).ok().filter(|url| url.scheme() == "https" || open(url));
            url.ok_or_else(|| format!("the issuer names {named:?}, which is no https address"))
        };
        let known = Known {
            authorization: endpoint(&document.authorization_endpoint)?,
            token: endpoint(&document.token_endpoint)?,
            jwks: endpoint(&document.jwks_uri)?,
        };
        *self.known.lock() = Some((Instant::now(), known.clone()));
        Ok(known)
    }

    /// Its keys.
    pub(super) async fn keys(&self) -> Result<Arc<[Key]>, String> {
        if let Some((at, keys)) = &*self.keys.lock()
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(keys));
        }
        let url = self.known().await?.jwks;
        let body = self.fetch(&url, |client| client.get(url.clone())).await.inspect_err(|_| self.forget())?;
        let found = keys(&body).filter(|keys| !keys.is_empty());
        let Some(found) = found else {
            self.forget();
            return Err(format!("{url} is no set of keys"));
        };
        let found: Arc<[Key]> = found.into();
        *self.keys.lock() = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }

    /// What it told of itself led nowhere, so it is asked again at the next sign-in.
    fn forget(&self) {
        *self.known.lock() = None;
    }

    /// The keys are fetched again for the next token.
    pub(super) fn forget_keys(&self) {
        let mut kept = self.keys.lock();
        if kept.as_ref().is_some_and(|(at, _)| at.elapsed() >= LEAST) {
            *kept = None;
        }
    }

    /// The ID token for a code.
    pub(super) async fn redeem(
        &self,
        options: &Options,
        pending: &Pending,
        code: &str,
    ) -> Result<String, String> {
        let url = self.known().await?.token;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", pending.back.as_str()),
            ("code_verifier", pending.verifier.expose_secret()),
            ("client_id", &options.client_id),
        ];
        if let Some(secret) = &options.client_secret {
            form.push(("client_secret", secret.expose_secret()));
        }
        let body = Url::parse_with_params("http://form/", form).map_err(|error| error.to_string())?;
        let body = body.query().unwrap_or_default().to_owned();
        let answer = self
            .fetch(&url, |client| {
                client
                    .post(url.clone())
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("accept", "application/json")
                    .body(body.clone())
            })
            .await
            .inspect_err(|_| self.forget())?;
        let tokens: Tokens =
            serde_json::from_slice(&answer).map_err(|_| format!("{url} answers no tokens"))?;
        tokens
            .id_token
            .ok_or_else(|| format!("{url} answers without an ID token; is the scope `openid` allowed?"))
    }

    /// The body of a successful answer.
    async fn fetch(&self, url: &Url, request: impl Fn(&Client) -> RequestBuilder) -> Result<Vec<u8>, String> {
        let own = url.host_str() == self.address.host_str()
            && url.port_or_known_default() == self.address.port_or_known_default();
        if !own {
            AddressPolicy::Public.check(url.as_str()).map_err(|error| error.to_string())?;
        }
        let client = if own { &self.near } else { &self.far };
        let failed = |error: reqwest::Error| {
            let mut why = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                why = inner.to_string();
                source = inner.source();
            }
            format!("{}: {why}", url.host_str().unwrap_or_default())
        };
        let mut response = request(client).send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(format!("{url} answers more than {} KiB", LARGEST / 1024));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        let told = serde_json::from_slice::<Failure>(&body).ok();
        let told = told.map_or_else(String::new, |failure| format!(" ({})", failure.error));
        Err(format!("{url} answers {}{told}", status.as_u16()))
    }
}
