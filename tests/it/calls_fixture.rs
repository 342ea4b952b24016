//! A program that keeps contacts, calls them and watches, for the tests of the Calls API.

use dering::access::{self, Scope};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::system_fixture::{Reply, Setup, TestSystem, reply_to};

/// The system with a key that may do everything the Calls API has.
pub(crate) struct Desk {
    pub(crate) system: TestSystem,
    http: Client,
    key: String,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let system = TestSystem::with(setup).await;
        let key = key(&system, &[Scope::Read, Scope::Campaigns, Scope::Admin]).await;
        Self { system, http: Client::builder().no_proxy().build().unwrap(), key }
    }

    /// A request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.system.app.address()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply_to(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        reply_to(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        reply_to(self.request(Method::PATCH, path).json(&body)).await
    }
}

/// A new API key with these scopes.
pub(crate) async fn key(system: &TestSystem, scopes: &[Scope]) -> String {
    let (kept, key) = access::new_api_key("desk", scopes);
    system.app.store().create_api_key(kept).await.unwrap();
    key.expose_secret().to_owned()
}
