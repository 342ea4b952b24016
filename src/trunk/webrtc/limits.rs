//! How many calls or connections there are, by whom and from where. Pure.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Why a call finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    #[error(
        "{0} calls in the browser run already; try again when one has ended, or raise `webrtc.max_calls`"
    )]
    All(usize),
    #[error(
        "{0} calls in the browser of this app, key or person run already; try again when one has ended, or raise `webrtc.per_caller`"
    )]
    Caller(usize),
    #[error(
        "{0} calls in the browser from this address run already; try again when one has ended, or raise `webrtc.per_address`"
    )]
    Address(usize),
}

/// Counts calls. Clones share the counts.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    max: usize,
    per_caller: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    callers: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// Room for one call, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    caller: String,
    address: Option<IpAddr>,
}

impl Limits {
    pub(super) fn new(max: usize, per_caller: usize, per_address: usize) -> Self {
        Self { max, per_caller, per_address, taken: Arc::default() }
    }

    /// Takes a place for a call of `caller` from `address`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn enter(&self, caller: &str, address: Option<IpAddr>) -> Result<Place, Crowded> {
        let address = address.map(|address| address.to_canonical());
        let mut taken = self.taken.lock();
        let of_caller = taken.callers.get(caller).copied().unwrap_or_default();
        let of_address =
            address.and_then(|address| taken.addresses.get(&address).copied()).unwrap_or_default();
        if taken.all >= self.max {
            return Err(Crowded::All(taken.all));
        }
        if of_caller >= self.per_caller {
            return Err(Crowded::Caller(of_caller));
        }
        if of_address >= self.per_address {
            return Err(Crowded::Address(of_address));
        }
        taken.all += 1;
        *taken.callers.entry(caller.to_owned()).or_default() += 1;
        if let Some(address) = address {
            *taken.addresses.entry(address).or_default() += 1;
        }
        Ok(Place { taken: Arc::clone(&self.taken), caller: caller.to_owned(), address })
    }
}

#[cfg(test)]
impl Limits {
    /// Whether nobody has a place, and nothing is kept of who had.
    pub(super) fn is_empty(&self) -> bool {
        let taken = self.taken.lock();
        taken.all == 0 && taken.callers.is_empty() && taken.addresses.is_empty()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        leave(&mut taken.callers, &self.caller);
        if let Some(address) = &self.address {
            leave(&mut taken.addresses, address);
        }
    }
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_holds_by_itself_and_a_call_that_ended_makes_room() {
        let limits = Limits::new(3, 2, 2);
        let at = |last| Some(IpAddr::from([192, 0, 2, last]));
        let first = limits.enter("app:a", at(1)).expect("room");
        let _second = limits.enter("app:a", at(1)).expect("room");
        assert_eq!(limits.enter("app:a", at(2)).unwrap_err(), Crowded::Caller(2));
        assert_eq!(limits.enter("app:b", at(1)).unwrap_err(), Crowded::Address(2));
        let _third = limits.enter("app:b", at(2)).expect("room");
        assert_eq!(limits.enter("app:c", None).unwrap_err(), Crowded::All(3));
        drop(first);
        let _fourth = limits.enter("app:a", at(1)).expect("room again");
        assert_eq!(limits.taken.lock().callers.len(), 2);
    }
}
