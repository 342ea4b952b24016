//! The demo: gateway, server and webhook receiver in one process, and seventeen calls at the same time.

mod cast;
mod measure;
mod report;
mod turns;
mod watch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use callcore::amd::{EventKind, Subtype};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use self::cast::{CAST, Callee, REMINDER};
use self::measure::Measured;
pub use self::report::Report;
use self::report::{CallReport, Notifications};
use self::turns::Account;
use crate::access::{self, Role, Scope};
use crate::app::App;
use crate::config::{Config, SpeechToText, Trunk};
use crate::gateway::{self, Gateway};
use crate::outbox::receiver::{Inbox, Receiver};
use crate::speech::tts::{self, Tts};
use crate::store::{self, CallRow, NewApp, Store};

const APP: &str = "demo";
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
}

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
            accounts: vec![gateway::Account { name: APP.into(), token: token.clone() }],
            callees: options.flows.join("callees"),
            tts: Tts::new(tts::Options {
                cache_folder: Some(options.data.join("speech")),
                ..tts::Options::default()
            }),
            recordings: Some(options.data.join("gateway")),
            ..gateway::Options::default()
        })
        .await?;
        let url = format!("http://{}", gateway.address());
        let config = Config {
            listen: options.listen,
            database: options.data.join("dering.db"),
            recordings: options.data.join("recordings").into(),
            speech_cache: options.data.join("speech"),
            flows: options.flows.clone(),
            trunks: vec![Trunk::with_token("gateway", &url, token)],
            webhooks: crate::config::Outward { allow_private: true, allow: Vec::new() },
            speech_to_text: options.speech_to_text.clone(),
            ..Config::default()
        };
        let app = App::start(&config).await?;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local).await?;
        let api_key = create_credentials(app.store(), &secret).await?;
        let link = app.sign_in_link(APP, Role::Admin).await?;
        Ok(Self { app, gateway, inbox, receiver, secret, api_key, link })
    }

    /// Calls everyone at once and waits for the last word of each call.
    ///
    /// # Errors
    /// When a call is not accepted, or does not end in time.
    pub async fn call_everyone(&mut self) -> anyhow::Result<Report> {
        let watcher = tokio::spawn(watch::show(self.app.calls().clone(), &CAST));
        let http = reqwest::Client::new();
        let dialled = join_all(CAST.iter().map(|callee| self.dial(&http, callee))).await;
        let mut calls = Vec::with_capacity(CAST.len());
        for (callee, dialled) in CAST.iter().zip(dialled) {
            calls.push((callee, dialled.with_context(|| format!("{} could not be called", callee.name))?));
        }
        tokio::time::timeout(CALL_PATIENCE, self.all_ended())
            .await
            .context("the calls did not end in time")?;
        watcher.abort();
        let mut reports = Vec::with_capacity(calls.len());
        for (callee, call_id) in calls {
            reports.push(self.report(callee, &call_id).await?);
        }
        Ok(Report { calls: reports })
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
            },
        });
        let response = http.post(url).header("auth", token.expose_secret()).json(&body).send().await?;
        let status = response.status();
        let reply: Value = response.json().await?;
        ensure!(status.is_success(), "the API answered {status}: {}", reply["detail"]);
        Ok(reply["callId"].as_str().context("the API's answer has no callId")?.to_owned())
    }

    async fn all_ended(&self) {
        let mut changes = self.app.calls().changes();
        while !self.app.calls().live().is_empty() {
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
        let account = Account::of(&store.events(call_id, 0, MOST_EVENTS).await?);
        let measured = match seen {
            Some(path) => measure::read(&path, &account).await,
            None => Measured::default(),
        };
        let mut report = CallReport {
            number: callee.number.into(),
            callee: callee.name.into(),
            amd: who(&call),
            disposition: call.disposition.map(|disposition| disposition.as_str().to_owned()),
            amd_ms: call.amd_ms,
            outcome: call.outcome,
            last_checkpoint: call.last_checkpoint,
            message_left: call.message_left.unwrap_or(false),
            notifications,
            recording,
            measured,
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
    let (kept, key) = access::new_api_key(APP, &[Scope::Read]);
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
