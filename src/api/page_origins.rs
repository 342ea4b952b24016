//! Pages of other servers that may place and take calls.

use std::sync::Arc;

use axum::http::HeaderValue;
use reqwest::Url;
use serde::Deserialize;

/// The origins of pages (RFC 6454) that browsers let read the answers about calls in the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct PageOrigins(Arc<[String]>);

impl PageOrigins {
    /// Whether it is one of them, as a browser writes it.
    #[must_use]
    pub fn allow(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|known| known.as_bytes() == origin.as_bytes())
    }
}

impl TryFrom<Vec<String>> for PageOrigins {
    type Error = String;

    fn try_from(given: Vec<String>) -> Result<Self, String> {
        let read = |text: &String| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let bare = url.filter(|url| {
                url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
            });
            let wrong = || {
                format!(
                    "webrtc.origins: `{text}` is no origin of a page; write scheme and host, as in https://shop.example.com"
                )
            };
            bare.map(|url| url.origin().ascii_serialization()).ok_or_else(wrong)
        };
        given.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_is_compared_as_browsers_write_it() {
        let origins = |text: &str| PageOrigins::try_from(vec![text.to_owned()]);
        let shop = origins("HTTPS://Shop.Example.com:443/").unwrap();
        let allows = |origin: &'static str| shop.allow(&HeaderValue::from_static(origin));
        assert!(allows("https://shop.example.com"));
        for other in [
            "https://shop.example.com.evil",
            "http://shop.example.com",
            "null",
            "",
            "https://shop.example.com:8443",
        ] {
            assert!(!allows(other), "{other}");
        }
        for wrong in [
            "*",
            "shop.example.com",
            "https://shop.example.com/page",
            "https://a@shop.example.com",
            "file:///x",
        ] {
            assert!(origins(wrong).unwrap_err().contains("https://shop.example.com"), "{wrong}");
        }
        assert!(!PageOrigins::default().allow(&HeaderValue::from_static("https://shop.example.com")));
    }
}
