//! What is sealed, and the texts that rows have of it: client secrets, and the headers of webhooks.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::store::error::Error;
use crate::store::keys::ServerKey;

/// Headers of webhooks.
pub(in crate::store) type Headers = BTreeMap<String, String>;

/// As no headers are written.
pub(in crate::store) const NO_HEADERS: &str = "{}";

/// The text of a client secret.
///
/// # Errors
/// When it is too long.
pub(in crate::store) fn seal_secret(
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    secret: &SecretString,
) -> Result<String, Error> {
    key.seal(&place_of_secret(app_id, seq), secret)
        .map_err(|_| Error::Key(format!("a secret of client app {app_id} is too long to be sealed")))
}

/// The client secret in a text, which may be in clear.
///
/// # Errors
/// When it does not open.
pub(in crate::store) fn open_secret(
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    text: &str,
    sealed: bool,
) -> Result<SecretString, Error> {
    if !sealed {
        return Ok(text.into());
    }
    key.open(&place_of_secret(app_id, seq), text).map_err(|_| {
        Error::Key(format!(
            "the secret {seq} of client app {app_id} does not open with the server key; the row was changed. \
             Restore the database from a copy"
        ))
    })
}

/// What a sealed secret belongs to.
fn place_of_secret(app_id: &str, seq: i64) -> String {
    format!("{app_id}/{seq}")
}

/// The text of a call's headers: the key's id, a colon, and what [`ServerKey::seal`] makes of them as JSON.
///
/// # Errors
/// When they are too long.
pub(in crate::store) fn seal_headers(
    key: &ServerKey,
    call_id: &str,
    headers: &Headers,
) -> Result<String, Error> {
    if headers.is_empty() {
        return Ok(NO_HEADERS.to_owned());
    }
    let failed = || Error::Key(format!("the headers of the webhooks of call {call_id} cannot be sealed"));
    let text = SecretString::from(serde_json::to_string(headers).map_err(|_| failed())?);
    let sealed = key.seal(&place_of_headers(call_id), &text).map_err(|_| failed())?;
    Ok(format!("{}:{sealed}", key.id()))
}

/// The headers in a text, which may be in clear.
///
/// # Errors
/// When they do not open.
pub(in crate::store) fn open_headers(key: &ServerKey, call_id: &str, text: &str) -> Result<Headers, Error> {
    if text.starts_with('{') {
        return Ok(serde_json::from_str(text).unwrap_or_default());
    }
    let failed = || {
        Error::Key(format!(
            "the headers of the webhooks of call {call_id} do not open with the server key {}",
            key.id()
        ))
    };
    let sealed = text.split_once(':').map_or(text, |(_, sealed)| sealed);
    let json = key.open(&place_of_headers(call_id), sealed).map_err(|_| failed())?;
    serde_json::from_str(json.expose_secret()).map_err(|_| failed())
}

/// What a call's headers are sealed for.
fn place_of_headers(call_id: &str) -> String {
    format!("headers of {call_id}")
}
