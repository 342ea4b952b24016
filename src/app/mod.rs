//! The composition root: makes every part, ties them together, stops them in order.

mod engines;
mod local;
mod private;
mod traces;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::engines::{Cost, cost, ears, recognizer, recognizers, voices};
use crate::access::{Access, Role};
use crate::campaigns::Desk;
use crate::config::{self, Config};
use crate::flows::{Catalog, Folder};
use crate::lists::Lists;
use crate::net::{descriptors, http};
use crate::outbox::{self, Outbox};
use crate::speech::Engines;
use crate::store::{self, Store};
use crate::trials::Trials;
use crate::trunk::ocs::{self, OcsCarrier};
use crate::trunk::ocs_inbound;
use crate::trunk::sip::{self, SipCarrier};
use crate::trunk::webrtc::{self, Browsers};
use crate::trunk::{Carrier, Offer, Trunk, TrunkOptions};
use crate::{api, server, session, telemetry};

/// Running calls may end in this time at shutdown before they are hung up.
const DRAIN: Duration = Duration::from_secs(20);

/// Calls that come in over trunks and may wait to be looked at.
const OFFERS: usize = 256;

/// Calls over SIP whose messages may wait to be kept.
const TRACES: usize = 256;

/// Between two times of writing down who used the API and who failed to.
const MAINTENANCE_EVERY: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    store: Store,
    access: Access,
    calls: session::Handle,
    flows: Arc<Catalog>,
    outbox: outbox::Handle,
    inbound: Option<ocs_inbound::Server>,
    server: JoinHandle<()>,
    stop: CancellationToken,
    public_url: api::PublicUrl,
    _local: local::Local,
}

