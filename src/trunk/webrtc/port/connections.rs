//! TCP at the port, for browsers in networks that let no UDP through (RFC 6544). A connection is the call's that its first
//! datagram names; each datagram stands behind its length (RFC 4571).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::webrtc::{TransportAddress, user_of};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::{DATAGRAM, Datagram, Port, WAITING};
use crate::trunk::webrtc::limits::{Limits, Place};

/// Connections that have not yet said whose they are; of these, from one address.
const MOST_STRANGERS: usize = 256;
const MOST_STRANGERS_OF_ONE: usize = 16;
/// Whose they are until then, for the limits.
const NOBODY: &str = "";
/// They say it within this.
const SAYS_WITHIN: Duration = Duration::from_secs(5);
/// Connections of one call: its browser opens one, and another where its network changes.
pub(super) const MOST_OF_ONE_CALL: usize = 4;
/// A connection of which nothing has come for so long was left: browsers prove every few seconds that they are there (RFC 7675).
const LEFT_AFTER: Duration = Duration::from_secs(30);
/// For what still waits when a call ends: its goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// After an error that is not a caller's, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

impl Port {
    /// Takes connections for all calls, for good.
    pub(in super::super) async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let strangers = strangers();
        loop {
            match listener.accept().await {
                Ok((stream, from)) => match strangers.enter(NOBODY, Some(from.ip())) {
                    Ok(stranger) => {
                        tokio::spawn(Arc::clone(self).connection(stream, from, stranger));
                    }
                    Err(_) => dropped("crowded"),
                },
                Err(error) => {
                    tracing::debug!(%error, "the port for calls in the browser");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, from: SocketAddr, stranger: Place) {
        // Audio does not wait for more of it.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let (read, write) = stream.into_split();
        let mut coming = FramedRead::new(read, framing());
        let Ok(Some(Ok(first))) = timeout(SAYS_WITHIN, coming.next()).await else {
            return dropped("stranger");
        };
        let Some((call, _place)) = self.call_of(&first) else { return dropped("stranger") };
        drop(stranger);
        let (send, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let _listed = Listed::new(&self, from, send);
        let mut next = Some(first);
        let reading = async {
            while let Some(frame) = next.take() {
                let datagram = Datagram { from: TransportAddress::tcp(from), bytes: frame.freeze() };
                if call.send(datagram).await.is_err() {
                    return;
                }
                next = match timeout(LEFT_AFTER, coming.next()).await {
                    Ok(Some(Ok(frame))) => Some(frame),
                    Ok(Some(Err(_)) | None) | Err(_) => None,
                };
            }
        };
        let mut going = FramedWrite::new(write, framing());
        tokio::select! {
            biased;
            () = call.closed() => {
                waiting.close();
                // Who does not take it has gone.
                let _late = timeout(GOODBYE, write_all(&mut going, &mut waiting)).await;
            }
            () = reading => {}
            () = write_all(&mut going, &mut waiting) => {}
        }
    }

    /// The call that a first datagram names, and a place among its connections.
    fn call_of(&self, first: &[u8]) -> Option<(mpsc::Sender<Datagram>, OwnedSemaphorePermit)> {
        let user = user_of(first)?;
        let calls = self.calls.lock();
        let call = calls.users.get(&user)?;
        let place = Arc::clone(&call.connections).try_acquire_owned().ok()?;
        Some((call.datagrams.clone(), place))
    }
}

/// Writes what waits, until nothing more will or the browser takes nothing.
async fn write_all(going: &mut Going, waiting: &mut mpsc::Receiver<Bytes>) {
    while let Some(datagram) = waiting.recv().await {
        if going.send(datagram).await.is_err() {
            return;
        }
    }
}

type Going = FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>;

/// A connection that what is sent to its address goes to, until this is dropped.
struct Listed<'a> {
    port: &'a Port,
    from: SocketAddr,
    send: mpsc::Sender<Bytes>,
}

impl<'a> Listed<'a> {
    fn new(port: &'a Port, from: SocketAddr, send: mpsc::Sender<Bytes>) -> Self {
        port.calls.lock().connections.insert(from, send.clone());
        Self { port, from, send }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut calls = self.port.calls.lock();
        // Another may have come from the same address since.
        if calls.connections.get(&self.from).is_some_and(|sender| sender.same_channel(&self.send)) {
            calls.connections.remove(&self.from);
        }
    }
}

/// Room for connections that have not yet said whose they are.
fn strangers() -> Limits {
    Limits::new(MOST_STRANGERS, MOST_STRANGERS, MOST_STRANGERS_OF_ONE)
}

fn framing() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(DATAGRAM).new_codec()
}

fn dropped(reason: &'static str) {
    metrics::counter!("dering_browser_connections_dropped_total", "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn strangers_of_one_address_leave_room_for_others_and_who_said_whose_they_are_makes_room() {
        let strangers = strangers();
        let enter = |last: u16| {
            strangers.enter(NOBODY, Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]))).ok()
        };
        let mut of_one: Vec<_> = (0..MOST_STRANGERS_OF_ONE).filter_map(|_| enter(1)).collect();
        assert_eq!(of_one.len(), MOST_STRANGERS_OF_ONE);
        assert!(enter(1).is_none());
        of_one.pop();
        assert!(enter(1).is_some());
        let others: Vec<_> = (2..1_000).map_while(enter).collect();
        assert_eq!(of_one.len() + others.len(), MOST_STRANGERS);
        drop((of_one, others));
        assert!(strangers.is_empty());
    }
}
