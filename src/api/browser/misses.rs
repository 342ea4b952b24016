//! Tokens that are none, by address: who guesses is slowed down. Pure: time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Guesses of an address within [`WINDOW`].
const FREE: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered. Beyond them guesses are not counted: a token has 192 bits.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Misses(Mutex<HashMap<IpAddr, (u32, Instant)>>);

/// Whoever has an IPv6 address has the 64 bits behind it, too.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

impl Misses {
    /// Seconds until an address may try again, where it has guessed too often.
    pub(super) fn wait(&self, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        let misses = self.0.lock();
        let (count, since) = misses.get(&network(address?))?;
        let left = WINDOW.checked_sub(now.saturating_duration_since(*since))?;
        (*count >= FREE && !left.is_zero()).then(|| left.as_secs().max(1))
    }

    /// A token of this address was none.
    pub(super) fn missed(&self, address: Option<IpAddr>, now: Instant) {
        let Some(address) = address.map(network) else { return };
        let mut misses = self.0.lock();
        let is_old = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        if misses.len() >= MOST {
            misses.retain(|_, (_, since)| !is_old(*since));
        }
        if misses.len() >= MOST && !misses.contains_key(&address) {
            return;
        }
        let kept = misses.entry(address).or_insert((0, now));
        if is_old(kept.1) {
            *kept = (0, now);
        }
        kept.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_waits_and_nobody_else_does() {
        let (misses, now) = (Misses::default(), Instant::now());
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for _ in 0..FREE {
            assert_eq!(misses.wait(at("2001:db8::1"), now), None);
            misses.missed(at("2001:db8::1"), now);
        }
        assert_eq!(misses.wait(at("2001:db8::2"), now), Some(60), "they have the whole network");
        assert_eq!(misses.wait(at("2001:db8:0:1::1"), now), None);
        assert_eq!(misses.wait(at("2001:db8::1"), now + WINDOW), None);
        assert_eq!(misses.wait(None, now), None);
    }

    #[test]
    fn addresses_beyond_the_limit_take_no_room() {
        let (misses, now) = (Misses::default(), Instant::now());
        for address in 0..u32::try_from(MOST).unwrap() + 5 {
            misses.missed(Some(IpAddr::V4(address.into())), now);
        }
        assert_eq!(misses.0.lock().len(), MOST);
        misses.missed(Some(IpAddr::from([192, 0, 2, 1])), now + WINDOW);
        assert_eq!(misses.0.lock().len(), 1);
    }
}
