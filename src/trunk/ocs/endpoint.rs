//! Where a call's media is, and whether that place may have our token.
//!
//! From 1.0.5 on the carrier's answer names a media host, and the client is to show its token there. The
//! answer thereby directs where a secret goes. It is followed only to hosts of the carrier's own site, or
//! to hosts that the operator named; never from an encrypted base URL to a plain one.

use reqwest::Url;

/// Which hosts may have the token.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    base: Url,
    named: Vec<String>,
}

/// Why an `endpointUrl` is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untrusted {
    #[error("it names the media host {0:?}, which is not an address")]
    Malformed(String),
    #[error("it names a media host with the scheme {0}; http, https, ws and wss are known")]
    Scheme(String),
    #[error(
        "it names the media host {0} without encryption, which would show the token to everybody between"
    )]
    Plain(String),
    #[error(
        "it names the media host {host}, which is not of the trunk's own site; \
         if it is the carrier's, add it to `media_hosts` of the trunk"
    )]
    Stranger { host: String },
}

impl Policy {
    pub(super) const fn new(base: Url, named: Vec<String>) -> Self {
        Self { base, named }
    }

    /// Reads the carrier's `endpointUrl`: an http or https address in the end.
    ///
    /// # Errors
    /// When it is no address, or one that may not have the token.
    pub(super) fn admit(&self, text: &str) -> Result<Url, Untrusted> {
        let shown: String = text.chars().take(200).collect();
        let url = Url::parse(text.trim()).map_err(|_| Untrusted::Malformed(shown.clone()))?;
        let scheme = match url.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            other => return Err(Untrusted::Scheme(other.to_owned())),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Untrusted::Malformed(shown))?;
        let host = host.to_ascii_lowercase();
        if scheme == "http" && self.base.scheme() == "https" {
            return Err(Untrusted::Plain(host));
        }
        if !self.trusts(&host) {
            return Err(Untrusted::Stranger { host });
        }
        let mut url = with_scheme(url, scheme);
        // Credentials in the address would be somebody else's choice of who we are.
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(Untrusted::Malformed(host));
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(url)
    }

    fn trusts(&self, host: &str) -> bool {
        let own = self.base.host_str().unwrap_or_default().to_ascii_lowercase();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let is_named = self.named.iter().any(|named| {
            let named = named.to_ascii_lowercase();
            named.strip_prefix("*.").map_or(named == host, below)
        });
        host == own || is_named || (is_name(&own) && below(&own)) || site(&own).is_some_and(below)
    }
}

/// A domain name, not an IP address.
fn is_name(host: &str) -> bool {
    host.contains('.')
        && !host.contains(':')
        && !host.split('.').all(|l| l.bytes().all(|b| b.is_ascii_digit()))
}

/// The domain a host's siblings share: `carrier.com` for `voice.carrier.com`. None where the parent may
/// belong to everybody, as `co.uk` does.
fn site(host: &str) -> Option<&str> {
    if !is_name(host) {
        return None;
    }
    let (_, parent) = host.split_once('.')?;
    let labels: Vec<&str> = parent.split('.').collect();
    match labels[..] {
        [] | [_] => None,
        [second, top] if top.len() == 2 && second.len() <= 3 => None,
        _ => Some(parent),
    }
}

fn with_scheme(url: Url, scheme: &str) -> Url {
    let mut changed = url.clone();
    // All four schemes are special to the URL standard, so this cannot be refused.
    if changed.set_scheme(scheme).is_err() {
        tracing::error!("a URL with an http scheme refuses another one");
        return url;
    }
    changed
}

fn socket(mut base: Url, path: &[&str]) -> Url {
    let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
    base = with_scheme(base, scheme);
    if let Ok(mut segments) = base.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    base
}

/// Where the Socket.IO server of `base` listens, with the parameters of a websocket-only client.
pub(super) fn socket_io(base: Url) -> String {
    let mut url = socket(base, &["socket.io", ""]);
    url.set_query(Some("EIO=4&transport=websocket"));
    url.into()
}

/// Where the plain WebSocket of one session is.
pub(super) fn websocket(endpoint: Url, session_id: &str) -> String {
    socket(endpoint, &["ws", session_id]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn policy(base: &str, named: &[&str]) -> Policy {
        Policy::new(url(base), named.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn the_socket_is_found_beside_the_rest_api() {
        assert_eq!(
            socket_io(url("https://carrier.example")),
            "wss://carrier.example/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(
            socket_io(url("http://127.0.0.1:80/voice/")),
            "ws://127.0.0.1/voice/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(websocket(url("https://m.example/eu"), "a b"), "wss://m.example/eu/ws/a%20b");
    }

    #[test]
    fn the_token_goes_to_the_carriers_own_site() {
        let policy = policy("https://voice.carrier.com", &[]);
        for (given, followed) in [
            ("https://voice.carrier.com:8443/media", "https://voice.carrier.com:8443/media"),
            ("wss://media-7.carrier.com", "https://media-7.carrier.com/"),
            ("https://a.b.voice.carrier.com", "https://a.b.voice.carrier.com/"),
            ("https://me:secret@media.carrier.com/?x=1#y", "https://media.carrier.com/"),
        ] {
            assert_eq!(policy.admit(given).expect(given).as_str(), followed);
        }
    }

    #[test]
    fn the_token_goes_nowhere_else() {
        let policy = policy("https://voice.carrier.com", &[]);
        for stranger in [
            "https://evil.example",
            "https://voice.carrier.com.evil.example",
            "https://evilcarrier.com",
            "https://carrier.com.",
            "https://169.254.169.254/latest",
            "https://[::1]",
        ] {
            assert!(matches!(policy.admit(stranger), Err(Untrusted::Stranger { .. })), "{stranger}");
        }
        assert!(matches!(policy.admit("http://voice.carrier.com"), Err(Untrusted::Plain(_))));
        assert!(matches!(policy.admit("ws://voice.carrier.com"), Err(Untrusted::Plain(_))));
        assert!(matches!(policy.admit("file:///etc/passwd"), Err(Untrusted::Scheme(_))));
        assert!(matches!(policy.admit("media"), Err(Untrusted::Malformed(_))));
    }

    #[test]
    fn a_public_suffix_or_an_address_makes_no_site() {
        for (base, stranger) in [
            ("https://carrier.co.uk", "https://other.co.uk"),
            ("https://carrier.com", "https://other.com"),
            ("https://localhost", "https://a.localhost"),
            ("https://10.0.0.1", "https://9.0.0.1"),
        ] {
            assert!(policy(base, &[]).admit(stranger).is_err(), "{base} {stranger}");
        }
        assert!(policy("http://127.0.0.1:1", &[]).admit("http://127.0.0.1:2").is_ok());
    }

    #[test]
    fn the_operator_may_name_more() {
        let policy = policy("https://voice.carrier.com", &["Media.Example.NET", "*.cdn.example"]);
        assert!(policy.admit("https://media.example.net").is_ok());
        assert!(policy.admit("https://eu.cdn.example").is_ok());
        assert!(policy.admit("https://cdn.example").is_err());
        assert!(policy.admit("https://xmedia.example.net").is_err());
    }
}
