//! A SIP endpoint: its sockets, and what the rest of the program may ask of it.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Header, Uri};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transaction::{CallIdFormat, EndpointBuilder};
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipConnection, TcpListenerConnection, TransportLayer};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::address::{BadAddress, Server, SipUri, Transport};
use super::call::{Call, Incoming};
use super::challenge::{Account, Challenges};
use super::dialog::{EVENTS, Line, ORDERS};
use super::dispatch::Dispatch;
use super::error::SipError;
use super::guard::{Admission, Door, Guard, Watcher};
use super::outgoing::{self, Again};
use super::ping::{self, Pong};
use super::redirect::Redirects;
use super::register::{self, Registration};
use super::resolve::Resolver;
use super::wire::Wire;
use super::{connect, message};

/// The stack gives an INVITE up then, without a CANCEL; whoever places a call does so long before.
const LONGEST_RING: Duration = Duration::from_secs(3_600);
/// Between two looks for the addresses of the server.
const LOOKED_UP: Duration = Duration::from_secs(300);
const LOOKED_UP_IN_VAIN: Duration = Duration::from_secs(10);
/// For peers to confirm that their calls are over, when all end at once; and between two looks whether they have.
const FAREWELL: Duration = Duration::from_millis(1_500);
const LOOKED_AGAIN: Duration = Duration::from_millis(20);
/// Calls that may wait to be taken; further ones are refused with 503.
const INCOMING: usize = 64;

/// How an endpoint is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names it in logs and metrics.
    pub name: String,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    pub transport: Transport,
    /// The address that others reach it at, where that is not its own: behind a translation of addresses.
    pub public_address: Option<IpAddr>,
    /// The server that it belongs to, whose requests are taken.
    pub server: Option<Server>,
    /// Answers that server where it asks for a password within calls that it brings.
    pub account: Option<Account>,
    pub admission: Admission,
}

/// A call to be placed.
#[derive(Clone, Debug)]
pub struct Invite {
    pub to: SipUri,
    pub from: SipUri,
    /// Shown beside the number of `from`.
    pub display_name: Option<String>,
    /// Vouched for in `P-Asserted-Identity` (RFC 3325).
    pub asserted: Option<SipUri>,
    /// Further fields; a name or value with a line break is left out.
    pub fields: Vec<(String, String)>,
    /// Answers a server that asks for a password.
    pub account: Option<Account>,
    /// Our session description.
    pub sdp: String,
    /// Hosts that the call may be redirected to (3xx); none: it is not.
    pub redirects: Vec<Server>,
}

