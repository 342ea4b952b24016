//! Where the server may send requests.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::ConfigError;
use crate::net::guard::AddressPolicy;

/// Which addresses may be asked, beside public ones.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outward {
    /// All of them.
    pub allow_private: bool,
    /// Addresses and networks.
    pub allow: Vec<String>,
}

impl Outward {
    /// As the guard wants it. `setting` is the name of this section.
    ///
    /// # Errors
    /// When an entry is neither an address nor a network.
    pub fn address_policy(&self, setting: &'static str) -> Result<AddressPolicy, ConfigError> {
        if self.allow_private {
            return Ok(AddressPolicy::Anywhere);
        }
        if self.allow.is_empty() {
            return Ok(AddressPolicy::Public);
        }
        let network = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| text.parse::<IpNet>()).map_err(|_| ConfigError::Outward {
                setting,
                reason: format!(
                    "allow: \"{text}\" is no address or network, as in 10.20.0.7 or 10.20.0.0/16"
                ),
            })
        };
        Ok(AddressPolicy::PublicAnd(self.allow.iter().map(network).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_allowed_one_by_one_and_nonsense_is_named() {
        let outward = |allow: &[&str]| Outward {
            allow: allow.iter().map(|text| (*text).to_owned()).collect(),
            ..Outward::default()
        };
        assert_eq!(outward(&[]).address_policy("webhooks").unwrap(), AddressPolicy::Public);
        let policy = outward(&["10.20.0.7", "fd00::/64"]).address_policy("webhooks").unwrap();
        assert!(policy.check("http://10.20.0.7/").is_ok() && policy.check("http://10.20.0.8/").is_err());
        let error = outward(&["10.20"]).address_policy("webhooks").unwrap_err().to_string();
        assert!(error.starts_with("webhooks: allow: \"10.20\" is no address or network"), "{error}");
    }
}
