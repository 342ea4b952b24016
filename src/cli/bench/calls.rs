//! `dering bench calls`: live calls per core.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::sleep;

use super::heard::{percentile, silent_after};
use super::report::{self, Load};
use super::stage::{Stage, Wire, verdicts};
use crate::cli::out::out;

/// Numbers that can be called.
const MOST_CALLS: u32 = 10_000;
/// How long the server is watched while it has nothing to do.
const IDLE: Duration = Duration::from_secs(3);
const BETWEEN_SCRAPES: Duration = Duration::from_secs(1);
/// A search ends when it knows the most calls to a twentieth.
const CLOSE_ENOUGH: f64 = 1.05;

/// Measure live calls per core, and the most calls at which nothing suffers.
///
/// A server and a carrier with simulated callees run each in a process and on a core of its own, in a temporary folder. Everybody
/// who is called says something every few seconds, mostly over the bot, so that detection, interruption, play-out and the
/// database all work. Only the server is measured. Use a release build on a machine that does nothing else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Calls at once; several numbers are measured one after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [50, 300],
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CALLS)))]
    calls: Vec<u32>,
    /// Look for the most calls at which all holds, beginning with the first number of --calls
    #[arg(long)]
    find: bool,
    /// The wire between server and carrier
    #[arg(long, value_enum, default_value_t = Wire::Socketio)]
    wire: Wire,
    /// Record the calls
    #[arg(long)]
    record: bool,
    /// How long the calls are watched
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_200))]
    seconds: u16,
    /// Print one JSON object for each load
    #[arg(long)]
    json: bool,
}

/// Runs the command; it fails when something suffered, unless the limit was looked for.
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let first = args.calls.first().copied().context("name the number of calls")?;
    let mut loads = Vec::new();
    if args.find {
        find(args, first as usize, &mut loads).await?;
    } else {
        for calls in &args.calls {
            loads.push(load(args, *calls as usize).await?);
        }
    }
    report::write(&mut out(), &loads, args.json)?;
    if !args.find && loads.iter().any(|load| !load.suffers().is_empty()) {
        bail!("calls suffered; the last column says how");
    }
    Ok(ExitCode::SUCCESS)
}

/// Doubles the calls until something suffers, then halves the gap.
async fn find(args: &Args, first: usize, loads: &mut Vec<Load>) -> anyhow::Result<()> {
    let (mut holds, mut fails) = (0, None);
    let mut calls = first;
    loop {
        let load = load(args, calls).await?;
        if load.suffers().is_empty() {
            holds = calls;
        } else {
            fails = Some(calls);
        }
        loads.push(load);
        let Some(next) = next(holds, fails) else { return Ok(()) };
        calls = next;
    }
}

/// How many calls to try next; `None` when the most is known well enough, or nothing holds.
fn next(holds: usize, fails: Option<usize>) -> Option<usize> {
    let most = MOST_CALLS as usize;
    match fails {
        None => Some(holds * 2).filter(|next| *next <= most),
        Some(fails) if (fails as f64) <= holds as f64 * CLOSE_ENOUGH || fails - holds < 2 => None,
        Some(fails) => Some(usize::midpoint(holds, fails)),
    }
}

/// One load from its beginning to its end.
async fn load(args: &Args, calls: usize) -> anyhow::Result<Load> {
    let bar = bar();
    bar.set_message(format!("{calls} calls: a server and a carrier start"));
    let stage = Stage::open(calls, args.wire, args.record).await?;
    let idle = stage.server.used()?;
    sleep(IDLE).await;
    let before = stage.server.used()?;
    let idle_percent = (before.cpu - idle.cpu).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    let began = Instant::now();
    let dials = stage.call(calls, |done| bar.set_message(format!("{calls} calls: {done} verdicts"))).await?;
    let set_up = began.elapsed();

    let watched = Duration::from_secs(u64::from(args.seconds));
    let (server, gateway, from) = (stage.server.used()?, stage.gateway.used()?, Instant::now());
    let mut late: f64 = 0.0;
    while from.elapsed() < watched {
        bar.set_message(format!("{calls} calls: {} of {} s", from.elapsed().as_secs(), args.seconds));
        sleep(BETWEEN_SCRAPES.min(watched.saturating_sub(from.elapsed()))).await;
        late = late.max(stage.metric("dering_lateness_seconds", "").await?);
    }
    let (server_then, gateway_then, took) = (stage.server.used()?, stage.gateway.used()?, from.elapsed());
    let per_call = |cpu: Duration| cpu.as_secs_f64() / took.as_secs_f64() / calls as f64 * 1e6;
    let counts = stage.counts().await?;
    let running = stage.metric("dering_calls_running", "").await? as usize;
    let dropped = stage.metric("dering_session_audio_dropped_total", "").await? as u64;
    let start = stage.start;
    bar.set_message(format!("{calls} calls: they end"));
    let (folder, heard) = tokio::task::block_in_place(|| stage.close());
    let silent = silent_after(&heard);
    folder.close().context("the folder of the bench cannot be removed")?;
    bar.finish_and_clear();
    let ms = |dial: Duration| dial.as_secs_f64() * 1_000.0;
    let dials_ms: Vec<f64> = dials.into_iter().map(ms).collect();
    let p99 = dials_ms.len() * 99 / 100;
    Ok(Load {
        calls,
        wire: args.wire.as_str(),
        record: args.record,
        seconds: took.as_secs_f64(),
        server_us: per_call(server_then.cpu - server.cpu),
        gateway_us: per_call(gateway_then.cpu - gateway.cpu),
        memory_kib: server_then.memory_kib.saturating_sub(before.memory_kib) as f64 / calls as f64,
        late_ms: late * 1_000.0,
        barge_ins: silent.len(),
        silent_p50_ms: percentile(&silent, 0.5),
        silent_p95_ms: percentile(&silent, 0.95),
        people: usize::try_from(counts.people).unwrap_or_default(),
        verdicts: verdicts(&counts),
        running,
        dropped,
        set_up_seconds: set_up.as_secs_f64(),
        dial_p99_ms: dials_ms.get(p99.min(dials_ms.len().saturating_sub(1))).copied().unwrap_or_default(),
        start_ms: ms(start),
        idle_percent,
    })
}

fn bar() -> ProgressBar {
    use std::io::IsTerminal as _;
    let bar = ProgressBar::new_spinner();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most calls that a search finds on a machine that carries `most`, and how many loads it took.
    fn found(first: usize, most: usize) -> (usize, usize) {
        let (mut holds, mut fails, mut calls, mut loads) = (0, None, first, 0);
        loop {
            loads += 1;
            if calls <= most {
                holds = calls
            } else {
                fails = Some(calls)
            }
            match next(holds, fails) {
                Some(next) => calls = next,
                None => return (holds, loads),
            }
        }
    }

    #[test]
    fn the_most_calls_are_found_to_a_twentieth_in_a_few_loads() {
        for most in [1, 7, 90, 546, 1_234] {
            let (holds, loads) = found(50, most);
            assert!(
                holds <= most && holds as f64 * 1.06 + 2.0 >= most as f64 && loads < 14,
                "{holds} of {most}: {loads}"
            );
        }
        assert_eq!(found(50, 0).0, 0);
        assert_eq!(found(8_000, 20_000), (8_000, 1), "no more numbers can be called");
    }
}
