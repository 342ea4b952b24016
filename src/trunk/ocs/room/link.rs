//! The way to the carrier, as one call learns of it: away, stopped, taking no more, and back.

use std::time::Duration;

use callcore::call::Link;
use tokio::time::Instant;

use super::{Action, Membership, Phase, Room};
use crate::trunk::leg::LegEvent;

/// A carrier that answers pings and then nothing for so long has stopped.
const STALLED: Duration = Duration::from_secs(3);
/// A leg that has been told nothing for so long learns that the carrier is there.
const QUIET: Duration = Duration::from_millis(500);
/// A carrier answers a join sooner than this, or it has lost it.
const JOIN_AGAIN: Duration = Duration::from_secs(1);

impl Room {
    pub(in crate::trunk::ocs) fn link_up(&mut self, out: &mut Vec<Action>) {
        if self.is_ringing {
            self.away_until = None;
        } else if self.phase == Phase::Live {
            self.membership = Membership::Asked;
            self.join_again = None;
            out.push(Action::Join);
        }
    }

    /// Repeats a join that is neither confirmed nor refused.
    pub(super) fn ask_again(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.membership != Membership::Asked || self.phase != Phase::Live {
            self.join_again = None;
        } else if *self.join_again.get_or_insert(now + JOIN_AGAIN) <= now {
            self.join_again = Some(now + JOIN_AGAIN);
            out.push(Action::Join);
        }
    }

    pub(in crate::trunk::ocs) fn link_down(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.membership = Membership::Away;
        // The next connection has to be found out about anew.
        self.answers = false;
        if self.phase == Phase::Live {
            self.away_until.get_or_insert(now + self.patience.away);
            self.blocked = false;
            if self.was_joined {
                // Whatever these stood behind may be lost: who sent it sends it again.
                self.marks.clear();
                self.tell_link(Link::Away, "the connection to the carrier broke", out);
            }
        }
    }

    /// The carrier has answered a ping that was sent at `sent_by`.
    pub(in crate::trunk::ocs) fn answered(&mut self, sent_by: Instant, now: Instant, out: &mut Vec<Action>) {
        self.answers = true;
        self.answered_at = now;
        // Before anything counts as heard again: what was held up on its way was not played in time.
        if self.membership == Membership::Joined {
            self.deliver_live(LegEvent::Delivered { sent_by }, out);
        }
        self.note_recovery(now, out);
        if self.membership == Membership::Joined && now - self.said_at >= QUIET {
            self.said_at = now;
            self.deliver_live(LegEvent::Alive, out);
        }
    }

    /// Audio was dropped on its way to the carrier, which takes no more.
    pub(in crate::trunk::ocs) fn block(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.phase == Phase::Live && self.membership == Membership::Joined && !self.blocked {
            self.blocked = true;
            self.away_until.get_or_insert(now + self.patience.away);
            self.tell_link(Link::Stalled, "the carrier takes audio more slowly than it is sent", out);
        }
    }

    /// There is room for audio again.
    pub(in crate::trunk::ocs) fn unblock(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.blocked = false;
        self.note_recovery(now, out);
    }

    /// Whether audio waits for room.
    pub(in crate::trunk::ocs) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The way works again once there is room and the carrier has answered: what it says proves nothing of our direction.
    fn note_recovery(&mut self, now: Instant, out: &mut Vec<Action>) {
        let is_stuck = self.blocked || self.is_unanswered(now);
        if self.link == Link::Stalled && !is_stuck && self.membership == Membership::Joined {
            self.away_until = None;
            self.tell_link(Link::Up, "the carrier answers again", out);
        }
    }

    fn is_unanswered(&self, now: Instant) -> bool {
        self.answers && now.saturating_duration_since(self.answered_at) >= STALLED
    }

    pub(super) fn tell_link(&mut self, link: Link, why: &str, out: &mut Vec<Action>) {
        if self.link != link {
            self.link = link;
            self.deliver_live(LegEvent::Link { link, why: why.to_owned() }, out);
        }
    }

    /// Tells of a carrier that answers nothing any more.
    pub(super) fn note_stall(&mut self, now: Instant, out: &mut Vec<Action>) {
        let joined = self.phase == Phase::Live && self.membership == Membership::Joined;
        if joined && self.is_unanswered(now) {
            self.away_until.get_or_insert(now + self.patience.away);
            self.tell_link(Link::Stalled, "the carrier answers nothing", out);
        }
    }

    /// The carrier takes so long to answer. The leg learns of it when it is another number of frames, and
    /// a carrier next door, within 1 ms, is at none.
    pub(in crate::trunk::ocs) fn round_trip(&mut self, time: Duration, out: &mut Vec<Action>) {
        let distance = time.as_millis().saturating_sub(1).div_ceil(20);
        if distance != self.distance && self.phase == Phase::Live {
            self.distance = distance;
            self.deliver(LegEvent::RoundTrip(time), out);
        }
    }
}