impl App {
    /// Starts every part. The port is taken first, so that a second start fails before it touches anything.
    ///
    /// # Errors
    /// A sentence that names the part and what to do.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!(
                "cannot listen on {}: is another dering running there? Choose another address",
                config.listen
            )
        })?;
        let address = listener.local_addr()?;
        private::keep_new_files_private();
        let budget = file_budget(config);
        let metrics = telemetry::start_metrics();
        let folder = Folder::read(&config.flows)
            .context("there are no flows to run; set `flows` to the folder that holds them")?;
        for finding in folder.findings() {
            tracing::warn!("{finding}");
        }
        // What is wrong with the engines is told before anything is written.
        let tts = engines::voices(config)?;
        let recognizers = engines::recognizers(&config.speech_to_text)?;
        engines::check_voices(&tts, &folder).await;
        let mut admission = config.auth.options()?;
        let openid = config.console.openid()?;
        let proxies = admission.trusted_proxies.clone();
        let (policy, flows_policy) =
            (config.webhooks.address_policy("webhooks")?, config.requests.address_policy("requests")?);
        let key = config.auth.key_source()?;
        let (amd, inbound_port) = (config.amd.load()?, config.inbound.options()?);
        let inbound_routes = config.inbound.routes()?;
        for trunk in &config.trunks {
            match trunk.kind {
                config::Kind::OutgoingCallService => drop(trunk.token()?),
                config::Kind::Sip => drop(trunk.sip()?),
            }
        }
        Store::refuse_copy(&config.database).await?;
        let options = store::Options { key, ..store::Options::file(&config.database) };
        let store = Store::open(options).await?;
        store.keep_lease();
        let folders = [
            config.recordings.folder.clone(),
            config.speech_cache.clone(),
            config.flow_versions(),
            config.list_files(),
        ];
        tokio::task::spawn_blocking(move || private::keep_private(&folders)).await?;
        let renamed = store.put_numbers_into_one_form(config.country).await?;
        if renamed > 0 {
            tracing::info!(numbers = renamed, "stored numbers were put into their one form");
        }
        let local = local::Local::leave(&config.database, address)?;
        admission.local = Some(local.key.clone());
        admission.over_tls = config.public_url.is_over_tls();
        admission.second_factor = config.console.second_factor()?;
        admission.openid = openid;
        let access = Access::with(store.clone(), admission);
        let flows = Arc::new(Catalog::open(store.clone(), &config.flow_versions(), folder).await?);
        let recovered = session::recover(&store, &config.recordings.folder).await?;
        if recovered.closed() + recovered.unheard() > 0 {
            tracing::warn!(
                closed = recovered.closed(),
                awaiting_record = recovered.unheard(),
                "the last stop cut calls off; those that were being dialled are closed by the carrier's record"
            );
        }
        let sending = outbox::Options { policy: policy.clone(), ..outbox::Options::default() };
        let outbox = Outbox::start(store.clone(), sending)?;
        engines::warn_of_flows_unheard(&recognizers, &flows).await;
        warn_of_missing(config, &flows).await;
        let routes = Arc::new(session::Routes::new(inbound_routes, &flows, config.country).await?);
        let (offer, offered) = mpsc::channel(OFFERS);
        // Without a route, calls that come in are left to other clients of the account.
        let offer = Some(offer).filter(|_| !routes.is_empty());
        let (trace, traced) = mpsc::channel(TRACES);
        let lateness = telemetry::Lateness::watch();
        let mut trunks = Vec::with_capacity(config.trunks.len());
        for trunk in &config.trunks {
            trunks.push(start_trunk(trunk, offer.clone(), trace.clone(), lateness.clone()).await?);
        }
        drop((offer, trace));
        tokio::spawn(traces::keep(store.clone(), traced));
        let browsers = match config.webrtc.options() {
            Some(options) => Some(Browsers::start(options).await?),
            None => None,
        };
        // The last one: calls that name no trunk are for numbers.
        trunks.extend(browsers.clone().map(|browsers| of_browsers(browsers, lateness)));
        session::settle(&store, &trunks, recovered).await?;
        tokio::spawn(engines::try_recognizers(recognizers.clone(), tts.clone()));
        let speech = Engines {
            tts: tts.clone(),
            recognizers: recognizers.clone(),
            models: config.models_folder(),
            model: config.speech_to_text.model.clone(),
            voices: config.voices_folder(),
        };
        let parts = session::Parts {
            store: store.clone(),
            outbox: outbox.clone(),
            trunks,
            flows: Arc::clone(&flows),
            tts,
            recognizers,
            http_requests: session::HttpRequests::new(flows_policy)?,
        };
        let options = session::Options {
            recordings: config.recordings.folder.clone(),
            max_calls: config.calls.max,
            ring_timeout_ms: config.calls.ring_timeout * 1000,
            amd,
            country: config.country,
            prompts_ready: config.text_to_speech.prompts_ready,
        };
        let calls = session::Handle::new(parts, options);
        tokio::spawn(calls.clone().run_scheduler());
        if !routes.is_empty() {
            let (calls, routes) = (calls.clone(), Arc::clone(&routes));
            tokio::spawn(async move { calls.receive(offered, routes).await });
        }
        let inbound = match inbound_port {
            Some(options) => {
                let (port, offers) = ocs_inbound::Server::start(options).await?;
                let calls = calls.clone();
                tokio::spawn(async move { calls.receive(offers, routes).await });
                Some(port)
            }
            None => None,
        };
        let stop = CancellationToken::new();
        let lists = Lists::new(store.clone(), config.list_files(), config.country, stop.clone());
        let cut = lists.resume().await?;
        if cut > 0 {
            tracing::info!(imports = cut, "the last stop cut imports of lists off; they go on");
        }
        let trials = Trials::open(store.clone(), calls.clone(), stop.clone()).await?;
        let api = api::Api {
            lists,
            trials,
            store: store.clone(),
            access: access.clone(),
            calls: calls.clone(),
            outbox: outbox.clone(),
            flows: Arc::clone(&flows),
            bots: Arc::new(config.bots.clone()),
            metrics,
            browsers: api::BrowserCalls::new(browsers, config.webrtc.origins.clone()),
            policy: policy.clone(),
            public_url: config.public_url.clone(),
            uploads: api::Uploads::new(stop.clone()),
            campaigns: Desk::open(store.clone(), calls.clone(), Arc::clone(&flows), policy),
            settings: config.told().into(),
            speech,
            disks: Arc::new([
                ("database", config.database.clone()),
                ("recordings", config.recordings.folder.clone()),
            ]),
            access_log: config.log.access,
        };
        let retention = session::Retention {
            folder: config.recordings.folder.clone(),
            keep_days: config.recordings.keep_days,
            keep_words_days: config.recordings.keep_words_days,
        };
        retention.start(store.clone(), stop.clone());
        let limits = config.connections.limits(budget.connections, &proxies);
        let server = http::serve(listener, server::router(api), limits, http::Waits::default(), stop.clone());
        let server = tokio::spawn(server);
        tokio::spawn(maintenance(access.clone(), stop.clone()));
        Ok(Self {
            address,
            store,
            access,
            calls,
            flows,
            outbox,
            inbound,
            server,
            stop,
            public_url: config.public_url.clone(),
            _local: local,
        })
    }

    /// Where the API is served.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where calls come in, if anywhere.
    #[must_use]
    pub fn inbound_address(&self) -> Option<SocketAddr> {
        self.inbound.as_ref().map(ocs_inbound::Server::address)
    }

    /// The link that makes the first admin, once; `None` when there is one already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_link(&self) -> anyhow::Result<Option<SecretString>> {
        let path = self.access.first_link().await?;
        Ok(path.map(|path| self.open_to(&path)))
    }

    /// A link that signs somebody in, once; they are made when nobody has the name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_link(&self, name: &str, role: Role) -> anyhow::Result<SecretString> {
        let path = self.access.sign_in_link(name, role).await?;
        Ok(self.open_to(&path))
    }

    fn open_to(&self, path: &SecretString) -> SecretString {
        let public = self.public_url.of(path.expose_secret());
        if public.starts_with("http") {
            return public.into();
        }
        let address = self.address;
        let host =
            if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
        let host =
            if address.is_ipv6() && !address.ip().is_unspecified() { format!("[{host}]") } else { host };
        format!("http://{host}:{}{public}", address.port()).into()
    }

    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    #[must_use]
    pub const fn calls(&self) -> &session::Handle {
        &self.calls
    }

    /// Reads the certificate of the port for inbound calls again; whether there is one.
    ///
    /// # Errors
    /// When it cannot be used; then the old one stays.
    pub fn read_certificate(&self) -> anyhow::Result<bool> {
        Ok(self.inbound.as_ref().map_or(Ok(false), ocs_inbound::Server::read_certificate)?)
    }

    /// Reads the folder of flows again; each that is new becomes a version, as at the start. Those that have one now.
    ///
    /// # Errors
    /// When the folder cannot be read, or a version cannot be kept.
    pub async fn read_flows(&self, folder: &Path) -> anyhow::Result<Vec<String>> {
        let path = folder.to_owned();
        let folder = tokio::task::spawn_blocking(move || Folder::read(&path)).await??;
        for finding in folder.findings() {
            tracing::warn!("{finding}");
        }
        Ok(self.flows.take_in(folder).await?)
    }

    /// The ways to carriers, to end calls at once: [`Trunk::cut`].
    #[must_use]
    pub fn trunks(&self) -> Vec<Trunk> {
        self.calls.trunks().to_vec()
    }

    /// Takes registrations at carriers back and lets running calls end, then closes the port for inbound calls, stops the
    /// API, the outbox and the database, in this order.
    pub async fn shutdown(self) {
        let leaving = async {
            for trunk in self.calls.trunks() {
                trunk.leave().await;
            }
        };
        tokio::join!(leaving, self.calls.shutdown(DRAIN));
        if let Some(inbound) = self.inbound {
            inbound.shutdown().await;
        }
        self.stop.cancel();
        if tokio::time::timeout(Duration::from_secs(5), self.server).await.is_err() {
            tracing::warn!("open HTTP connections were cut");
        }
        self.outbox.shutdown().await;
        self.access.run_maintenance().await;
        self.store.close().await;
    }
}