/// A SIP endpoint. Cheap to clone; it closes with the last clone, and its calls go on until they are over.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    name: String,
    stack: EndpointInnerRef,
    layer: Arc<DialogLayer>,
    guard: Arc<Guard>,
    resolver: Resolver,
    address: SocketAddr,
    transport: Transport,
    /// The server has answered a ping before.
    answers_pings: AtomicBool,
    open: Arc<DropGuard>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Binds the socket. The calls that come in arrive at the receiver; they are refused once it is dropped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn open(options: Options) -> Result<(Self, mpsc::Receiver<Incoming>), SipError> {
        let Options { name, listen, transport, public_address, server, account, admission } = options;
        let fail = |reason: String| SipError::Listen { name: name.clone(), listen, transport, reason };
        let guard = Arc::new(Guard::new(name.clone(), &admission));
        let resolver = Resolver::new(listen.is_ipv4(), Arc::clone(&guard));
        // A server whose name is not known yet may be known when it is called.
        let towards = match &server {
            Some(server) => resolver.address(server.host()).await.ok(),
            None => None,
        };
        let closing = CancellationToken::new();
        let layer = TransportLayer::new_with_domain_resolver(closing.clone(), Box::new(resolver.clone()));
        let address = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(listen).await.map_err(|error| fail(error.to_string()))?;
                let bound = socket.local_addr().map_err(|error| fail(error.to_string()))?;
                let address = advertised(bound, public_address, towards).await;
                let wire = Arc::new(Wire { socket, guard: Arc::clone(&guard) });
                let socket = UdpConnection::from_socket(wire, Some(address), Some(closing.child_token()))
                    .await
                    .map_err(|error| fail(error.to_string()))?;
                layer.add_transport(socket.into());
                address
            }
            Transport::Tcp => {
                // The stack binds it later, where nobody would hear of it if it failed.
                let bound = TcpListener::bind(listen).and_then(|socket| socket.local_addr());
                let bound = bound.map_err(|error| fail(error.to_string()))?;
                let address = advertised(bound, public_address, towards).await;
                let socket = TcpListenerConnection::new(bound, Some(address))
                    .await
                    .map_err(|error| fail(error.to_string()))?;
                // A stranger's connection would cost a descriptor before its first request is looked at.
                let door = Arc::clone(&guard);
                layer.set_whitelist(move |address| {
                    let is_known = door.knows(address);
                    async move { is_known }
                });
                layer.add_transport(socket.into());
                address
            }
        };
        let stack = EndpointBuilder::new()
            .with_option(EndpointOption {
                timerc: LONGEST_RING,
                // The stack's own has a host of its maker's in it.
                callid_format: CallIdFormat::Uuid,
                ..EndpointOption::default()
            })
            .with_user_agent(&message::user_agent())
            .with_transport_layer(layer)
            .with_transport_inspector(Box::new(Door(Arc::clone(&guard))))
            .with_inspector(Box::new(Watcher(Arc::clone(&guard))))
            .with_cancel_token(closing.child_token())
            .build();
        let requests = stack.incoming_transactions().map_err(|error| fail(error.to_string()))?;
        let stack = Arc::clone(&stack.inner);
        let challenges = match admission {
            Admission::Accounts { realm, accounts } => Some(
                Challenges::new(realm, accounts)
                    .ok_or_else(|| fail("this machine gives no random numbers".to_owned()))?,
            ),
            Admission::Known(_) | Admission::Anybody => None,
        };
        let (incoming, calls) = mpsc::channel(INCOMING);
        let layer = Arc::new(DialogLayer::new(Arc::clone(&stack)));
        let own = Server::at(address.ip(), Some(address.port()));
        let contact = message::uri(&SipUri::of_server(&own, transport)).map_err(fail)?;
        let closed = closing.child_token();
        let open = Arc::new(closing.drop_guard());
        let dispatch = Dispatch {
            layer: Arc::clone(&layer),
            guard: Arc::clone(&guard),
            challenges,
            account,
            contact,
            incoming,
            opened: Instant::now(),
            open: Arc::downgrade(&open),
        };
        tokio::spawn({
            let stack = Arc::clone(&stack);
            async move {
                if let Err(error) = stack.serve().await {
                    tracing::error!(%error, "a SIP endpoint has stopped");
                }
            }
        });
        if let Some(server) = server {
            tokio::spawn(look_up(resolver.clone(), server, closed.clone()));
        }
        tokio::spawn(dispatch.run(requests, closed));
        tracing::info!(endpoint = name, %address, transport = transport.as_str(), "listening for SIP");
        let answers_pings = AtomicBool::new(false);
        let inner = Inner { name, stack, layer, guard, resolver, address, transport, answers_pings, open };
        Ok((Self(Arc::new(inner)), calls))
    }

    /// Where others reach it: the address belongs into session descriptions, too.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// Our address as somebody to be called back.
    ///
    /// # Errors
    /// When the user cannot be in a URI.
    pub fn contact(&self, user: &str) -> Result<SipUri, BadAddress> {
        SipUri::of_user(user, &self.own(), self.0.transport)
    }

    fn own(&self) -> Server {
        Server::at(self.0.address.ip(), Some(self.0.address.port()))
    }

    /// Calls somebody. What comes of it are the events of the call.
    ///
    /// # Errors
    /// When the server's name has no address, or there is something that cannot be in a message.
    pub async fn invite(&self, invite: Invite) -> Result<Call, SipError> {
        let Invite { to, from, display_name, asserted, fields, account, sdp, redirects } = invite;
        self.look_up(to.server()).await?;
        self.connect(to.server()).await?;
        let contact = match from.user() {
            Some(user) => self.contact(user)?,
            None => SipUri::of_server(&self.own(), self.0.transport),
        };
        // The Call-ID lets requests of a call in, wherever they come from: nobody else must be able to guess it.
        let call_id = Uuid::new_v4().to_string();
        let place = self
            .0
            .guard
            .call(&call_id)
            .ok_or_else(|| SipError::Request("its Call-ID is taken".to_owned()))?;
        let mut headers = vec![message::allow()];
        headers.extend(
            asserted.map(|asserted| Header::PAssertedIdentity(format!("<{}>", asserted.name()).into())),
        );
        let is_clean = |text: &str| !text.contains(char::is_control);
        headers.extend(
            fields
                .into_iter()
                .filter(|(name, value)| is_clean(name) && is_clean(value))
                .map(|(name, value)| Header::Other(name, value)),
        );
        let name =
            |uri: &SipUri| Uri::try_from(uri.name().as_str()).map_err(|e| SipError::Request(e.to_string()));
        let option = InviteOption {
            caller_display_name: display_name.map(|name| quoted(&name)),
            caller: name(&from)?,
            callee: message::uri(&to).map_err(SipError::Request)?,
            offer: Some(sdp.into_bytes()),
            contact: message::uri(&contact).map_err(SipError::Request)?,
            credential: account.as_ref().map(register::credential),
            headers: Some(headers),
            call_id: Some(call_id.clone()),
            ..InviteOption::default()
        };
        let (tell_state, states) = self.0.layer.new_dialog_state_channel();
        let (dialog, inviting) = self
            .0
            .layer
            .do_invite_async(option.clone(), tell_state)
            .map_err(|e| SipError::Request(e.to_string()))?;
        let (tell, events) = mpsc::channel(EVENTS);
        let (order, orders) = mpsc::channel(ORDERS);
        let layer = Arc::clone(&self.0.layer);
        let (open, ladder) = (Arc::clone(&self.0.open), place.ladder.clone());
        let line = Line {
            dialog,
            layer,
            states,
            tell,
            orders,
            place,
            awaits_answer: false,
            referring: None,
            asked: Arc::default(),
            _open: open,
        };
        let again =
            Again { stack: Arc::clone(&self.0.stack), option, redirects: Redirects::new(to, redirects) };
        tokio::spawn(outgoing::run(line, inviting, again));
        Ok(Call::new(call_id, ladder, events, order))
    }

    /// Asks a server whether it is there. One that falls silent gives its turn to the next address of its name; one that
    /// answers no pings at all keeps it.
    pub async fn ping(&self, server: &Server) -> Pong {
        let Ok(uri) = message::uri(&SipUri::of_server(server, self.0.transport)) else {
            return Pong::Silence;
        };
        if self.look_up(server).await.is_err() || self.connect(server).await.is_err() {
            return Pong::Silence;
        }
        let pong = ping::ping(&self.0.stack, uri).await;
        if pong != Pong::Silence {
            self.0.answers_pings.store(true, Ordering::Relaxed);
        } else if self.0.answers_pings.load(Ordering::Relaxed) {
            self.0.resolver.move_on(server.host());
        }
        pong
    }

    /// The address of a server that may begin something with us from now on.
    ///
    /// # Errors
    /// When its name has none of the kind that is listened on.
    pub async fn look_up(&self, server: &Server) -> Result<SocketAddr, SipError> {
        let address = self.0.resolver.address(server.host()).await.map_err(SipError::NoAddress)?;
        Ok(SocketAddr::new(address, server.port().unwrap_or(5_060)))
    }

    /// Has a connection to the server where connections are needed. The stack would try until it gives the request up.
    ///
    /// # Errors
    /// When the server takes none.
    pub async fn connect(&self, server: &Server) -> Result<(), SipError> {
        if self.0.transport == Transport::Udp {
            return Ok(());
        }
        let uri = message::uri(&SipUri::of_server(server, self.0.transport)).map_err(SipError::Request)?;
        connect::to(&self.0.stack, &uri).await
    }

    /// Ends all calls at once, whoever owns them: BYE, CANCEL or a refusal. Returns when the peers have confirmed it, or after
    /// a second and a half; whether they have.
    pub async fn hang_up_all(&self) -> bool {
        self.0.guard.cut();
        let gone = async {
            while !self.0.guard.is_empty() {
                sleep(LOOKED_AGAIN).await;
            }
        };
        timeout(FAREWELL, gone).await.is_ok()
    }

    /// Registers, and keeps the registration alive until it is dropped.
    ///
    /// # Errors
    /// When the account's user cannot be in a URI.
    pub fn register(&self, server: &Server, account: &Account) -> Result<Registration, SipError> {
        let uri = message::uri(&SipUri::of_server(server, self.0.transport)).map_err(SipError::Request)?;
        let contact = message::uri(&self.contact(&account.user)?).map_err(SipError::Request)?;
        Ok(Registration::start(Arc::clone(&self.0.stack), uri, contact, account))
    }
}

