//! One call from its INVITE to its record: what SIP says, what comes as RTP, and what the session wants.

use rtp::sdp::{Agreement, Negotiation};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::call::{Action, SipCall};
use crate::media::rtp::{Event, RtpStream, Sockets};
use crate::sip::{Answering, Call, CallEvent, Party, Reply};
use crate::trunk::leg::{LegCommand, LegEvent};
use crate::trunk::order::Held;
use crate::wallclock::now_ms;

/// Events that may wait for the session; the last of them are kept for what is not audio.
pub(super) const EVENTS: usize = 512;
const EVENTS_BESIDE_AUDIO: usize = 128;
pub(super) const COMMANDS: usize = 256;

/// The media of a call: ports before there is an agreement, a stream after it.
pub(super) enum Media {
    Ports(Sockets),
    Stream(RtpStream),
    /// It could not be begun.
    None,
}

/// How a call that comes in is taken.
pub(super) struct Pickup {
    pub(super) wanted: oneshot::Receiver<()>,
    pub(super) answering: Answering,
    /// Our description: an answer to the caller's, or an offer where there was none.
    pub(super) sdp: String,
    /// What the two make of the media; `None` where the caller's answer to our offer is to come.
    pub(super) agreed: Option<Agreement>,
}

/// A call that has begun.
pub(super) struct CallTask {
    /// Names the trunk in metrics and logs.
    pub(super) trunk: String,
    pub(super) call: Call,
    pub(super) machine: SipCall,
    pub(super) negotiation: Negotiation,
    pub(super) media: Media,
    /// `None` for a call that we place, and once a call that came in is taken.
    pub(super) pickup: Option<Pickup>,
    pub(super) tell: mpsc::Sender<LegEvent>,
    pub(super) commands: mpsc::Receiver<LegCommand>,
    /// Kept until the call is over.
    pub(super) _held: Option<Held>,
}

