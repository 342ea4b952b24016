//! The guard against server-side request forgery. A caller names the URL that a webhook or a request of a flow goes to,
//! so it could name our own network: nothing is sent but
//! to public addresses and to networks that were allowed, and the address that was checked is the one connected to,
//! because the check sits in the HTTP client's resolver. Redirects are not followed by the client.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, Url};

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Which addresses may be posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public addresses only.
    Public,
    /// Public addresses and those of these networks: for receivers on one's own network, without the rest of it.
    PublicAnd(Arc<[IpNet]>),
    /// Private and loopback ones too: for the demo, tests, and receivers on one's own network.
    Anywhere,
}

/// Names that are somewhere without being looked up; only tests put any there.
pub type Hosts = fn(&str) -> Option<IpAddr>;

/// No name is anywhere without being looked up.
pub const NO_HOSTS: Hosts = |_| None;

/// Why a URL is not posted to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    #[error("{0:?} is not an absolute URL")]
    NotUrl(String),
    #[error("requests go to http or https, not to {0}")]
    Scheme(String),
    #[error("a webhook URL may not carry a user name or password; use notifyHeaders")]
    Userinfo,
    /// Its reader need not learn which addresses our network has.
    #[error("{host} is not at a public address; nothing is sent there")]
    Forbidden { host: String, address: IpAddr },
    #[error("{host} cannot be looked up: {reason}")]
    Lookup { host: String, reason: String },
}

