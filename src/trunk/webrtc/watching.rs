//! Somebody watches the camera of a call in a browser of their own.

use std::sync::Arc;

use ::webrtc::{BadOffer, Gone, Output, Packet, Viewer};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::browsers::Browsers;
use super::camera::{KeyFrames, Unseen};
use super::port::{Datagram, Seat};

/// A browser that watches.
#[derive(Debug)]
pub struct Watched {
    /// The session description for the browser.
    pub sdp: String,
    /// Who knows it may end it; see [`Browsers::hang_up`].
    pub secret: String,
}

/// Why nobody can watch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoView {
    #[error(transparent)]
    Unseen(#[from] Unseen),
    #[error(
        "{0} people watch cameras already; try again when one has stopped, or raise `webrtc.max_watchers`"
    )]
    Crowded(usize),
    #[error(transparent)]
    Offer(#[from] BadOffer),
}

impl Browsers {
    /// Whether a camera is on in the call of this session.
    #[must_use]
    pub fn has_camera(&self, session_id: &str) -> bool {
        self.feeds().has(session_id)
    }

    /// Shows the camera of the call of this session until the call, the camera or the browser ends. `sdp` is the offer of the
    /// browser that watches: one video stream that it receives.
    ///
    /// # Errors
    /// When no camera is on, the offer cannot be answered, or too many watch.
    pub fn watch(&self, session_id: &str, sdp: &str) -> Result<Watched, NoView> {
        let (key_frames, packets) = self.feeds().watch(session_id)?;
        let place = self.seat_to_watch().ok_or(NoView::Crowded(self.options().max_watchers))?;
        let (viewer, sdp) = self.viewer(sdp)?;
        let (seat, datagrams, ended, secret) = self.seat(viewer.user());
        let connect_by = Instant::now() + self.options().connect_within;
        let task = WatchTask {
            viewer,
            seat,
            datagrams,
            ended,
            key_frames,
            packets,
            connect_by: Some(connect_by),
            _place: place,
        };
        tokio::spawn(Box::pin(task.run()));
        Ok(Watched { sdp, secret })
    }
}

struct WatchTask {
    viewer: Viewer,
    seat: Seat,
    datagrams: mpsc::Receiver<Datagram>,
    ended: oneshot::Receiver<()>,
    key_frames: KeyFrames,
    packets: broadcast::Receiver<Arc<Packet>>,
    /// Until it has connected.
    connect_by: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl WatchTask {
    async fn run(mut self) {
        while let Ok(Some(next)) = self.drain() {
            let due = self.connect_by.map_or(next, |by| by.min(next));
            let done = tokio::select! {
                biased;
                _ = &mut self.ended => Ok(false),
                datagram = self.datagrams.recv() => datagram.map_or(Ok(false), |datagram| self.take_in(&datagram)),
                packet = self.packets.recv() => self.show(packet),
                () = sleep_until(due) => self.handle_timeout(),
            };
            if !matches!(done, Ok(true)) {
                break;
            }
        }
        if self.viewer.close().is_ok() {
            let _gone = self.drain();
        }
    }

    fn take_in(&mut self, datagram: &Datagram) -> Result<bool, Gone> {
        self.viewer.receive(&datagram.bytes, datagram.from, Instant::now().into_std()).map(|()| true)
    }

    fn handle_timeout(&mut self) -> Result<bool, Gone> {
        let now = Instant::now();
        if self.connect_by.is_some_and(|by| now >= by) {
            return Ok(false);
        }
        self.viewer.handle_timeout(now.into_std()).map(|()| true)
    }

    /// Hands on what the camera sent; whether it goes on.
    fn show(&mut self, packet: Result<Arc<Packet>, broadcast::error::RecvError>) -> Result<bool, Gone> {
        match packet {
            Ok(packet) if self.connect_by.is_none() => {
                self.viewer.show(&packet, Instant::now().into_std())?;
            }
            // The keys are not known yet.
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                metrics::counter!("dering_watching_packets_dropped_total").increment(lost);
                self.key_frames.want();
            }
            Err(broadcast::error::RecvError::Closed) => return Ok(false),
        }
        Ok(true)
    }

    /// Does what the connection wants done; when it wants to be asked again, `None` when it is over.
    fn drain(&mut self) -> Result<Option<Instant>, Gone> {
        loop {
            match self.viewer.poll()? {
                Output::Wait(until) => return Ok(Some(until.into())),
                Output::Send { to, datagram } => self.seat.send(&datagram, to),
                Output::Connected => {
                    self.connect_by = None;
                    self.key_frames.want();
                }
                Output::KeyFrameWanted => self.key_frames.want(),
                Output::Away | Output::Closed => return Ok(None),
                Output::Packet(_) | Output::Picture(_) => {}
            }
        }
    }
}
