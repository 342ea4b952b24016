//! What a call's task says to its leg.

use std::time::Duration;

use bytes::Bytes;
use callcore::audio::frame::write_pcm16le;
use callcore::call::{Input, Link};
use callcore::clock::CallTime;
use callcore::playback::Chunk;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};

use super::{Actor, Running};
use crate::trunk::{Leg, LegCommand};

/// A carrier that does not take a command in this time is treated as gone.
const COMMAND_PATIENCE: Duration = Duration::from_secs(2);

impl Actor {
    /// Audio that the carrier's connection has no room for is dropped: it would only come late. The call stands
    /// still until there is room again.
    pub(super) fn send_audio(&mut self, running: &mut Running, chunk: &Chunk) {
        let Some(leg) = &running.leg else { return };
        let Err(error) = leg.commands.try_send(LegCommand::Audio(packet(chunk))) else { return };
        metrics::counter!("dering_session_audio_dropped_total").increment(1);
        // A leg that is over says why in its last events.
        let is_full = matches!(error, TrySendError::Full(_));
        if is_full && !std::mem::replace(&mut running.blocked, true) {
            let why = "the trunk takes audio more slowly than it is made".into();
            self.call.handle(Input::Link { link: Link::Stalled, why }, self.clock.now());
        }
    }

    pub(super) fn unblock(&mut self, running: &mut Running, now: CallTime) {
        let is_roomy = |leg: &Leg| leg.commands.capacity() * 2 >= leg.commands.max_capacity();
        if running.blocked && running.leg.as_ref().is_some_and(is_roomy) {
            running.blocked = false;
            self.call.handle(Input::Link { link: Link::Up, why: "there is room again".into() }, now);
        }
    }

    pub(super) async fn send(&mut self, running: &mut Running, command: LegCommand) {
        let Some(leg) = &running.leg else { return };
        let sent = leg.commands.send_timeout(command, COMMAND_PATIENCE).await;
        // A leg that is over says why in its last events: that the other side hung up is told there.
        if let Err(SendTimeoutError::Timeout(_)) = sent {
            running.leg = None;
            let why = "the carrier's connection takes no more commands".into();
            self.call.handle(Input::Lost { why }, self.clock.now());
        }
    }
}

/// A chunk as it goes to the carrier: whole frames, the last of them filled up with silence.
fn packet(chunk: &Chunk) -> Bytes {
    let samples = chunk.samples();
    let mut pcm = vec![0; 2 * (samples.len() + chunk.padding())];
    write_pcm16le(samples, &mut pcm);
    pcm.into()
}
