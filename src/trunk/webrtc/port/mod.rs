//! The port that all calls share, and whose each datagram is: a STUN request names the call (its ICE user), everything else
//! is known by the address that such a request came from and was answered to.

mod connections;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ::webrtc::{Transport, TransportAddress, user_of};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::connections::MOST_OF_ONE_CALL;

/// Longest datagram that is read. Browsers keep to 1,200 bytes.
const DATAGRAM: usize = 2_048;
/// Datagrams whose bytes share an allocation.
const AT_ONCE: usize = 32;
/// Datagrams that may wait for a call: a second of audio and more. What comes then is dropped, as a network would.
const WAITING: usize = 64;
/// What the kernel keeps for a slow TCP connection, bytes: about a second of audio.
const SEND_BUFFER: u32 = 16 * 1024;
const BACKLOG: u32 = 1_024;
/// A port that is free for UDP may be taken for TCP: where any will do, so many are tried.
const TRIES: usize = 16;
/// Addresses that a call may be at: one after the other, as a phone changes networks.
const MOST_ADDRESSES: usize = 8;
/// For documentation only (RFC 5737, RFC 3849): nothing is sent there.
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const FAR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// What came for a call.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) from: TransportAddress,
    pub(super) bytes: Bytes,
}

/// The port.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    /// As browsers see it.
    address: SocketAddr,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    users: HashMap<String, Seated>,
    /// Of UDP.
    addresses: HashMap<SocketAddr, mpsc::Sender<Datagram>>,
    /// What goes to each TCP connection, by the browser's end of it.
    connections: HashMap<SocketAddr, mpsc::Sender<Bytes>>,
    /// By the secret that ends a call.
    ends: HashMap<String, oneshot::Sender<()>>,
}

/// A call that has a seat.
#[derive(Debug)]
struct Seated {
    datagrams: mpsc::Sender<Datagram>,
    /// Room for its TCP connections.
    connections: Arc<Semaphore>,
}

/// A call's place at the port, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    port: Arc<Port>,
    user: String,
    end: String,
    datagrams: mpsc::Sender<Datagram>,
    addresses: Vec<SocketAddr>,
    /// Of what was sent last.
    transport: Transport,
}

impl Port {
    /// Opens the port for UDP and, with `tcp`, for TCP.
    pub(super) async fn open(
        listen: SocketAddr,
        public: Option<IpAddr>,
        tcp: bool,
    ) -> std::io::Result<(Self, Option<TcpListener>)> {
        let (socket, listener) = bind(listen, tcp).await?;
        let bound = socket.local_addr()?;
        let ip =
            public.unwrap_or_else(|| if bound.ip().is_unspecified() { own(bound.ip()) } else { bound.ip() });
        let address = SocketAddr::new(ip, bound.port());
        Ok((Self { socket, address, calls: Mutex::default() }, listener))
    }

    /// Where browsers send to.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads UDP for all calls, for good.
    pub(super) async fn read(&self) {
        let mut buffer = BytesMut::new();
        loop {
            if buffer.capacity() < DATAGRAM {
                buffer.reserve(DATAGRAM * AT_ONCE);
            }
            match self.socket.recv_buf_from(&mut buffer).await {
                Ok((_, from)) => self.hand_on(from, buffer.split().freeze()),
                // A peer's machine that says "nobody is here" is told of on the next read.
                Err(error) => tracing::debug!(%error, "the port for calls in the browser"),
            }
        }
    }

    fn hand_on(&self, from: SocketAddr, bytes: Bytes) {
        let calls = self.calls.lock();
        let call = match user_of(&bytes) {
            Some(user) => calls.users.get(&user).map(|call| &call.datagrams),
            None => calls.addresses.get(&from),
        };
        let datagram = Datagram { from: from.into(), bytes };
        match call.map(|call| call.try_send(datagram)) {
            Some(Ok(())) => {}
            Some(Err(_)) => dropped("full"),
            None => dropped("stranger"),
        }
    }

    /// Takes a call in. `user` names it in the browser's requests, `end` is the secret that ends it. What comes for it, and its
    /// end by that secret.
    pub(super) fn seat(
        self: &Arc<Self>,
        user: &str,
        end: &str,
    ) -> (Seat, mpsc::Receiver<Datagram>, oneshot::Receiver<()>) {
        let (datagrams, coming) = mpsc::channel(WAITING);
        let (ends, ended) = oneshot::channel();
        let mut calls = self.calls.lock();
        let connections = Arc::new(Semaphore::new(MOST_OF_ONE_CALL));
        calls.users.insert(user.to_owned(), Seated { datagrams: datagrams.clone(), connections });
        calls.ends.insert(end.to_owned(), ends);
        drop(calls);
        let seat = Seat {
            port: Arc::clone(self),
            user: user.to_owned(),
            end: end.to_owned(),
            datagrams,
            addresses: Vec::new(),
            transport: Transport::Udp,
        };
        (seat, coming, ended)
    }

    /// Whether a call has this secret.
    pub(super) fn has(&self, secret: &str) -> bool {
        self.calls.lock().ends.contains_key(secret)
    }

    /// Ends a call by its secret; whether there was one.
    pub(super) fn end(&self, secret: &str) -> bool {
        let end = self.calls.lock().ends.remove(secret);
        end.is_some_and(|end| end.send(()).is_ok())
    }
}

