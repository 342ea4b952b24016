//! Who waits for news of a call. The news itself is read from the database, so nothing is reported that is not stored, and
//! a slow reader misses nothing.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Timelines that may be watched at the same time.
const MOST: usize = 500;

/// The calls that somebody watches.
#[derive(Clone, Debug, Default)]
pub(super) struct Watches(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    calls: HashMap<String, watch::Sender<()>>,
    watches: usize,
}

/// Tells when something was written about one call.
#[derive(Debug)]
pub struct Watch {
    call_id: String,
    news: watch::Receiver<()>,
    watches: Watches,
}

impl Watch {
    /// Waits until something was written since the last wait, or since the watch began.
    pub async fn changed(&mut self) {
        // The sender stays as long as this watch.
        let _kept = self.news.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut known = self.watches.0.lock();
        known.watches -= 1;
        if known.calls.get(&self.call_id).is_some_and(|sender| sender.receiver_count() <= 1) {
            known.calls.remove(&self.call_id);
        }
        metrics::gauge!("dering_timelines_watched").set(known.watches as f64);
    }
}

impl Watches {
    /// Watches a call; `None` when too many are watched already.
    pub(super) fn watch(&self, call_id: &str) -> Option<Watch> {
        let mut known = self.0.lock();
        if known.watches >= MOST {
            return None;
        }
        known.watches += 1;
        metrics::gauge!("dering_timelines_watched").set(known.watches as f64);
        let sender = known.calls.entry(call_id.to_owned()).or_insert_with(|| watch::Sender::new(()));
        let news = sender.subscribe();
        drop(known);
        Some(Watch { call_id: call_id.to_owned(), news, watches: self.clone() })
    }

    /// Something was written about a call.
    pub(super) fn tell(&self, call_id: &str) {
        let known = self.0.lock();
        if let Some(sender) = known.calls.get(call_id) {
            sender.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_hears_of_its_own_call_only_and_leaves_nothing_behind() {
        let watches = Watches::default();
        let (mut one, second) = (watches.watch("c1").unwrap(), watches.watch("c1").unwrap());
        watches.tell("c2");
        assert!(!one.news.has_changed().unwrap());
        watches.tell("c1");
        one.changed().await;
        drop(second);
        watches.tell("c1");
        one.changed().await;
        drop(one);
        let known = watches.0.lock();
        assert!(known.calls.is_empty() && known.watches == 0);
    }

    #[test]
    fn there_is_a_limit_to_watching() {
        let watches = Watches::default();
        let all: Vec<_> = std::iter::from_fn(|| watches.watch("c1")).collect();
        assert_eq!(all.len(), MOST);
        drop(all);
        assert!(watches.watch("c1").is_some());
    }
}
