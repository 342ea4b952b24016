//! One call from the answer to its record: the connection, the audio, and what the session wants.

use std::sync::Arc;

use ::webrtc::{Gone, Output, Peer, Received, Sight};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::TRUNK;
use super::call::{Action, BrowserCall};
use super::camera::{Camera, Feeds};
use super::limits::Place;
use super::port::{Datagram, Seat};
use super::screen::Screen;
use crate::media::rtp::{CarriedStream, Event};
use crate::trunk::leg::{LegCommand, LegEvent};
use crate::wallclock::now_ms;

/// Events that may wait for the session; the last of them are kept for what is not audio.
pub(super) const EVENTS: usize = 512;
const EVENTS_BESIDE_AUDIO: usize = 128;
pub(super) const COMMANDS: usize = 256;
/// Datagrams taken in at once.
const AT_ONCE: usize = 16;

/// A call that was answered.
pub(super) struct CallTask {
    pub(super) session_id: String,
    pub(super) peer: Peer,
    pub(super) seat: Seat,
    pub(super) datagrams: mpsc::Receiver<Datagram>,
    pub(super) machine: BrowserCall,
    /// The audio, once the call has begun.
    pub(super) stream: Option<CarriedStream>,
    /// Until somebody takes the call, or nobody will.
    pub(super) pickup: Option<oneshot::Receiver<()>>,
    /// Until the person in the browser hangs up.
    pub(super) ended: Option<oneshot::Receiver<()>>,
    pub(super) tell: mpsc::Sender<LegEvent>,
    pub(super) commands: mpsc::Receiver<LegCommand>,
    pub(super) began: Instant,
    pub(super) feeds: Arc<Feeds>,
    /// While the call runs, where the browser has one.
    pub(super) camera: Option<Camera>,
    /// While the call runs, where the browser shows pictures.
    pub(super) screen: Option<Screen>,
    /// Somebody was asked for a camera: they are told how far that went.
    pub(super) is_video: bool,
    /// Kept until the call is over.
    pub(super) _place: Place,
}

impl CallTask {
    pub(super) async fn run(mut self) {
        let _counted = Counted::new();
        let mut is_owned = true;
        loop {
            let next = self.drain();
            while let Some(action) = self.machine.poll_action() {
                match action {
                    Action::Tell(event) => self.tell(event),
                    Action::Begin => self.begin(),
                    Action::Close => return self.close(),
                }
            }
            let frame = self.stream.as_ref().map(CarriedStream::due);
            let due = self.machine.poll_timeout();
            tokio::select! {
                biased;
                () = at(frame) => self.frame(),
                datagram = self.datagrams.recv() => datagram.into_iter().for_each(|first| self.receive(first)),
                command = self.commands.recv(), if is_owned => match command {
                    Some(command) => self.command(command),
                    None => {
                        is_owned = false;
                        self.machine.hang_up(now_ms());
                    }
                },
                picked_up = told(&mut self.pickup) => {
                    self.pickup = None;
                    if picked_up {
                        self.machine.picked_up(Instant::now(), now_ms());
                    }
                }
                ended = told(&mut self.ended) => {
                    self.ended = None;
                    if ended {
                        self.machine.ended(now_ms());
                    }
                }
                () = at(next) => {
                    let done = self.peer.handle_timeout(Instant::now().into_std());
                    self.unless_gone(done);
                }
                () = at(due) => {
                    self.heard();
                    self.machine.handle_timeout(Instant::now(), now_ms());
                }
            }
        }
    }

    fn begin(&mut self) {
        self.stream = Some(CarriedStream::begin(self.peer.formats()));
        let sight = self.peer.sight();
        let Sight { shows, has_camera } = sight.unwrap_or(Sight { shows: false, has_camera: false });
        if has_camera {
            self.camera = Some(Camera::on(Arc::clone(&self.feeds), &self.session_id, Instant::now()));
        }
        self.screen = shows.then(|| Screen::new(Instant::now()));
        if self.is_video || sight.is_some() {
            self.tell(LegEvent::Sight { shows, has_camera });
        }
    }

