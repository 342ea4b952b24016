//! Failed logins, by address: repeated attempts are slowed down, and the audit log gets totals.
//!
//! Failures are counted per address and claimed app or key, so that one client with an old secret does not lock out others
//! behind the same proxy. Unknown names from an address share one count. The table is bounded: when it is full of recent
//! failures, those from further addresses are answered but not slowed down.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

use super::bucket::Bucket;
use crate::store::Rate;

/// Addresses and names remembered.
const MOST: usize = 4096;

/// Who failed: the address, and the app or key that is known by the name it gave.
type Who = (IpAddr, Option<String>);

#[derive(Debug, Default)]
pub(in crate::access) struct Logins {
    table: Mutex<HashMap<Who, Failures>>,
}

#[derive(Debug)]
struct Failures {
    bucket: Bucket,
    /// Not yet reported.
    count: u64,
    first_ms: i64,
    reason: String,
}

/// What one address did since the last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::access) struct Report {
    pub(in crate::access) address: IpAddr,
    pub(in crate::access) claimed: Option<String>,
    pub(in crate::access) count: u64,
    pub(in crate::access) first_ms: i64,
    /// Of the last one.
    pub(in crate::access) reason: String,
}

impl Logins {
    /// Whether nobody failed of late: then there is nothing to look up.
    pub(in crate::access) fn is_quiet(&self) -> bool {
        self.table.lock().is_empty()
    }

    /// How long this address must wait before it may be this one again, seconds; `None`: it may try.
    pub(in crate::access) fn wait(
        &self,
        rate: Rate,
        address: IpAddr,
        claimed: Option<&str>,
        now: Duration,
    ) -> Option<u64> {
        let mut table = self.table.lock();
        let failures = table.get_mut(&(network(address), claimed.map(str::to_owned)))?;
        let status = failures.bucket.look(rate, now);
        (status.remaining == 0).then_some(status.retry_s.max(1))
    }

    /// A login failed.
    pub(in crate::access) fn failed(
        &self,
        rate: Rate,
        (address, claimed): (IpAddr, Option<&str>),
        reason: &str,
        (now, now_ms): (Duration, i64),
    ) {
        let who = (network(address), claimed.map(str::to_owned));
        let mut table = self.table.lock();
        if table.len() >= MOST && !table.contains_key(&who) {
            table.retain(|_, old| old.count > 0 || old.bucket.look(rate, now).remaining < rate.burst);
            if table.len() >= MOST {
                metrics::counter!("dering_logins_not_tracked_total").increment(1);
                return;
            }
        }
        let failures = table.entry(who).or_insert_with(|| Failures {
            bucket: Bucket::new(rate, now),
            count: 0,
            first_ms: now_ms,
            reason: String::new(),
        });
        let _slowed = failures.bucket.take(rate, now);
        if failures.count == 0 {
            failures.first_ms = now_ms;
        }
        failures.count += 1;
        reason.clone_into(&mut failures.reason);
    }

    /// What happened since the last report, most failures first; forgets who has been quiet.
    pub(in crate::access) fn report(&self, rate: Rate, now: Duration) -> Vec<Report> {
        let mut table = self.table.lock();
        let mut reports = Vec::new();
        table.retain(|(address, claimed), failures| {
            let count = std::mem::take(&mut failures.count);
            if count > 0 {
                reports.push(Report {
                    address: *address,
                    claimed: claimed.clone(),
                    count,
                    first_ms: failures.first_ms,
                    reason: failures.reason.clone(),
                });
            }
            failures.bucket.look(rate, now).remaining < rate.burst
        });
        drop(table);
        reports.sort_by(|one, other| other.count.cmp(&one.count).then(one.address.cmp(&other.address)));
        reports
    }
}

/// An address of IPv6 stands for its /64, which is what one customer gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 0.5, burst: 3 };
    const NOW: (Duration, i64) = (Duration::ZERO, 1_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_keeps_failing_waits_and_nobody_else_does() {
        let logins = Logins::default();
        let evil = address("203.0.113.7");
        for _ in 0..3 {
            assert_eq!(logins.wait(RATE, evil, Some("shop"), NOW.0), None);
            logins.failed(RATE, (evil, Some("shop")), "wrong", NOW);
        }
        assert_eq!(logins.wait(RATE, evil, Some("shop"), NOW.0), Some(2));
        assert_eq!(logins.wait(RATE, evil, Some("other"), NOW.0), None, "another app behind the same proxy");
        assert_eq!(logins.wait(RATE, address("203.0.113.8"), Some("shop"), NOW.0), None);
        assert_eq!(logins.wait(RATE, evil, Some("shop"), Duration::from_secs(2)), None, "it may try again");
    }

    #[test]
    fn failures_are_reported_in_sums_once() {
        let logins = Logins::default();
        for (host, times) in [("2001:db8::1", 2), ("2001:db8::2", 3), ("203.0.113.7", 1)] {
            for _ in 0..times {
                logins.failed(RATE, (address(host), None), "unknown", NOW);
            }
        }
        let reports = logins.report(RATE, NOW.0);
        let sums: Vec<_> = reports.iter().map(|report| (report.address.to_string(), report.count)).collect();
        assert_eq!(sums, [("2001:db8::".to_owned(), 5), ("203.0.113.7".to_owned(), 1)]);
        assert_eq!(logins.report(RATE, NOW.0), []);
        assert!(!logins.table.lock().is_empty(), "still slowed down");
        logins.report(RATE, Duration::from_secs(60));
        assert!(logins.table.lock().is_empty(), "forgotten when quiet");
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let logins = Logins::default();
        for n in 0..u32::try_from(2 * MOST).unwrap() {
            logins.failed(RATE, (IpAddr::V4(n.into()), None), "unknown", NOW);
        }
        assert_eq!(logins.table.lock().len(), MOST);
    }
}
