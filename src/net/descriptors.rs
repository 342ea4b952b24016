//! File descriptors: every socket and every file needs one, and calls, recordings and webhooks take precedence over incoming
//! connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More is no use, and some programs that we start walk through all of them.
const ENOUGH: u64 = 65_536;
/// A call: its recording, a message, its socket at carriers with one for each call.
const PER_CALL: usize = 3;
/// Webhooks in flight and requests of flows.
const OUTGOING: usize = 288;
/// Database, logs, speech engines, trunks, flows.
const HOUSE: usize = 128;
/// Connections to the API are never fewer.
const FEWEST: usize = 48;

/// What the limit of open files leaves for connections to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub limit: usize,
    /// What everything needs, with the connections that are wanted.
    pub needed: usize,
    pub connections: usize,
}

impl Budget {
    /// Whether there are fewer than wanted.
    #[must_use]
    pub const fn is_small(self) -> bool {
        self.limit < self.needed
    }
}

/// Raises the soft limit of open files as far as it goes; what it is now.
#[must_use]
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let Some(now) = current.filter(|now| *now < wanted) else {
        return current.map_or(usize::MAX, count);
    };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => count(wanted),
        Err(error) => {
            tracing::warn!(%error, limit = now, "the limit of open files could not be raised");
            count(now)
        }
    }
}

/// Shares `limit` out: `calls` at once, `inbound` connections of carriers, and `wanted` connections to the API, which
/// get what is left.
#[must_use]
pub const fn budget(limit: usize, calls: usize, inbound: usize, wanted: usize) -> Budget {
    let reserve = calls.saturating_mul(PER_CALL).saturating_add(inbound).saturating_add(OUTGOING + HOUSE);
    let left = limit.saturating_sub(reserve);
    let connections = if wanted < left { wanted } else { left };
    let connections = if connections < FEWEST { FEWEST } else { connections };
    Budget { limit, needed: reserve.saturating_add(wanted), connections }
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_calls_leave() {
        let roomy = budget(20_000, 200, 400, 1_000);
        assert_eq!((roomy.connections, roomy.is_small()), (1_000, false));
        let tight = budget(1_200, 200, 0, 1_000);
        assert_eq!((tight.connections, tight.is_small()), (184, true));
        let tiny = budget(256, 200, 400, 1_000);
        assert_eq!((tiny.connections, tiny.is_small()), (FEWEST, true));
        assert_eq!(budget(usize::MAX, 200, 0, 1_000).connections, 1_000);
    }

    #[test]
    fn the_soft_limit_is_raised() {
        let limit = raise();
        assert!(limit >= 256);
        assert_eq!(raise(), limit);
    }
}
