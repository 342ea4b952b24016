//! The task of one call: lets the pure machine's time pass and does what it asks for.

use std::pin::pin;
use std::sync::Arc;

use callcore::audio::frame::FRAME_SAMPLES;
use tokio::sync::oneshot;
use tokio::time::{sleep, sleep_until};

use super::call::Effect;
use super::callees::Callee;
use super::cdr::Cdr;
use super::messages::Event;
use super::record::{Party, Recorder};
use super::room::Room;
use super::shared::Shared;
use crate::wallclock;

/// Whatever ends the task of a call, its room does not outlive it.
struct Leave<'a>(&'a Shared, &'a Room);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.rooms.remove(&self.1.session);
    }
}

/// Runs the call to its end and files its record. Clients are told of it when `answered` is over.
pub(super) async fn run(
    shared: Arc<Shared>,
    room: Arc<Room>,
    callee: Option<Arc<Callee>>,
    answered: oneshot::Receiver<()>,
) {
    let delay = shared.options.announce_delay;
    let mut known = pin!(async move {
        // Whether the answer has left, or nobody took it: the call is there.
        let _left = answered.await;
        sleep(delay).await;
    });
    let _leave = Leave(&shared, &room);
    let mut recorder = None;
    let (mut said, mut heard) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
    let mut effects = Vec::with_capacity(16);
    let (mut told_to_stop, mut announced) = (false, false);
    loop {
        let due = room.advance(&mut effects, &mut said, &mut heard);
        let session = || Arc::clone(&room.session);
        for effect in effects.drain(..) {
            match effect {
                Effect::Prepare => prepare(&shared, &room, callee.clone()),
                Effect::Status(status) => room.tell(&Event::Status { session: session(), status }),
                Effect::Answered => recorder = record(&shared, &room, callee.as_deref()),
                Effect::Frame => {
                    if let Some(recorder) = &mut recorder {
                        recorder.frame(&said, &heard);
                    }
                    room.send(&said);
                }
                Effect::CheckPoint(name) => room.tell(&Event::CheckPoint { session: session(), name }),
                Effect::Sound { label, stage } => {
                    room.tell(&Event::Sound { session: session(), label, stage });
                }
                Effect::Key(key) => room.tell(&Event::Key { session: session(), key }),
                Effect::Note { at_ms, happening } => {
                    if let Some(recorder) = &mut recorder {
                        recorder.note(at_ms, happening);
                    }
                }
                Effect::Skipped => metrics::counter!("dering_gateway_clock_skips_total").increment(1),
                Effect::Ended(cdr) => return file(&shared, &room, recorder, cdr).await,
            }
        }
        tokio::select! {
            biased;
            () = shared.stopping.cancelled(), if !told_to_stop => {
                told_to_stop = true;
                room.hang_up(Party::Gateway);
            }
            () = &mut known, if !announced => {
                announced = true;
                shared.announce(&room);
                room.announced();
            }
            () = room.wake.notified() => {}
            () = async { sleep_until(due.unwrap_or(room.begun)).await }, if due.is_some() => {}
        }
    }
}

/// Makes the callee's sound beside the call, which may be hung up meanwhile.
fn prepare(shared: &Arc<Shared>, room: &Arc<Room>, callee: Option<Arc<Callee>>) {
    let (shared, room) = (Arc::clone(shared), Arc::clone(room));
    tokio::spawn(async move {
        let Some(callee) = callee else { return room.prepared(None) };
        match callee.prepared(&shared.options.tts).await {
            Ok(prepared) => room.prepared(Some(prepared)),
            Err(error) => {
                tracing::error!(callee = %callee.name, %error, "a callee cannot take calls");
                room.prepared(None);
            }
        }
    });
}

fn record(shared: &Shared, room: &Room, callee: Option<&Callee>) -> Option<Recorder> {
    let folder = shared.options.recordings.as_deref()?;
    let callee = callee.map_or("", |callee| &callee.name);
    Some(Recorder::start(folder, &room.session, callee, wallclock::iso(wallclock::now_ms())))
}

/// The end in the order a client may rely on: `hangup`, the recording is complete, the record can be
/// fetched, `cdr`.
async fn file(shared: &Shared, room: &Room, recorder: Option<Recorder>, cdr: Arc<Cdr>) {
    let session = &room.session;
    let hangup = Event::Hangup { session: Arc::clone(session) };
    // Clients that were told of a caller learn that the caller has gone.
    let is_unanswered = room.incoming.is_some() && room.is_unjoined();
    if is_unanswered {
        shared.clients.announce(room.holder.account, &hangup);
    }
    room.tell(&hangup);
    if let Some(recorder) = recorder
        && let Err(error) = recorder.finish().await
    {
        tracing::error!(%session, %error, "the recording could not be written");
    }
    tracing::info!(%session, disposition = %cdr.disposition, cause = cdr.hangup_cause_code,
        seconds = cdr.duration, "a call has ended");
    shared.records.add(room.holder.account, Arc::clone(&cdr));
    shared.rooms.remove(session);
    let cdr = Event::Cdr(cdr);
    if is_unanswered {
        shared.clients.announce(room.holder.account, &cdr);
    }
    room.tell(&cdr);
}
