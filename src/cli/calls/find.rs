//! The call that somebody means: by its id, the end of it as lists show it, or `last`.

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::Value;

use super::shown::text;
use crate::cli::admin::Reach;
use crate::cli::server::encoded;

/// The latest call.
const LAST: &str = "last";
/// Calls among which the end of an id is looked for.
const LATEST: u32 = 500;
/// Shortest text that is taken for a whole id, characters.
const WHOLE: usize = 32;

/// The path of a call.
pub(super) fn path(id: &str, rest: &str) -> String {
    format!("/v1/calls/{}{rest}", encoded(id))
}

/// The id of the call that `meant` stands for.
///
/// # Errors
/// When no call, or more than one, is meant.
pub(super) async fn id(reach: &Reach, meant: &str) -> anyhow::Result<String> {
    let meant = meant.trim();
    if meant.is_empty() {
        bail!("which call? Give its id, the end of it as `dering calls list` shows it, or `last`");
    }
    if meant.len() >= WHOLE {
        let is_uuid = meant.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        return Ok(if is_uuid { meant.to_lowercase() } else { meant.to_owned() });
    }
    let limit = if meant == LAST { 1 } else { LATEST };
    let page = reach.ask(Method::GET, &format!("/v1/calls?limit={limit}"), None).await?;
    let calls = page["calls"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    choose(calls, meant)
}

fn choose(calls: &[Value], meant: &str) -> anyhow::Result<String> {
    if meant == LAST {
        let newest = calls.first().context("there are no calls yet")?;
        return Ok(text(newest, "callId").to_owned());
    }
    let ids = || calls.iter().map(|call| text(call, "callId"));
    if let Some(whole) = ids().find(|id| *id == meant) {
        return Ok(whole.to_owned());
    }
    let found: Vec<&str> = ids().filter(|id| id.ends_with(&meant.to_lowercase())).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => bail!("none of the latest {LATEST} calls has an id that ends in {meant}; give the whole id"),
        several => bail!("{meant} is the end of several ids; give more of it:\n  {}", several.join("\n  ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_named_by_its_end_as_long_as_that_is_one() {
        let calls =
            [json!({ "callId": "aa-11cd" }), json!({ "callId": "bb-22cd" }), json!({ "callId": "cd" })];
        assert_eq!(choose(&calls, "last").unwrap(), "aa-11cd");
        assert_eq!(choose(&calls, "11CD").unwrap(), "aa-11cd");
        assert_eq!(choose(&calls, "cd").unwrap(), "cd");
        assert!(choose(&calls[..2], "cd").unwrap_err().to_string().contains("bb-22cd"));
        assert!(choose(&calls, "zz").unwrap_err().to_string().contains("whole id"));
        assert!(choose(&[], "last").unwrap_err().to_string().contains("no calls yet"));
    }
}
