//! How others reach this server, for links that leave it.

use reqwest::Url;
use serde::{Deserialize, Deserializer};

/// The address under which others reach this server, without a slash at its end; or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrl(Option<String>);

impl PublicUrl {
    /// Whether others reach it over TLS.
    #[must_use]
    pub fn is_over_tls(&self) -> bool {
        self.0.as_deref().is_some_and(|url| url.starts_with("https:"))
    }

    /// `path` under this address; as it is when none is set.
    #[must_use]
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_deref().unwrap_or_default())
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url =
            Url::parse(&text).map_err(|_| "public_url: is no URL; write it as https://voice.example.com")?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("public_url: must begin with https:// or http://");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("public_url: must end with the host or a path, without ? and #");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "public_url: must not carry a user name or password; whoever gets a link would see it",
            );
        }
        Ok(Self(Some(url.as_str().trim_end_matches('/').to_owned())))
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map_or(Ok(Self::default()), |text| Self::try_from(text).map_err(serde::de::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_a_plain_web_address() {
        let of = |text: &str| PublicUrl::try_from(text.to_owned()).map(|url| url.of("/v1/x?y=1"));
        assert_eq!(of("https://voice.example.com/").unwrap(), "https://voice.example.com/v1/x?y=1");
        assert_eq!(of("http://gate.test:8443/dering/").unwrap(), "http://gate.test:8443/dering/v1/x?y=1");
        assert_eq!(PublicUrl::default().of("/v1/x"), "/v1/x");
        for (text, why) in [
            ("voice.example.com", "is no URL"),
            ("ftp://example.com", "https://"),
            ("https://example.com/?a=1", "without ? and #"),
            ("https://me:secret@example.com", "user name"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
