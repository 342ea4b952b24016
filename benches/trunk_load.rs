//! Many two-way calls over one connection: our client against our gateway, each in a process of its own on a
//! core of its own. Tells what is lost, what is late, and what a call costs on either side.
//!
//! `cargo bench --bench trunk_load -- [CALLS] [SECONDS] [CHUNK_MS]`, 500 calls, 20 s and 160 ms by default.
//! Lateness of what comes: how much later a packet is than the earliest one of its call, each at its place in
//! the 20 ms grid. Drift of what goes: check points come back when they were played, so one that is early
//! tells of lost audio and one that is late of audio that came too late.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod pinned;

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::DialStatus;
use dering::trunk::ocs::{OcsCarrier, Options};
use dering::trunk::{LegCommand, LegEvent, Order};
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const NUMBER: &str = "+15550000";
const BYTES_PER_MS: u64 = 16;
/// Audio that lies at the gateway when the next packet is due, ms.
const CUSHION_MS: u64 = 160;
const MARK_EVERY_MS: u64 = 960;

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if args.first().is_some_and(|arg| arg == "client") {
        return tokio::runtime::Runtime::new()?.block_on(client(&args[1..]));
    }
    let folder = tempfile::tempdir()?;
    let callee = format!("numbers: ['{NUMBER}']\nring: 100ms\ncap: 10m\n");
    std::fs::write(folder.path().join("callee.yaml"), callee)?;
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let callees = folder.path().display().to_string();
    let gateway = env!("CARGO_BIN_EXE_dering");
    let gateway_args =
        ["gateway", "--listen", &address, "--token", "t", "--callees", &callees, "--log", "error"];
    let mut gateway = pinned::command("0", gateway).args(gateway_args).spawn()?;
    let pid = gateway.id().to_string();
    let own = std::env::current_exe()?.display().to_string();
    let mut client_args = vec!["client", &address, &pid];
    client_args.extend(args.iter().map(String::as_str));
    let done = pinned::command("1", &own).args(&client_args).status();
    gateway.kill()?;
    gateway.wait()?;
    if done?.success() { Ok(()) } else { Err("the client failed".into()) }
}

struct Measured {
    /// Of each packet that came, µs.
    late: Vec<u64>,
    missing: u64,
    /// Of each check point, against the first one of its call, ms.
    drift: Vec<i64>,
}

