//! The `webrtc:` section: whether people may call in their browsers, and where these send to.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::api::PageOrigins;
use crate::trunk::webrtc::Options;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebRtc {
    /// The port; without it, nobody calls in a browser.
    pub listen: Option<SocketAddr>,
    /// Our address as browsers see it.
    pub public_address: Option<IpAddr>,
    /// TCP on the same port, too.
    pub tcp: bool,
    pub max_calls: usize,
    /// Of an app, a key or a person.
    pub per_caller: usize,
    pub per_address: usize,
    /// What a camera may send, 1,000 bits in a second.
    pub camera_kbit: u32,
    /// People who watch cameras at the same time.
    pub max_watchers: usize,
    /// Pages of other servers that may place and take calls.
    pub origins: PageOrigins,
}

impl Default for WebRtc {
    fn default() -> Self {
        Self {
            listen: None,
            public_address: None,
            tcp: true,
            max_calls: 100,
            per_caller: 50,
            per_address: 10,
            camera_kbit: 1_000,
            max_watchers: 50,
            origins: PageOrigins::default(),
        }
    }
}

impl WebRtc {
    /// How calls are taken; `None` when they are not.
    #[must_use]
    pub fn options(&self) -> Option<Options> {
        let listen = self.listen?;
        Some(Options {
            public_address: self.public_address,
            tcp: self.tcp,
            max_calls: self.max_calls,
            per_caller: self.per_caller,
            per_address: self.per_address,
            camera_kbit: self.camera_kbit,
            max_watchers: self.max_watchers,
            ..Options::new(listen)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_nobody_calls_and_with_one_the_limits_are_those_of_the_file() {
        assert!(WebRtc::default().options().is_none());
        let section: WebRtc =
            serde_saphyr::from_str("{ listen: '0.0.0.0:4150', public_address: 203.0.113.7, per_address: 2 }")
                .expect("good YAML");
        let options = section.options().expect("a port");
        assert_eq!((options.listen.port(), options.max_calls, options.per_address), (4150, 100, 2));
        assert_eq!(options.public_address, Some(IpAddr::from([203, 0, 113, 7])));
    }
}
