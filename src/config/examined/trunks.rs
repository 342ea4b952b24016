//! What hangs together in trunks.

use std::collections::BTreeMap;

use callcore::yaml::{Node, Value};

use super::document::{Document, inner, place_in};
use super::world::World;
use crate::sip::{Server, SipUri, Transport};

/// Finds them.
pub(super) fn apply(doc: &mut Document, world: Option<&World<'_>>) {
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for trunk in doc.items("trunks") {
        let name = inner(&trunk, "name").unwrap_or_default().to_owned();
        let at = place_in(&trunk, "name");
        if let Some(first) = lines.insert(name.clone(), at.line).filter(|_| !name.is_empty()) {
            let hint = format!("the first is on line {first}; dial requests choose a trunk by its name");
            doc.error(at, format!("two trunks are named `{name}`"), hint);
        }
        if inner(&trunk, "kind") == Some("sip") {
            sip(doc, world, &trunk, &name);
        } else {
            service(doc, world, &trunk, &name);
        }
    }
}

/// A carrier that serves the Outgoing Call Service.
fn service(doc: &mut Document, world: Option<&World<'_>>, trunk: &Node, name: &str) {
    let has_token = ["token", "token_env", "token_file"].iter().any(|key| inner(trunk, key).is_some());
    if world.is_some() && !has_token {
        let hint = "give it `token_env: NAME` or `token_file: PATH`";
        doc.error(place_in(trunk, "name"), format!("the trunk `{name}` has no token"), hint);
    }
    if let Some(parts) = inner(trunk, "url").and_then(|url| reqwest::Url::parse(url).ok()) {
        let wrong = [
            (parts.query().is_some() || parts.fragment().is_some(), "a query"),
            (!parts.username().is_empty() || parts.password().is_some(), "a user name or password"),
        ];
        for (_, what) in wrong.into_iter().filter(|(is_there, _)| *is_there) {
            let message = format!("the address of a carrier has no place for {what}");
            doc.error(
                place_in(trunk, "url"),
                message,
                "leave it out; the token goes along with every request",
            );
        }
    }
    let old = inner(trunk, "version").filter(|version| matches!(*version, "1.0.3" | "1.0.4"));
    if let (Some(version), Some("websocket")) = (old, inner(trunk, "media")) {
        let message = format!("`media: websocket` has no effect with version {version}");
        doc.warn(place_in(trunk, "media"), message, "plain WebSockets are there from 1.0.5 on");
    }
}

/// A SIP server.
fn sip(doc: &mut Document, world: Option<&World<'_>>, trunk: &Node, name: &str) {
    for key in ["server", "from_domain"] {
        if let Some(Err(error)) = inner(trunk, key).map(str::parse::<Server>) {
            let hint = "the name of a host or its address, without `sip:`";
            doc.error(place_in(trunk, key), error.to_string(), hint);
        }
    }
    let usual = || "localhost".parse::<Server>().ok();
    for key in ["username", "caller_id"] {
        let uri = inner(trunk, key).zip(usual()).map(|(user, at)| SipUri::of_user(user, &at, Transport::Udp));
        if let Some(Err(error)) = uri {
            let hint = "the part of the address before `@`";
            doc.error(place_in(trunk, key), error.to_string(), hint);
        }
    }
    let has_user = inner(trunk, "username").is_some();
    let has_password = ["password_env", "password_file"].iter().any(|key| inner(trunk, key).is_some());
    let at = place_in(trunk, "name");
    if has_user && !has_password && world.is_some() {
        let hint = "give it `password_env: NAME` or `password_file: PATH`";
        doc.error(at, format!("the trunk `{name}` has a user but no password"), hint);
    }
    if has_password && !has_user {
        doc.error(at, format!("the trunk `{name}` has a password but no user"), "give it `username: NAME`");
    }
    if inner(trunk, "register") == Some("true") && !has_user {
        let hint = "give it `username` and a password, or leave `register` out: many carriers know you by your address";
        doc.error(place_in(trunk, "register"), "nobody registers without a name", hint);
    }
    let is_none = |codecs: &Node| matches!(&codecs.value, Value::List(items) if items.is_empty());
    if trunk.entry("codecs").is_some_and(|codecs| is_none(&codecs.value)) {
        doc.error(place_in(trunk, "codecs"), "a trunk without codecs carries nothing", "leave it out");
    }
}
