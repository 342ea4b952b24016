//! A server and a gateway, each in a process and, where there are two, on a core of its own, with calls between them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use super::process::{Process, cores};
use crate::access;
use crate::config::local_file;
use crate::store::{CallCounts, Store};

const CALLEE: &str = include_str!("callee.yaml");
const FLOW: &str = include_str!("flow.yaml");
/// For a process to be there.
const STARTS: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(60);
/// Dial requests that are under way at a time.
const AT_ONCE: usize = 8;
/// Calls that the carrier begins in a second.
const PER_SECOND: usize = 100;
/// From the last dial to the last verdict, at most.
const VERDICTS: Duration = Duration::from_secs(30);

/// The wire between server and carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Wire {
    /// The Outgoing Call Service over Socket.IO
    Socketio,
    /// The same, with media on plain WebSockets (version 1.0.5)
    Websocket,
}

impl Wire {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Socketio => "Socket.IO",
            Self::Websocket => "WebSocket",
        }
    }
}

/// What runs.
pub(super) struct Stage {
    pub(super) server: Process,
    pub(super) gateway: Process,
    /// From its start until the server answers.
    pub(super) start: Duration,
    folder: TempDir,
    store: Store,
    http: reqwest::Client,
    url: String,
    key: SecretString,
}

/// What a running server leaves beside its database.
#[derive(Deserialize)]
struct Left {
    url: String,
    key: SecretString,
}

impl Stage {
    /// Starts both, for at most `calls` calls.
    pub(super) async fn open(calls: usize, wire: Wire, records: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("there is no room for temporary files")?;
        let carrier = free_address()?;
        let token = access::new_app_secret();
        write(&folder.path().join("callees"), "callee.yaml", CALLEE)?;
        let recording = if records { "on" } else { "off" };
        write(&folder.path().join("flows"), "bench.yaml", &format!("{FLOW}\nrecording: {recording}\n"))?;
        let config = configuration(calls, wire, carrier, token.expose_secret());
        write(folder.path(), "dering.yaml", &config.to_string())?;
        let (one, other) = match cores().as_slice() {
            [one, other, ..] => (Some(*one), Some(*other)),
            _ => (None, None),
        };
        let (carrier, token) = (carrier.to_string(), token.expose_secret().to_owned());
        let mut gateway = vec!["gateway", "--listen", &carrier, "--token", &token, "--callees", "callees"];
        gateway.extend(["--recordings", "heard", "--log", "error"]);
        if wire == Wire::Websocket {
            gateway.extend(["--version", "1.0.5"]);
        }
        let gateway = Process::start(&gateway, folder.path(), "gateway.log", one)?;
        let began = Instant::now();
        let serve = ["serve", "--config", "dering.yaml"];
        let server = Process::start(&serve, folder.path(), "server.log", other)?;
        let left = local_file(&folder.path().join("bench.db"));
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let Left { url, key } = loop {
            if let Some(left) = std::fs::read(&left).ok().and_then(|text| serde_json::from_slice(&text).ok())
            {
                break left;
            }
            if began.elapsed() > STARTS || server.used().is_err() {
                let said = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
                bail!("the server of the bench does not start: {}", said.trim());
            }
            sleep(BETWEEN_LOOKS).await;
        };
        let start = began.elapsed();
        let store = Store::open_read_only(&folder.path().join("bench.db")).await?;
        let stage = Self { server, gateway, start, folder, store, http, url, key };
        stage.is_reachable(began).await?;
        Ok(stage)
    }

