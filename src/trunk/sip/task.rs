//! One call from its INVITE to its record: what SIP says, what comes as RTP, and what the session wants.

use std::net::SocketAddr;
use std::time::Duration;

use callcore::flow::ExternalStepEnd;
use callcore::ids::ExternalStepId;
use rtp::sdp::{Agreement, Direction, Negotiation};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::call::{Action, SipCall};
use super::trace::{self, CallAudio, CallTrace, Silences};
use crate::media::rtp::{Event, RtpStream, Sockets};
use crate::sip::{Answering, Call, CallEvent, Party, Referral, Reply, Server, SipUri, Transport};
use crate::telemetry::mask;
use crate::trunk::leg::{LegCommand, LegEvent};
use crate::trunk::order::Held;
use crate::wallclock::now_ms;

/// Events that may wait for the session; the last of them are kept for what is not audio.
pub(super) const EVENTS: usize = 512;
const EVENTS_BESIDE_AUDIO: usize = 128;
pub(super) const COMMANDS: usize = 256;
/// A call that comes in rings after so long; one that is refused at once does not.
const RINGS_AFTER: Duration = Duration::from_millis(200);

/// The media of a call: ports before there is an agreement, a stream after it.
pub(super) enum Media {
    Ports(Sockets),
    Stream(RtpStream),
    /// It could not be begun.
    None,
}

/// How a call that comes in is taken.
pub(super) struct Pickup {
    /// `None` once whoever may want it has let go of it: it rings on until it is refused, or its leg is let go of, too.
    pub(super) wanted: Option<oneshot::Receiver<()>>,
    pub(super) answering: Answering,
    /// When it begins to ring, unless it does already.
    pub(super) rings_at: Option<Instant>,
    /// Our description: an answer to the caller's, or an offer where there was none.
    pub(super) sdp: String,
    /// What the two make of the media; `None` where the caller's answer to our offer is to come.
    pub(super) agreed: Option<Agreement>,
}

impl Pickup {
    /// When a call that comes in now begins to ring.
    pub(super) fn rings_at() -> Option<Instant> {
        Some(Instant::now() + RINGS_AFTER)
    }
}

/// What calls of a trunk have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    /// Names the trunk in metrics and logs.
    pub(super) trunk: String,
    pub(super) server: Server,
    pub(super) transport: Transport,
    /// Our address for SIP.
    pub(super) own: SocketAddr,
    /// Where the messages of calls go that are over.
    pub(super) traces: Option<mpsc::Sender<CallTrace>>,
}

/// A call that has begun.
pub(super) struct CallTask {
    pub(super) common: Common,
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
    pub(super) silences: Silences,
    pub(super) transfer: Option<Transfer>,
}

/// A transfer that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    id: ExternalStepId,
    /// Nobody waits for it any longer.
    until: Instant,
}

