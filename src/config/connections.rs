//! How many may be connected to the API.

use ipnet::IpNet;
use serde::Deserialize;

use crate::net::doors::Limits;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    pub max: usize,
    pub per_address: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self { max: 1000, per_address: 250 }
    }
}

impl Connections {
    /// As the port wants them, where the limit of open files leaves room for `most`.
    #[must_use]
    pub fn limits(&self, most: usize, proxies: &[IpNet]) -> Limits {
        // One address alone must not take all of what little there is.
        let of_one_address = self.per_address.min((most / 2).max(1));
        Limits { most, of_one_address, unlimited: proxies.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_never_gets_everything() {
        let usual = Connections::default();
        assert_eq!(usual.limits(1000, &[]).of_one_address, 250);
        assert_eq!(usual.limits(48, &[]).of_one_address, 24);
    }
}
