//! The whole API over a database in memory, without a socket and without a carrier.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use dering::access::{self, Access};
use dering::api::{Api, BrowserCalls, PublicUrl, Uploads};
use dering::campaigns::Desk;
use dering::flows::{Catalog, Folder};
use dering::lists::Lists;
use dering::net::guard::AddressPolicy;
use dering::outbox::{self, Outbox};
use dering::server::router;
use dering::session;
use dering::speech::Engines;
use dering::speech::stt::Recognizers;
use dering::speech::tts::{self, Synthesizer, Tts};
use dering::store::{self, Store};
use dering::trials::Trials;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The routes and the database behind them.
pub(crate) struct TestApi {
    pub(crate) api: Api,
    pub(crate) router: Router,
    /// Goes with the flows in it when this is dropped.
    _folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// `null` when it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl TestApi {
    /// Without flows.
    pub(crate) async fn start() -> Self {
        Self::with(&[], access::Options::default()).await
    }

    /// With flows, by the name of their files.
    pub(crate) async fn with(flows: &[(&str, &str)], access: access::Options) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let sources = folder.path().join("flows");
        std::fs::create_dir(&sources).unwrap();
        for (name, text) in flows {
            std::fs::write(sources.join(name), text).unwrap();
        }
        let store = Store::open(store::Options::memory()).await.unwrap();
        let versions = folder.path().join("versions");
        let read = Folder::read(&sources).unwrap();
        let flows = Arc::new(Catalog::open(store.clone(), &versions, read).await.unwrap());
        let outbox = Outbox::start(store.clone(), outbox::Options::default()).unwrap();
        let tts = Tts::new(tts::Options {
            synthesizer: Synthesizer::Fake(tts::fake::Fake::default()),
            ..tts::Options::default()
        });
        let speech = Engines {
            tts: tts.clone(),
            recognizers: Recognizers::default(),
            models: folder.path().join("models"),
            model: None,
            voices: folder.path().join("voices"),
        };
        let parts = session::Parts {
            store: store.clone(),
            outbox: outbox.clone(),
            trunks: Vec::new(),
            flows: Arc::clone(&flows),
            tts,
            recognizers: Recognizers::default(),
            http_requests: session::HttpRequests::new(AddressPolicy::Public).unwrap(),
        };
        let calls = session::Handle::new(parts, session::Options::default());
        let campaigns = Desk::open(store.clone(), calls.clone(), Arc::clone(&flows), AddressPolicy::Public);
        let trials = Trials::open(store.clone(), calls.clone(), CancellationToken::new()).await.unwrap();
        let api = Api {
            trials,
            campaigns,
            access: Access::with(store.clone(), access),
            store: store.clone(),
            calls,
            flows,
            bots: Arc::new(BTreeMap::new()),
            metrics: None,
            browsers: BrowserCalls::default(),
            policy: AddressPolicy::Public,
            public_url: PublicUrl::default(),
            uploads: Uploads::new(CancellationToken::new()),
            lists: Lists::new(store, folder.path().join("lists"), None, CancellationToken::new()),
            outbox,
            settings: dering::config::Config::default().told().into(),
            speech,
            disks: Arc::new(["database", "recordings"].map(|of| (of, folder.path().to_owned()))),
            access_log: false,
        };
        Self { router: router(api.clone()), api, _folder: folder }
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.api.store
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}
