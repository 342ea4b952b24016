//! `http`: a question to a web service, JSON in and out.

use super::{json, prompt};
use crate::flow::model::{Filler, Http, Method, SceneId, StatusRange, Text, VariableType};
use crate::flow::read::reader::{Fields, Reader};
use crate::flow::read::template::is_template;
use crate::yaml::{Node, Value};

const TIMEOUT_MS: u64 = 5_000;

/// Longest wait for an answer while a person listens, ms.
const LONGEST_MS: u64 = 30_000;

/// An answer that comes sooner needs no filler, ms.
const FILLER_DELAY_MS: u64 = 700;
pub(crate) const KEYS: [&str; 10] =
    ["method", "url", "headers", "json", "timeout", "into", "status_into", "on_error", "on_status", "filler"];

/// Headers that describe the message or its way, which are not the flow's.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `http: { url: …, … }`; without `method` it is POST when there is `json`, else GET.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Http> {
    let fields = reader.map(node, "`http`", &KEYS)?;
    let Some(url_node) = fields.node("url") else {
        reader.error(node.span, "`http` has no `url`", "add `url: https://…`");
        return None;
    };
    let url = url(reader, url_node);
    let json = fields.node("json").and_then(|node| json::read(reader, node, "the value"));
    let method = method(reader, fields);
    if let Some(entry) = fields.entry("json").filter(|_| method == Method::Get) {
        reader.error(entry.key_span, "a GET request carries no `json`", "use `method: POST`, or drop `json`");
    }
    Some(Http {
        method,
        json,
        headers: fields.node("headers").map(|node| headers(reader, node)).unwrap_or_default(),
        timeout_ms: timeout(reader, fields),
        into: fields.node("into").map(|node| into(reader, node)).unwrap_or_default(),
        status_into: fields
            .node("status_into")
            .and_then(|node| reader.target(node, "`status_into`", VariableType::Number)),
        on_error: fields.node("on_error").and_then(|node| reader.scene(node, "`on_error`")),
        on_status: fields.node("on_status").map(|node| on_status(reader, node)).unwrap_or_default(),
        filler: fields.node("filler").and_then(|node| filler(reader, node)),
        shown_url: shown(url_node),
        url: url?,
    })
}

fn method(reader: &mut Reader<'_>, fields: Fields<'_>) -> Method {
    let names = Method::ALL.map(|(name, _)| name);
    let default = if fields.node("json").is_some() { Method::Post } else { Method::Get };
    let named = fields.node("method").and_then(|node| reader.word(node, "`method`", &names));
    named
        .and_then(|name| Method::ALL.iter().find(|(known, _)| *known == name))
        .map_or(default, |(_, method)| *method)
}

fn timeout(reader: &mut Reader<'_>, fields: Fields<'_>) -> u64 {
    let Some(node) = fields.node("timeout") else { return TIMEOUT_MS };
    let ms = reader.duration_ms(node, "`timeout`").unwrap_or(TIMEOUT_MS);
    if ms > LONGEST_MS {
        reader.error(
            node.span,
            "nobody waits longer than 30s on the telephone",
            "write `timeout: 30s` or less",
        );
    }
    ms
}

/// The server is written out: a call's variables must not choose whom we talk to.
fn url(reader: &mut Reader<'_>, node: &Node) -> Option<Text> {
    let text = reader.scalar(node, "`url`")?;
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        let hint = "write it with its server, such as `https://crm.example.com/customers/{{ id }}`";
        reader.error(node.span, "`url` must begin with `https://` or `http://`", hint);
        return None;
    };
    let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if server.is_empty() || is_template(server) {
        let hint = "write the server out; variables may stand behind it";
        reader.error(node.span, "the server of `url` must be known before the call", hint);
        return None;
    }
    if server.contains('@') {
        let hint = "put them into `headers:`";
        reader.error(node.span, "`url` may not carry a user name or password", hint);
        return None;
    }
    if !is_template(text) && text.contains(char::is_whitespace) {
        reader.error(node.span, "`url` contains a space", "write `%20`");
        return None;
    }
    let filled = reader.text(node, "`url`")?;
    Some(reader.as_url(filled))
}

/// The URL without what may hold a secret.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.split(['?', '#']).next().unwrap_or_default().to_owned(),
        Value::List(_) | Value::Map(_) => String::new(),
    }
}