/// Says what calls will be refused for.
async fn warn_of_missing(config: &Config, flows: &Catalog) {
    for (bot, flow) in &config.bots {
        if let Err(error) = flows.find(flow).await {
            tracing::warn!(bot, "calls of this bot are refused: {error}");
        }
    }
    if config.trunks.is_empty() {
        tracing::warn!("there is no trunk: no calls can be placed; `trunks` names carriers");
    }
}

async fn start_trunk(
    trunk: &config::Trunk,
    offer: Option<mpsc::Sender<Offer>>,
    trace: mpsc::Sender<sip::CallTrace>,
    lateness: telemetry::Lateness,
) -> anyhow::Result<Trunk> {
    let offers = offer.filter(|_| trunk.takes_calls);
    let carrier: Carrier = match trunk.kind {
        config::Kind::OutgoingCallService => start_service(trunk, offers)?.into(),
        config::Kind::Sip => {
            let options = sip::Options { offers, traces: Some(trace), ..trunk.sip()? };
            SipCarrier::start(options).await?.into()
        }
    };
    let options = TrunkOptions {
        name: trunk.name.clone(),
        limits: trunk.limits.limits(),
        caller_id: trunk.caller_id.clone(),
        lateness,
    };
    Ok(Trunk::new(carrier, options))
}

/// The trunk of links that ring in browsers. How many calls it has is limited as all calls are, and those that are answered by
/// `webrtc.max_calls`.
fn of_browsers(browsers: Browsers, lateness: telemetry::Lateness) -> Trunk {
    let name = webrtc::TRUNK.to_owned();
    Trunk::new(browsers, TrunkOptions { name, lateness, ..TrunkOptions::default() })
}

fn start_service(trunk: &config::Trunk, offers: Option<mpsc::Sender<Offer>>) -> anyhow::Result<OcsCarrier> {
    let options = ocs::Options {
        version: trunk.version.fixed(),
        media: trunk.media,
        codec: trunk.codec,
        media_hosts: trunk.media_hosts.clone(),
        away_timeout: Duration::from_secs(trunk.away_timeout),
        offers,
        did: trunk.did.clone(),
        calls_per_connection: trunk.calls_per_connection,
        ..ocs::Options::new(&trunk.name, &trunk.url, trunk.token()?)
    };
    let (carrier, _task) = OcsCarrier::start(options)?;
    Ok(carrier)
}

/// What the API has to do now and then.
async fn maintenance(access: Access, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(MAINTENANCE_EVERY)).await.is_some() {
        access.run_maintenance().await;
    }
}

/// Raises the limit of open files, and says so when it is too small for what is configured.
fn file_budget(config: &Config) -> descriptors::Budget {
    let inbound = if config.inbound.listen.is_some() {
        config.inbound.max_connections + ocs_inbound::UNPROVEN
    } else {
        0
    };
    let limit = descriptors::raise();
    let budget = descriptors::budget(limit, config.calls.max, inbound, config.connections.max);
    if budget.is_small() {
        tracing::warn!(
            limit,
            needed = budget.needed,
            connections = budget.connections,
            "the limit of open files is small: calls go first, and the API takes fewer connections; raise it with \
             `ulimit -n` or LimitNOFILE="
        );
    }
    budget
}
