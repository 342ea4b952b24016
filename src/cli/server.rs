//! A running server, asked from the command line.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::out::{lines, one_line};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which server, and with which key.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// Where the server is.
    #[arg(long, env = "DERING_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    server: String,
    /// An API key; `dering app key NAME` makes one, with --flows one that may upload.
    #[arg(long, env = "DERING_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<SecretString>,
}

impl Server {
    /// Asks for `path` and hands out the answer's body.
    ///
    /// # Errors
    /// The server cannot be reached, or says why it will not; the findings about a flow are part of that.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> anyhow::Result<Vec<u8>> {
        let Some(key) = &self.key else {
            bail!(
                "an API key is needed: give --key, or set DERING_KEY; `dering app key NAME` makes one, with --flows \
                 one that may upload flows"
            );
        };
        let url = format!("{}{path}", address(&self.server)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
            let mut request = client.request(method, &url).header(header::AUTHORIZATION, bearer(key)?);
            if let Some((kind, bytes)) = body {
                request = request.header(header::CONTENT_TYPE, kind).body(bytes);
            }
            let response =
                request.send().await.with_context(|| format!("{} cannot be reached", self.server))?;
            let status = response.status();
            let bytes = response.bytes().await.context("the answer broke off")?.to_vec();
            if status.is_success() { Ok(bytes) } else { Err(refusal(status.as_u16(), &bytes)) }
        })
    }

    /// The same for an answer in JSON.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_json(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        let bytes = self.ask(method, path, body)?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} did not answer in JSON: is it dering?", self.server))
    }
}

/// The address of a server, without a slash at its end.
///
/// # Errors
/// When it is none.
pub(super) fn address(text: &str) -> anyhow::Result<String> {
    let is_one =
        reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_one {
        let host = text.split_once("://").map_or(text, |(_, host)| host);
        bail!(
            "--server {}: that is no address of a server; write http://{} or https://…",
            one_line(text),
            one_line(host)
        );
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The header that carries a key.
///
/// # Errors
/// When it cannot be one.
pub(super) fn bearer(key: &SecretString) -> anyhow::Result<header::HeaderValue> {
    let mut value =
        header::HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
            anyhow::anyhow!("the key holds a character that no key has; copy it again, without its line end")
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a problem document says, with every finding in it.
fn refusal(status: u16, body: &[u8]) -> anyhow::Error {
    let Ok(problem) = serde_json::from_slice::<Value>(body) else {
        return anyhow::anyhow!("the server answers {status}");
    };
    let mut told =
        problem["detail"].as_str().map_or_else(|| format!("the server answers {status}"), str::to_owned);
    for finding in problem["diagnostics"].as_array().into_iter().flatten() {
        told.push('\n');
        told.push_str(finding["shown"].as_str().unwrap_or_default());
    }
    anyhow::Error::msg(lines(&told))
}

/// A text as part of a query.
pub(in crate::cli) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A digest as people read it.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_and_no_key_is_told_in_words() {
        assert_eq!(address("http://127.0.0.1:8080/").unwrap(), "http://127.0.0.1:8080");
        for wrong in ["127.0.0.1:8080", "localhost:8080", "ftp://host", "host"] {
            let told = address(wrong).unwrap_err().to_string();
            assert!(told.contains("write http://") && !told.contains("ftp://host or"), "{told}");
        }
        let told = bearer(&SecretString::from("dk_hush\n")).unwrap_err().to_string();
        assert!(told.contains("copy it again") && !told.contains("hush"), "{told}");
    }

    #[test]
    fn a_refusal_tells_every_finding() {
        let body = br#"{"detail":"the flow has errors","diagnostics":[{"shown":"a.yaml:1:1: error: x"},{"shown":"y"}]}"#;
        assert_eq!(refusal(422, body).to_string(), "the flow has errors\na.yaml:1:1: error: x\ny");
        assert_eq!(refusal(502, b"<html>").to_string(), "the server answers 502");
        assert_eq!(encoded("new & 50% é"), "new%20%26%2050%25%20%C3%A9");
    }
}
