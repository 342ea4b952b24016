//! One call over SIP: between the caller's signalling and audio, and the room of the call.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::DialStatus;
use rtp::Law;
use rtp::sdp::{Agreement, Negotiation};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::transfer::{Transfer, room_of};
use crate::gateway::accounts::Holder;
use crate::gateway::clients::Client;
use crate::gateway::messages::{Event, Press};
use crate::gateway::outbox::Item;
use crate::gateway::placing::PlaceRequest;
use crate::gateway::record::Party;
use crate::gateway::room::Room;
use crate::gateway::shared::Shared;
use crate::gateway::version::Version;
use crate::media::rtp::{self as media, RtpPorts, RtpStream, Sockets};
use crate::sip::{Answering, Call, CallEvent, Incoming, Reply};

/// How long a callee's key is down, in ms.
const KEY_MS: u32 = 200;
/// A caller of whom nothing is heard for so long has gone without a word.
const GONE: Duration = Duration::from_secs(60);
/// Samples no larger than this are silence: the smallest that A-law can write is 8.
const SILENT: u16 = 8;
/// Longest number that is looked for.
const MAX_NUMBER: usize = 40;

/// SIP status of a call that cannot be taken.
const FORBIDDEN: u16 = 403;
const NOT_ACCEPTABLE: u16 = 488;
const INCOMPLETE: u16 = 484;
const UNAVAILABLE: u16 = 503;
/// A transfer has begun.
const TRYING: u16 = 100;
/// Nothing can be agreed on yet (RFC 3261, section 14.1).
const PENDING: u16 = 491;

/// Runs a call to its end.
pub(super) async fn run(shared: Arc<Shared>, ports: RtpPorts, own: IpAddr, incoming: Incoming) {
    let Incoming { account, caller, called, offer, answering, call, .. } = incoming;
    let offered = Offered::open(&ports, own, offer.as_deref());
    let placed = offered.and_then(|offered| {
        let room = place(&shared, account.as_deref(), call.id(), caller, called)?;
        Ok((offered, room))
    });
    let (Offered { sockets, negotiation, sdp, agreed }, (room, unannounced)) = match placed {
        Ok(placed) => placed,
        Err(status) => return answering.refuse(status),
    };
    let client = Client::new(room.holder, false);
    shared.clients.add(&client);
    if let Err(error) = room.join(&client) {
        tracing::debug!(%error, "a SIP caller could not join");
        room.hang_up(Party::Gateway);
    }
    let caller = Caller {
        shared: Arc::clone(&shared),
        transfer: None,
        room,
        call,
        pickup: Some(Pickup { answering, sdp, agreed }),
        negotiation,
        sockets: Some(sockets),
        stream: None,
        began: Instant::now(),
        keys_by_rtp: false,
    };
    caller.run(&client).await;
    shared.clients.remove(&client);
    drop(unannounced);
}

/// The ports of a call, and what is described of them.
struct Offered {
    sockets: Sockets,
    negotiation: Negotiation,
    /// An answer to the caller's description, or an offer where there was none.
    sdp: String,
    agreed: Option<Agreement>,
}

impl Offered {
    /// Opens ports, and answers the caller's offer; why the call is refused.
    fn open(ports: &RtpPorts, own: IpAddr, offer: Option<&str>) -> Result<Self, u16> {
        let sockets = ports.open().map_err(|error| {
            tracing::warn!(%error, "a call over SIP is refused");
            UNAVAILABLE
        })?;
        let address = SocketAddr::new(own, sockets.address().port());
        let id = u64::from(rand::random::<u32>());
        let mut negotiation = Negotiation::new(address, vec![Law::Ulaw, Law::Alaw], id);
        let Some(offer) = offer else {
            let sdp = negotiation.offer();
            return Ok(Self { sockets, negotiation, sdp, agreed: None });
        };
        match negotiation.answer(offer) {
            Ok((sdp, agreed)) => Ok(Self { sockets, negotiation, sdp, agreed: Some(agreed) }),
            Err(error) => {
                tracing::info!(%error, "a call over SIP is refused");
                Err(NOT_ACCEPTABLE)
            }
        }
    }
}

