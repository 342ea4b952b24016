//! Who may place calls to us: from which addresses, and with which secret.

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither an address such as 203.0.113.7 nor a network such as 203.0.113.0/24")]
pub struct BadNetwork(pub String);

/// The rules of one port. Without any, everybody who reaches it may call.
#[derive(Clone, Debug, Default)]
pub struct Access {
    networks: Vec<IpNet>,
    /// Compared instead of the secret itself, so that its length shows in no timing.
    digest: Option<[u8; 32]>,
}

impl Access {
    /// `allow` holds addresses and networks; empty, it allows every address.
    ///
    /// # Errors
    /// Names the first entry that is neither.
    pub fn new(allow: &[String], secret: Option<&SecretString>) -> Result<Self, BadNetwork> {
        let networks = allow.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Self { networks, digest: secret.map(|secret| Sha256::digest(secret.expose_secret()).into()) })
    }

    /// Whether nothing keeps anybody out.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.networks.is_empty() && self.digest.is_none()
    }

    /// Whether a peer at `address` may connect.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        // A port that listens on [::] sees IPv4 peers in IPv6 clothes.
        let address = address.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a request proves that it knows the secret: as `Authorization: Bearer SECRET`, in the query as
    /// `?token=SECRET`, or as the whole path.
    pub(super) fn knows_secret(&self, authorization: Option<&str>, path: &str, query: Option<&str>) -> bool {
        let Some(digest) = &self.digest else { return true };
        let bearer = authorization.and_then(|header| {
            let (scheme, secret) = header.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
        });
        let in_query = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("token=")));
        let in_path = Some(path.trim_matches('/')).filter(|path| !path.is_empty());
        [bearer, in_query, in_path]
            .into_iter()
            .flatten()
            .map(|given| {
                let given = Cow::from(percent_decode_str(given));
                bool::from(Sha256::digest(given).as_slice().ct_eq(digest))
            })
            // All of them, so that the time tells nothing.
            .fold(false, |known, same| known | same)
    }
}

fn network(text: &str) -> Result<IpNet, BadNetwork> {
    let text = text.trim();
    IpNet::from_str(text)
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| BadNetwork(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allow: &[&str], secret: Option<&str>) -> Access {
        let allow: Vec<String> = allow.iter().map(ToString::to_string).collect();
        Access::new(&allow, secret.map(SecretString::from).as_ref()).expect("good rules")
    }

    #[test]
    fn addresses_are_admitted_one_by_one_and_by_network() {
        let access = access(&["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"], None);
        for (address, admitted) in [
            ("203.0.113.7", true),
            ("203.0.113.8", false),
            ("10.200.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8::9", true),
            ("::1", false),
        ] {
            assert_eq!(access.admits(address.parse().expect("an address")), admitted, "{address}");
        }
        let error = Access::new(&["example.com".into()], None).expect_err("no address").to_string();
        assert!(error.contains("example.com"), "{error}");
    }

    #[test]
    fn the_secret_may_stand_in_the_header_the_query_or_the_path() {
        let access = access(&[], Some("s3 cret"));
        assert!(access.knows_secret(Some("bearer s3 cret"), "/", None));
        assert!(access.knows_secret(None, "/", Some("a=b&token=s3%20cret")));
        assert!(access.knows_secret(None, "/s3%20cret", None));
        for (header, path, query) in [
            (None, "/", None),
            (Some("Bearer "), "/", None),
            (Some("Basic s3 cret"), "/", Some("token=")),
            (Some("Bearer s3 cre"), "/s3", Some("token=s3%2")),
        ] {
            assert!(!access.knows_secret(header, path, query), "{header:?} {path} {query:?}");
        }
    }

    #[test]
    fn without_rules_everybody_may_call() {
        let access = access(&[], None);
        assert!(access.is_open() && access.admits("8.8.8.8".parse().expect("an address")));
        assert!(access.knows_secret(None, "/", None));
    }
}