/// Keeps the addresses of the server known, so that its calls are let in.
async fn look_up(resolver: Resolver, server: Server, closed: CancellationToken) {
    loop {
        let pause = match resolver.address(server.host()).await {
            Ok(_) => LOOKED_UP,
            Err(_) => LOOKED_UP_IN_VAIN,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = closed.cancelled() => return,
        }
    }
}

/// The address that others reach a socket at: the public one, the socket's own, or the one that packets to the server
/// leave from.
async fn advertised(bound: SocketAddr, public: Option<IpAddr>, towards: Option<IpAddr>) -> SocketAddr {
    if let Some(public) = public {
        return SocketAddr::new(public, bound.port());
    }
    if !bound.ip().is_unspecified() {
        return bound;
    }
    if let Some(towards) = towards
        && let Some(own) = leaving_towards(bound, towards).await
    {
        return SocketAddr::new(own, bound.port());
    }
    SipConnection::resolve_bind_address(bound)
}

/// No packet is sent: connecting a socket of datagrams only chooses its way.
async fn leaving_towards(bound: SocketAddr, towards: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(bound.ip(), 0)).await.ok()?;
    socket.connect(SocketAddr::new(towards, 5060)).await.ok()?;
    socket.local_addr().ok().map(|own| own.ip()).filter(|own| !own.is_unspecified())
}

