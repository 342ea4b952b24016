//! The camera of one call: its frames go to the session, its packets to whoever watches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::webrtc::{Packet, Received};
use parking_lot::Mutex;
use rtp::vp8;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::allowance::Allowance;
use crate::trunk::leg::CameraFrame;

/// Packets that wait for somebody who watches and is slow; then the oldest are lost. A second of a camera and more.
const WAITING: usize = 512;
/// People who may watch one call at the same time.
const MOST_WATCHERS: usize = 16;
/// A key frame is asked for so often where one is needed, and so often in any case, so that a recording can be cut and joined.
const ASKED_AGAIN: Duration = Duration::from_millis(500);
const KEY_FRAME_EVERY: Duration = Duration::from_secs(5);

/// A camera is told its limit so often.
const LIMIT_TOLD_EVERY: Duration = Duration::from_secs(1);

/// Watchers go on seeing nothing for so long after the camera may be seen again: pictures are on their way when the answer is known.
const LINGER: Duration = Duration::from_secs(1);

/// Asks a camera for key frames.
#[derive(Clone, Debug)]
pub(super) struct KeyFrames(Arc<AtomicBool>);

impl KeyFrames {
    /// Somebody needs one.
    pub(super) fn want(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What those who watch get of a call. It ends with the last clone of it.
#[derive(Clone, Debug)]
struct Feed {
    packets: broadcast::Sender<Arc<Packet>>,
    key_frames: KeyFrames,
}

/// The feeds of all calls that have a camera.
#[derive(Debug)]
pub(super) struct Feeds {
    by_session: Mutex<HashMap<String, Feed>>,
    /// What a camera may send, 1,000 bits in a second.
    limit_kbit: u32,
}

/// Why a call cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    #[error("no camera is on in this call now")]
    NoCamera,
    #[error("too many watch this call already; try again later")]
    Crowded,
}

impl Feeds {
    /// Of cameras that may send 1,000 bits `limit_kbit` times in a second.
    pub(super) fn new(limit_kbit: u32) -> Self {
        Self { by_session: Mutex::default(), limit_kbit }
    }

    /// Watches a call from now on.
    pub(super) fn watch(
        &self,
        session_id: &str,
    ) -> Result<(KeyFrames, broadcast::Receiver<Arc<Packet>>), Unseen> {
        let feed = self.by_session.lock().get(session_id).cloned().ok_or(Unseen::NoCamera)?;
        if feed.packets.receiver_count() >= MOST_WATCHERS {
            return Err(Unseen::Crowded);
        }
        let packets = feed.packets.subscribe();
        Ok((feed.key_frames, packets))
    }

    pub(super) fn has(&self, session_id: &str) -> bool {
        self.by_session.lock().contains_key(session_id)
    }
}

/// Whether those who watch see the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Yes,
    No,
    From(Instant),
}

/// The camera of a call. Dropping it ends what is watched.
pub(super) struct Camera {
    feeds: Arc<Feeds>,
    session_id: String,
    feed: Feed,
    frames: vp8::Frames,
    seen: Seen,
    asked_at: Option<Instant>,
    allowance: Allowance,
    limit_told_at: Option<Instant>,
}

impl Camera {
    /// The camera of a session.
    pub(super) fn on(feeds: Arc<Feeds>, session_id: &str, now: Instant) -> Self {
        let packets = broadcast::Sender::new(WAITING);
        let feed = Feed { packets, key_frames: KeyFrames(Arc::new(AtomicBool::new(true))) };
        let limit_kbit = feeds.limit_kbit;
        feeds.by_session.lock().insert(session_id.to_owned(), feed.clone());
        Self {
            feeds,
            session_id: session_id.to_owned(),
            feed,
            frames: vp8::Frames::default(),
            seen: Seen::Yes,
            asked_at: None,
            allowance: Allowance::new(limit_kbit, now),
            limit_told_at: None,
        }
    }

    /// Hides the camera from those who watch, or no more.
    pub(super) fn hide(&mut self, hides: bool, now: Instant) {
        self.seen = if hides { Seen::No } else { Seen::From(now + LINGER) };
    }

    /// A frame that was given was lost on its way: those that follow are of no use before the next key frame.
    pub(super) fn lost(&mut self) {
        self.frames = vp8::Frames::default();
    }

    fn is_seen(&mut self, now: Instant) -> bool {
        if let Seen::From(from) = self.seen
            && now >= from
        {
            self.seen = Seen::Yes;
            self.feed.key_frames.want();
        }
        self.seen == Seen::Yes
    }

    /// Takes a packet in, and gives the frames that are whole with it. What is beyond the limit is dropped, and nobody sees it.
    pub(super) fn take(&mut self, received: &Received) -> impl Iterator<Item = CameraFrame> {
        let (packet, now) = (received.packet(), Instant::now());
        let is_taken = self.allowance.takes(packet.payload.len(), now);
        if is_taken {
            self.hand_on(received, now);
        } else {
            metrics::counter!("dering_camera_packets_dropped_total").increment(1);
        }
        std::iter::from_fn(|| self.frames.poll()).map(|frame| {
            let vp8::Frame { timestamp, is_key, bytes } = frame;
            CameraFrame { timestamp, is_key, vp8: bytes.into() }
        })
    }

    fn hand_on(&mut self, received: &Received, now: Instant) {
        let packet = received.packet();
        let (number, timestamp, marker) = (received.number(), packet.timestamp, packet.marker);
        if self.feed.packets.receiver_count() > 0 && self.is_seen(now) {
            let packet = Packet { number, timestamp, marker, payload: received.payload() };
            // Who watched may have gone.
            let _told = self.feed.packets.send(Arc::new(packet));
        }
        self.frames.push(number, timestamp, marker, packet.payload);
    }

    /// How many bits the browser is to be told now that its camera may send in a second.
    pub(super) fn limit_due(&mut self, now: Instant) -> Option<u64> {
        let since = self.limit_told_at.map(|at| now.saturating_duration_since(at));
        let is_due = since.is_none_or(|since| since >= LIMIT_TOLD_EVERY);
        is_due.then(|| {
            self.limit_told_at = Some(now);
            u64::from(self.feeds.limit_kbit) * 1_000
        })
    }

    /// Whether the browser is to be asked for a key frame now.
    pub(super) fn wants_key_frame(&mut self, now: Instant) -> bool {
        let since = self.asked_at.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since < ASKED_AGAIN) {
            return false;
        }
        let is_wanted =
            self.feed.key_frames.0.swap(false, Ordering::Relaxed) || self.frames.needs_key_frame();
        let asks = is_wanted || since.is_none_or(|since| since >= KEY_FRAME_EVERY);
        if asks {
            self.asked_at = Some(now);
        }
        asks
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.feeds.by_session.lock().remove(&self.session_id);
    }
}
