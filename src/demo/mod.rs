//! The demo: gateway, server and webhook receiver in one process, and twenty calls at the same time; or, by voice, eight calls
//! a few at a time.

mod campaign;
mod cast;
mod measure;
mod report;
mod turns;
mod watch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use callcore::amd::{EventKind, Subtype};
use callcore::call::Fact;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub use self::campaign::CampaignReport;
use self::cast::{CAST, Callee, REMINDER, SPEAKING};
use self::measure::Measured;
pub use self::report::Report;
use self::report::{CallReport, Heard, Notifications};
use self::turns::Account;
use crate::access::{self, Role, Scope};
use crate::app::App;
use crate::config::{Config, SpeechToText, Trunk, WebRtc};
use crate::gateway::{self, Gateway, SipOptions};
use crate::outbox::receiver::{Inbox, Receiver};
use crate::speech::tts::kokoro::Kokoro;
use crate::speech::tts::{self, Synthesizer, Tts};
use crate::store::{self, CallRow, EventRow, NewApp, Store};

const APP: &str = "demo";
/// Of the gateway; the trunk has its own.
const RTP_PORTS: RangeInclusive<u16> = 30_000..=30_999;
/// No call of the cast lasts this long.
const CALL_PATIENCE: Duration = Duration::from_secs(120);
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(30);

/// No call of the cast has more in its timeline.
const MOST_EVENTS: u32 = 1_000;

/// Where the demo lives.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of the API and the page.
    pub listen: SocketAddr,
    /// Database, recordings, speech.
    pub data: PathBuf,
    /// Flows, and callees in its folder `callees`.
    pub flows: PathBuf,
    /// Who hears the callees; keys and audio alone must do when nobody does.
    pub speech_to_text: SpeechToText,
    /// Callees answer by voice, which needs somebody who hears them; without it they press keys.
    pub by_voice: bool,
    /// Calls go over SIP instead of the Outgoing Call Service.
    pub over_sip: bool,
    /// Speaks for them; what it cannot say, espeak-ng does.
    pub callees_voice: Option<Kokoro>,
}

/// So many callees who answer by voice are called at once: each one's words cost a core for a second.
const HEARD_AT_ONCE: usize = 2;
/// For somebody slow to make their speech.
const PREPARE_PATIENCE: Duration = Duration::from_secs(300);

/// The running demo.
pub struct Demo {
    app: App,
    gateway: gateway::Running,
    inbox: Inbox,
    receiver: Receiver,
    secret: SecretString,
    api_key: SecretString,
    /// Signs in once.
    link: SecretString,
    cast: &'static [Callee],
}

