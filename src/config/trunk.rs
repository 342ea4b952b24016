//! Trunks, as the configuration names them: carriers that serve the Outgoing Call Service, and SIP servers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use rtp::Law;
use secrecy::SecretString;
use serde::Deserialize;

use super::ConfigError;
use crate::media::Codec;
use crate::media::rtp::port_range;
use crate::sip::{Account, BadAddress, Server, Transport};
use crate::trunk::ocs::{MediaWire, Version};
use crate::trunk::{Limits, sip};

/// A carrier. Which settings a kind has is checked before they are read into this.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    pub name: String,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub caller_id: Option<String>,
    #[serde(default)]
    pub limits: TrunkLimits,
    /// Seconds.
    #[serde(default = "ten")]
    pub away_timeout: u64,
    /// Calls that come in over it go to the routes of `inbound`.
    #[serde(default = "yes")]
    pub takes_calls: bool,
    /// The number that was dialled when the carrier does not say which.
    #[serde(default)]
    pub did: Option<String>,

    /// Of the Outgoing Call Service, as all that follows up to `server`; empty for a SIP server.
    #[serde(default)]
    pub url: String,
    token: Option<SecretString>,
    token_env: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    #[serde(default)]
    pub version: VersionChoice,
    #[serde(default)]
    pub media: MediaWire,
    #[serde(default)]
    pub codec: Codec,
    #[serde(default)]
    pub media_hosts: Vec<String>,
    #[serde(default = "fifty")]
    pub calls_per_connection: usize,

    /// Of a SIP server, as all that follows; empty for the Outgoing Call Service.
    #[serde(default)]
    pub server: String,
    #[serde(default)]
    transport: Transport,
    #[serde(default = "any_port")]
    listen: SocketAddr,
    #[serde(default)]
    public_address: Option<IpAddr>,
    #[serde(default)]
    username: Option<String>,
    password_env: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    #[serde(default)]
    register: bool,
    #[serde(default)]
    from_domain: Option<String>,
    #[serde(default)]
    asserts_caller: bool,
    #[serde(default = "both_laws")]
    codecs: Vec<Codec>,
    #[serde(default = "usual_ports")]
    rtp_ports: String,
    #[serde(default)]
    allow: Vec<String>,
    /// Absent: the host of `server`.
    #[serde(default)]
    redirects: Option<Vec<String>>,
    /// Seconds.
    #[serde(default = "half_a_minute")]
    ping: u64,
}

const fn ten() -> u64 {
    10
}

const fn yes() -> bool {
    true
}

const fn fifty() -> usize {
    50
}

const fn any_port() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
}

fn both_laws() -> Vec<Codec> {
    vec![Codec::Ulaw, Codec::Alaw]
}

fn usual_ports() -> String {
    "20000-29999".to_owned()
}

const fn half_a_minute() -> u64 {
    30
}

/// What a trunk leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    OutgoingCallService,
    Sip,
}

/// The version of the carrier's service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum VersionChoice {
    /// Found out from what the carrier answers.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(untagged)]
    Fixed(Version),
}

impl VersionChoice {
    /// `None` for the version to be found out.
    #[must_use]
    pub const fn fixed(self) -> Option<Version> {
        match self {
            Self::Auto => None,
            Self::Fixed(version) => Some(version),
        }
    }
}

/// What a trunk can take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrunkLimits {
    /// Calls at the same time.
    pub calls: Option<usize>,
    /// Dial requests per second.
    pub per_second: Option<f64>,
    /// Calls that may wait for a line.
    pub queue: usize,
    /// Seconds.
    pub queue_timeout: u64,
}

impl Default for TrunkLimits {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            calls: None,
            per_second: None,
            queue: limits.queue,
            queue_timeout: limits.queue_timeout.as_secs(),
        }
    }
}

impl TrunkLimits {
    /// As the trunk wants them.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            calls: self.calls,
            per_second: self.per_second,
            queue: self.queue,
            queue_timeout: Duration::from_secs(self.queue_timeout),
        }
    }
}

impl Trunk {
    /// A trunk with its token at hand.
    #[must_use]
    pub fn with_token(name: &str, url: &str, token: SecretString) -> Self {
        Self {
            name: name.into(),
            kind: Kind::OutgoingCallService,
            caller_id: None,
            limits: TrunkLimits::default(),
            away_timeout: ten(),
            takes_calls: yes(),
            did: None,
            url: url.into(),
            token: Some(token),
            token_env: None,
            token_file: None,
            version: VersionChoice::default(),
            media: MediaWire::default(),
            codec: Codec::default(),
            media_hosts: Vec::new(),
            calls_per_connection: fifty(),
            server: String::new(),
            transport: Transport::default(),
            listen: any_port(),
            public_address: None,
            username: None,
            password_env: None,
            password_file: None,
            register: false,
            from_domain: None,
            asserts_caller: false,
            codecs: both_laws(),
            rtp_ports: usual_ports(),
            allow: Vec::new(),
            redirects: None,
            ping: half_a_minute(),
        }
    }

