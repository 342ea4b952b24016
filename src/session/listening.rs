//! Listening in: both sides of a running call, about a second after they were heard.

use bytes::Bytes;
use tokio::sync::{broadcast, oneshot};

use crate::session::handle::Handle;
use crate::session::run::actor::Control;

/// Room that is kept for those who end a call.
const ROOM_TO_HANG_UP: usize = 2;

/// The ears of somebody who listens in. Who is too slow loses what is old; the call never waits.
#[derive(Debug)]
pub struct Ears(broadcast::Receiver<Bytes>);

/// Why a call cannot be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    #[error("nobody talks on this call now; it can be listened to from the answer until its end")]
    Silent,
    #[error("too many listen to this call already; try again later")]
    Crowded,
}

impl Ears {
    pub(crate) const fn new(blocks: broadcast::Receiver<Bytes>) -> Self {
        Self(blocks)
    }

    /// The next block, 8 kHz pcm16, the callee on the left and the bot on the right; `None` when the call is over.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.0.recv().await {
                Ok(block) => return Some(block),
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    metrics::counter!("dering_listening_blocks_dropped_total").increment(lost);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Handle {
    /// Listens to a running call from now on.
    ///
    /// # Errors
    /// When nobody has answered it or it is over, and when too many listen already.
    pub async fn listen(&self, call_id: &str) -> Result<Ears, Unheard> {
        let control = self.control(call_id).ok_or(Unheard::Silent)?;
        if control.capacity() <= ROOM_TO_HANG_UP {
            return Err(Unheard::Crowded);
        }
        let (answer, ears) = oneshot::channel();
        control.try_send(Control::Listen { answer }).map_err(|_| Unheard::Silent)?;
        match ears.await {
            Ok(Ok(blocks)) => Ok(Ears::new(blocks)),
            Ok(Err(_)) => Err(Unheard::Crowded),
            Err(_) => Err(Unheard::Silent),
        }
    }
}
