//! Servers and SIP URIs (RFC 3261, section 19.1) as they may be written. Nothing gets into a message that has not been
//! through here, so that no name or number can add a header or a parameter.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// Longest host name, bytes (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 253;
/// Longest user part, bytes; longer ones are no telephone numbers and no names.
const LONGEST_USER: usize = 128;

/// What carries the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
}

impl Transport {
    /// As the configuration and the URI parameter write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error(
        "{0:?} is no server; write a host or an address, with a port if it is not the usual one: `sip.example.com:5060`"
    )]
    Server(String),
    #[error("{0:?} cannot be the user of a SIP address: letters, digits and `-_.!~*'()&=+$,` only")]
    User(String),
}

/// A SIP server: a host or an address, and a port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    host: String,
    port: Option<u16>,
}

impl Server {
    /// The server at an IP address.
    #[must_use]
    pub fn at(ip: IpAddr, port: Option<u16>) -> Self {
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port }
    }

    /// As in a URI: an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host alone, as it names somebody.
    #[must_use]
    pub fn without_port(&self) -> Self {
        Self { host: self.host.clone(), port: None }
    }

    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

impl FromStr for Server {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress::Server(text.chars().take(80).collect());
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(bad)?;
                let ip: std::net::Ipv6Addr = host.parse().map_err(|_| bad())?;
                (format!("[{ip}]"), port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host.to_ascii_lowercase(), Some(port).filter(|port| !port.is_empty())),
                None => (text.to_ascii_lowercase(), Some("")),
            },
        };
        let port = match port.ok_or_else(bad)? {
            "" => None,
            port => Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?),
        };
        let server = Self { host, port };
        if server.ip().is_some() || is_host_name(&server.host) { Ok(server) } else { Err(bad()) }
    }
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // A name whose last label is a number would be taken for an address.
    let last_is_name =
        host.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| !byte.is_ascii_digit()));
    host.len() <= LONGEST_HOST && host.split('.').all(is_label) && last_is_name
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// A SIP URI that is safe to send: `sip:+15552000001@sip.example.com:5060;transport=tcp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUri {
    user: Option<String>,
    server: Server,
    transport: Transport,
}

impl SipUri {
    /// A user at a server.
    ///
    /// # Errors
    /// When the user has a character that would mean something else in a URI.
    pub fn of_user(user: &str, server: &Server, transport: Transport) -> Result<Self, BadAddress> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&byte);
        if user.is_empty() || user.len() > LONGEST_USER || !user.bytes().all(is_safe) {
            return Err(BadAddress::User(user.chars().take(40).collect()));
        }
        Ok(Self { user: Some(user.to_owned()), server: server.clone(), transport })
    }

    /// The server itself.
    #[must_use]
    pub fn of_server(server: &Server, transport: Transport) -> Self {
        Self { user: None, server: server.clone(), transport }
    }

    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Without the transport, as it names somebody in `From` and `To`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.user {
            Some(user) => format!("sip:{user}@{}", self.server),
            None => format!("sip:{}", self.server),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match self.transport {
            Transport::Udp => Ok(()),
            Transport::Tcp => f.write_str(";transport=tcp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn servers_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Server>().map(|server| server.to_string());
        assert_eq!(read("SIP.Example.com"), Ok("sip.example.com".into()));
        assert_eq!(read("sip.example.com:5080"), Ok("sip.example.com:5080".into()));
        assert_eq!(read("192.0.2.7:5060"), Ok("192.0.2.7:5060".into()));
        assert_eq!(read("[2001:db8::1]:5060"), Ok("[2001:db8::1]:5060".into()));
        assert_eq!(read("localhost"), Ok("localhost".into()));
        let bad = [
            "",
            ":5060",
            "a b",
            "sip:example.com",
            "a.com:",
            "a.com:0",
            "a.com:70000",
            "a..com",
            "-a.com",
            "1.2.3",
            "[::1",
            "a.com;lr",
            "a.com\r\nX: y",
            "user@a.com",
        ];
        for text in bad {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_uri_names_its_transport_unless_it_is_the_usual_one() {
        let server = "sip.example.com".parse::<Server>().expect("a server");
        let uri = |transport| SipUri::of_user("+15552000001", &server, transport).map(|uri| uri.to_string());
        assert_eq!(uri(Transport::Udp), Ok("sip:+15552000001@sip.example.com".into()));
        assert_eq!(uri(Transport::Tcp), Ok("sip:+15552000001@sip.example.com;transport=tcp".into()));
    }

    proptest! {
        /// Toll fraud by header: no user can add anything to the message it is put into.
        #[test]
        fn a_user_never_says_more_than_a_user(user in ".{0,60}") {
            let server = "a.com".parse::<Server>().expect("a server");
            if let Ok(uri) = SipUri::of_user(&user, &server, Transport::Udp) {
                let text = uri.to_string();
                prop_assert_eq!(text.matches('@').count(), 1);
                prop_assert!(!text.contains(|c: char| c.is_control() || c.is_whitespace() || "<>;?\"%".contains(c)));
            }
        }

        #[test]
        fn a_server_is_read_as_it_is_written(host in "[a-z][a-z0-9]{0,8}(\\.[a-z]{1,5}){0,3}", port in prop::option::of(1_u16..)) {
            let text = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            prop_assert_eq!(text.parse::<Server>().map(|server| server.to_string()), Ok(text.clone()));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,80}") {
            let _read = text.parse::<Server>();
        }
    }
}
