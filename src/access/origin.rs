//! Where a request came from: the peer, or what a proxy that is trusted says about it.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The last address in `X-Forwarded-For` that is not a trusted proxy's, when the peer is one. Whatever stands before
/// it was written by strangers.
pub(super) fn of(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer?.to_canonical();
    let listed: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in listed.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(address) {
            break;
        }
        let Ok(before) = hop.trim().parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_their_own_entry() {
        let told = |peer: &str, forwarded: &str| {
            let headers =
                HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), forwarded.parse().unwrap())]);
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            of(Some(peer.parse().unwrap()), &headers, &trusted).unwrap().to_string()
        };
        assert_eq!(told("203.0.113.7", "198.51.100.1"), "203.0.113.7", "a stranger says what it likes");
        assert_eq!(told("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(told("10.0.0.1", "192.0.2.9, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(told("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(told("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
    }
}