impl Seat {
    /// Sends a datagram. Only a browser that has proven to know the answer is sent to, so what comes from there is its own.
    pub(super) fn send(&mut self, datagram: &[u8], to: TransportAddress) {
        let TransportAddress { transport, address } = to;
        self.transport = transport;
        let is_sent = match transport {
            Transport::Udp => {
                if !self.addresses.contains(&address) {
                    self.learn(address);
                }
                self.port.socket.try_send_to(datagram, address).is_ok()
            }
            Transport::Tcp => {
                let calls = self.port.calls.lock();
                let connection = calls.connections.get(&address);
                connection
                    .is_some_and(|connection| connection.try_send(Bytes::copy_from_slice(datagram)).is_ok())
            }
        };
        // A packet that cannot leave now is of no use later.
        if !is_sent {
            dropped("unsent");
        }
    }

    /// How the browser was sent to last.
    pub(super) const fn transport(&self) -> Transport {
        self.transport
    }

    /// An address stays with the call that was there first, so that nobody takes another's packets away.
    fn learn(&mut self, address: SocketAddr) {
        let mut calls = self.port.calls.lock();
        if calls.addresses.contains_key(&address) {
            return;
        }
        if self.addresses.len() >= MOST_ADDRESSES {
            let oldest = self.addresses.remove(0);
            calls.addresses.remove(&oldest);
        }
        calls.addresses.insert(address, self.datagrams.clone());
        self.addresses.push(address);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut calls = self.port.calls.lock();
        calls.users.remove(&self.user);
        calls.ends.remove(&self.end);
        for address in &self.addresses {
            calls.addresses.remove(address);
        }
    }
}

/// A UDP socket and, with `tcp`, a listener on the same port.
async fn bind(listen: SocketAddr, tcp: bool) -> std::io::Result<(UdpSocket, Option<TcpListener>)> {
    let mut tries = if listen.port() == 0 { TRIES } else { 1 };
    loop {
        let socket = UdpSocket::bind(listen).await?;
        if !tcp {
            return Ok((socket, None));
        }
        tries -= 1;
        match listen_tcp(socket.local_addr()?) {
            Ok(listener) => return Ok((socket, Some(listener))),
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn listen_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Those that are taken have it from here: what a slow browser has not taken is lost, not late.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn dropped(reason: &'static str) {
    metrics::counter!("dering_browser_datagrams_dropped_total", "reason" => reason).increment(1);
}

/// The address of this machine that leads to others; its own where there are none.
fn own(listening: IpAddr) -> IpAddr {
    let (any, far, loopback): (IpAddr, IpAddr, IpAddr) = if listening.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED.into(), FAR, Ipv4Addr::LOCALHOST.into())
    } else {
        (Ipv6Addr::UNSPECIFIED.into(), FAR_V6, Ipv6Addr::LOCALHOST.into())
    };
    let asked = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((far, 9))?;
        socket.local_addr()
    });
    asked.map_or(loopback, |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    async fn port() -> Arc<Port> {
        Arc::new(Port::open(loopback(), None, false).await.expect("a port").0)
    }

    fn comes(port: &Port, from: SocketAddr) {
        port.hand_on(from, Bytes::from_static(&[0x80; 20]));
    }

    #[tokio::test]
    async fn what_comes_from_where_a_call_was_answered_is_that_calls_until_it_is_over() {
        let port = port().await;
        let (browser, other): (SocketAddr, SocketAddr) =
            ("127.0.0.1:9".parse().expect("address"), "127.0.0.1:10".parse().expect("address"));
        let (mut first, mut to_first, _end) = port.seat("a", "x");
        let (mut second, mut to_second, _end) = port.seat("b", "y");
        comes(&port, browser);
        assert!(to_first.try_recv().is_err(), "nobody knows whose it is");
        first.send(b"hello", browser.into());
        second.send(b"hello", browser.into());
        second.send(b"hello", other.into());
        comes(&port, browser);
        comes(&port, other);
        assert_eq!(to_first.try_recv().expect("its own").from, browser.into());
        assert_eq!(to_second.try_recv().expect("its own").from, other.into());
        assert!(to_second.try_recv().is_err(), "nobody takes another's packets away");
        drop(first);
        assert_eq!(port.calls.lock().addresses.len(), 1);
        drop(second);
        assert!(port.calls.lock().users.is_empty() && port.calls.lock().addresses.is_empty());
    }

    #[tokio::test]
    async fn a_call_is_ended_once_by_its_secret() {
        let port = port().await;
        let (_seat, _datagrams, end) = port.seat("a", "secret");
        assert!(!port.end("guess") && port.end("secret") && !port.end("secret"));
        assert!(end.await.is_ok());
    }

    #[tokio::test]
    async fn browsers_are_sent_to_an_address_that_leads_here() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let port = Port::open(everywhere, None, true).await.expect("a port").0;
        assert!(!port.address().ip().is_unspecified() && port.address().port() != 0);
        let public = "203.0.113.7".parse().expect("an address");
        let port = Port::open(loopback(), Some(public), false).await.expect("a port").0;
        assert_eq!(port.address().ip(), public);
    }
}