impl AddressPolicy {
    /// Checks all of a URL that can be checked without the network: its form, and its address where it
    /// names one.
    ///
    /// # Errors
    /// Says what is wrong with the URL.
    pub fn check(&self, url: &str) -> Result<Url, GuardError> {
        let parsed = Url::parse(url).map_err(|_| GuardError::NotUrl(url.to_owned()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(GuardError::Scheme(parsed.scheme().to_owned()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(GuardError::Userinfo);
        }
        let host = parsed.host_str().ok_or_else(|| GuardError::NotUrl(url.to_owned()))?;
        // An IPv6 literal stands in brackets.
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.admit(host, address)?;
        } else if is_local_name(host) {
            self.admit(host, Ipv4Addr::LOCALHOST.into())?;
        }
        Ok(parsed)
    }

    /// [`AddressPolicy::check`], and the addresses that the host's name has now.
    ///
    /// # Errors
    /// Says what is wrong with the URL, or that the name has no address.
    pub async fn check_resolved(&self, url: &str) -> Result<Url, GuardError> {
        let parsed = self.check(url)?;
        if let Some(host) = parsed.domain() {
            self.lookup(host, NO_HOSTS).await?;
        }
        Ok(parsed)
    }

    fn admit(&self, host: &str, address: IpAddr) -> Result<(), GuardError> {
        let allowed = match self {
            Self::Public => is_public(address),
            Self::PublicAnd(networks) => {
                let plain = address.to_canonical();
                is_public(address) || networks.iter().any(|network| network.contains(&plain))
            }
            Self::Anywhere => true,
        };
        if allowed {
            return Ok(());
        }
        tracing::debug!(host, %address, "nothing is sent to an address that is not public");
        Err(GuardError::Forbidden { host: host.to_owned(), address })
    }

    /// All addresses of a name. One that is forbidden forbids the name: an answer that mixes public and
    /// private addresses has no honest use here.
    async fn lookup(&self, host: &str, hosts: Hosts) -> Result<Vec<SocketAddr>, GuardError> {
        if let Some(address) = hosts(host) {
            self.admit(host, address)?;
            return Ok(vec![SocketAddr::new(address, 0)]);
        }
        let failed = |reason: String| GuardError::Lookup { host: host.to_owned(), reason };
        let found: Result<io::Result<Vec<_>>, _> = tokio::time::timeout(LOOKUP_TIMEOUT, async {
            Ok(tokio::net::lookup_host((host, 0)).await?.collect())
        })
        .await;
        let addresses = match found {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("no answer in time".to_owned())),
        };
        addresses.iter().try_for_each(|address| self.admit(host, address.ip()))?;
        Ok(addresses)
    }
}

/// An HTTP client that connects only where `policy` admits; `configure` adds the rest. URLs that name an
/// address and no host must go through [`AddressPolicy::check`] besides. `what` is made with it, for the log.
///
/// # Errors
/// When the client cannot be set up.
pub fn guarded_client(
    policy: &AddressPolicy,
    hosts: Hosts,
    what: &'static str,
    configure: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, reqwest::Error> {
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = || {
        let builder = Client::builder()
            .dns_resolver(GuardedResolver { policy: policy.clone(), hosts })
            // A proxy of the environment would connect in our place, past the check of addresses.
            .no_proxy()
            .retry(reqwest::retry::never());
        configure(builder)
    };
    builder().build().or_else(|error| {
        tracing::warn!(
            error = %error.without_url(),
            "no CA certificates on this machine: {what} to https fail until ca-certificates is installed"
        );
        builder().tls_certs_only([]).build()
    })
}

/// The resolver of the HTTP clients.
#[derive(Clone, Debug)]
struct GuardedResolver {
    policy: AddressPolicy,
    hosts: Hosts,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { policy, hosts } = self.clone();
        Box::pin(async move {
            let addresses = policy.lookup(name.as_str(), hosts).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether a name is this machine's, without being looked up (RFC 6761, section 6.3).
fn is_local_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is reachable by everybody and belongs to nobody in particular (IANA special-purpose
/// registries for IPv4 and IPv6, and the clouds' metadata services).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,
        // Carrier-grade NAT; Alibaba's metadata service is in it.
        [100, second, ..] => (64..128).contains(&second),
        // Link-local; most clouds' metadata service is in it.
        [169, 254, ..] => true,
        // Azure's platform services.
        [168, 63, 129, 16] => true,
        [172, second, ..] => (16..32).contains(&second),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // IPv4-mapped and NAT64: what counts is the IPv4 address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4, likewise.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarking, ORCHID and other protocol assignments.
        [0x2001, 0..=0x1ff, ..] => false,
        // Documentation.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only 2000::/3 is handed out as global unicast: this leaves out loopback, link-local,
        // unique-local, multicast and all that has no use yet.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_private_networks_and_metadata_services_are_refused() {
        let urls = [
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:8080/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://10.1.2.3/",
            "http://172.31.0.1/",
            "http://192.168.1.1/",
            "http://100.100.100.200/",
            "http://168.63.129.16/",
            "http://0.0.0.0/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[64:ff9b:1::1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001::1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[ff02::1]/",
        ];
        for url in urls {
            let refused = AddressPolicy::Public.check(url).unwrap_err();
            assert!(matches!(refused, GuardError::Forbidden { .. }), "{url}: {refused}");
            assert!(AddressPolicy::Anywhere.check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn public_addresses_and_names_are_let_through() {
        for url in [
            "https://example.com/notify?x=1",
            "http://93.184.216.34:8080/",
            "http://172.32.0.1/",
            "http://100.128.0.1/",
            "https://[2606:2800:220:1::1]/",
            "https://[64:ff9b::5db8:d822]/",
        ] {
            assert!(AddressPolicy::Public.check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_opens_itself_and_nothing_beside_it() {
        let policy = AddressPolicy::PublicAnd(Arc::new([
            "10.20.0.0/16".parse().unwrap(),
            "fd00::/64".parse().unwrap(),
        ]));
        let allowed =
            ["http://10.20.3.4/", "http://[::ffff:10.20.3.4]/", "http://[fd00::1]/", "http://example.com/"];
        for url in allowed {
            assert!(policy.check(url).is_ok(), "{url}");
        }
        for url in
            ["http://10.21.0.1/", "http://127.0.0.1/", "http://169.254.169.254/", "http://[fd00:0:0:1::1]/"]
        {
            assert!(matches!(policy.check(url), Err(GuardError::Forbidden { .. })), "{url}");
        }
    }

    #[test]
    fn the_name_of_this_machine_needs_no_lookup() {
        for url in ["http://localhost/", "https://LOCALHOST.:8443/", "http://dering.localhost/"] {
            assert!(matches!(AddressPolicy::Public.check(url), Err(GuardError::Forbidden { .. })), "{url}");
            assert!(AddressPolicy::Anywhere.check(url).is_ok(), "{url}");
        }
        assert!(AddressPolicy::Public.check("https://localhost.example.com/").is_ok());
    }

    #[test]
    fn a_url_that_cannot_be_a_webhook_is_refused_with_the_reason() {
        let problem = |url| AddressPolicy::Anywhere.check(url).unwrap_err().to_string();
        assert_eq!(problem("/notify"), "\"/notify\" is not an absolute URL");
        assert_eq!(problem("ftp://example.com/"), "requests go to http or https, not to ftp");
        assert_eq!(problem("file:///etc/passwd"), "requests go to http or https, not to file");
        let expected = "a webhook URL may not carry a user name or password; use notifyHeaders";
        assert_eq!(problem("https://user:pw@example.com/"), expected);
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_addresses_it_has() {
        let refused = AddressPolicy::Public.check_resolved("http://localhost:1/").await.unwrap_err();
        assert!(matches!(refused, GuardError::Forbidden { host, .. } if host == "localhost"));
        assert!(AddressPolicy::Anywhere.check_resolved("http://localhost:1/").await.is_ok());
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_in_every_ipv6_dress(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let public = is_public(v4.into());
            prop_assert_eq!(is_public(v4.to_ipv6_mapped().into()), public);
            let nat64 = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));
            prop_assert_eq!(is_public(nat64.into()), public);
        }

        #[test]
        fn whatever_the_standard_library_calls_private_is_not_public(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let private = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_unspecified() || v4.is_broadcast() || v4.is_documentation();
            prop_assert!(!(private && is_public(v4.into())));
        }

        #[test]
        fn any_text_is_judged(url in ".{0,60}") {
            let _judged = AddressPolicy::Public.check(&url);
        }
    }
}
