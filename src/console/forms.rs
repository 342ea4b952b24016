//! Forms: whether they come from a page of ours, by whom, and what was written in them.
//!
//! A form is believed when the browser says that one of our own pages sent it (`Sec-Fetch-Site`, or `Origin` where that is
//! not sent) and, of somebody who is signed in, when it carries the token of their browser. Each alone would do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;

use super::frame::{Frame, Sees, peer};
use crate::access::{Right, Visit};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::pairs;

/// Whether one of our own pages sent a request.
pub(super) fn is_ours(headers: &HeaderMap, api: &Api) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin").and_then(|origin| Url::parse(origin).ok()) else { return false };
    is_our_origin(&origin, text("host"), Url::parse(&api.public_url.of("/")).ok().as_ref())
}

/// Whether our pages are there. With a public address that is so by this address, or on this machine; without one by the name
/// that the request gives this server.
fn is_our_origin(origin: &Url, host: Option<&str>, public: Option<&Url>) -> bool {
    let named = host.and_then(|host| Url::parse(&format!("{}://{host}/", origin.scheme())).ok());
    let is_named = named.is_some_and(|own| own.origin() == origin.origin());
    match public {
        Some(public) => public.origin() == origin.origin() || is_named && is_here(origin),
        None => is_named,
    }
}

/// Whether an address is one of this machine, that nobody elsewhere reaches.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Most fields of a form with a file.
const MOST_FIELDS: usize = 500;

/// What was written in a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    fields: BTreeMap<String, String>,
    file: Option<Bytes>,
}

impl Written {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Problem::new(Code::Malformed, "the form is not UTF-8; load the page again"))?;
        Ok(Self { fields: pairs(text).into_iter().collect(), file: None })
    }

    /// A form with a file in it.
    async fn read_parts(mut parts: Multipart) -> Result<Self, Problem> {
        let broken = |error: axum::extract::multipart::MultipartError| {
            let code = if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Code::TooLarge
            } else {
                Code::Malformed
            };
            Problem::new(code, format!("the form cannot be read: {}", error.body_text()))
        };
        let mut written = Self::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_some() {
                written.file = Some(part.bytes().await.map_err(broken)?);
            } else {
                written.add(name, part.text().await.map_err(broken)?)?;
            }
        }
        Ok(written)
    }

    /// Takes a field.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn add(&mut self, name: String, text: String) -> Result<(), Problem> {
        if self.fields.len() >= MOST_FIELDS {
            let why = "the form has too many fields; load the page again";
            return Err(Problem::new(Code::Malformed, why));
        }
        self.fields.insert(name, text);
        Ok(())
    }

    /// The file that was chosen, unless it is empty or none was.
    pub(super) fn file(&self) -> Option<Bytes> {
        self.file.clone().filter(|file| !file.is_empty())
    }

    /// A field without blanks around it; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |text| text.trim())
    }

    /// A field as it was written.
    pub(super) fn exactly(&self, name: &str) -> String {
        self.fields.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        self.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A form of one of our pages, whoever sent it.
pub(super) struct Posted {
    pub(super) frame: Frame,
    pub(super) written: Written,
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<IpAddr>,
}

impl Posted {
    pub(super) fn visit(&self) -> Visit<'_> {
        Visit { headers: &self.headers, peer: self.peer }
    }
}

impl Posted {
    /// Reads a form once `admits` knows who sends it: nobody's file is read who may not send one.
    async fn read(
        request: Request,
        api: &Api,
        admits: impl FnOnce(&Frame) -> Result<(), Problem>,
    ) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        if !is_ours(&parts.headers, api) {
            return Err(Problem::new(
                Code::CrossSite,
                "this form does not come from a page of this server; open the page again and send it from there",
            )
            .into_response());
        }
        let frame = Frame::of(&parts, api).await.map_err(IntoResponse::into_response)?;
        admits(&frame).map_err(IntoResponse::into_response)?;
        let (headers, peer) = (parts.headers.clone(), peer(&parts));
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let has_file = kind.is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let request = Request::from_parts(parts, body);
        let written = if has_file {
            match Multipart::from_request(request, api).await {
                Ok(parts) => Written::read_parts(parts).await,
                Err(rejection) => Err(Problem::new(Code::Malformed, rejection.body_text())),
            }
        } else {
            let body = Bytes::from_request(request, api).await.map_err(Problem::from);
            body.and_then(|body| Written::read(&body))
        };
        let written = written.map_err(IntoResponse::into_response)?;
        Ok(Self { frame, written, headers, peer })
    }
}

impl FromRequest<Api> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        Self::read(request, api, |_| Ok(())).await
    }
}

/// A form of somebody who is signed in, has the right `R` and meant to send it.
pub(super) struct Does<R> {
    pub(super) by: Sees<R>,
    pub(super) written: Written,
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<IpAddr>,
}

impl<R> Does<R> {
    pub(super) fn visit(&self) -> Visit<'_> {
        Visit { headers: &self.headers, peer: self.peer }
    }
}

impl<R: Right> FromRequest<Api> for Does<R> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        let admits = |frame: &Frame| Sees::<R>::from(frame.clone()).map(drop);
        let Posted { frame, written, headers, peer } = Posted::read(request, api, admits).await?;
        let by = Sees::<R>::from(frame).map_err(IntoResponse::into_response)?;
        if by.person().is_some_and(|person| person.wrote(written.text("token"))) {
            return Ok(Self { by, written, headers, peer });
        }
        let why = "this form is from a page that was opened before you signed in; load the page again";
        Err(Problem::new(Code::CrossSite, why).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_comes_from_our_public_address_whatever_name_a_request_gives_us() {
        let url = |text: &str| Url::parse(text).unwrap();
        let public = url("https://voice.example.com/");
        for (origin, host, public, ours) in [
            ("https://voice.example.com", "voice.example.com", Some(&public), true),
            ("https://voice.example.com", "10.0.0.7:8080", Some(&public), true),
            ("https://evil.test", "evil.test", Some(&public), false),
            ("http://voice.example.com", "voice.example.com", Some(&public), false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", Some(&public), true),
            ("http://localhost:8080", "localhost:8080", Some(&public), true),
            ("http://localhost:9090", "localhost:8080", Some(&public), false),
            ("http://127.0.0.1.evil.test", "127.0.0.1.evil.test", Some(&public), false),
            ("http://pages.test", "pages.test", None, true),
            ("http://evil.test", "pages.test", None, false),
        ] {
            assert_eq!(is_our_origin(&url(origin), Some(host), public), ours, "{origin} to {host}");
        }
    }
}
