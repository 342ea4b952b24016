//! A call as it happens, from its timeline.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::Value;

use super::find::path;
use super::shown;
use crate::cli::admin::Reach;
use crate::cli::note;
use crate::cli::out::out;

/// Exit code for a call that nobody answered.
const NOT_ANSWERED: u8 = 3;
/// Exit code where Ctrl-C ended the watching.
const CUT_SHORT: u8 = 130;
/// The server says something this often; silence for longer is a broken connection.
const SILENCE: Duration = Duration::from_secs(40);
/// Before the next attempt on a connection that broke.
const PAUSE: Duration = Duration::from_secs(2);
/// Attempts in a row that may fail.
const ATTEMPTS: u32 = 15;

/// Tells what happens in a call until it is over, and then what became of it. Ctrl-C ends the watching, not the call.
///
/// # Errors
/// When there is no such call, or the server stays away.
pub(super) async fn follow(reach: &Reach, id: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    tokio::select! {
        told = to_its_end(reach, id, as_json) => told,
        _stop = tokio::signal::ctrl_c() => {
            note(&format!("the call goes on; `dering calls hangup {id}` ends it"));
            Ok(ExitCode::from(CUT_SHORT))
        }
    }
}

async fn to_its_end(reach: &Reach, id: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut after = None;
    let mut failures = 0;
    loop {
        let before = after.clone();
        match listen(reach, id, &mut after, as_json).await {
            Ok(true) => break,
            Err(error) if is_print_error(&error) || failures >= ATTEMPTS => return Err(error),
            // What is refused once is refused again.
            Err(error) if before.is_none() && after.is_none() => return Err(error),
            Ok(false) | Err(_) => {}
        }
        failures = if before == after { failures + 1 } else { 0 };
        tokio::time::sleep(PAUSE).await;
    }
    let call = reach.ask(Method::GET, &path(id, ""), None).await?;
    print(&if as_json { call.to_string() } else { shown::end(&call) })?;
    Ok(if shown::was_answered(&call) { ExitCode::SUCCESS } else { ExitCode::from(NOT_ANSWERED) })
}

/// Nobody reads what is printed.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct PrintError(#[source] std::io::Error);

/// Whether following ended because nobody reads what it prints.
pub(super) fn is_print_error(error: &anyhow::Error) -> bool {
    error.is::<PrintError>()
}

fn print(line: &str) -> Result<(), PrintError> {
    std::io::Write::write_all(&mut out(), format!("{line}\n").as_bytes()).map_err(PrintError)
}

/// Prints what one connection tells; whether the call is over. `after` is the last entry that was told.
async fn listen(reach: &Reach, id: &str, after: &mut Option<String>, as_json: bool) -> anyhow::Result<bool> {
    let path = path(id, "/events");
    let Some(response) = reach.events(&path, after.as_deref()).await? else { return Ok(true) };
    let mut events = response.bytes_stream().eventsource();
    loop {
        let Ok(next) = tokio::time::timeout(SILENCE, events.next()).await else { return Ok(false) };
        let Some(event) = next else { return Ok(false) };
        let event = event.context("the timeline broke off")?;
        if event.event == "end" {
            return Ok(true);
        }
        let told: Value = serde_json::from_str(&event.data).context("an entry is no JSON: is it dering?")?;
        print(&if as_json { told.to_string() } else { shown::event(&told) })?;
        *after = Some(event.id);
    }
}
