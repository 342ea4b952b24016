//! A call to whoever holds a link: it rings until somebody accepts or declines it, and is a call like any other from then on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use callcore::call::Direction;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::browsers::{Browsers, NoAnswer};
use super::call::{Action, BrowserCall};
use super::camera::Feeds;
use super::line::{Act, Carries, Line};
use super::links::{LinkNews, LinkOf, LinkState, NoLink, Taken, Waiting};
use super::task::{COMMANDS, CallTask, EVENTS};
use crate::trunk::leg::{Abilities, Leg, LegCommand, LegEvent};
use crate::trunk::order::{DialError, Held, Order};
use crate::trunk::record::Record;
use crate::wallclock::now_ms;

/// What the person at a link may do: open it, and accept or decline it.
const ACTS: usize = 4;

/// A link for a call that is about to be placed.
#[derive(Clone, Debug)]
pub struct WantedLink {
    /// Whose call it is, for the limits.
    pub subject: String,
    /// Whom it is for, as the record names them.
    pub called: String,
    /// Who calls, as the person at the link sees it.
    pub caller: Option<String>,
    /// It must be answered within this time.
    pub rings: Duration,
    /// The person at the link is asked for their camera, and is shown pictures.
    pub video: bool,
}

/// A link that was made for a call that is about to be placed.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Who holds it may answer the call, once. It is told this once.
    pub token: String,
    /// As the number of an [`Order`]: which link is to ring.
    pub address: String,
}

/// Why a link is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCall {
    #[error("there is no such link, or it is long over")]
    Unknown,
    #[error("the link does not ring")]
    Not(LinkState),
    #[error(transparent)]
    Offer(#[from] NoAnswer),
}

/// A link that was answered.
#[derive(Debug)]
pub struct Accepted {
    /// The session description for the browser.
    pub sdp: String,
    /// Who knows it may end the call, as the person in the browser does; see [`Browsers::hang_up`].
    pub secret: String,
}

impl Browsers {
    /// Makes a link for a call that is about to be placed.
    ///
    /// # Errors
    /// When as many links wait for an answer as there may be calls in the browser, in all or of one subject.
    pub fn make_link(&self, wanted: WantedLink) -> Result<NewLink, NoLink> {
        let WantedLink { subject, called, caller, rings, video } = wanted;
        let now = Instant::now();
        let of = LinkOf { subject, called, caller, until: now + rings, video };
        let may = Waiting { most: self.options().max_calls, of_one: self.options().per_caller };
        let (token, address) = self.links().make(of, may, now)?;
        Ok(NewLink { token, address })
    }

    /// A browser has so long to connect once it has answered.
    #[must_use]
    pub fn connect_within(&self) -> Duration {
        self.options().connect_within
    }

    /// Forgets a link whose call was not accepted.
    pub fn forget_link(&self, link: &NewLink) {
        self.links().forget(&link.address);
    }

    /// The call of a link is over, placed or not: whoever holds the link is told so.
    pub(in crate::trunk) fn end_link(&self, address: &str) {
        self.links().end(address, Instant::now());
    }

    /// The page of a link is open: how it stands. `None` for none of ours.
    #[must_use]
    pub fn open_link(&self, token: &str) -> Option<LinkNews> {
        let links = self.links();
        let (news, line) = links.look(token, Instant::now())?;
        // Once it was opened, there is room for the two acts that use it up.
        if let Some(line) = line.filter(|line: &&mpsc::Sender<Act>| line.capacity() == ACTS) {
            let _over = line.try_send(Act::Opened);
        }
        Some(news)
    }

    /// Answers the call of a link. An offer that cannot be answered uses nothing up.
    ///
    /// # Errors
    /// When the link does not ring, the offer cannot be answered, or there are too many calls.
    pub fn answer_link(&self, token: &str, sdp: &str, address: Option<IpAddr>) -> Result<Accepted, NoCall> {
        let (subject, carries) = self.ringing(token)?;
        let (line, sdp, secret) = self.line(sdp, carries, &subject, address)?;
        let task = self.links().take(token, Taken::Answered, Instant::now());
        let task = task.map_err(|state| state.map_or(NoCall::Unknown, NoCall::Not))?;
        match task.try_send(Act::Accepted(Box::new(line))) {
            Ok(()) => Ok(Accepted { sdp, secret }),
            // It was hung up at that very moment.
            Err(_) => Err(NoCall::Not(LinkState::Ended)),
        }
    }

    /// Declines the call of a link.
    ///
    /// # Errors
    /// When the link does not ring.
    pub fn decline_link(&self, token: &str) -> Result<(), NoCall> {
        let task = self.links().take(token, Taken::Declined, Instant::now());
        let task = task.map_err(|state| state.map_or(NoCall::Unknown, NoCall::Not))?;
        task.try_send(Act::Declined).map_err(|_| NoCall::Not(LinkState::Ended))
    }

