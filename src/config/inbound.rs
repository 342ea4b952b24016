//! The `inbound:` section: who may call us, and which flow takes which number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use callcore::flow::MachineDetection;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ConfigError;
use crate::session::{NotifyTarget, Pattern, Route};
use crate::trunk::ocs_inbound::access::Access;
use crate::trunk::ocs_inbound::{Options, tls};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inbound {
    /// Where the carrier connects; without it, no calls come in.
    pub listen: Option<SocketAddr>,
    /// What the carrier must know; here, in the environment or in a file.
    pub secret: Option<SecretString>,
    pub secret_env: Option<String>,
    pub secret_file: Option<PathBuf>,
    /// Addresses and networks that may connect; all of them when it is empty.
    pub allow: Vec<String>,
    pub tls: Option<Tls>,
    pub max_connections: usize,
    pub routes: Vec<InboundRoute>,
    /// Takes the calls to every other number.
    pub default_flow: Option<String>,
}

/// PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboundRoute {
    /// `+62215550100`, or `+6221*` for all that begin so.
    pub did: String,
    pub flow: String,
    /// Variables of the flow, beside `caller` and `called`.
    pub variables: Map<String, Value>,
    pub machine_detection: MachineDetection,
    /// The client app whose calls these are.
    pub app: Option<String>,
    pub notify_url: Option<String>,
    pub notify_headers: BTreeMap<String, String>,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            listen: None,
            secret: None,
            secret_env: None,
            secret_file: None,
            allow: Vec::new(),
            tls: None,
            max_connections: 400,
            routes: Vec::new(),
            default_flow: None,
        }
    }
}

impl Inbound {
    /// How the port is served; `None` when there is none.
    ///
    /// # Errors
    /// When the secret, the certificate or an address of `allow` cannot be used.
    pub fn options(&self) -> Result<Option<Options>, ConfigError> {
        let Some(listen) = self.listen else { return Ok(None) };
        let wrong = |reason: String| ConfigError::Inbound { reason };
        let secret = self.secret()?;
        let access =
            Access::new(&self.allow, secret.as_ref()).map_err(|error| wrong(format!("allow: {error}")))?;
        let tls = match &self.tls {
            Some(Tls { cert, key }) => {
                Some(tls::Certificate::read(cert, key).map_err(|error| wrong(format!("tls: {error}")))?)
            }
            None => None,
        };
        Ok(Some(Options { access, tls, max_connections: self.max_connections, ..Options::new(listen) }))
    }

    /// The routes in the session's words.
    ///
    /// # Errors
    /// When a route lacks its number or its flow, or notifies without an app to sign.
    pub fn routes(&self) -> Result<Vec<(Pattern, Route)>, ConfigError> {
        let default = self.default_flow.iter().map(|flow| InboundRoute {
            did: "*".into(),
            flow: flow.clone(),
            ..InboundRoute::default()
        });
        self.routes.iter().cloned().chain(default).map(InboundRoute::read).collect()
    }

    fn secret(&self) -> Result<Option<SecretString>, ConfigError> {
        let wrong = |reason: String| ConfigError::Inbound { reason };
        let secret = if let Some(secret) = &self.secret {
            secret.clone()
        } else if let Some(name) = &self.secret_env {
            let unset = |_| wrong(format!("the environment variable {name} is not set; it holds the secret"));
            std::env::var(name).map(SecretString::from).map_err(unset)?
        } else if let Some(path) = &self.secret_file {
            std::fs::read_to_string(path)
                .map(|secret| SecretString::from(secret.trim()))
                .map_err(|error| wrong(format!("secret_file {} cannot be read: {error}", path.display())))?
        } else {
            return Ok(None);
        };
        if secrecy::ExposeSecret::expose_secret(&secret).trim().is_empty() {
            return Err(wrong("the secret is empty; leave it out, or give it a value".into()));
        }
        Ok(Some(secret))
    }
}

impl InboundRoute {
    fn read(self) -> Result<(Pattern, Route), ConfigError> {
        let wrong = |reason: String| ConfigError::Inbound { reason };
        let did = self.did.trim();
        if did.is_empty() || self.flow.is_empty() {
            return Err(wrong("a route needs `did`, the dialled number, and `flow`".into()));
        }
        let pattern = Pattern::read(did);
        let notify = match (self.notify_url, &self.app) {
            (Some(url), Some(_)) => {
                Some(NotifyTarget { url, headers: self.notify_headers, amd_events: None })
            }
            (Some(_), None) => {
                return Err(wrong(format!(
                    "the route for {did} has a notify_url but no `app`; the app's secret signs what is sent there"
                )));
            }
            (None, _) => None,
        };
        let route = Route {
            flow: self.flow,
            app_id: self.app.unwrap_or_default(),
            variables: self.variables,
            machine_detection: self.machine_detection,
            notify,
        };
        Ok((pattern, route))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Inbound {
        serde_saphyr::from_str(text).expect("good YAML")
    }

    #[test]
    fn a_section_in_full_is_understood() {
        let inbound = parsed(
            "listen: 0.0.0.0:4143\nsecret: s\nallow: [203.0.113.0/24]\ndefault_flow: reception\nroutes:\n  \
             - { did: '+6221*', flow: faq, variables: { shop: Menteng }, machine_detection: detect, app: shop, \
             notify_url: 'https://example.com/n' }\n",
        );
        assert!(inbound.options().expect("good").is_some_and(|options| !options.access.is_open()));
        let routes = inbound.routes().expect("good");
        assert_eq!(routes.len(), 2);
        assert_eq!(routes[0].1.machine_detection, MachineDetection::Detect);
        assert!(routes[0].1.notify.is_some() && routes[1].1.flow == "reception");
    }

    #[test]
    fn mistakes_say_what_to_do() {
        for (text, word) in [
            ("listen: 127.0.0.1:0\nallow: [example.com]", "203.0.113.0/24"),
            ("listen: 127.0.0.1:0\nsecret_env: DERING_NOT_SET_ANYWHERE", "DERING_NOT_SET_ANYWHERE"),
            ("listen: 127.0.0.1:0\nsecret: ''", "leave it out"),
            ("listen: 127.0.0.1:0\ntls: { cert: none.pem, key: none.pem }", "none.pem"),
            ("routes: [ { flow: faq } ]", "did"),
            ("routes: [ { did: '1', flow: faq, notify_url: 'https://x' } ]", "app"),
        ] {
            let inbound = parsed(text);
            let error =
                inbound.options().err().or_else(|| inbound.routes().err()).expect("wrong").to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
