//! The task of one trunk: takes in what connections report, what handles and legs ask for, and lets time pass.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::client::{Host, Notice};
use super::hosts::BASE;
use super::link::Link;
use super::messages::{self, Report, ReportError};
use super::packet::Event;
use super::placements::Request;
use super::route::{Media, Speaker};
use super::router::{Router, Traffic};
use super::websocket::{AUDIO_ROOM, Heard};
use super::wire::LinkError;
use crate::wallclock::now_ms;

const TICK: Duration = Duration::from_millis(20);
/// Notices taken from a connection in one go.
const BATCH: usize = 64;
impl Router {
    /// Runs until every handle is gone and every call is over.
    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut handles_live = true;
        let mut notices = Vec::with_capacity(BATCH);
        while handles_live || self.traffic.is_busy() || self.hosts.has_backlog() {
            let ticks = !self.traffic.rooms.is_empty() || self.hosts.has_backlog();
            tokio::select! {
                // Never 0: the hosts keep a sender.
                _ = self.notices.recv_many(&mut notices, BATCH) => {
                    for (host, notice) in notices.drain(..) {
                        self.notice(host, notice);
                    }
                }
                Some((id, heard)) = self.traffic.hears.recv() => self.heard(&id, heard),
                request = self.requests.recv(), if handles_live && self.traffic.placing.has_room() => match request {
                    Some(request) => self.requested(request),
                    None => handles_live = false,
                },
                Some((id, command)) = self.traffic.legs.next(), if !self.traffic.legs.is_empty() => {
                    let now = Instant::now();
                    self.traffic.rooms.command(&id, command, now, &mut self.traffic.actions);
                    self.settle(Some(&id));
                }
                Some(placed) = self.traffic.placing.next() => self.placed(placed),
                Some((id, cdr)) = self.traffic.records.next() => {
                    self.traffic.rooms.record(&id, cdr, &mut self.traffic.actions);
                    self.settle(Some(&id));
                }
                Some(_) = self.traffic.hanging_up.join_next() => {}
                Some(taken) = self.traffic.offered.join_next() => {
                    if let Ok(Some(id)) = taken {
                        self.pick_up(&id);
                    }
                }
                Some(_) = self.traffic.sockets.join_next() => {}
                _ = tick.tick(), if ticks => self.tick(),
            }
        }
        self.notices.close();
        self.traffic.hears.close();
        self.hosts.close().await;
        // Their calls are over, so they are on their way out.
        while self.traffic.sockets.join_next().await.is_some() {}
    }

    fn requested(&mut self, request: Request) {
        match request {
            Request::Place(placement) => self.place(placement),
            Request::HangUp(id) => self.hang_up_by_rest(&id),
        }
    }

    fn notice(&mut self, host: Host, notice: Notice) {
        match notice {
            Notice::Up => {
                self.hosts.up(host);
                self.show_link(host, Link::Up);
                self.traffic.rooms.host_up(host, &mut self.traffic.actions);
                self.settle(None);
            }
            Notice::Event(event) => self.event(host, &event),
            Notice::Answered(answer) => {
                self.hosts.round_trip(host, answer.round_trip);
                metrics::gauge!("dering_trunk_round_trip_seconds", "trunk" => self.settled.name.clone())
                    .set(answer.round_trip.as_secs_f64());
                self.traffic.rooms.answered(host, answer, Instant::now(), &mut self.traffic.actions);
                self.settle(None);
            }
            Notice::Down { error, .. } => {
                self.hosts.down(host);
                let reason = error.to_string();
                // A carrier of 1.0.5 may serve nothing but REST at its base URL.
                let is_elsewhere =
                    matches!(error, LinkError::NotServed { .. }) && self.settled.version.is_none();
                let link = if is_elsewhere {
                    Link::OnDemand
                } else if matches!(error, LinkError::Refused { .. }) {
                    Link::Refused(reason)
                } else {
                    Link::Down(reason)
                };
                self.show_link(host, link);
                self.traffic.rooms.host_down(host, Instant::now(), &mut self.traffic.actions);
                self.settle(None);
            }
        }
    }

    fn show_link(&self, host: Host, link: Link) {
        if host == BASE {
            let known = *self.version.borrow();
            self.link.send_modify(|seen| seen.becomes(link.known_as(known), now_ms()));
        }
    }

    fn event(&mut self, host: Host, event: &Event) {
        match messages::read(event) {
            Ok((id, Report::Offered(offered))) if self.is_new(&id) => self.offer(host, &id, offered),
            Ok((id, report)) => {
                let now = Instant::now();
                self.traffic.rooms.report(Speaker::Host(host), &id, report, now, &mut self.traffic.actions);
                self.settle(Some(&id));
            }
            Err(error) => self.odd(&event.name, &error),
        }
        if let Some(ack) = event.ack {
            #[derive(Serialize)]
            struct Received {
                success: bool,
                error: Option<()>,
            }
            let received = Received { success: true, error: None };
            if self.hosts.control(host, |client| client.answer(ack, &received)).is_err() {
                tracing::debug!(
                    trunk = self.settled.name,
                    "a carrier that reads nothing gets no acknowledgement"
                );
            }
        }
    }

    fn odd(&self, event: &str, error: &ReportError) {
        let event: String = event.chars().take(40).collect();
        if !matches!(error, ReportError::Unknown) {
            metrics::counter!("dering_trunk_malformed_events_total", "trunk" => self.settled.name.clone())
                .increment(1);
        }
        tracing::debug!(trunk = self.settled.name, event, %error, "an event of the carrier is not understood");
    }

    /// The connection of one call has something to tell.
    fn heard(&mut self, id: &Arc<str>, heard: Heard) {
        let now = Instant::now();
        let Traffic { rooms, actions, .. } = &mut self.traffic;
        match heard {
            Heard::Up => rooms.call_up(id, now, actions),
            // An acknowledgement is of a connection that calls share.
            Heard::Said(Report::AudioRefused(reason)) => rooms.refused_audio(id, reason, actions),
            Heard::Said(report) => rooms.report(Speaker::Socket, id, report, now, actions),
            Heard::Answered(answer) => rooms.call_answered(id, answer, now, actions),
            Heard::Down => rooms.call_down(id, now, actions),
            Heard::Refused => {
                rooms.call_down(id, now, actions);
                rooms.report(Speaker::Socket, id, Report::JoinRefused, now, actions);
            }
            Heard::Odd(error) => return self.odd("frame", &error),
        }
        self.settle(Some(id));
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.hosts.flush();
        self.traffic.rooms.tick(now, &mut self.traffic.actions);
        let hosts = &self.hosts;
        let is_roomy = |media: &Media| match media {
            Media::Host(host) => hosts.is_roomy(*host),
            Media::Socket(socket) => socket.capacity() > AUDIO_ROOM + AUDIO_ROOM / 2,
        };
        self.traffic.rooms.unblock(now, is_roomy, &mut self.traffic.actions);
        self.settle(None);
        let rooms = &self.traffic.rooms;
        self.hosts.leave_idle(now, |host| rooms.uses(host));
    }
}