    /// Whose call it is, and what it carries, of a link that rings.
    fn ringing(&self, token: &str) -> Result<(String, Carries), NoCall> {
        let links = self.links();
        let (news, _) = links.look(token, Instant::now()).ok_or(NoCall::Unknown)?;
        if news.state != LinkState::Ringing {
            return Err(NoCall::Not(news.state));
        }
        let carries = if news.video { Carries::Pictures } else { Carries::Voice };
        Ok((links.subject(token).ok_or(NoCall::Unknown)?, carries))
    }

    /// Rings a link. `held` is dropped when the call is over.
    ///
    /// # Errors
    /// When the link is not known.
    pub(in crate::trunk) fn place_holding(&self, order: Order, held: Held) -> Result<Leg, DialError> {
        let (act, acts) = mpsc::channel(ACTS);
        let now = Instant::now();
        let (until, called, is_video) =
            self.links().place(&order.number, act).ok_or_else(|| DialError::Unavailable {
                reason: "its link is not known: the server was started again, or too many links are kept"
                    .into(),
            })?;
        let session_id = Uuid::now_v7().to_string();
        let record = Record::new(session_id.clone(), called, order.caller, Direction::Outbound, now_ms());
        let (tell, events) = mpsc::channel(EVENTS);
        let (command, commands) = mpsc::channel(COMMANDS);
        let task = Ringing {
            session_id: session_id.clone(),
            machine: BrowserCall::by_link(record, self.options().away_timeout, until, now),
            connect_within: self.options().connect_within,
            acts,
            tell,
            commands,
            feeds: Arc::clone(self.feeds()),
            is_video,
            _held: held,
        };
        let (browsers, address) = (self.clone(), order.number);
        tokio::spawn(async move {
            let over = Over { browsers, address };
            Box::pin(task.run()).await;
            drop(over);
        });
        Ok(Leg { session_id, abilities: Abilities::default(), events, commands: command })
    }
}

/// Says that the call of a link is over.
struct Over {
    browsers: Browsers,
    address: String,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.browsers.end_link(&self.address);
    }
}

/// A call whose link rings.
struct Ringing {
    session_id: String,
    machine: BrowserCall,
    connect_within: Duration,
    acts: mpsc::Receiver<Act>,
    tell: mpsc::Sender<LegEvent>,
    commands: mpsc::Receiver<LegCommand>,
    feeds: Arc<Feeds>,
    is_video: bool,
    _held: Held,
}

impl Ringing {
    async fn run(mut self) {
        loop {
            while let Some(action) = self.machine.poll_action() {
                match action {
                    // The events of a call that rings are few: there is room for all of them.
                    Action::Tell(event) => drop(self.tell.try_send(event)),
                    Action::Begin => {}
                    Action::Close => return,
                }
            }
            let due = self.machine.poll_timeout().unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                act = self.acts.recv() => match act {
                    Some(Act::Opened) => self.machine.opened(),
                    Some(Act::Declined) => self.machine.declined(now_ms()),
                    Some(Act::Accepted(line)) => {
                        self.machine.accepted(self.connect_within, Instant::now());
                        return Box::pin(self.talk(*line)).await;
                    }
                    // The links are gone, and the server with them.
                    None => self.machine.hang_up(now_ms()),
                },
                command = self.commands.recv() => match command {
                    Some(LegCommand::Hangup | LegCommand::Refuse { .. }) | None => self.machine.hang_up(now_ms()),
                    Some(
                        LegCommand::Audio(_)
                        | LegCommand::CheckPoint(_)
                        | LegCommand::Digit { .. }
                        | LegCommand::Interruption
                        | LegCommand::Transfer { .. }
                        | LegCommand::Show(_) | LegCommand::HideCamera(_),
                    ) => {}
                },
                () = sleep_until(due) => self.machine.handle_timeout(Instant::now(), now_ms()),
            }
        }
    }

    /// The call with the browser of who accepted.
    async fn talk(self, line: Line) {
        let Line { peer, seat, datagrams, ended, place } = line;
        let task = CallTask {
            session_id: self.session_id,
            peer,
            seat,
            datagrams,
            machine: self.machine,
            stream: None,
            pickup: None,
            ended: Some(ended),
            tell: self.tell,
            commands: self.commands,
            began: Instant::now(),
            feeds: self.feeds,
            camera: None,
            screen: None,
            is_video: self.is_video,
            _place: place,
        };
        Box::pin(task.run()).await;
    }
}
