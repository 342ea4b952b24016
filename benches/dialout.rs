//! Dial-outs accepted over HTTP with a durable commit each: a server on one core, its clients on another.
//!
//! `cargo bench --bench dialout -- [CONNECTIONS] [SECONDS] [keys]`, 32 connections and 10 s by default; with
//! `keys` every request brings an idempotency key. The server is `App` as `dering serve` starts it, its
//! database on disk below `target/`. Its trunk dials once in 1,000 s, so every call that is accepted waits in
//! the queue and nobody is called.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures, and its server an address")]

mod pinned;

use std::error::Error;
use std::process::Stdio;
use std::time::Duration;

use dering::access::{self, Scope};
use dering::app::App;
use dering::config::{Config, Trunk};
use dering::store::NewApp;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const FLOW: &str = "flow: reminder\nvariables: { name: text }\nstart: talk\nscenes:\n  talk:\n    - say: \"Hello {{ name }}\"\n    \
                    - hangup: told\n";
const BODY: &str = r#"{"target":"tel:+15551001","caller":"+15550100","machineDetection":"detect",
"notifyUrl":"https://example.com/notify","notifyHeaders":{"x-channel-type":"X42_IVR"},
"timers":{"noSpeechTimeoutMs":12000,"decisionTimeoutMs":15000},"metadata":{"name":"John Doe"}}"#;

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.first().map(String::as_str) {
        Some("server") => runtime()?.block_on(server()),
        Some("client") => runtime()?.block_on(client(&args[1..])),
        _ => both(&args),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The server on core 1, the clients on core 0.
fn both(args: &[String]) -> Fallible<()> {
    let own = std::env::current_exe()?.display().to_string();
    let mut server =
        pinned::command("1", &own).arg("server").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut told = String::new();
    let output = server.stdout.take().ok_or("the server says nothing")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut told)?;
    let mut client = pinned::command("0", &own);
    client.arg("client").arg(server.id().to_string()).args(told.split_whitespace()).args(args);
    let done = client.status();
    server.kill()?;
    server.wait()?;
    if done?.success() { Ok(()) } else { Err("the client failed".into()) }
}

async fn server() -> Fallible<()> {
    let folder = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target"))?;
    std::fs::create_dir(folder.path().join("flows"))?;
    std::fs::write(folder.path().join("flows/reminder.yaml"), FLOW)?;
    let mut trunk = Trunk::with_token("nowhere", "http://127.0.0.1:9", SecretString::from("t"));
    trunk.limits.calls = Some(1);
    trunk.limits.per_second = Some(0.001);
    trunk.limits.queue = 1_000_000;
    trunk.limits.queue_timeout = 3_600;
    let mut config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: folder.path().join("dering.db"),
        recordings: folder.path().join("recordings").into(),
        speech_cache: folder.path().join("speech"),
        flows: folder.path().join("flows"),
        trunks: vec![trunk],
        ..Config::default()
    };
    config.calls.max = 1_000_000;
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
    let token = access::mint("bench", &secret, Duration::from_secs(3_600), &[])?;
    println!("{} {}", app.address(), token.expose_secret());
    std::future::pending().await
}

async fn client(args: &[String]) -> Fallible<()> {
    let [pid, address, token, rest @ ..] = args else { return Err("the server said too little".into()) };
    let number = |at: usize, usual: u64| rest.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(usual);
    let (connections, seconds) = (number(0, 32), number(1, 10));
    let keys = rest.iter().any(|arg| arg == "keys");
    // The first second warms up.
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for n in 0..connections {
        let (address, token) = (address.clone(), token.clone());
        tasks.push(tokio::spawn(async move { connection(n, &address, &token, keys, begin, end).await }));
    }
    tokio::time::sleep_until(begin).await;
    let before = pinned::cpu_us(pid)?;
    tokio::time::sleep_until(end).await;
    let cpu = pinned::cpu_us(pid)? - before;
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    took.sort_unstable();
    let at = |share: f64| {
        let place = (took.len().saturating_sub(1) as f64 * share) as usize;
        took.get(place).copied().unwrap_or_default() as f64 / 1_000.0
    };
    println!(
        "{connections} connections for {seconds} s{}",
        if keys { ", each request with a key" } else { "" }
    );
    println!(
        "{} accepted, {} per second; p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms; server CPU {:.0} % of a core",
        took.len(),
        took.len() as u64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0),
        cpu as f64 / seconds as f64 / 10_000.0
    );
    Ok(())
}

/// Asks for one call after the other; how long each took that began within the window, µs.
async fn connection(
    n: u64,
    address: &str,
    token: &str,
    keys: bool,
    begin: Instant,
    end: Instant,
) -> Fallible<Vec<u64>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut took = Vec::with_capacity(32_768);
    let (mut line, mut body) = (String::new(), Vec::new());
    for count in 0_u64.. {
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        let key = if keys { format!("idempotency-key: {n}-{count}\r\n") } else { String::new() };
        let request = format!(
            "POST /api/1.1/public/bot/reminder/smartassist/dialout HTTP/1.1\r\nhost: bench\r\nauth: {token}\r\n\
             content-type: application/json\r\n{key}content-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        stream.get_mut().write_all(request.as_bytes()).await?;
        line.clear();
        stream.read_line(&mut line).await?;
        let accepted = line.starts_with("HTTP/1.1 200");
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await?;
        if !accepted {
            return Err(String::from_utf8_lossy(&body).into_owned().into());
        }
        if asked >= begin {
            took.push(u64::try_from(asked.elapsed().as_micros())?);
        }
    }
    Ok(took)
}
