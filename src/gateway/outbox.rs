//! What waits to be sent to one client. Nothing waits for a client that does not read, and a slow client never affects another.
//!
//! Two limits. Audio: at most [`MAX_AUDIO`] packets of one call wait, and further ones are dropped and counted, because
//! live audio that late is useless; the same holds for acknowledgements beyond [`MAX_ACKS`]. Everything else is never
//! dropped: a client that leaves [`MAX_CONTROL`] messages unread and reads nothing any more is disconnected instead, which it
//! can notice. One that reads, however slowly, is not. Order is kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::messages::{Ack, Audio, Event, Question};

/// Packets of one call that may wait for one client (2 s).
pub(super) const MAX_AUDIO: usize = 100;
/// Messages other than audio that may wait for a client that takes nothing.
pub(super) const MAX_CONTROL: usize = 16_384;
/// Messages that may wait for a client that reads slowly.
const MOST_CONTROL: usize = 8 * MAX_CONTROL;
/// Acknowledgements among them; a client that waits for one before the next packet never has so many.
const MAX_ACKS: usize = 4_096;
/// A client that has taken nothing for so long reads nothing.
const STALLED: Duration = Duration::from_secs(10);

/// One message for a client.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Event(Event),
    Audio(Audio),
    Ack(Question, Ack),
    /// The connection is to be closed after what was sent before.
    End,
}

/// How many audio packets of one call wait for one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane(Arc<AtomicUsize>);

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<(Item, Option<Lane>)>,
    control: usize,
    acks: usize,
    /// When the client last took something, once it was too slow.
    taken: Option<Instant>,
    closed: bool,
}

/// The queue of one client.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl Outbox {
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    /// Queues what must not be lost. A client that has too much of it unread is cut off.
    pub(super) fn push(&self, item: Item) {
        let mut waiting = self.locked();
        if waiting.closed {
            return;
        }
        let is_ack = matches!(item, Item::Ack(..));
        if is_ack && waiting.acks >= MAX_ACKS {
            metrics::counter!("dering_gateway_acks_dropped_total").increment(1);
            return;
        }
        let is_behind = waiting.control >= MAX_CONTROL;
        let is_stalled = is_behind && waiting.taken.get_or_insert_with(Instant::now).elapsed() >= STALLED;
        if is_stalled || waiting.control >= MOST_CONTROL {
            waiting.closed = true;
            waiting.items = VecDeque::new();
            metrics::counter!("dering_gateway_clients_cut_total").increment(1);
            tracing::warn!("a client is cut off: it does not read what it is sent");
        } else {
            waiting.control += 1;
            waiting.acks += usize::from(is_ack);
            waiting.items.push_back((item, None));
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Queues a packet of a call unless too many of that call wait already.
    pub(super) fn push_audio(&self, lane: &Lane, audio: Audio) {
        if lane.0.load(Ordering::Relaxed) >= MAX_AUDIO {
            metrics::counter!("dering_gateway_audio_dropped_total").increment(1);
            return;
        }
        let mut waiting = self.locked();
        if waiting.closed {
            return;
        }
        lane.0.fetch_add(1, Ordering::Relaxed);
        waiting.items.push_back((Item::Audio(audio), Some(lane.clone())));
        drop(waiting);
        self.wake.notify_one();
    }

    /// The next message; `None` once the client is gone or cut off.
    pub(super) async fn next(&self) -> Option<Item> {
        loop {
            {
                let mut waiting = self.locked();
                if waiting.closed {
                    return None;
                }
                if let Some((item, lane)) = waiting.items.pop_front() {
                    match lane {
                        Some(lane) => _ = lane.0.fetch_sub(1, Ordering::Relaxed),
                        None => waiting.control -= 1,
                    }
                    waiting.acks -= usize::from(matches!(item, Item::Ack(..)));
                    waiting.taken = (waiting.control >= MAX_CONTROL).then(Instant::now);
                    return Some(item);
                }
            }
            self.wake.notified().await;
        }
    }

    /// The client is gone: nothing is kept for it any more.
    pub(super) fn close(&self) {
        let mut waiting = self.locked();
        waiting.closed = true;
        waiting.items = VecDeque::new();
        drop(waiting);
        self.wake.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.locked().closed
    }

    /// Nothing waits any more.
    pub(super) fn is_drained(&self) -> bool {
        let waiting = self.locked();
        waiting.closed || waiting.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn audio() -> Audio {
        Audio { session: "s".into(), bytes: Bytes::from_static(&[0; 320]) }
    }

    fn hangup() -> Item {
        Item::Event(Event::Hangup { session: "s".into() })
    }

    #[tokio::test]
    async fn audio_that_fills_the_queue_never_costs_a_control_message() {
        let (outbox, one, other) = (Outbox::default(), Lane::default(), Lane::default());
        for _ in 0..100_000 {
            outbox.push_audio(&one, audio());
        }
        outbox.push_audio(&other, audio());
        outbox.push(hangup());
        let mut packets = 0;
        while let Some(Item::Audio(_)) = outbox.next().await {
            packets += 1;
        }
        assert_eq!(packets, MAX_AUDIO + 1, "2 s of one call, and the other call is untouched");
        assert!(outbox.is_drained());
        outbox.push_audio(&one, audio());
        assert!(matches!(outbox.next().await, Some(Item::Audio(_))), "a client that reads again hears again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_not_cut_off() {
        let outbox = Outbox::default();
        for _ in 0..MAX_CONTROL {
            outbox.push(hangup());
        }
        for _ in 0..1_000 {
            outbox.push(hangup());
            tokio::time::sleep(STALLED / 2).await;
            assert!(outbox.next().await.is_some(), "it reads one message in five seconds");
        }
        assert!(!outbox.is_closed());
        for _ in 0..MOST_CONTROL {
            outbox.push(hangup());
        }
        assert!(outbox.is_closed(), "memory has an end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_is_cut_off_and_keeps_no_memory() {
        let outbox = Outbox::default();
        for _ in 0..MAX_CONTROL + 10 {
            outbox.push(hangup());
        }
        assert!(!outbox.is_closed(), "it may just be slow");
        tokio::time::sleep(STALLED).await;
        outbox.push(hangup());
        assert!(outbox.is_closed() && outbox.locked().items.capacity() == 0);
        assert!(outbox.next().await.is_none());
        outbox.push(hangup());
        assert!(outbox.is_drained());
    }
}