impl Demo {
    /// Starts everything on this computer; nothing needs an account, a download or the network.
    ///
    /// # Errors
    /// When a port or the database is taken, or a file is missing or wrong.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        ensure!(
            options.flows.join("callees").is_dir(),
            "there is no folder {}; run the demo where the project is, or give --flows",
            options.flows.join("callees").display()
        );
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let token = access::new_app_secret();
        let secret = access::new_app_secret();
        let gateway = Gateway::start(gateway::Options {
            listen: local,
            sip: options.over_sip.then_some(SipOptions { listen: local, rtp_ports: RTP_PORTS }),
            accounts: vec![gateway::Account { name: APP.into(), token: token.clone() }],
            callees: options.flows.join("callees"),
            tts: voices(options),
            recordings: Some(options.data.join("gateway")),
            ..gateway::Options::default()
        })
        .await?;
        let trunk = match gateway.sip_address() {
            Some(address) => Trunk::over_sip("gateway", &address.to_string(), APP, token),
            None => Trunk::with_token("gateway", &format!("http://{}", gateway.address()), token),
        };
        let config = Config {
            listen: options.listen,
            database: options.data.join("dering.db"),
            recordings: options.data.join("recordings").into(),
            speech_cache: options.data.join("speech"),
            flows: options.flows.clone(),
            trunks: vec![trunk],
            webhooks: crate::config::Outward { allow_private: true, allow: Vec::new() },
            speech_to_text: options.speech_to_text.clone(),
            webrtc: WebRtc { listen: Some(every_address(options.listen.ip())), ..WebRtc::default() },
            ..Config::default()
        };
        let app = App::start(&config).await?;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local).await?;
        let api_key = create_credentials(app.store(), &secret).await?;
        let link = app.sign_in_link(APP, Role::Admin).await?;
        let cast: &[Callee] = if options.by_voice { &SPEAKING } else { &CAST };
        Ok(Self { app, gateway, inbox, receiver, secret, api_key, link, cast })
    }

    /// Calls everyone, at once or a few at a time, and waits for the last word of each call.
    ///
    /// # Errors
    /// When a call is not accepted, or does not end in time.
    pub async fn call_everyone(&mut self) -> anyhow::Result<Report> {
        let by_voice = self.cast.len() == SPEAKING.len();
        if by_voice {
            self.prepare().await?;
        }
        let watcher = tokio::spawn(watch::show(self.app.calls().clone(), self.cast));
        let http = reqwest::Client::new();
        let calls = if by_voice {
            let calls = self.cast.iter().map(|callee| self.call_through(&http, callee));
            let calls: Vec<_> = futures_util::stream::iter(calls).buffered(HEARD_AT_ONCE).collect().await;
            calls.into_iter().collect::<anyhow::Result<Vec<_>>>()?
        } else {
            let dialled = join_all(self.cast.iter().map(|callee| self.dial(&http, callee))).await;
            let dialled = dialled.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            tokio::time::timeout(CALL_PATIENCE, self.ended(&|_| true))
                .await
                .context("the calls did not end in time")?;
            dialled
        };
        watcher.abort();
        let mut reports = Vec::with_capacity(calls.len());
        for (callee, call_id) in self.cast.iter().zip(calls) {
            reports.push(self.report(callee, &call_id).await?);
        }
        Ok(Report { calls: reports })
    }

    /// Makes what the callees say: no call is to wait for that.
    async fn prepare(&self) -> anyhow::Result<()> {
        for callee in self.cast {
            let made = self.gateway.prepare(callee.number);
            tokio::time::timeout(PREPARE_PATIENCE, made)
                .await
                .with_context(|| format!("the speech of {} was not made in time", callee.name))?
                .with_context(|| callee.name)?;
        }
        Ok(())
    }

    /// Dials one callee and waits for the end of the call.
    async fn call_through(&self, http: &reqwest::Client, callee: &Callee) -> anyhow::Result<String> {
        let call_id = self.dial(http, callee).await?;
        tokio::time::timeout(CALL_PATIENCE, self.ended(&|id| id == call_id))
            .await
            .with_context(|| format!("the call of {} did not end in time", callee.name))?;
        Ok(call_id)
    }

    /// Asks for one call as any client would: over HTTP, with a token.
    async fn dial(&self, http: &reqwest::Client, callee: &Callee) -> anyhow::Result<String> {
        let token = access::mint(APP, &self.secret, Duration::from_secs(300), &[])?;
        let flow = callee.flow;
        let url = format!("http://{}/api/1.1/public/bot/{flow}/smartassist/dialout", self.app.address());
        let body = json!({
            "botId": flow,
            "target": format!("tel:{}", callee.number),
            "caller": "+15550100",
            "machineDetection": "detect",
            "notifyUrl": self.receiver.url(),
            "metadata": {
                "name": "Alex", "amount": "120 dollars", "due": "Friday",
                "day": "on Monday at nine", "other_day": "Tuesday",
                "window": "between two and four", "nama": "Budi", "jumlah": 200_000,
            },
        });
        let response = http.post(url).header("auth", token.expose_secret()).json(&body).send().await;
        let response = response.with_context(|| format!("{} could not be called", callee.name))?;
        let status = response.status();
        let reply: Value = response.json().await?;
        ensure!(status.is_success(), "the API answered {status}: {}", reply["detail"]);
        Ok(reply["callId"].as_str().context("the API's answer has no callId")?.to_owned())
    }

    /// Waits until none of these calls is live.
    async fn ended(&self, is_meant: &(dyn Fn(&str) -> bool + Sync)) {
        let mut changes = self.app.calls().changes();
        while self.app.calls().live().iter().any(|call| is_meant(&call.call_id)) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn report(&self, callee: &Callee, call_id: &str) -> anyhow::Result<CallReport> {
        let store = self.app.store();
        let call = store.call(call_id).await?.context("a call is not in the database")?;
        let recording = store.recording(call_id).await?.map(|row| row.path);
        let notifications = self.notifications(call_id).await?;
        let seen = call.session_id.as_deref().and_then(|session| self.gateway.recording(session));
        let events = store.events(call_id, 0, MOST_EVENTS).await?;
        let account = Account::of(&events);
        let measured = match seen {
            Some(path) => measure::read(&path, &account).await,
            None => Measured::default(),
        };
        let mut report = CallReport {
            number: callee.number.into(),
            callee: callee.name.into(),
            amd: who(&call),
            kind: call.amd_subtype.map(|kind| kind.as_str().to_owned()),
            disposition: call.disposition.map(|disposition| disposition.as_str().to_owned()),
            amd_ms: call.amd_ms,
            outcome: call.outcome,
            last_checkpoint: call.last_checkpoint,
            message_left: call.message_left.unwrap_or(false),
            notifications,
            recording,
            measured,
            heard: heard(&events),
            seen: Vec::new(),
            unexpected: Vec::new(),
        };
        report.tell(callee);
        report.compare(callee, &account);
        Ok(report)
    }

    /// Waits until every webhook of the call is settled, and counts.
    async fn notifications(&self, call_id: &str) -> anyhow::Result<Notifications> {
        let settled = async {
            loop {
                let tally = self.app.store().tally(call_id).await?;
                if tally.open == 0 {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if let Ok(result) = tokio::time::timeout(WEBHOOK_PATIENCE, settled).await {
            result?;
        }
        let sent = self.app.store().notifications(call_id).await?;
        let delivered = self.app.store().tally(call_id).await?.delivered;
        let received = self.inbox.of(call_id);
        // In order: the n-th post is the n-th row of the ledger.
        let valid =
            sent.iter().zip(&received).filter(|(row, got)| got.valid() && got.body == row.body).count();
        Ok(Notifications { sent: sent.len(), delivered: usize::try_from(delivered)?, valid })
    }

    /// How to go on from here.
    #[must_use]
    pub fn invitation(&self) -> String {
        let (address, key) = (self.app.address(), self.api_key.expose_secret());
        format!(
            "The pages:          {}   (signs in once)\n\
             The API:            curl -H 'Authorization: Bearer {key}' http://{address}/v1/calls\n\
             Client app secret:  {} (app \"{APP}\", bot \"{REMINDER}\")",
            self.link.expose_secret(),
            self.secret.expose_secret()
        )
    }

    /// Stops every part.
    pub async fn shutdown(self) {
        self.app.shutdown().await;
        self.receiver.stop().await;
        self.gateway.shutdown().await;
    }
}

/// Who speaks for the callees.
fn voices(options: &Options) -> Tts {
    let usual = tts::Options::default();
    let cache_folder = Some(options.data.join("speech"));
    let Some(kokoro) = options.callees_voice.clone() else {
        return Tts::new(tts::Options { cache_folder, ..usual });
    };
    let fallback = Some(usual.synthesizer.clone());
    Tts::new(tts::Options { synthesizer: Synthesizer::Kokoro(kokoro), fallback, cache_folder, ..usual })
}

/// What was understood of the callee.
fn heard(events: &[EventRow]) -> Vec<Heard> {
    let words = events.iter().filter_map(|event| match event.fact() {
        Ok(Fact::Transcript(said)) => {
            Some(Heard { words: said.text, likely: said.likely, margin: said.margin })
        }
        Ok(_) | Err(_) => None,
    });
    words.collect()
}

/// The demo's client app and API key, with new secrets each time.
async fn create_credentials(store: &Store, secret: &SecretString) -> anyhow::Result<SecretString> {
    match store.add_secret(APP, secret.clone()).await {
        Err(store::Error::UnknownApp(_)) => {
            let app = NewApp {
                id: APP.into(),
                name: "The demo".into(),
                scopes: vec![Scope::Dialout.into()],
                bots: vec![access::ANY_BOT.into()],
                secret: secret.clone(),
            };
            store.create_app(app).await?;
        }
        added => added?,
    }
    store.retire_old_secrets(APP).await?;
    let (kept, key) = access::new_api_key(APP, &[Scope::Read, Scope::Campaigns]);
    store.create_api_key(kept).await?;
    Ok(key)
}

/// Who answered, in a word.
fn who(call: &CallRow) -> Option<String> {
    let word = match (call.amd_event?, call.amd_subtype) {
        (EventKind::MachineDetected, Some(Subtype::Fax)) => "fax",
        (EventKind::MachineDetected, _) => "machine",
        (EventKind::HumanDetected, _) => "human",
        (EventKind::NoSpeechDetected, _) => "no_speech",
        _ => "timeout",
    };
    Some(word.into())
}

/// Where calls in the browser are taken. Firefox reaches no 127.0.0.1 by WebRTC: it is given an address of this machine that leads to
/// others, if there is one. Who knows the answer to an offer, and nobody else, is answered there.
const fn every_address(listen: IpAddr) -> SocketAddr {
    let every = match listen {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(every, 0)
}
