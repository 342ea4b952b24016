//! What is kept of a call that is over: its messages, and how its audio was.

use std::net::SocketAddr;
use std::time::Duration;

use rtp::Quality;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::media::rtp::Refused;
use crate::sip::{Call, Message};

/// A peer that has not confirmed the end of a call by then never will.
const OVER: Duration = Duration::from_secs(40);
/// For our last answer to leave.
const LAST_WORD: Duration = Duration::from_millis(500);

/// What there is to keep of a call that is over.
#[derive(Clone, Debug)]
pub struct CallTrace {
    pub session_id: String,
    /// Our address for SIP.
    pub own: SocketAddr,
    pub messages: Vec<Message>,
    /// Messages that were not kept, between the first and the last ones.
    pub left_out: u64,
    /// `None` where no audio was agreed on.
    pub audio: Option<CallAudio>,
}

/// How the audio of a call was.
#[derive(Clone, Copy, Debug)]
pub struct CallAudio {
    pub quality: Quality,
    pub refused: Refused,
    /// The longest time in which the answered call was to hear something and no RTP came; reports do not count.
    pub longest_silence: Duration,
}

/// The times in which the peer was to be heard and was not.
#[derive(Debug, Default)]
pub(super) struct Silences {
    since: Option<Instant>,
    longest: Duration,
}

impl Silences {
    /// From now on the peer is to be heard, or is not.
    pub(super) fn expect(&mut self, is_expected: bool, now: Instant) {
        self.end(now);
        self.since = is_expected.then_some(now);
    }

    /// Audio came.
    pub(super) fn heard(&mut self, at: Instant) {
        if self.since.is_some_and(|since| at > since) {
            self.end(at);
            self.since = Some(at);
        }
    }

    /// The longest one up to now.
    pub(super) fn end(&mut self, now: Instant) -> Duration {
        if let Some(since) = self.since {
            self.longest = self.longest.max(now.saturating_duration_since(since));
        }
        self.longest
    }
}

/// Hands on what is kept of a call, once its last message has gone to and fro. Where nobody takes it in time it is dropped.
pub(super) fn hand_on(
    mut call: Call,
    own: SocketAddr,
    audio: Option<CallAudio>,
    to: mpsc::Sender<CallTrace>,
) {
    tokio::spawn(async move {
        let ladder = call.ladder();
        let over = async { while call.next().await.is_some() {} };
        let _never = timeout(OVER, over).await;
        sleep(LAST_WORD).await;
        let (messages, left_out) = ladder.messages();
        let trace = CallTrace { session_id: call.id().to_owned(), own, messages, left_out, audio };
        if to.try_send(trace).is_err() {
            metrics::counter!("dering_sip_ladders_dropped_total").increment(1);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_while_something_is_to_be_heard() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut silences = Silences::default();
        silences.heard(at(1));
        assert_eq!(silences.end(at(2)), Duration::ZERO, "it is not answered");
        silences.expect(true, at(10));
        silences.heard(at(11));
        silences.heard(at(17));
        assert_eq!(silences.end(at(18)), Duration::from_secs(6));
        silences.expect(false, at(19));
        silences.expect(true, at(79));
        silences.heard(at(80));
        assert_eq!(silences.end(at(81)), Duration::from_secs(6), "the call was on hold");
        assert_eq!(silences.end(at(90)), Duration::from_secs(10), "up to its end");
    }
}
