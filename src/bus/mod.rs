//! Signals between the parts of a node: a call was written, work is due, which calls run.
//!
//! Every message is only a hint; the database is what counts, so a lost message costs time and nothing else. Today
//! everything stays within the process; a second implementation behind the same [`Bus`] would connect nodes that share a
//! database.

mod call_watches;
mod live_calls;

use std::sync::Arc;

use tokio::sync::watch;

pub use call_watches::Watch;
use call_watches::Watches;
pub use live_calls::{LiveCall, LiveCalls, Phase};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Something was written about a call.
    CallWritten { call_id: &'a str },
    /// Notifications were committed.
    NotificationsDue,
    /// A call was scheduled, a line came free, or the server stops.
    ScheduleChanged,
}

/// The way from any part to any other. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    watches: Watches,
    live_calls: LiveCalls,
    topics: Arc<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    notifications: watch::Sender<()>,
    schedule: watch::Sender<()>,
}

/// Tells when there is something to do.
#[derive(Clone, Debug)]
pub struct WakeUps {
    news: watch::Receiver<()>,
    /// Keeps the sender.
    _topics: Arc<Topics>,
}

impl Bus {
    /// Wakes those that wait for it; never blocks.
    pub fn publish(&self, message: Message<'_>) {
        match message {
            Message::CallWritten { call_id } => self.watches.tell(call_id),
            Message::NotificationsDue => self.topics.notifications.send_modify(|()| {}),
            Message::ScheduleChanged => self.topics.schedule.send_modify(|()| {}),
        }
    }

    /// Watches a call; `None` when too many are watched already.
    #[must_use]
    pub fn watch_call(&self, call_id: &str) -> Option<Watch> {
        self.watches.watch(call_id)
    }

    /// When notifications are committed from now on.
    #[must_use]
    pub fn notifications_due(&self) -> WakeUps {
        WakeUps { news: self.topics.notifications.subscribe(), _topics: Arc::clone(&self.topics) }
    }

    /// When the schedule changes from now on.
    #[must_use]
    pub fn schedule_changes(&self) -> WakeUps {
        WakeUps { news: self.topics.schedule.subscribe(), _topics: Arc::clone(&self.topics) }
    }

    /// The calls that run now.
    #[must_use]
    pub const fn live_calls(&self) -> &LiveCalls {
        &self.live_calls
    }
}

impl WakeUps {
    /// Waits until there was a message since the last wait, or since the subscription. Many messages are one.
    pub async fn next(&mut self) {
        // The sender stays as long as this does.
        let _kept = self.news.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn every_subscriber_is_woken_once_for_many_messages_and_only_by_its_own() {
        let bus = Bus::default();
        let (mut one, mut two, mut other) =
            (bus.notifications_due(), bus.notifications_due(), bus.schedule_changes());
        assert!(one.next().now_or_never().is_none());
        bus.publish(Message::NotificationsDue);
        bus.publish(Message::NotificationsDue);
        assert!(one.next().now_or_never().is_some() && two.next().now_or_never().is_some());
        assert!(one.next().now_or_never().is_none() && other.next().now_or_never().is_none());
    }
}
