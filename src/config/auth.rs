//! Who may call and how much, as the configuration says it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::ConfigError;
use crate::access::Options;
use crate::store::{KeySource, Rate, ServerKey};

/// Where the server key may stand.
pub(super) const SERVER_KEY: &str = "DERING_SECRET_KEY";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The server key; beside the database when `None`.
    pub secret_key_file: Option<PathBuf>,
    /// Seconds since a token's `iat`.
    pub max_token_age: Option<u64>,
    pub app_rate: Option<Requests>,
    pub key_rate: Option<Requests>,
    /// 0 slows nobody.
    pub failed_logins_per_minute: u32,
    pub trusted_proxies: Vec<String>,
}

/// Requests at once after a pause, and each second in the long run.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    pub per_second: f64,
    pub burst: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            secret_key_file: None,
            max_token_age: None,
            app_rate: Some(Requests { per_second: 2500.0, burst: 5000 }),
            key_rate: Some(Requests { per_second: 500.0, burst: 1000 }),
            failed_logins_per_minute: 20,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Auth {
    /// As the API wants it.
    ///
    /// # Errors
    /// When a limit lets nobody through, or an address is none.
    pub fn options(&self) -> Result<Options, ConfigError> {
        let wrong = |reason: String| ConfigError::Auth { reason };
        let rate = |name: &str, given: Option<Requests>| match given {
            Some(Requests { per_second, burst })
                if !(0.001..=1e6).contains(&per_second) || !(1..=1_000_000).contains(&burst) =>
            {
                Err(wrong(format!(
                    "{name}: per_second lies between 0.001 and 1000000, burst between 1 and 1000000"
                )))
            }
            given => Ok(given.map(|given| Rate { per_second: given.per_second, burst: given.burst })),
        };
        let network = |text: &String| {
            let alone = || text.parse::<IpAddr>().map(IpNet::from).ok();
            let network = text.parse().ok().or_else(alone);
            network.ok_or_else(|| {
                wrong(format!(
                    "trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8"
                ))
            })
        };
        let failures = self.failed_logins_per_minute;
        Ok(Options {
            max_token_age: self.max_token_age.map(Duration::from_secs),
            app_rate: rate("app_rate", self.app_rate)?,
            key_rate: rate("key_rate", self.key_rate)?,
            failed_logins: (failures > 0)
                .then(|| Rate { per_second: f64::from(failures) / 60.0, burst: failures }),
            trusted_proxies: self.trusted_proxies.iter().map(network).collect::<Result<_, _>>()?,
            local: None,
            over_tls: false,
            second_factor: Vec::new(),
            openid: None,
        })
    }

    /// Where the server key is: in the environment, or else where the configuration says.
    ///
    /// # Errors
    /// When what stands in the environment is no key.
    pub fn key_source(&self) -> Result<KeySource, ConfigError> {
        match std::env::var(SERVER_KEY) {
            Ok(text) => ServerKey::parse(&text)
                .map(KeySource::Given)
                .map_err(|error| ConfigError::Auth { reason: format!("{SERVER_KEY}: {error}") }),
            Err(_) => Ok(self.secret_key_file.clone().map_or(KeySource::Beside, KeySource::File)),
        }
    }
}

/// The file in which a running server leaves its address and a key for the command line on the same machine: beside
/// the database, and with the database's mode.
#[must_use]
pub fn local_file(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".admin");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_named() {
        let wrong = |text: &str| {
            let auth: Auth = serde_saphyr::from_str(text).unwrap();
            auth.options().unwrap_err().to_string()
        };
        assert!(wrong("app_rate: {per_second: 0, burst: 1}").contains("app_rate"));
        assert!(wrong("key_rate: {per_second: 1, burst: 0}").contains("key_rate"));
        assert!(wrong("trusted_proxies: [proxy.example]").contains("proxy.example"));
        let good: Auth = serde_saphyr::from_str("trusted_proxies: [10.0.0.0/8, 203.0.113.1]").unwrap();
        assert_eq!(good.options().unwrap().trusted_proxies.len(), 2);
    }
}
