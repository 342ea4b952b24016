//! All calls of a trunk: which report belongs to which of them, and which to none. Pure except for the channels to the legs:
//! time is an argument, and what must be done is returned as actions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callcore::call::CarrierCdr;
use tokio::time::Instant;

use super::client::Host;
use super::early_events::EarlyEvents;
use super::messages::Report;
use super::room::{Action, Room};
use super::round_trip::Answer;
use super::route::{Media, Route, Speaker};
use crate::trunk::leg::LegCommand;
use crate::trunk::order::Held;

/// Something to be done for a session.
pub(super) type SessionAction = (Arc<str>, Action);

struct Entry {
    room: Room,
    route: Route,
    _held: Option<Held>,
}

/// The calls of one trunk.
#[derive(Default)]
pub(super) struct Rooms {
    all: BTreeMap<Arc<str>, Entry>,
    early: EarlyEvents,
    placing: usize,
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms").field("all", &self.all.len()).field("placing", &self.placing).finish()
    }
}

impl Rooms {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.all.contains_key(id)
    }

    pub(super) fn route(&self, id: &str) -> Option<&Route> {
        self.all.get(id).map(|entry| &entry.route)
    }

    /// Whether any call goes through `host`.
    pub(super) fn uses(&self, host: Host) -> bool {
        self.all.values().any(|entry| matches!(entry.route.media, Media::Host(h) if h == host))
    }

    /// How many calls go through `host`.
    pub(super) fn calls_on(&self, host: Host) -> usize {
        self.all.values().filter(|entry| matches!(entry.route.media, Media::Host(h) if h == host)).count()
    }

    /// A dial request is under way: reports about sessions that are not known may be about its own.
    pub(super) const fn placing(&mut self) {
        self.placing += 1;
    }

    /// A dial request is settled; its session, if there is one, has been admitted.
    pub(super) fn settled(&mut self) {
        self.placing = self.placing.saturating_sub(1);
        if self.placing == 0 {
            self.early.clear();
        }
    }

    /// A call is ours. What was said about it before comes first.
    pub(super) fn admit(
        &mut self,
        id: &Arc<str>,
        room: Room,
        route: Route,
        held: Option<Held>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        self.all.insert(Arc::clone(id), Entry { room, route, _held: held });
        for (from, report) in self.early.claim(id) {
            self.report(from, id, report, now, out);
        }
    }

    /// Somebody says something about session `id`. Strangers' sessions are left alone.
    pub(super) fn report(
        &mut self,
        from: Speaker,
        id: &str,
        report: Report,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let Some(entry) = self.all.get_mut(id) else {
            if self.placing > 0 {
                self.early.keep(id, from, report);
            }
            return;
        };
        let is_own = match (&entry.route.media, from) {
            (Media::Host(own), Speaker::Host(host)) => *own == host,
            (Media::Socket(_), Speaker::Socket) => true,
            (Media::Host(_), Speaker::Socket) | (Media::Socket(_), Speaker::Host(_)) => false,
        };
        // Any connection of the account may tell that a session begins or is over.
        if !is_own
            && !matches!(report, Report::Announced | Report::Offered(_) | Report::Hangup | Report::Cdr(_))
        {
            return;
        }
        let report = if let Report::Audio(bytes) = report {
            Report::Audio(entry.route.codecs.received.decode(bytes))
        } else {
            report
        };
        self.with(id, out, |room, actions| room.report(report, now, actions));
    }

    /// A leg asks for something, or (`None`) has nobody who asks any more.
    pub(super) fn command(
        &mut self,
        id: &str,
        command: Option<LegCommand>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        self.with(id, out, |room, actions| match command {
            Some(command) => room.command(command, now, actions),
            None => room.commander_left(actions),
        });
    }

    /// `host` is connected: its rooms are to be joined.
    pub(super) fn host_up(&mut self, host: Host, out: &mut Vec<SessionAction>) {
        self.each(out, |entry, actions| {
            if matches!(entry.route.media, Media::Host(h) if h == host) {
                entry.room.link_up(actions);
            }
        });
    }

    pub(super) fn host_down(&mut self, host: Host, now: Instant, out: &mut Vec<SessionAction>) {
        self.each(out, |entry, actions| {
            if matches!(entry.route.media, Media::Host(h) if h == host) {
                entry.room.link_down(now, actions);
            }
        });
    }

    /// A call that was offered to us is to be answered: its room is joined as soon as its host can be reached.
    pub(super) fn pick_up(&mut self, id: &str, is_up: bool, now: Instant, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| {
            room.pick_up(now);
            if is_up {
                room.link_up(actions);
            }
        });
    }

    /// The call's connection is there. For a connection of its own that is all there is to join.
    pub(super) fn call_up(&mut self, id: &str, now: Instant, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| {
            room.link_up(actions);
            room.report(Report::Joined, now, actions);
        });
    }

    /// The host of a call that was admitted is connected already.
    pub(super) fn join(&mut self, id: &str, out: &mut Vec<SessionAction>) {
        self.with(id, out, Room::link_up);
    }

    pub(super) fn call_down(&mut self, id: &str, now: Instant, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| room.link_down(now, actions));
    }

    /// The carrier refused audio of this call.
    pub(super) fn refused_audio(&mut self, id: &str, reason: String, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| room.audio_refused(reason, actions));
    }

    /// `host` has answered a ping.
    pub(super) fn answered(
        &mut self,
        host: Host,
        answer: Answer,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        self.each(out, |entry, actions| {
            if matches!(entry.route.media, Media::Host(h) if h == host) {
                entry.room.round_trip(answer.round_trip, actions);
                entry.room.answered(answer.sent_by, now, actions);
            }
        });
    }

    /// The carrier has answered a ping on the way of this call.
    pub(super) fn call_answered(
        &mut self,
        id: &str,
        answer: Answer,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        self.with(id, out, |room, actions| {
            room.round_trip(answer.round_trip, actions);
            room.answered(answer.sent_by, now, actions);
        });
    }

    /// The distance to the host of a call that has just been admitted.
    pub(super) fn distance(&mut self, id: &str, time: Duration, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| room.round_trip(time, actions));
    }

    /// Audio of this call was dropped on its way.
    pub(super) fn block(&mut self, id: &str, now: Instant, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| room.block(now, actions));
    }

    /// Audio of calls that waited finds room again where `is_roomy`.
    pub(super) fn unblock(
        &mut self,
        now: Instant,
        is_roomy: impl Fn(&Media) -> bool,
        out: &mut Vec<SessionAction>,
    ) {
        self.each(out, |entry, actions| {
            if entry.room.is_blocked() && is_roomy(&entry.route.media) {
                entry.room.unblock(now, actions);
            }
        });
    }

    /// The carrier takes nothing more for this call.
    pub(super) fn stuck(&mut self, id: &str, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| {
            room.give_up("the carrier takes no more commands".into(), actions);
        });
    }

    /// The record that was fetched, or `None` when it cannot be had.
    pub(super) fn record(&mut self, id: &str, cdr: Option<CarrierCdr>, out: &mut Vec<SessionAction>) {
        self.with(id, out, |room, actions| room.deliver_cdr(cdr, actions));
    }

    /// Lets time pass for every call.
    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.each(out, |entry, actions| entry.room.tick(now, actions));
    }

    /// Forgets `id` if it is over. Call it when all actions for it are done.
    pub(super) fn sweep(&mut self, id: &str) -> bool {
        let is_over = self.all.get(id).is_some_and(|entry| entry.room.is_over());
        is_over && self.all.remove(id).is_some()
    }

    /// Forgets every call that is over; how many there were.
    pub(super) fn sweep_all(&mut self) -> usize {
        let before = self.all.len();
        self.all.retain(|_, entry| !entry.room.is_over());
        before - self.all.len()
    }

    fn with(
        &mut self,
        id: &str,
        out: &mut Vec<SessionAction>,
        change: impl FnOnce(&mut Room, &mut Vec<Action>),
    ) {
        let mut actions = Vec::new();
        if let Some(entry) = self.all.get_mut(id) {
            change(&mut entry.room, &mut actions);
        }
        if !actions.is_empty()
            && let Some((id, _)) = self.all.get_key_value(id)
        {
            out.extend(actions.into_iter().map(|action| (Arc::clone(id), action)));
        }
    }

    fn each(&mut self, out: &mut Vec<SessionAction>, mut change: impl FnMut(&mut Entry, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        for (id, entry) in &mut self.all {
            change(entry, &mut actions);
            out.extend(actions.drain(..).map(|action| (Arc::clone(id), action)));
        }
    }
}

#[cfg(test)]
mod tests;
