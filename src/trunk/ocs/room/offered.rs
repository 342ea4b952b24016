//! Calls that somebody places to us, and audio that one side cannot read.

use callcore::call::DialStatus;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Action, Patience, Phase, Room};
use crate::trunk::leg::LegEvent;

/// Refusals of our audio after which it counts as one that the carrier cannot read: those that cross a hang-up are
/// fewer.
const REFUSALS: u32 = 5;
impl Room {
    /// A room for a call that somebody places to us.
    pub(in crate::trunk::ocs) fn offered(
        events: mpsc::Sender<LegEvent>,
        patience: Patience,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Self {
        let mut room = Self::new(events, patience, now);
        (room.is_offered, room.is_ringing, room.announced) = (true, true, true);
        room.away_until = None;
        room.deliver(LegEvent::Status(DialStatus::Ringing), out);
        room
    }

    /// The call that was offered is to be answered.
    pub(in crate::trunk::ocs) fn pick_up(&mut self, now: Instant) {
        if std::mem::replace(&mut self.is_ringing, false) && self.phase == Phase::Live {
            self.away_until = Some(now + self.patience.away);
        }
    }

    /// A caller who is heard is connected, also where the carrier does not say so.
    pub(super) fn connected(&mut self, out: &mut Vec<Action>) {
        if self.is_offered && !self.is_connected && self.phase == Phase::Live {
            self.is_connected = true;
            self.ring_until = None;
            self.deliver(LegEvent::Status(DialStatus::Connected), out);
        }
    }

    /// The carrier refused a packet of our audio.
    pub(in crate::trunk::ocs) fn audio_refused(&mut self, why: String, out: &mut Vec<Action>) {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals == REFUSALS {
            self.deliver_live(LegEvent::AudioUnreadable { is_ours: true, why }, out);
        }
    }
}