impl CallTask {
    pub(super) async fn run(mut self) {
        let _counted = Counted::new(&self.common.trunk);
        let mut is_owned = true;
        loop {
            while let Some(action) = self.machine.poll_action() {
                match action {
                    Action::Tell(event) => self.tell(event),
                    Action::HangUp { cause } => self.call.hang_up(cause),
                    Action::Close => return self.close(),
                }
            }
            let due = self.machine.poll_timeout();
            let rings_at = self.pickup.as_ref().and_then(|pickup| pickup.rings_at);
            let given_up_at = self.transfer.map(|transfer| transfer.until);
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
                    if !picked {
                        self.pickup.iter_mut().for_each(|pickup| pickup.wanted = None);
                    } else if let Some(Pickup { answering, sdp, agreed, .. }) = self.pickup.take() {
                        answering.accept(sdp);
                        agreed.into_iter().for_each(|agreed| self.begin(agreed));
                    }
                }
                () = sleep_until(rings_at.unwrap_or_else(Instant::now)), if rings_at.is_some() => {
                    if let Some(pickup) = &mut self.pickup {
                        pickup.answering.ring();
                        pickup.rings_at = None;
                    }
                }
                () = sleep_until(given_up_at.unwrap_or_else(Instant::now)), if given_up_at.is_some() => {
                    self.transferred(Err("nothing came of it in time".to_owned()));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.heard();
                    self.machine.handle_timeout(Instant::now(), now_ms());
                }
            }
        }
    }

    /// The call is over: what was said, and how the audio was, goes on to who looks for the reason of a bad call.
    fn close(mut self) {
        self.tell_quality();
        let Some(traces) = self.common.traces.take() else { return };
        let longest_silence = self.silences.end(Instant::now());
        let audio = match &self.media {
            Media::Stream(stream) => {
                let (quality, refused) = stream.quality();
                Some(CallAudio { quality, refused, longest_silence })
            }
            Media::Ports(_) | Media::None => None,
        };
        trace::hand_on(self.call, self.common.own, audio, traces);
    }

    fn tell_quality(&self) {
        let Media::Stream(stream) = &self.media else { return };
        let (quality, refused) = stream.quality();
        let (trunk, session, counts) = (&self.common.trunk, self.call.id(), quality.counts);
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
            CallEvent::Redirected { to } => {
                let user = to.user().unwrap_or_default();
                tracing::info!(trunk = self.common.trunk, session = self.call.id(), number = %mask(user), host = %to.server(),
                    "the server redirects a call");
                self.machine.redirected(to.name());
            }
            CallEvent::Refused(refusal) => {
                if matches!(refusal.status, 401..=403 | 407) {
                    tracing::warn!(
                        trunk = self.common.trunk,
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
            CallEvent::Referral { number, referral } => self.referral(ExternalStepId(number), referral),
            // No transfer is made for a peer: letting go of the answer declines.
            CallEvent::Referred { .. } => {}
            CallEvent::Ended { by, cause, why } => {
                if by != Party::Us {
                    self.transferred(Err("the call ended before it was known to be taken".to_owned()));
                }
                self.machine.ended(by, cause, why, now_ms());
            }
        }
    }

    /// The session wants the callee connected with somebody else.
    fn transfer(&mut self, id: ExternalStepId, to: &str, patience: Duration) {
        self.transferred(Err("another transfer was asked for".to_owned()));
        let asked = match SipUri::of_user(to, &self.common.server, self.common.transport) {
            Ok(uri) if !self.call.refer(id.0, &uri) => Err("too much is asked of the call".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        match asked {
            Ok(()) => {
                let until = Instant::now() + patience;
                self.transfer = Some(Transfer { id, until });
                // A peer that makes a transfer may send nothing meanwhile.
                self.machine.excuse(until);
            }
            Err(why) => self.tell(LegEvent::Transfer { id, end: ExternalStepEnd::Failed(why) }),
        }
    }

    fn referral(&mut self, id: ExternalStepId, referral: Referral) {
        let is_awaited = self.transfer.is_some_and(|transfer| transfer.id == id);
        match referral {
            Referral::Progress { status: Some(200..300), .. } => {
                self.transferred(if is_awaited {
                    Ok(())
                } else {
                    Err("an earlier transfer was made".to_owned())
                });
                // The callee talks to somebody else now, even if nobody waited for it any more.
                self.machine.hang_up();
            }
            Referral::Refused { .. } | Referral::Progress { .. } if !is_awaited => {}
            Referral::Refused { status, text } => {
                self.transferred(Err(format!("the other side refuses it: {status} {text}")));
            }
            Referral::Progress { status: Some(status @ 300..), .. } => {
                self.transferred(Err(format!("the number that was called answers {status}")));
            }
            Referral::Progress { is_last: true, .. } => {
                self.transferred(Err("the other side does not say what came of it".to_owned()));
            }
            Referral::Progress { .. } => {}
        }
    }

    fn transferred(&mut self, result: Result<(), String>) {
        let Some(Transfer { id, .. }) = self.transfer.take() else { return };
        self.machine.excuse(Instant::now());
        let end = match result {
            Ok(()) => ExternalStepEnd::Transferred,
            Err(why) => ExternalStepEnd::Failed(why),
        };
        self.tell(LegEvent::Transfer { id, end });
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
                tracing::info!(trunk = self.common.trunk, %error, "audio before the answer is not heard")
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
                tracing::warn!(trunk = self.common.trunk, %error, "the media of an answer cannot be used");
                return self.machine.no_media(now_ms());
            }
            (None, _) | (_, Media::None) => {}
        }
        match self.media {
            Media::Stream(_) => {
                let now = Instant::now();
                self.machine.answered(now, now_ms());
                self.renegotiated(self.negotiation.direction(), now);
            }
            Media::Ports(_) | Media::None => self.machine.no_media(now_ms()),
        }
    }

    fn renegotiated(&mut self, direction: Direction, now: Instant) {
        self.machine.renegotiated(direction, now);
        self.silences.expect(direction.has_recv() && direction.has_send() && self.machine.is_answered(), now);
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
                self.renegotiated(agreed.direction, Instant::now());
            }
            Err(error) => {
                tracing::info!(trunk = self.common.trunk, %error, "other media were offered, and refused");
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
                self.renegotiated(agreed.direction, Instant::now());
            }
            Err(error) => {
                tracing::info!(trunk = self.common.trunk, %error, "an answer is passed over: the media stay as they are")
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
        let Media::Stream(stream) = &self.media else { return };
        if let Some(at) = stream.heard_at() {
            self.machine.heard(at);
        }
        if let Some(at) = stream.audio_at() {
            self.silences.heard(at);
        }
    }

    fn command(&mut self, command: LegCommand) {
        let stream = match (&mut self.media, command) {
            (_, LegCommand::Hangup) => return self.machine.hang_up(),
            (_, LegCommand::Refuse { cause }) => {
                return match self.pickup.take() {
                    Some(pickup) => pickup.answering.refuse_for(cause),
                    None => self.machine.hang_up(),
                };
            }
            (Media::Stream(_), LegCommand::Transfer { id, to, patience }) => {
                return self.transfer(id, &to, patience);
            }
            (_, LegCommand::Transfer { id, .. }) => {
                let end = ExternalStepEnd::Failed("the call is not answered".to_owned());
                return self.tell(LegEvent::Transfer { id, end });
            }
            (_, LegCommand::Show(_) | LegCommand::HideCamera(_)) => return,
            (Media::Stream(stream), command) => (stream, command),
            (Media::Ports(_) | Media::None, _) => return self.dropped("out", "before_answer"),
        };
        let is_taken = match stream {
            (stream, LegCommand::Audio(pcm)) => stream.play(pcm).is_ok(),
            (stream, LegCommand::CheckPoint(name)) => stream.mark(name).is_ok(),
            (stream, LegCommand::Digit { digit, duration_ms }) => match stream.press(digit, duration_ms) {
                Ok(()) => true,
                Err(error) => {
                    return tracing::warn!(trunk = self.common.trunk, %error, "a key cannot be pressed");
                }
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
            self.dropped("out", "queue_full");
        }
    }

    fn tell(&mut self, event: LegEvent) {
        if matches!(event, LegEvent::Audio { .. }) && self.tell.capacity() <= EVENTS_BESIDE_AUDIO {
            return self.dropped("in", "leg_full");
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.tell.try_send(event) {
            tracing::error!(
                trunk = self.common.trunk,
                "a call's session does not listen: the call is hung up"
            );
            self.machine.hang_up();
        }
    }

    fn dropped(&self, direction: &'static str, reason: &'static str) {
        metrics::counter!("dering_trunk_audio_dropped_total", "trunk" => self.common.trunk.clone(),
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
    match pickup.as_mut().and_then(|pickup| pickup.wanted.as_mut()) {
        Some(wanted) => wanted.await.is_ok(),
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