/// Places the call. Nobody but the caller is to hear of it: its announcement waits for what is returned with its room.
fn place(
    shared: &Arc<Shared>,
    account: Option<&str>,
    call_id: &str,
    caller: String,
    called: String,
) -> Result<(Arc<Room>, oneshot::Sender<()>), u16> {
    let account = account.and_then(|name| shared.accounts.place(name)).ok_or(FORBIDDEN)?;
    if called.is_empty() || called.len() > MAX_NUMBER {
        return Err(INCOMPLETE);
    }
    if shared.is_late() {
        return Err(UNAVAILABLE);
    }
    // Whatever version the account speaks elsewhere: here its calls have records, and PCM between us.
    let holder = Holder { account, version: Version::V1_0_5 };
    let caller_id = Some(caller).filter(|caller| !caller.is_empty());
    // Both ends know the call by the same name where the caller's is one that nobody guesses.
    let session = Uuid::try_parse(call_id).ok().map(|id| id.to_string().into());
    let request = PlaceRequest { number: called, caller_id, session, ..PlaceRequest::default() };
    room_of(shared, holder, request)
}

/// What a call is taken with.
struct Pickup {
    answering: Answering,
    sdp: String,
    /// `None` until the caller answers our offer.
    agreed: Option<Agreement>,
}

/// A caller with its call.
struct Caller {
    shared: Arc<Shared>,
    /// The callee is being connected with somebody else.
    transfer: Option<Transfer>,
    room: Arc<Room>,
    call: Call,
    /// Until the callee picks up.
    pickup: Option<Pickup>,
    negotiation: Negotiation,
    /// Until there is an agreement.
    sockets: Option<Sockets>,
    stream: Option<RtpStream>,
    /// When the stream began.
    began: Instant,
    keys_by_rtp: bool,
}

impl Caller {
    async fn run(mut self, client: &Client) {
        let mut is_signalled = true;
        loop {
            let heard_at = self.stream.as_ref().map(|stream| stream.heard_at().unwrap_or(self.began));
            tokio::select! {
                item = client.outbox.next() => match item {
                    Some(Item::Event(event)) => {
                        if self.told(event) {
                            return;
                        }
                    }
                    Some(Item::Audio(audio)) => self.play(audio.bytes),
                    Some(Item::Ack(..) | Item::End) => {}
                    None => return,
                },
                event = self.call.next(), if is_signalled => match event {
                    Some(event) => self.signalled(event),
                    None => {
                        is_signalled = false;
                        self.room.hang_up(Party::Bot);
                    }
                },
                event = next(&mut self.stream) => self.heard(event),
                status = told_of(&mut self.transfer) => self.call.report(status),
                () = sleep_until(heard_at.unwrap_or(self.began) + GONE), if heard_at.is_some() => {
                    tracing::info!(session = %self.room.session, "a SIP caller has gone without a word");
                    self.stream = None;
                    self.room.hang_up(Party::Bot);
                }
            }
        }
    }

    /// Passes on what happens in the room; true when it was the last.
    fn told(&mut self, event: Event) -> bool {
        match event {
            Event::Status { status: DialStatus::Ringing, .. } => {
                if let Some(pickup) = &self.pickup {
                    pickup.answering.ring();
                }
            }
            Event::Status { status: DialStatus::Connected, .. } => {
                if let Some(Pickup { answering, sdp, agreed }) = self.pickup.take() {
                    answering.accept(sdp);
                    agreed.into_iter().for_each(|agreed| self.begin(agreed));
                }
            }
            Event::Key { key, .. } => {
                if let Some(Err(error)) = self.stream.as_mut().map(|stream| stream.press(key, KEY_MS)) {
                    tracing::debug!(session = %self.room.session, %error, "a callee's key is not sent");
                }
            }
            Event::Cdr(cdr) => {
                self.call.hang_up(Some(cdr.hangup_cause_code));
                return true;
            }
            Event::Status { .. }
            | Event::NewSession { .. }
            | Event::RoomJoined { .. }
            | Event::CheckPoint { .. }
            | Event::Sound { .. }
            | Event::Hangup { .. }
            | Event::Error { .. } => {}
        }
        false
    }

