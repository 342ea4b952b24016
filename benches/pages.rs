//! What open pages cost a server with running calls: its CPU and the lateness of its timers, without pages and with them.
//!
//! `cargo bench --bench pages -- [CALLS] [PAGES] [SECONDS]`, 50 calls, 50 pages and 20 s by default. Half of the pages are the first
//! one, which asks for what runs every two seconds, half of them those of running calls, which follow their events and are loaded
//! again at each, as browsers do. The calls say a tone of half a second, a check point and nothing for half a second, over and over.
//! The carrier is `dering gateway`, in a process of its own beside the pages.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures, and its server an address")]

mod pinned;

use std::error::Error;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callcore::audio::{tone, wav};
use dering::access::{self, Role, Scope};
use dering::app::App;
use dering::config::{Config, Trunk};
use dering::store::NewApp;
use reqwest::{Client, StatusCode, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const FLOW: &str = "flow: talker\nlimits: { call: 30m, steps: 100000 }\nstart: talk\nscenes:\n  talk:\n    \
                    - say: { text: [ { play: tone.wav }, { checkpoint: told } ], barge_in: off }\n    - wait: 500ms\n    - goto: talk\n";
const NUMBER: &str = "+15552000001";
/// A page of what runs asks for it anew after this.
const RENEWED: Duration = Duration::from_secs(2);
/// Between two looks at the lateness.
const LOOK: Duration = Duration::from_millis(250);

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    drop(rustls::crypto::ring::default_provider().install_default());
    match args.first().map(String::as_str) {
        Some("server") => tokio::runtime::Runtime::new()?.block_on(server(args.get(1).ok_or("no carrier")?)),
        Some("pages") => tokio::runtime::Runtime::new()?.block_on(pages(&args[1..])),
        _ => both(&args),
    }
}

/// The server on core 1, the carrier and the pages on core 0.
fn both(args: &[String]) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let callee = format!("numbers: ['{NUMBER}']\nring: 100ms\ncap: 30m\n");
    std::fs::write(folder.path().join("callee.yaml"), callee)?;
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut carrier = pinned::command("0", env!("CARGO_BIN_EXE_dering"))
        .args(["gateway", "--listen", &address, "--token", "t", "--log", "error", "--callees"])
        .arg(folder.path())
        .spawn()?;
    let own = std::env::current_exe()?.display().to_string();
    let mut server = pinned::command("1", &own).args(["server", &address]).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    let output = server.stdout.take().ok_or("the server says nothing")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut told)?;
    let mut pages = pinned::command("0", &own);
    pages.arg("pages").arg(server.id().to_string()).args(told.split_whitespace()).args(args);
    let done = pages.status();
    for process in [&mut server, &mut carrier] {
        process.kill()?;
        process.wait()?;
    }
    if done?.success() { Ok(()) } else { Err("the pages failed".into()) }
}

async fn server(carrier: &str) -> Fallible<()> {
    let folder = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target"))?;
    let flows = folder.path().join("flows");
    std::fs::create_dir(&flows)?;
    std::fs::write(flows.join("talker.yaml"), FLOW)?;
    std::fs::write(flows.join("tone.wav"), wav::write_8k(&[&tone::tone(&[440.0], 500, -20.0)]))?;
    let mut config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: folder.path().join("dering.db"),
        recordings: folder.path().join("recordings").into(),
        speech_cache: folder.path().join("speech"),
        flows,
        trunks: vec![Trunk::with_token("sim", &format!("http://{carrier}"), SecretString::from("t"))],
        ..Config::default()
    };
    config.calls.max = 10_000;
    config.auth.app_rate = None;
    let app = App::start(&config).await?;
    let secret = access::new_app_secret();
    let client = NewApp {
        id: "bench".into(),
        name: "bench".into(),
        scopes: vec![Scope::Dialout.into()],
        bots: vec![access::ANY_BOT.into()],
        secret: secret.clone(),
    };
    app.store().create_app(client).await?;
    let (kept, key) = access::new_api_key("bench", &[Scope::Read]);
    app.store().create_api_key(kept).await?;
    let token = access::mint("bench", &secret, Duration::from_secs(3_600), &[])?;
    let link = app.sign_in_link("Bench", Role::Admin).await?;
    println!("{} {} {} {}", app.address(), token.expose_secret(), key.expose_secret(), link.expose_secret());
    std::future::pending().await
}

/// The server, as those who look at it see it.
#[derive(Clone)]
struct Seen {
    client: Client,
    address: String,
    key: String,
    cookie: String,
    /// Pages and parts of pages that were loaded.
    loaded: Arc<AtomicUsize>,
}