    /// Waits until the server reaches the carrier.
    async fn is_reachable(&self, began: Instant) -> anyhow::Result<()> {
        while self.metric("dering_trunk_up", "").await? < 1.0 {
            ensure!(began.elapsed() < STARTS, "the server of the bench does not reach the gateway");
            sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    /// Places `calls` calls and waits until there is a verdict on each; how long each request for one took, sorted.
    pub(super) async fn call(&self, calls: usize, tell: impl Fn(usize)) -> anyhow::Result<Vec<Duration>> {
        let mut dials = futures_util::stream::iter(0..calls).map(|n| self.dial(n)).buffer_unordered(AT_ONCE);
        let mut took = Vec::with_capacity(calls);
        while let Some(dialled) = dials.next().await {
            took.push(dialled?);
        }
        took.sort_unstable();
        let began = Instant::now();
        let patience = VERDICTS + Duration::from_secs((calls / PER_SECOND) as u64);
        loop {
            let verdicts = verdicts(&self.counts().await?);
            tell(verdicts);
            if verdicts >= calls || began.elapsed() > patience {
                return Ok(took);
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn dial(&self, n: usize) -> anyhow::Result<Duration> {
        let body = json!({ "type": "voice", "number": format!("+1555200{n:04}"), "flow": "bench" });
        let began = Instant::now();
        let request = self.http.post(format!("{}/v1/calls", self.url));
        let answer = request.bearer_auth(self.key.expose_secret()).json(&body).send().await?;
        let (status, took) = (answer.status(), began.elapsed());
        ensure!(status.is_success(), "the server of the bench refused a call: {}", answer.text().await?);
        Ok(took)
    }

    /// What the server has written of its calls so far.
    pub(super) async fn counts(&self) -> anyhow::Result<CallCounts> {
        Ok(self.store.call_figures(0, i64::MAX).await?.counts)
    }

    /// The sum of a metric's lines that hold `label`.
    pub(super) async fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let request = self.http.get(format!("{}/metrics", self.url)).bearer_auth(self.key.expose_secret());
        let text = request.send().await?.error_for_status()?.text().await?;
        Ok(sum_of(&text, name, label))
    }

    /// Ends the calls and both processes; the folder with what the callees heard.
    pub(super) fn close(self) -> (TempDir, PathBuf) {
        // The gateway writes a call's timeline at its end.
        self.gateway.stop();
        self.server.stop();
        let heard = self.folder.path().join("heard");
        (self.folder, heard)
    }
}

/// Calls with a verdict.
pub(super) fn verdicts(counts: &CallCounts) -> usize {
    let all = counts.people + counts.machines + counts.nobody + counts.undecided;
    usize::try_from(all).unwrap_or_default()
}

fn configuration(calls: usize, wire: Wire, carrier: SocketAddr, token: &str) -> serde_json::Value {
    let limits = json!({ "calls": calls, "per_second": PER_SECOND, "queue": calls });
    let mut trunk =
        json!({ "name": "gateway", "url": format!("http://{carrier}"), "token": token, "limits": limits });
    if wire == Wire::Websocket {
        trunk["version"] = json!("1.0.5");
        trunk["media"] = json!("websocket");
    }
    // JSON is YAML.
    json!({
        "listen": "127.0.0.1:0", "database": "bench.db", "recordings": "recordings", "speech_cache": "speech",
        "flows": "flows", "calls": { "max": calls }, "log": { "filter": "warn" },
        "auth": { "app_rate": null, "key_rate": null },
        "speech_to_text": { "engine": "none" }, "trunks": [trunk],
    })
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))
}

/// An address that nobody listens on now.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}

/// The sum of a metric's samples that hold `label`, in the text format of Prometheus.
fn sum_of(text: &str, name: &str, label: &str) -> f64 {
    let samples = text.lines().filter_map(|line| line.strip_prefix(name));
    let own = samples.filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label));
    own.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_metric_are_added_and_those_of_longer_names_are_not() {
        let text = "# HELP calls x\ncalls{event=\"a\"} 2\ncalls{event=\"b\"} 3\ncalls_total 9\ncalls 1\n";
        assert_eq!(sum_of(text, "calls", ""), 6.0);
        assert_eq!(sum_of(text, "calls", "event=\"b\""), 3.0);
        assert_eq!(sum_of(text, "none", ""), 0.0);
    }
}