/// A display name as a quoted string.
fn quoted(name: &str) -> String {
    let clean: String =
        name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).take(60).collect();
    format!("\"{clean}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::CallEvent;

    const SDP: &str = "v=0\r\n";

    async fn open() -> (Endpoint, mpsc::Receiver<Incoming>) {
        let options = Options {
            name: "t".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            transport: Transport::Udp,
            public_address: None,
            server: None,
            account: None,
            admission: Admission::Anybody,
        };
        Endpoint::open(options).await.expect("a free port")
    }

    /// Waits until nothing is left of any call.
    async fn is_empty(endpoint: &Endpoint) {
        let empty = async {
            while !endpoint.0.layer.is_empty() || !endpoint.0.guard.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), empty).await.expect("something is left of a call");
    }

    #[tokio::test]
    async fn nothing_is_left_of_calls_however_they_end() {
        let ((caller, _), (callee, mut calls)) = (open().await, open().await);
        for n in 0..12 {
            let at = Server::at(callee.address().ip(), Some(callee.address().port()));
            let uri = |user| SipUri::of_user(user, &at, Transport::Udp).expect("an address");
            let invite = Invite {
                to: uri("a"),
                from: uri("b"),
                display_name: None,
                asserted: None,
                fields: Vec::new(),
                account: None,
                sdp: SDP.into(),
                redirects: Vec::new(),
            };
            let mut call = caller.invite(invite).await.expect("a call");
            let Incoming { answering, call: mut taken, .. } = calls.recv().await.expect("a call");
            match n % 4 {
                0 => answering.refuse(486),
                1 => {
                    answering.ring();
                    assert!(matches!(call.next().await, Some(CallEvent::Progress { .. })));
                    call.hang_up(None);
                }
                _ => {
                    answering.accept(SDP.into());
                    assert!(matches!(call.next().await, Some(CallEvent::Answered { .. })));
                    assert!(matches!(taken.next().await, Some(CallEvent::Answered { .. })));
                    if n % 4 == 2 { call.hang_up(None) } else { taken.hang_up(None) }
                }
            }
            while call.next().await.is_some() || taken.next().await.is_some() {}
        }
        is_empty(&caller).await;
        is_empty(&callee).await;
    }
}