    /// A trunk to a SIP server with the account's password at hand.
    #[must_use]
    pub fn over_sip(name: &str, server: &str, username: &str, password: SecretString) -> Self {
        let (server, username) = (server.into(), Some(username.into()));
        Self { kind: Kind::Sip, server, username, ..Self::with_token(name, "", password) }
    }

    /// The token, from wherever it is kept.
    ///
    /// # Errors
    /// When none is given, or its place cannot be read.
    pub fn token(&self) -> Result<SecretString, ConfigError> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        self.kept(self.token_env.as_deref(), self.token_file.as_deref())?
            .ok_or_else(|| ConfigError::NoToken { trunk: self.name.clone() })
    }

    /// A secret that is kept outside; `None` where no place is named.
    fn kept(&self, variable: Option<&str>, file: Option<&Path>) -> Result<Option<SecretString>, ConfigError> {
        let unreadable = |what: String| ConfigError::TokenSource { trunk: self.name.clone(), what };
        if let Some(name) = variable {
            let value = std::env::var(name);
            return value
                .map(|value| Some(value.into()))
                .map_err(|_| unreadable(format!("the environment variable {name}")));
        }
        let Some(path) = file else { return Ok(None) };
        std::fs::read_to_string(path)
            .map(|value| Some(SecretString::from(value.trim())))
            .map_err(|error| unreadable(format!("{} ({error})", path.display())))
    }

    /// Where a SIP trunk listens, and over what; `None` where any free port will do, and for other trunks.
    #[must_use]
    pub fn sip_port(&self) -> Option<(SocketAddr, Transport)> {
        let is_fixed = self.kind == Kind::Sip && self.listen.port() != 0;
        is_fixed.then_some((self.listen, self.transport))
    }

    /// As a SIP trunk wants it.
    ///
    /// # Errors
    /// When the password is kept where it cannot be read, or a value is none of its kind.
    pub fn sip(&self) -> Result<sip::Options, ConfigError> {
        let wrong = |reason: String| ConfigError::SipTrunk { trunk: self.name.clone(), reason };
        let server: Server = self.server.parse().map_err(|e: BadAddress| wrong(e.to_string()))?;
        let from_domain = match &self.from_domain {
            Some(domain) => domain.parse().map_err(|e: BadAddress| wrong(e.to_string()))?,
            None => server.without_port(),
        };
        let password = match &self.token {
            Some(password) => Some(password.clone()),
            None => self.kept(self.password_env.as_deref(), self.password_file.as_deref())?,
        };
        let account = match (&self.username, password) {
            (Some(user), Some(password)) => Some(Account { user: user.clone(), password }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(wrong("it has a username, but no password_env or password_file".into()));
            }
            (None, Some(_)) => return Err(wrong("it has a password, but no username".into())),
        };
        if self.register && account.is_none() {
            return Err(wrong("it can register only with a username and a password".into()));
        }
        let laws: Vec<Law> = self.codecs.iter().filter_map(|codec| law(*codec)).collect();
        if laws.is_empty() || laws.len() < self.codecs.len() {
            return Err(wrong("codecs: a SIP trunk speaks ulaw and alaw".into()));
        }
        let ports = port_range(&self.rtp_ports).ok_or_else(|| {
            wrong(format!("rtp_ports: {:?} is no range of ports, as in 20000-29999", self.rtp_ports))
        })?;
        let network = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address
                .or_else(|_| text.parse::<IpNet>())
                .map_err(|_| wrong(format!("allow: {text:?} is no address or network, as in 10.20.0.0/16")))
        };
        let redirects = match &self.redirects {
            None => vec![server.without_port()],
            Some(hosts) => hosts
                .iter()
                .map(|host| host.parse::<Server>().map_err(|error| wrong(format!("redirects: {error}"))))
                .collect::<Result<_, _>>()?,
        };
        Ok(sip::Options {
            name: self.name.clone(),
            server,
            transport: self.transport,
            listen: self.listen,
            public_address: self.public_address,
            account,
            registers: self.register,
            from_domain,
            asserts_caller: self.asserts_caller,
            laws,
            ports,
            allow: self.allow.iter().map(network).collect::<Result<_, _>>()?,
            redirects,
            ping: (self.ping > 0).then(|| Duration::from_secs(self.ping)),
            away_timeout: Duration::from_secs(self.away_timeout),
            offers: None,
            traces: None,
        })
    }
}

const fn law(codec: Codec) -> Option<Law> {
    match codec {
        Codec::Ulaw => Some(Law::Ulaw),
        Codec::Alaw => Some(Law::Alaw),
        Codec::Pcm16 => None,
    }
}