    /// Sends what the callee says.
    fn play(&mut self, pcm: Bytes) {
        if let Some(Err(_full)) = self.stream.as_mut().map(|stream| stream.play(pcm)) {
            metrics::counter!("dering_gateway_audio_dropped_total").increment(1);
        }
    }

    fn signalled(&mut self, event: CallEvent) {
        match event {
            CallEvent::Answered { sdp: Some(sdp) } => self.agree(&sdp),
            CallEvent::Answer { sdp } => self.agree(&sdp),
            CallEvent::Offer { sdp, reply } => self.offered(sdp, reply),
            // A caller that sends both ways means one key.
            CallEvent::Digit { digit, .. } if !self.keys_by_rtp => self.press(digit),
            CallEvent::Ended { .. } | CallEvent::Refused(_) => self.room.hang_up(Party::Bot),
            // One at a time: letting go of the answer declines.
            CallEvent::Referred { .. } if self.transfer.is_some() => {}
            CallEvent::Referred { to, answer } => {
                answer.accept();
                match Transfer::begin(&self.shared, self.room.holder, to) {
                    Ok(transfer) => {
                        self.call.report(TRYING);
                        self.transfer = Some(transfer);
                    }
                    Err(status) => self.call.report(status),
                }
            }
            CallEvent::Digit { .. }
            | CallEvent::Progress { .. }
            | CallEvent::Redirected { .. }
            | CallEvent::Referral { .. }
            | CallEvent::Answered { sdp: None } => {}
        }
    }

    /// The caller answers our offer. Without media there is no call.
    fn agree(&mut self, sdp: &str) {
        match self.negotiation.agree(sdp) {
            Ok(agreed) => self.begin(agreed),
            Err(error) => {
                tracing::info!(session = %self.room.session, %error, "a SIP caller's answer cannot be used");
                if self.stream.is_none() {
                    self.room.hang_up(Party::Bot);
                }
            }
        }
    }

    fn offered(&mut self, sdp: Option<String>, reply: Reply) {
        if self.stream.is_none() {
            return reply.refuse(PENDING);
        }
        let Some(sdp) = sdp else { return reply.accept(self.negotiation.offer()) };
        match self.negotiation.answer(&sdp) {
            Ok((answer, agreed)) => {
                reply.accept(answer);
                self.begin(agreed);
            }
            Err(error) => {
                tracing::info!(session = %self.room.session, %error, "other media are refused");
                reply.refuse(NOT_ACCEPTABLE);
            }
        }
    }

    /// Begins to send and to receive, or goes on by a new agreement.
    fn begin(&mut self, agreed: Agreement) {
        if let Some(stream) = &mut self.stream {
            stream.agree(agreed);
        } else if let Some(sockets) = self.sockets.take() {
            self.stream = Some(RtpStream::begin(sockets, agreed));
            self.began = Instant::now();
        }
    }

    /// Passes on what the caller says and presses.
    fn heard(&mut self, event: media::Event) {
        match event {
            // Who is sent nothing hears silence, too, and the timeline shows when somebody spoke.
            media::Event::Audio { pcm, .. } if !is_silent(&pcm) => {
                if let Err(error) = self.room.audio(None, &pcm, "") {
                    tracing::debug!(session = %self.room.session, %error, "audio over SIP is not heard");
                    metrics::counter!("dering_gateway_audio_refused_total").increment(1);
                }
            }
            media::Event::Key(key) => {
                self.keys_by_rtp = true;
                self.press(key);
            }
            media::Event::Audio { .. } | media::Event::CheckPoint(_) | media::Event::Delivered { .. } => {}
        }
    }

    fn press(&self, key: char) {
        if let Err(error) = self.room.press(&Press::of(key)) {
            tracing::debug!(session = %self.room.session, %error, "a key over SIP is not heard");
        }
    }
}

async fn next(stream: &mut Option<RtpStream>) -> media::Event {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

async fn told_of(transfer: &mut Option<Transfer>) -> u16 {
    match transfer {
        Some(transfer) => transfer.next().await,
        None => std::future::pending().await,
    }
}

fn is_silent(pcm: &[u8]) -> bool {
    pcm.as_chunks::<2>().0.iter().all(|pair| i16::from_le_bytes(*pair).unsigned_abs() <= SILENT)
}