    /// Does what the connection wants done; when it wants to be asked again.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.peer.poll() {
                Ok(Output::Wait(until)) => return Some(until.into()),
                Ok(Output::Send { to, datagram }) => self.seat.send(&datagram, to),
                Ok(Output::Packet(received)) => {
                    if let Some(stream) = &mut self.stream {
                        stream.receive(&received.packet());
                    }
                }
                Ok(Output::Picture(received)) => self.picture(&received),
                Ok(Output::KeyFrameWanted) => {
                    if let Some(screen) = &mut self.screen {
                        screen.key_frame_wanted(Instant::now());
                    }
                }
                Ok(Output::Connected) => {
                    let transport = self.seat.transport().as_str();
                    metrics::histogram!("dering_browser_connect_seconds", "transport" => transport)
                        .record(self.began.elapsed().as_secs_f64());
                    self.machine.connected(Instant::now(), now_ms());
                }
                // The audio stops before that, and is waited for.
                Ok(Output::Away) => {}
                Ok(Output::Closed) => self.machine.ended(now_ms()),
                Err(gone) => {
                    self.unless_gone(Err(gone));
                    return None;
                }
            }
        }
    }

    /// A packet of the browser's camera.
    fn picture(&mut self, received: &Received) {
        let Some(camera) = &mut self.camera else { return };
        let frames: Vec<_> = camera.take(received).collect();
        for frame in frames {
            self.tell(LegEvent::Camera(frame));
        }
    }

    fn unless_gone(&mut self, done: Result<(), Gone>) {
        if let Err(gone) = done {
            self.machine.failed(gone.to_string(), now_ms());
        }
    }

    /// Takes in what has come, a little of it at a time.
    fn receive(&mut self, first: Datagram) {
        self.take_in(&first);
        for _ in 1..AT_ONCE {
            let Ok(next) = self.datagrams.try_recv() else { return };
            self.drain();
            self.take_in(&next);
        }
    }

    fn take_in(&mut self, datagram: &Datagram) {
        let done = self.peer.receive(&datagram.bytes, datagram.from, Instant::now().into_std());
        self.unless_gone(done);
    }

    /// Sends our next 20 ms, and hands on those of the browser.
    fn frame(&mut self) {
        // What has come while nobody had time is there in time.
        if let Ok(waiting) = self.datagrams.try_recv() {
            self.receive(waiting);
            self.drain();
        }
        let Some(stream) = &mut self.stream else { return };
        if let Some(packet) = stream.tick() {
            let sent = self.peer.send(packet, Instant::now().into_std());
            self.unless_gone(sent);
        }
        self.heard();
        let now = Instant::now();
        while self.show_next(now) {}
        if let Some(camera) = &mut self.camera {
            if let Some(bits) = camera.limit_due(now) {
                self.peer.limit_camera(bits);
            }
            if camera.wants_key_frame(now) {
                self.peer.want_key_frame();
            }
        }
        while let Some(event) = self.stream.as_mut().and_then(CarriedStream::poll_event) {
            match event {
                Event::Audio { at, pcm } => self.machine.audio(at, pcm),
                Event::Key(digit) => self.machine.key(digit),
                Event::CheckPoint(name) => self.machine.played(name),
                // The library keeps the browser's reports to itself.
                Event::Delivered { .. } => {}
            }
        }
    }

    /// Sends the next frame that is due; whether there was one.
    fn show_next(&mut self, now: Instant) -> bool {
        let Self { screen: Some(screen), peer, .. } = self else { return false };
        let Some(due) = screen.poll(now) else { return false };
        let sent = peer.show(due.vp8, due.timestamp, now.into_std());
        let goes_on = sent.is_ok();
        self.unless_gone(sent);
        self.drain();
        goes_on
    }

    fn heard(&mut self) {
        if let Some(at) = self.stream.as_ref().and_then(CarriedStream::heard_at) {
            self.machine.heard(at);
        }
    }

    fn command(&mut self, command: LegCommand) {
        let stream = match (&mut self.stream, command) {
            (_, LegCommand::Hangup | LegCommand::Refuse { .. }) => return self.machine.hang_up(now_ms()),
            (_, LegCommand::HideCamera(hides)) => {
                if let Some(camera) = &mut self.camera {
                    camera.hide(hides, Instant::now());
                }
                return;
            }
            (_, LegCommand::Show(clip)) => {
                if let Some(screen) = &mut self.screen {
                    screen.show(clip, Instant::now());
                }
                return;
            }
            (Some(stream), command) => (stream, command),
            (None, _) => return dropped("out", "before_answer"),
        };
        let is_taken = match stream {
            (stream, LegCommand::Audio(pcm)) => stream.play(pcm).is_ok(),
            (stream, LegCommand::CheckPoint(name)) => stream.mark(name).is_ok(),
            (stream, LegCommand::Digit { digit, duration_ms }) => match stream.press(digit, duration_ms) {
                Ok(()) => true,
                Err(error) => return tracing::warn!(trunk = TRUNK, %error, "a key cannot be pressed"),
            },
            (stream, LegCommand::Interruption) => {
                stream.interrupt();
                true
            }
            (
                _,
                LegCommand::Hangup
                | LegCommand::Refuse { .. }
                | LegCommand::Transfer { .. }
                | LegCommand::Show(_)
                | LegCommand::HideCamera(_),
            ) => true,
        };
        if !is_taken {
            dropped("out", "queue_full");
        }
    }

    fn tell(&mut self, event: LegEvent) {
        if matches!(event, LegEvent::Audio { .. }) && self.tell.capacity() <= EVENTS_BESIDE_AUDIO {
            return dropped("in", "leg_full");
        }
        // Pictures are larger, and the first to be lost.
        if matches!(event, LegEvent::Camera(_)) && self.tell.capacity() <= EVENTS / 2 {
            metrics::counter!("dering_camera_frames_dropped_total").increment(1);
            if let Some(camera) = &mut self.camera {
                camera.lost();
            }
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.tell.try_send(event) {
            tracing::error!(trunk = TRUNK, "a call's session does not listen: the call is hung up");
            self.machine.hang_up(now_ms());
        }
    }

    /// Says goodbye to the browser, and how the audio was to who looks for the reason of a bad call.
    fn close(mut self) {
        if self.peer.close().is_ok() {
            self.drain();
        }
        let session = &self.session_id;
        match self.stream.map(|stream| stream.quality()) {
            None => tracing::info!(session, "a call in the browser ended before it began"),
            Some(quality) if quality.counts.received == 0 => {
                tracing::warn!(session, "no audio came from a browser that had connected");
            }
            Some(quality) => {
                let counts = quality.counts;
                tracing::info!(
                    session,
                    received = counts.received,
                    lost = counts.lost,
                    late = counts.late,
                    jitter_ms = quality.jitter.as_secs_f64() * 1_000.0,
                    score = quality.mean_opinion_score,
                    "the audio of a call in the browser"
                );
            }
        }
    }
}

fn dropped(direction: &'static str, reason: &'static str) {
    metrics::counter!("dering_trunk_audio_dropped_total", "trunk" => TRUNK, "direction" => direction, "reason" => reason)
        .increment(1);
}

/// Whether it was said; false when nobody will say it any more.
async fn told(wanted: &mut Option<oneshot::Receiver<()>>) -> bool {
    match wanted {
        Some(wanted) => wanted.await.is_ok(),
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Counts the calls.
struct Counted(metrics::Gauge);

impl Counted {
    fn new() -> Self {
        let gauge = metrics::gauge!("dering_trunk_calls", "trunk" => TRUNK);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