fn headers(reader: &mut Reader<'_>, node: &Node) -> Vec<(String, Text)> {
    let Some(entries) = reader.entries(node, "`headers`") else { return Vec::new() };
    let mut headers = Vec::new();
    for entry in entries {
        let name = entry.key.to_ascii_lowercase();
        let token = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !token {
            let message = format!("`{}` cannot be the name of a header", entry.key);
            reader.error(entry.key_span, message, "use letters, digits and `-`, such as `X-Api-Key`");
        } else if RESERVED.contains(&name.as_str()) {
            let message = format!("the header `{}` is set by Dering", entry.key);
            reader.error(entry.key_span, message, "drop it");
        } else if let Some(value) = reader.text(&entry.value, "the header") {
            headers.push((name, value));
        }
    }
    headers
}

/// `into: { variable: path.in.the.answer }`, or a JSON pointer: `/path/in/the/answer`.
fn into(reader: &mut Reader<'_>, node: &Node) -> Vec<(String, String)> {
    let Some(entries) = reader.entries(node, "`into`") else { return Vec::new() };
    let mut into = Vec::new();
    for entry in entries {
        if !reader.variables.contains_key(&entry.key) {
            reader.undeclared(&entry.key, entry.key_span);
            continue;
        }
        reader.assigned.insert(entry.key.clone());
        let Some(path) = reader.scalar(&entry.value, "the place in the answer") else { continue };
        let pointer =
            if path.starts_with('/') { path.to_owned() } else { format!("/{}", path.replace('.', "/")) };
        if pointer.split('/').skip(1).any(str::is_empty) {
            let hint = "write it like `customer.balance`, `items.0.name` or `/customer/balance`";
            reader.error(entry.value.span, format!("`{path}` is no place in an answer"), hint);
            continue;
        }
        into.push((entry.key.clone(), pointer));
    }
    into
}

/// `on_status: { "404": scene, 5xx: scene }`.
fn on_status(reader: &mut Reader<'_>, node: &Node) -> Vec<(StatusRange, SceneId)> {
    let Some(entries) = reader.entries(node, "`on_status`") else { return Vec::new() };
    let mut branches = Vec::new();
    for entry in entries {
        let Some(range) = status_range(&entry.key) else {
            let hint = "write a status such as `404`, or `4xx` for all that begin with 4";
            reader.error(entry.key_span, format!("`{}` is not an HTTP status", entry.key), hint);
            continue;
        };
        if let Some(scene) = reader.scene(&entry.value, "the scene") {
            branches.push((range, scene));
        }
    }
    // A single status goes before the hundred it belongs to.
    branches.sort_by_key(|(range, _): &(StatusRange, SceneId)| range.last - range.first);
    branches
}

fn status_range(text: &str) -> Option<StatusRange> {
    if let Some(hundreds) = text.strip_suffix("xx") {
        let first = hundreds.parse::<u16>().ok().filter(|n| (2..=5).contains(n))? * 100;
        return Some(StatusRange { first, last: first + 99 });
    }
    let status = text.parse::<u16>().ok().filter(|status| (200..600).contains(status))?;
    Some(StatusRange { first: status, last: status })
}

/// `filler: "One moment…"`, or `filler: { say: …, delay: 700ms, loop: true }`, or with `play:`.
fn filler(reader: &mut Reader<'_>, node: &Node) -> Option<Filler> {
    if !matches!(node.value, Value::Map(_)) {
        let prompt = prompt::aside(reader, node, "`filler`")?;
        return Some(Filler { prompt, delay_ms: FILLER_DELAY_MS, repeat: false, heard_out: true });
    }
    let fields = reader.map(node, "`filler`", &["say", "play", "delay", "loop"])?;
    let (prompt, heard_out) = match (fields.node("say"), fields.node("play")) {
        (Some(text), None) => (prompt::aside(reader, text, "`say`")?, true),
        (None, Some(file)) => (prompt::music(reader, file)?, false),
        _ => {
            let hint = "write `say: \"One moment…\"`, or `play: audio/music.wav`";
            reader.error(node.span, "`filler` needs one of `say` and `play`", hint);
            return None;
        }
    };
    let delay_ms = fields.node("delay").and_then(|node| reader.duration_ms(node, "`delay`"));
    Some(Filler {
        prompt,
        delay_ms: delay_ms.unwrap_or(FILLER_DELAY_MS),
        repeat: fields.node("loop").is_some_and(|node| reader.yes(node, "`loop`")),
        heard_out,
    })
}