impl CallTask {
    pub(super) async fn run(mut self) {
        let _counted = Counted::new(&self.trunk);
        let mut is_owned = true;
        loop {
            while let Some(action) = self.machine.poll_action() {
                match action {
                    Action::Tell(event) => self.tell(event),
                    Action::HangUp { cause } => self.call.hang_up(cause),
                    Action::Close => return self.tell_quality(),
                }
            }
            let due = self.machine.poll_timeout();
            tokio::select! {
                event = next(&mut self.media) => self.media(event),
                event = self.call.next() => match event {
                    Some(event) => self.signalled(event),
                    None => self.machine.ended(Party::Nobody, None, "its SIP call is gone".into(), now_ms()),
                },
                command = self.commands.recv(), if is_owned => match command {
                    Some(command) => self.command(command),
                    None => {
                        is_owned = false;
                        self.machine.hang_up();
                    }
                },
                picked = picked_up(&mut self.pickup) => {
                    // Whoever lets go of it lets it ring.
                    if let (true, Some(Pickup { answering, sdp, agreed, .. })) = (picked, self.pickup.take()) {
                        answering.accept(sdp);
                        agreed.into_iter().for_each(|agreed| self.begin(agreed));
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.heard();
                    self.machine.handle_timeout(Instant::now(), now_ms());
                }
            }
        }
    }

    /// How the audio was, for who looks for the reason of a bad call.
    fn tell_quality(&self) {
        let Media::Stream(stream) = &self.media else { return };
        let (quality, refused) = stream.quality();
        let (trunk, session, counts) = (&self.trunk, self.call.id(), quality.counts);
        if counts.received == 0 && !self.machine.is_answered() {
            return;
        }
        if counts.received == 0 {
            tracing::warn!(
                trunk,
                session,
                strangers = refused.strangers,
                "no audio came in an answered call: are public_address and rtp_ports right?"
            );
            return;
        }
        tracing::info!(trunk, session, received = counts.received, lost = counts.lost, late = counts.late,
            jitter_ms = quality.jitter.as_secs_f64() * 1_000.0, score = quality.mean_opinion_score,
            reaches_peer = ?quality.arrives, strangers = refused.strangers, "the audio of a call");
    }

    fn signalled(&mut self, event: CallEvent) {
        match event {
            CallEvent::Progress { sdp, .. } => {
                self.machine.ringing();
                sdp.into_iter().for_each(|sdp| self.early(&sdp));
            }
            CallEvent::Answered { sdp } => self.answered(sdp),
            CallEvent::Refused(refusal) => {
                if matches!(refusal.status, 401..=403 | 407) {
                    tracing::warn!(
                        trunk = self.trunk,
                        status = refusal.status,
                        text = refusal.text,
                        "the SIP server does not let us call: check the user name, the password, and the caller's number"
                    );
                }
                self.machine.refused(&refusal, now_ms());
            }
            CallEvent::Offer { sdp, reply } => self.offered(sdp, reply),
            CallEvent::Answer { sdp } => self.agreed(&sdp),
            CallEvent::Digit { digit, .. } => self.machine.key(digit, false),
            CallEvent::Ended { by, cause, why } => self.machine.ended(by, cause, why, now_ms()),
        }
    }

    /// The network lets us hear something before the answer.
    fn early(&mut self, sdp: &str) {
        match (self.negotiation.agree(sdp), &mut self.media) {
            (Ok(agreed), Media::Stream(stream)) => stream.agree(agreed),
            (Ok(agreed), Media::Ports(_)) => {
                self.begin(agreed);
                self.machine.hears_early();
            }
            (Ok(_), Media::None) => {}
            (Err(error), _) => {
                tracing::info!(trunk = self.trunk, %error, "audio before the answer is not heard")
            }
        }
    }

    /// The call is answered: by the callee with a description, or by us and confirmed, with one where we made the offer.
    fn answered(&mut self, sdp: Option<String>) {
        match (sdp.map(|sdp| self.negotiation.agree(&sdp)), &mut self.media) {
            (Some(Ok(agreed)), Media::Ports(_)) => self.begin(agreed),
            // Who answers may be somebody else than who was heard before.
            (Some(Ok(agreed)), Media::Stream(stream)) => stream.agree(agreed),
            (Some(Err(error)), _) => {
                tracing::warn!(trunk = self.trunk, %error, "the media of an answer cannot be used");
                return self.machine.no_media(now_ms());
            }
            (None, _) | (_, Media::None) => {}
        }
        match self.media {
            Media::Stream(_) => {
                let now = Instant::now();
                self.machine.answered(now, now_ms());
                self.machine.renegotiated(self.negotiation.direction(), now);
            }
            Media::Ports(_) | Media::None => self.machine.no_media(now_ms()),
        }
    }

    /// Begins to send and to receive.
    fn begin(&mut self, agreed: Agreement) {
        self.media = match std::mem::replace(&mut self.media, Media::None) {
            Media::Ports(sockets) => Media::Stream(RtpStream::begin(sockets, agreed)),
            other @ (Media::Stream(_) | Media::None) => other,
        };
    }

    /// The peer wants other media.
    fn offered(&mut self, sdp: Option<String>, reply: Reply) {
        let Media::Stream(stream) = &mut self.media else { return reply.refuse(491) };
        let Some(sdp) = sdp else { return reply.accept(self.negotiation.offer()) };
        match self.negotiation.answer(&sdp) {
            Ok((answer, agreed)) => {
                reply.accept(answer);
                stream.agree(agreed);
                self.machine.renegotiated(agreed.direction, Instant::now());
            }
            Err(error) => {
                tracing::info!(trunk = self.trunk, %error, "other media were offered, and refused");
                reply.refuse(488);
            }
        }
    }

    /// The peer answered the offer that it asked for.
    fn agreed(&mut self, sdp: &str) {
        let Media::Stream(stream) = &mut self.media else { return };
        match self.negotiation.agree(sdp) {
            Ok(agreed) => {
                stream.agree(agreed);
                self.machine.renegotiated(agreed.direction, Instant::now());
            }
            Err(error) => {
                tracing::info!(trunk = self.trunk, %error, "an answer is passed over: the media stay as they are")
            }
        }
    }

    fn media(&mut self, event: Event) {
        self.heard();
        match event {
            Event::Audio { at, pcm } => self.machine.audio(at, pcm),
            Event::Key(digit) => self.machine.key(digit, true),
            Event::CheckPoint(name) => self.machine.played(name),
            // Reports come every five seconds: too seldom to be waited for, and check points need none.
            Event::Delivered { .. } => {}
        }
    }

    fn heard(&mut self) {
        if let Media::Stream(stream) = &self.media
            && let Some(at) = stream.heard_at()
        {
            self.machine.heard(at);
        }
    }

    fn command(&mut self, command: LegCommand) {
        let stream = match (&mut self.media, command) {
            (_, LegCommand::Hangup) => return self.machine.hang_up(),
            (Media::Stream(stream), command) => (stream, command),
            (Media::Ports(_) | Media::None, _) => return self.dropped("out", "before_answer"),
        };
        let is_taken = match stream {
            (stream, LegCommand::Audio(pcm)) => stream.play(pcm).is_ok(),
            (stream, LegCommand::CheckPoint(name)) => stream.mark(name).is_ok(),
            (stream, LegCommand::Digit { digit, duration_ms }) => match stream.press(digit, duration_ms) {
                Ok(()) => true,
                Err(error) => return tracing::warn!(trunk = self.trunk, %error, "a key cannot be pressed"),
            },
            (stream, LegCommand::Interruption) => {
                stream.interrupt();
                true
            }
            (_, LegCommand::Hangup) => true,
        };
        if !is_taken {
            self.dropped("out", "queue_full");
        }
    }

    fn tell(&mut self, event: LegEvent) {
        if matches!(event, LegEvent::Audio { .. }) && self.tell.capacity() <= EVENTS_BESIDE_AUDIO {
            return self.dropped("in", "leg_full");
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.tell.try_send(event) {
            tracing::error!(trunk = self.trunk, "a call's session does not listen: the call is hung up");
            self.machine.hang_up();
        }
    }

    fn dropped(&self, direction: &'static str, reason: &'static str) {
        metrics::counter!("dering_trunk_audio_dropped_total", "trunk" => self.trunk.clone(),
            "direction" => direction, "reason" => reason)
        .increment(1);
    }
}

async fn next(media: &mut Media) -> Event {
    match media {
        Media::Stream(stream) => stream.next().await,
        Media::Ports(_) | Media::None => std::future::pending().await,
    }
}

/// Whether somebody takes the call; false when nobody will any more.
async fn picked_up(pickup: &mut Option<Pickup>) -> bool {
    match pickup {
        Some(pickup) => (&mut pickup.wanted).await.is_ok(),
        None => std::future::pending().await,
    }
}

/// Counts the calls of a trunk.
struct Counted(metrics::Gauge);

impl Counted {
    fn new(trunk: &str) -> Self {
        let gauge = metrics::gauge!("dering_trunk_calls", "trunk" => trunk.to_owned());
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