async fn client(args: &[String]) -> Fallible<()> {
    let number = |at: usize, default: u64| args.get(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (address, gateway) = (args.first().ok_or("no address")?, args.get(1).ok_or("no process")?);
    let (calls, seconds, chunk_ms) = (number(2, 500), number(3, 20), number(4, 160));
    let mut options = Options::new("load", format!("http://{address}"), SecretString::from("t"));
    options.down_timeout = Duration::from_secs(10);
    let (trunk, _task) = OcsCarrier::start(options)?;
    trunk.connected().await?;
    let (window, measuring) = watch::channel(None::<(Instant, Instant)>);
    let (results, mut done) = mpsc::channel(64);
    let (ready, mut answered) = mpsc::channel(64);
    for _ in 0..calls {
        let (trunk, measuring, results, ready) =
            (trunk.clone(), measuring.clone(), results.clone(), ready.clone());
        tokio::spawn(async move {
            let outcome = call(trunk, ready, measuring, chunk_ms).await;
            drop(results.send(outcome).await);
        });
    }
    drop((results, ready));
    for _ in 0..calls {
        answered.recv().await.ok_or("a call failed before it was answered")?;
    }
    // The calls have a moment to settle.
    let start = Instant::now() + Duration::from_secs(2);
    let end = start + Duration::from_secs(seconds);
    window.send_replace(Some((start, end)));
    sleep_until(start).await;
    let before = (pinned::cpu_us("self")?, pinned::cpu_us(gateway)?);
    sleep_until(end).await;
    let after = (pinned::cpu_us("self")?, pinned::cpu_us(gateway)?);
    let (mut late, mut drift, mut missing) = (Vec::new(), Vec::new(), 0);
    while let Some(measured) = done.recv().await {
        let measured = measured?;
        late.extend(measured.late);
        drift.extend(measured.drift);
        missing += measured.missing;
    }
    late.sort_unstable();
    drift.sort_unstable();
    let at = |share: f64| (late.len().saturating_sub(1) as f64 * share) as usize;
    let per_call = |cpu: u64| cpu / calls / seconds;
    println!("{calls} calls for {seconds} s, packets of {chunk_ms} ms out and of 20 ms in");
    println!(
        "in:  {} packets, {missing} missing; late p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        late.len(),
        ms(&late, at(0.5)),
        ms(&late, at(0.99)),
        ms(&late, at(1.0))
    );
    println!(
        "out: {} check points, drift {} to {} ms",
        drift.len(),
        drift.first().copied().unwrap_or_default(),
        drift.last().copied().unwrap_or_default()
    );
    println!(
        "CPU per call: client {} µs/s, gateway {} µs/s; cores: client {:.0} %, gateway {:.0} %",
        per_call(after.0 - before.0),
        per_call(after.1 - before.1),
        (after.0 - before.0) as f64 / seconds as f64 / 10_000.0,
        (after.1 - before.1) as f64 / seconds as f64 / 10_000.0
    );
    Ok(())
}

fn ms(sorted_us: &[u64], at: usize) -> f64 {
    sorted_us.get(at).copied().unwrap_or_default() as f64 / 1_000.0
}

async fn call(
    trunk: OcsCarrier,
    ready: mpsc::Sender<()>,
    mut measuring: watch::Receiver<Option<(Instant, Instant)>>,
    chunk_ms: u64,
) -> Fallible<Measured> {
    let mut leg = trunk.place(Order::to(NUMBER)).await?;
    loop {
        match leg.events.recv().await.ok_or("the call ended")? {
            LegEvent::Status(DialStatus::Connected) => break,
            LegEvent::Hangup | LegEvent::Lost { .. } => return Err("the call was not answered".into()),
            LegEvent::Status(_)
            | LegEvent::AudioUnreadable { .. }
            | LegEvent::Transfer { .. }
            | LegEvent::Sight { .. }
            | LegEvent::Camera(_)
            | LegEvent::Audio { .. }
            | LegEvent::Digit(_)
            | LegEvent::CheckPoint(_)
            | LegEvent::RoundTrip(_)
            | LegEvent::Link { .. }
            | LegEvent::Delivered { .. }
            | LegEvent::Alive
            | LegEvent::Cdr(_) => {}
        }
    }
    ready.send(()).await?;
    drop(ready);
    let chunk = Bytes::from(vec![0_u8; (chunk_ms * BYTES_PER_MS) as usize]);
    let began = Instant::now();
    let mut sent_ms = 0;
    let mut arrivals = Vec::with_capacity(4_096);
    let mut marks = Vec::new();
    let end = loop {
        let due = began + Duration::from_millis(sent_ms.max(CUSHION_MS) - CUSHION_MS);
        let end = measuring.borrow_and_update().map(|(_, end)| end);
        if end.is_some_and(|end| end <= Instant::now()) {
            break end;
        }
        tokio::select! {
            () = sleep_until(due) => {
                leg.commands.send(LegCommand::Audio(chunk.clone())).await?;
                sent_ms += chunk_ms;
                if sent_ms % MARK_EVERY_MS == 0 {
                    leg.commands.send(LegCommand::CheckPoint(sent_ms.to_string())).await?;
                }
            }
            event = leg.events.recv() => match event.ok_or("the call ended")? {
                LegEvent::Audio { .. } => arrivals.push(Instant::now()),
                LegEvent::CheckPoint(name) => {
                    let played = began + Duration::from_millis(name.parse()?);
                    let now = Instant::now();
                    let ahead = played.saturating_duration_since(now).as_millis() as i64;
                    marks.push((now, now.saturating_duration_since(played).as_millis() as i64 - ahead));
                }
                LegEvent::Hangup | LegEvent::Lost { .. } => return Err("the call was cut off".into()),
                LegEvent::AudioUnreadable { why, .. } => return Err(why.into()),
                LegEvent::Status(_)
                | LegEvent::Transfer { .. }
                | LegEvent::Sight { .. }
                | LegEvent::Camera(_)
                | LegEvent::Digit(_)
                | LegEvent::RoundTrip(_)
                | LegEvent::Link { .. }
                | LegEvent::Delivered { .. }
            | LegEvent::Alive
                | LegEvent::Cdr(_) => {}
            },
        }
    };
    let (start, end) =
        (*measuring.borrow()).zip(end).map_or((began, began), |((start, _), end)| (start, end));
    leg.commands.send(LegCommand::Hangup).await?;
    Ok(measure(&arrivals, &marks, start, end))
}

fn measure(arrivals: &[Instant], marks: &[(Instant, i64)], start: Instant, end: Instant) -> Measured {
    let inside: Vec<u64> = arrivals
        .iter()
        .filter(|at| **at >= start && **at < end)
        .map(|at| (*at - start).as_micros() as u64)
        .collect();
    // Where the grid begins, as the earliest packet shows it.
    let grid = inside.iter().zip(0_u64..).map(|(at, n)| *at as i64 - (n * 20_000) as i64).min().unwrap_or(0);
    let late = inside.iter().zip(0_u64..).map(|(at, n)| (*at as i64 - (n * 20_000) as i64 - grid) as u64);
    let expected = (end - start).as_millis() as u64 / 20;
    let first = marks.first().map_or(0, |(_, drift)| *drift);
    Measured {
        late: late.collect(),
        // One may lie on either edge of the window.
        missing: (expected.saturating_sub(1)).saturating_sub(inside.len() as u64),
        drift: marks
            .iter()
            .filter(|(at, _)| *at >= start && *at < end)
            .map(|(_, drift)| drift - first)
            .collect(),
    }
}
