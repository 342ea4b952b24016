//! The carrier's side of the inbound WebSocket: a simulated caller rings at a server, which is the bot.
//!
//! The caller is a callee file: it says, hears and presses what the file says, at the pace of the clock. To the
//! file's words `bot` and `callee` the server is the bot, and the caller is the callee.

mod caller;
mod options;
mod report;
mod wire;

use std::sync::Arc;

use callcore::call::{CarrierCdr, Disposition, HangupBy, cause};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::caller::{Answered, Caller};
pub use self::options::{Error, Options};
pub use self::report::{Entry, Report};
use self::wire::{Heard, Wire};
use super::callees;
use super::callees::model::Outcome;
use super::record::{self, Happening, Party, Recorder};
use crate::wallclock::{iso, now_ms};

/// Places a call and plays it to its end; `stop` hangs up before.
///
/// # Errors
/// When the callee's file is wrong, the server cannot be reached or refuses us, or the connection is lost in
/// mid-call.
pub async fn dial_in(options: Options, stop: CancellationToken) -> Result<Report, Error> {
    let callee = callees::load_one(&options.callee)?;
    if callee.file.outcome != Outcome::Answer {
        return Err(Error::NotACaller(callee.name));
    }
    let prepared = Box::pin(callee.prepared(&options.tts)).await?;
    let session_id = options.session_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let mut wire = Box::pin(Wire::open(&options)).await?;
    let started = now_ms();
    let begun = Instant::now();
    wire.announce(&options.from, &options.did, &session_id).await?;
    let mut call = Call { events: Vec::new(), answered: None, heard_ms: 0, most_waiting_ms: 0 };
    let ended_by = match ring(&mut wire, begun + options.ring, &stop).await? {
        Rang::Answered => {
            let answered_at = Instant::now();
            let answered_ms = now_ms();
            call.answered = Some((answered_at, answered_ms));
            call.events.push(Entry { at_ms: 0, happening: Happening::Answered });
            let recorder = options
                .recordings
                .as_deref()
                .map(|folder| Recorder::start(folder, &session_id, &callee.name, iso(answered_ms)));
            let caller = Caller::new(Arc::clone(&prepared), options.seed, recorder);
            let answered = caller.talk(&mut wire, answered_at, options.ignores_interrupt, &stop).await;
            let Answered { ended, events, heard_ms, most_waiting_ms, recorder } = answered;
            call.events.extend(events);
            (call.heard_ms, call.most_waiting_ms) = (heard_ms, most_waiting_ms);
            if let Some(recorder) = recorder {
                recorder.finish().await.map_err(Error::Recording)?;
            }
            Some(ended?)
        }
        Rang::HungUp => Some(Party::Bot),
        Rang::Stopped => Some(Party::Callee),
        Rang::TooLong => None,
    };
    if ended_by != Some(Party::Bot) {
        wire.hang_up().await?;
    }
    let cdr = CarrierCdr {
        source: Some(options.from.clone()),
        ..call.record(&session_id, &options.did, started, begun, ended_by)
    };
    wire.finish(&cdr).await?;
    let recording = options.recordings.as_deref().filter(|_| call.answered.is_some());
    Ok(Report {
        answered_after_ms: call.answered.map(|(at, _)| at.duration_since(begun).as_millis() as u64),
        ended_by,
        events: call.events,
        heard_ms: call.heard_ms,
        most_waiting_ms: call.most_waiting_ms,
        oddities: wire.into_oddities(),
        cdr,
        recording: recording.map(|folder| record::wav_path(folder, &session_id)),
        session_id,
    })
}

enum Rang {
    Answered,
    HungUp,
    Stopped,
    TooLong,
}

async fn ring(wire: &mut Wire, until: Instant, stop: &CancellationToken) -> Result<Rang, Error> {
    loop {
        tokio::select! {
            heard = wire.next() => match heard? {
                Heard::Answer => return Ok(Rang::Answered),
                Heard::Hangup => return Ok(Rang::HungUp),
                // Nothing can be heard before the answer.
                Heard::Audio(_) | Heard::Key { .. } | Heard::Interrupt => {}
            },
            () = tokio::time::sleep_until(until) => return Ok(Rang::TooLong),
            () = stop.cancelled() => return Ok(Rang::Stopped),
        }
    }
}

/// What is known of the call when it is over.
struct Call {
    events: Vec<Entry>,
    /// When, on either clock.
    answered: Option<(Instant, i64)>,
    heard_ms: u64,
    most_waiting_ms: u64,
}

impl Call {
    fn record(
        &self,
        session_id: &str,
        did: &str,
        started: i64,
        begun: Instant,
        by: Option<Party>,
    ) -> CarrierCdr {
        let code = if by.is_none() { 19 } else { 16 };
        let disposition = match (self.answered, by) {
            (Some(_), _) => Disposition::Answered,
            (None, None) => Disposition::NoAnswer,
            (None, Some(Party::Callee)) => Disposition::Cancel,
            (None, Some(Party::Bot | Party::Gateway)) => Disposition::Failed,
        };
        CarrierCdr {
            session_id: session_id.to_owned(),
            destination: did.to_owned(),
            start_time: iso(started),
            answer_time: self.answered.map(|(_, ms)| iso(ms)),
            end_time: iso(now_ms()),
            duration: begun.elapsed().as_secs(),
            billable_seconds: self.answered.map_or(0, |(at, _)| at.elapsed().as_secs()),
            disposition,
            // The one who calls is the caller: here, that is ours.
            hangup_by: by.map(|by| if by == Party::Callee { HangupBy::Caller } else { HangupBy::Callee }),
            hangup_cause_code: code,
            hangup_cause_text: cause(code).text.to_owned(),
            source: None,
        }
    }
}
