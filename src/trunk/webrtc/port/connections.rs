//! TCP at the port, for browsers in networks that let no UDP through (RFC 6544). A connection is the call's that its first
//! datagram names; each datagram stands behind its length (RFC 4571).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::webrtc::{TransportAddress, user_of};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::{DATAGRAM, Datagram, Port, WAITING};

/// Connections that have not yet said whose they are.
const MOST_STRANGERS: usize = 256;
/// They say it within this.
const SAYS_WITHIN: Duration = Duration::from_secs(5);
/// Connections of one call: its browser opens one, and another where its network changes.
pub(super) const MOST_OF_ONE_CALL: usize = 4;
/// After an error that is not a caller's, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

impl Port {
    /// Takes connections for all calls, for good.
    pub(in super::super) async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let strangers = Arc::new(Semaphore::new(MOST_STRANGERS));
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    // Who is dropped here may come again, and has UDP.
                    let Ok(permit) = Arc::clone(&strangers).try_acquire_owned() else {
                        dropped("crowded");
                        continue;
                    };
                    tokio::spawn(Arc::clone(self).connection(stream, from, permit));
                }
                Err(error) => {
                    tracing::debug!(%error, "the port for calls in the browser");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        stranger: OwnedSemaphorePermit,
    ) {
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
        self.calls.lock().connections.insert(from, send);
        let hand_on = |frame: BytesMut| {
            let datagram = Datagram { from: TransportAddress::tcp(from), bytes: frame.freeze() };
            if matches!(call.try_send(datagram), Err(mpsc::error::TrySendError::Full(_))) {
                super::dropped("full");
            }
        };
        hand_on(first);
        let reading = async {
            while let Some(Ok(frame)) = coming.next().await {
                hand_on(frame);
            }
        };
        let writing = async {
            let mut going = FramedWrite::new(write, framing());
            while let Some(datagram) = waiting.recv().await {
                if going.send(datagram).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            () = writing => {}
            () = call.closed() => {}
        }
        self.calls.lock().connections.remove(&from);
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

fn framing() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(DATAGRAM).new_codec()
}

fn dropped(reason: &'static str) {
    metrics::counter!("dering_browser_connections_dropped_total", "reason" => reason).increment(1);
}
