//! The handle to one SIP server: opens the endpoint, watches the server, places calls.

use std::net::SocketAddr;
use std::sync::Arc;

use callcore::call::Direction;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::call::SipCall;
use super::options::{Options, StartError};
use super::shared::Shared;
use super::task::{COMMANDS, CallTask, EVENTS};
use super::trace::Silences;
use super::{health, offering};
use crate::media::rtp::RtpPorts;
use crate::sip::{self, Admission, BadAddress, Endpoint, Farewell, Invite, Registration, SipError, SipUri};
use crate::telemetry::mask;
use crate::trunk::leg::{Abilities, Leg};
use crate::trunk::order::{DialError, Held, Order};
use crate::trunk::reach::Reach;
use crate::trunk::record::Record;
use crate::wallclock::now_ms;

/// The user in our own address where neither the order nor the account names one.
const ANONYMOUS: &str = "anonymous";

/// Places calls at one SIP server. Cheap to clone. When the last handle is gone, the trunk ends as soon as its calls are
/// over.
#[derive(Clone, Debug)]
pub struct SipCarrier {
    shared: Arc<Shared>,
    reach: watch::Receiver<Reach>,
    farewell: Option<Farewell>,
}

impl SipCarrier {
    /// Opens the endpoint, registers where that is wanted, and begins to ask whether the server is there.
    ///
    /// # Errors
    /// When our address cannot be listened on, or the account has no name that could be registered.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let ports = RtpPorts::new(options.listen.ip(), options.ports.clone())
            .map_err(|source| StartError::Ports { name: options.name.clone(), source })?;
        let endpoint = sip::Options {
            name: options.name.clone(),
            listen: options.listen,
            transport: options.transport,
            public_address: options.public_address,
            server: Some(options.server.clone()),
            account: options.account.clone(),
            admission: Admission::Known(options.allow.clone()),
        };
        let (endpoint, calls) = Endpoint::open(endpoint).await?;
        let registration = match options.account.as_ref().filter(|_| options.registers) {
            Some(account) => Some(endpoint.register(&options.server, account)?),
            None => None,
        };
        let farewell = registration.as_ref().map(Registration::farewell);
        let (tell, reach) = watch::channel(Reach::Unknown);
        tokio::spawn(health::watch(
            options.name.clone(),
            endpoint.clone(),
            options.server.clone(),
            options.ping,
            registration,
            tell,
        ));
        let offers = options.offers.clone();
        let shared = Arc::new(Shared { options, endpoint, ports });
        // Without somebody to take them, calls that come in are refused by the endpoint.
        if let Some(offers) = offers {
            tokio::spawn(offering::offer_all(Arc::downgrade(&shared), calls, offers));
        }
        Ok(Self { shared, reach, farewell })
    }

    /// Takes our registration back, where there is one: the server brings no more calls. It takes two seconds at most.
    pub async fn leave(&self) {
        if let Some(farewell) = &self.farewell {
            farewell.say().await;
        }
    }

    /// Ends all calls at once, and tells their peers. It takes two seconds at most; whether all of them have confirmed it.
    pub async fn cut(&self) -> bool {
        self.shared.endpoint.hang_up_all().await
    }

    /// Whether the server is within reach, as last seen.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach.borrow().clone()
    }

    /// Our address for SIP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.endpoint.address()
    }

    /// Calls somebody. What the server says to it are the events of the leg.
    ///
    /// # Errors
    /// When the server cannot be reached, or the number cannot be part of an address.
    pub async fn place(&self, order: Order) -> Result<Leg, DialError> {
        self.place_holding(order, None).await
    }

    /// As [`Self::place`]; `held` is dropped when the call is over for the server, too.
    pub(in crate::trunk) async fn place_holding(
        &self,
        order: Order,
        held: Option<Held>,
    ) -> Result<Leg, DialError> {
        if let Reach::Away { why, .. } = self.reach() {
            return Err(DialError::Unavailable { reason: why });
        }
        let options = &self.shared.options;
        let to = SipUri::of_user(&order.number, &options.server, options.transport)
            .map_err(|error| bad_number(&order.number, &error))?;
        let account = options.account.as_ref();
        let caller = order.caller.as_deref().or_else(|| account.map(|account| account.user.as_str()));
        let from = SipUri::of_user(caller.unwrap_or(ANONYMOUS), &options.from_domain, options.transport)
            .map_err(|error| bad_number(caller.unwrap_or_default(), &error))?;
        let (media, mut negotiation) =
            self.shared.media().map_err(|reason| DialError::Unavailable { reason })?;
        let invite = Invite {
            to,
            display_name: None,
            asserted: options.asserts_caller.then(|| from.clone()),
            from,
            fields: Vec::new(),
            account: options.account.clone(),
            sdp: negotiation.offer(),
            redirects: options.redirects.clone(),
        };
        let call = self.shared.endpoint.invite(invite).await.map_err(|error| match error {
            SipError::Address(error) => bad_number(&order.number, &error),
            SipError::NoAddress(reason) | SipError::NoConnection(reason) => DialError::Unavailable { reason },
            SipError::Request(reason) => DialError::Protocol { reason },
            error @ SipError::Listen { .. } => DialError::Unavailable { reason: error.to_string() },
        })?;
        let session_id = call.id().to_owned();
        tracing::info!(trunk = options.name, session = session_id, number = %mask(&order.number), "calling over SIP");
        let source = caller.map(str::to_owned);
        let record =
            Record::new(session_id.clone(), order.number.clone(), source, Direction::Outbound, now_ms());
        let (tell, events) = mpsc::channel(EVENTS);
        let (command, commands) = mpsc::channel(COMMANDS);
        let task = CallTask {
            common: self.shared.common(),
            call,
            machine: SipCall::new(record, options.away_timeout, Instant::now()),
            negotiation,
            media,
            pickup: None,
            tell,
            commands,
            _held: held,
            silences: Silences::default(),
            transfer: None,
        };
        tokio::spawn(task.run());
        Ok(Leg { session_id, abilities: Abilities { transfer: true }, events, commands: command })
    }
}

fn bad_number(number: &str, error: &BadAddress) -> DialError {
    DialError::BadNumber { number: number.to_owned(), reason: error.to_string() }
}