impl Seen {
    async fn page(&self, path: &str) -> Fallible<()> {
        let request = self.client.get(format!("http://{}{path}", self.address));
        let answer =
            request.header(header::COOKIE, &self.cookie).header(header::ACCEPT, "text/html").send().await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{path}: {}", answer.status()).into());
        }
        answer.bytes().await?;
        self.loaded.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn read(&self, path: &str) -> Fallible<String> {
        let request = self.client.get(format!("http://{}{path}", self.address)).bearer_auth(&self.key);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    async fn running(&self) -> Fallible<Vec<String>> {
        let list: Value = serde_json::from_str(&self.read("/v1/calls?progress=live&limit=500").await?)?;
        let calls = list["calls"].as_array().into_iter().flatten();
        let talking = calls.filter(|call| call["answeredMs"].is_i64());
        Ok(talking.filter_map(|call| Some(call["callId"].as_str()?.to_owned())).collect())
    }

    /// How late the timers of the server are, ms.
    async fn lateness(&self) -> Fallible<f64> {
        let metrics = self.read("/metrics").await?;
        let line = metrics.lines().find_map(|line| line.strip_prefix("dering_lateness_seconds "));
        Ok(line.ok_or("the server tells no lateness")?.trim().parse::<f64>()? * 1_000.0)
    }

    /// The first page, left open.
    async fn first_page(&self) -> Fallible<()> {
        self.page("/").await?;
        loop {
            sleep(RENEWED).await;
            self.page("/now").await?;
        }
    }

    /// The page of a running call, left open.
    async fn call_page(&self, id: &str) -> Fallible<()> {
        self.page(&format!("/calls/{id}")).await?;
        let request = self.client.get(format!("http://{}/calls/{id}/changes", self.address));
        let mut news = request.header(header::COOKIE, &self.cookie).send().await?.error_for_status()?;
        while let Some(chunk) = news.chunk().await? {
            if chunk.windows(7).any(|part| part == b"changed") {
                self.page(&format!("/calls/{id}")).await?;
            }
        }
        Err("a call ended".into())
    }
}

async fn pages(args: &[String]) -> Fallible<()> {
    let [pid, address, token, key, link, rest @ ..] = args else {
        return Err("the server said too little".into());
    };
    let number = |at: usize, usual: usize| rest.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(usual);
    let (calls, open, seconds) = (number(0, 50), number(1, 50), number(2, 20));
    let client = Client::builder().redirect(redirect::Policy::none()).build()?;
    let let_in = client.get(link).header(header::ACCEPT, "text/html").send().await?;
    let cookies = let_in.headers().get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies: Vec<&str> = cookies.filter_map(|line| line.split(';').next()).collect();
    let seen = Seen {
        client,
        address: address.clone(),
        key: key.clone(),
        cookie: cookies.join("; "),
        loaded: Arc::default(),
    };
    place(&seen, token, calls).await?;
    let running = timeout(Duration::from_secs(60), async {
        loop {
            let running = seen.running().await?;
            if running.len() >= calls {
                return Ok::<_, Box<dyn Error + Send + Sync>>(running);
            }
            sleep(LOOK).await;
        }
    });
    let running = running.await??;
    println!("{calls} calls, {open} pages, {seconds} s each");
    // The calls have a moment to settle.
    sleep(Duration::from_secs(3)).await;
    measured("without pages", pid, &seen, seconds).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..open {
        let (seen, id) = (seen.clone(), running[n / 2 % running.len()].clone());
        tasks.spawn(
            async move { if n % 2 == 0 { seen.first_page().await } else { seen.call_page(&id).await } },
        );
    }
    sleep(Duration::from_secs(3)).await;
    measured("with pages", pid, &seen, seconds).await?;
    match tasks.try_join_next() {
        Some(failed) => failed?,
        None => Ok(()),
    }
}

async fn place(seen: &Seen, token: &str, calls: usize) -> Fallible<()> {
    for _ in 0..calls {
        let path = "/api/1.1/public/bot/talker/smartassist/dialout";
        let request = seen.client.post(format!("http://{}{path}", seen.address)).header("auth", token);
        let body =
            json!({ "target": format!("tel:{NUMBER}"), "caller": "+15550100", "machineDetection": "detect" });
        let answer = request.json(&body).send().await?;
        if !answer.status().is_success() {
            return Err(answer.text().await?.into());
        }
    }
    Ok(())
}

/// The CPU of the server and the lateness of its timers for a while.
async fn measured(what: &str, pid: &str, seen: &Seen, seconds: usize) -> Fallible<()> {
    let (cpu, loaded, begin) = (pinned::cpu_us(pid)?, seen.loaded.load(Ordering::Relaxed), Instant::now());
    let mut late = Vec::new();
    while begin.elapsed() < Duration::from_secs(seconds as u64) {
        late.push(seen.lateness().await?);
        sleep(LOOK).await;
    }
    let took = begin.elapsed().as_secs_f64();
    let cpu = (pinned::cpu_us(pid)? - cpu) as f64 / took / 10_000.0;
    let loaded = (seen.loaded.load(Ordering::Relaxed) - loaded) as f64 / took;
    late.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        late.get((late.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
    };
    println!(
        "{what}: {cpu:.1} % of a core, {loaded:.1} pages a second; timers late p50 {:.2} ms, p95 {:.2} ms, most {:.2} ms",
        at(0.5),
        at(0.95),
        at(1.0)
    );
    Ok(())
}
