//! What hangs together across settings.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use callcore::amd::DecisionThresholds;
use callcore::language::{listed, nearest};
use callcore::yaml::{Node, Span};

use super::document::{Document, inner, place_in, text};
use super::trunks;
use super::world::World;
use crate::flows::Folder;
use crate::speech::models::built_in;
use crate::store::ServerKey;
use crate::telemetry::traces::BUILT_IN;
use crate::trunk::ocs_inbound::tls::{self, TlsError};
use crate::trunk::webrtc::TRUNK;

/// Where the server key may stand.
const SERVER_KEY: &str = "DERING_SECRET_KEY";

/// Finds mistakes for which one has to look at several settings.
pub(super) fn apply(doc: &mut Document, world: Option<&World<'_>>) {
    trunks::apply(doc, world);
    inbound(doc);
    webrtc(doc);
    if let Some(world) = world {
        certificate(doc, world);
    }
    speech(doc, world);
    shadow(doc);
    openid(doc);
    if let Some(world) = world {
        traces(doc);
        server_key(doc, world);
        flows(doc, world);
    }
}

fn traces(doc: &mut Document) {
    let path = "telemetry.otlp.endpoint";
    if !BUILT_IN && doc.text(path).is_some() {
        let hint = "take it out, or build the program with `cargo build --release --features otel`";
        doc.error(doc.place(path), "this program was built without traces", hint);
    }
}

fn shadow(doc: &mut Document) {
    let path = "amd.shadow";
    let Some(name) = doc.text(path) else { return };
    let sets = doc.node("amd.sets");
    let is_set = sets.is_some_and(|sets| sets.entry(name).is_some());
    if !is_set && DecisionThresholds::for_purpose(name).is_none() {
        let hint = "name one of `amd.sets`, or `reminder`, `sales`, `message_drop`";
        doc.error(doc.place(path), format!("there are no parameters named `{name}` to run in shadow"), hint);
    }
}

fn inbound(doc: &mut Document) {
    let port = |doc: &Document, path| doc.text(path).and_then(|text| text.parse::<SocketAddr>().ok());
    let (api, carrier) = (port(doc, "listen"), port(doc, "inbound.listen"));
    let api = api.or_else(|| "127.0.0.1:8080".parse().ok());
    if let (Some(api), Some(carrier)) = (api, carrier)
        && api.port() == carrier.port()
        && api.port() != 0
        && (api.ip() == carrier.ip() || api.ip().is_unspecified() || carrier.ip().is_unspecified())
    {
        let at = doc.place("inbound.listen");
        let message = format!("`inbound.listen` has the port {} of `listen`", carrier.port());
        doc.error(at, message, "give it one of its own; the carrier's usual one is 4143");
    }
    let guards = ["secret", "secret_env", "secret_file", "allow"];
    let is_guarded = guards.iter().any(|key| doc.node(&format!("inbound.{key}")).is_some());
    if let Some(carrier) = carrier.filter(|carrier| !carrier.ip().is_loopback() && !is_guarded) {
        let message = format!("whoever reaches {carrier} can place calls");
        doc.warn(doc.place("inbound.listen"), message, "set `inbound.secret_file` or `inbound.allow`");
    }
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for route in doc.items("inbound.routes") {
        let did = inner(&route, "did").unwrap_or_default().trim().to_owned();
        let at = place_in(&route, "did");
        if let Some(first) = lines.insert(did.clone(), at.line).filter(|_| !did.is_empty()) {
            let hint = format!("the first is on line {first}; each dialled number has one flow");
            doc.error(at, format!("two routes are for `{did}`"), hint);
        }
        if !did.is_empty() && !looks_dialled(&did) {
            let message = format!("no dialled number looks like `{did}`");
            doc.warn(
                at,
                message,
                "write digits, as in `+62215550100`; `+6221*` for all that begin so, `*` for all",
            );
        }
        if let (Some(_), None) = (inner(&route, "notify_url"), inner(&route, "app")) {
            let message = "this route has a `notify_url` but no `app`";
            doc.error(
                place_in(&route, "notify_url"),
                message,
                "add `app: ID`: its secret signs what is sent there",
            );
        }
    }
}

/// Where browsers send to, and the name of their trunk.
fn webrtc(doc: &mut Document) {
    for trunk in doc.items("trunks") {
        if doc.text("webrtc.listen").is_some() && inner(&trunk, "name") == Some(TRUNK) {
            let message = format!("`{TRUNK}` is the trunk of calls in the browser");
            doc.error(place_in(&trunk, "name"), message, "call this one otherwise");
        }
    }
    let path = "webrtc.public_address";
    let Some(public) = doc.text(path).and_then(|text| text.parse::<IpAddr>().ok()) else { return };
    let at = doc.place(path);
    if public.is_unspecified() || public.is_multicast() {
        let message = format!("`{path}`: no browser can send to {public}");
        return doc.error(at, message, "give the address that others reach this machine by, or leave it out");
    }
    let listen = doc.text("webrtc.listen").and_then(|text| text.parse::<SocketAddr>().ok());
    match listen {
        None if doc.node("webrtc.listen").is_none() => {
            let message = format!("`{path}` has no effect: no calls in the browser are taken");
            doc.warn(at, message, "set `webrtc.listen`, as in `0.0.0.0:4150`");
        }
        Some(listen) if listen.ip().is_loopback() && !public.is_loopback() => {
            let message =
                format!("browsers are told to send to {public}, and only this machine can reach {listen}");
            let hint = format!("listen on 0.0.0.0:{}", listen.port());
            doc.error(doc.place("webrtc.listen"), message, hint);
        }
        Some(_) | None => {}
    }
}

fn looks_dialled(did: &str) -> bool {
    let number = did.strip_suffix('*').unwrap_or(did);
    let digits = number.strip_prefix('+').unwrap_or(number);
    (did == "*" || !digits.is_empty())
        && digits.chars().all(|sign| sign.is_ascii_digit() || " -().".contains(sign))
}

/// The certificate of the inbound port, where its files are there.
fn certificate(doc: &mut Document, world: &World<'_>) {
    let [cert, key] = ["inbound.tls.cert", "inbound.tls.key"].map(|path| doc.node(path).cloned());
    let (Some(cert), Some(key)) = (cert, key) else { return };
    let file = |node: &Node| text(node).map(|name| world.path(name)).filter(|path| path.is_file());
    let (Some(cert_file), Some(key_file)) = (file(&cert), file(&key)) else { return };
    if let Err(error) = tls::server_config(&cert_file, &key_file) {
        let (span, hint) = match &error {
            TlsError::Certificate { .. } => (cert.span, "it begins with `-----BEGIN CERTIFICATE-----`"),
            TlsError::Key { .. } => (key.span, "it begins with `-----BEGIN PRIVATE KEY-----`"),
            TlsError::Mismatch { .. } => (key.span, "name the key that the certificate was made for"),
        };
        doc.error(span, error.to_string(), hint);
    }
}

fn speech(doc: &mut Document, world: Option<&World<'_>>) {
    recogniser(doc, world, "speech_to_text");
    let mut names: Vec<String> = Vec::new();
    let usual = match doc.text("speech_to_text.engine") {
        Some(engine) => engine.to_owned(),
        None if doc.node("speech_to_text.model").is_some() => "whisper".to_owned(),
        None => String::new(),
    };
    if !usual.is_empty() && usual != "none" {
        names.push(usual);
    }
    for other in doc.entries("speech_to_text.others") {
        recogniser(doc, world, &format!("speech_to_text.others.{}", other.key));
        names.push(other.key);
    }
    let mut wanted: Vec<(String, Span)> = doc
        .entries("speech_to_text.flows")
        .iter()
        .filter_map(|flow| Some((text(&flow.value)?.to_owned(), flow.value.span)))
        .collect();
    if let Some(fallback) = doc.node("speech_to_text.fallback") {
        wanted.extend(text(fallback).map(|name| (name.to_owned(), fallback.span)));
    }
    for (name, span) in wanted {
        // One that is found at start is named by its engine.
        if names.contains(&name) || (name == "whisper" && doc.text("speech_to_text.engine").is_none()) {
            continue;
        }
        let hint = match nearest(&name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "add it under `speech_to_text.others`".to_owned(),
            None => format!("there are {}", listed(names.iter().map(String::as_str))),
        };
        doc.error(span, format!("there is no recogniser `{name}`"), hint);
    }
    if doc.text("text_to_speech.engine") == Some("piper")
        && doc.node("text_to_speech.url").is_none()
        && doc.node("text_to_speech.voices").is_none()
    {
        let at = doc.place("text_to_speech.engine");
        doc.error(at, "piper needs voices", "add `voices: FOLDER`, or `url: http://HOST` of its server");
    }
}

/// The settings of one recogniser.
fn recogniser(doc: &mut Document, world: Option<&World<'_>>, path: &str) {
    let own = |key: &str| format!("{path}.{key}");
    let engine = doc.text(&own("engine")).map(str::to_owned);
    let model = doc.node(&own("model")).and_then(|node| Some((text(node)?.to_owned(), node.span)));
    match (engine.as_deref(), model, world) {
        (None | Some("whisper"), Some((model, span)), Some(world))
            if !built_in::is_meant(Path::new(&model)) && !world.path(&model).is_file() =>
        {
            let message = format!("`{}`: there is no model {}", own("model"), world.path(&model).display());
            doc.error(
                span,
                message,
                "`dering models fetch base` brings one; `dering models list` shows what is here",
            );
        }
        (Some("deepgram"), ..) if doc.node(&own("key")).is_none() => {
            let at = doc.place(&own("engine"));
            doc.error(at, "deepgram needs a key", "add `key: { env: NAME }` or `key: { file: PATH }`");
        }
        _ => {}
    }
}

fn openid(doc: &mut Document) {
    if doc.node("console.openid").is_none() {
        return;
    }
    if doc.node("console.openid.role_claim").is_some() != doc.node("console.openid.roles").is_some() {
        let at = doc.place("console.openid");
        let hint = "the claim, and which of its values gives which role";
        doc.error(at, "`role_claim` and `roles` go together", hint);
    }
    if let Some(issuer) = doc.node("console.openid.issuer")
        && let Some(url) = text(issuer).and_then(|url| reqwest::Url::parse(url).ok())
    {
        let (span, host) = (issuer.span, url.host_str().unwrap_or_default().to_owned());
        let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        if url.scheme() == "http" && !is_here {
            doc.error(span, "the issuer must be asked over https", format!("write `https://{host}`"));
        }
    }
}

fn server_key(doc: &mut Document, world: &World<'_>) {
    let Some(key) = (world.environment)(SERVER_KEY) else { return };
    if let Err(error) = ServerKey::parse(&key) {
        let at = doc.place("auth");
        doc.error(
            at,
            format!("the environment variable {SERVER_KEY} is no server key: {error}"),
            "take it away, or set it to the key of this database",
        );
    }
}

/// Flows that are named, and what there is.
fn flows(doc: &mut Document, world: &World<'_>) {
    let folder = world.path(doc.text("flows").unwrap_or("flows"));
    if !folder.is_dir() {
        // What is a file was told already.
        if !folder.is_file() {
            let at = doc.node("flows").map_or_else(|| doc.place("flows"), |node| node.span);
            let message = format!("there is no folder {} to read flows from", folder.display());
            doc.error(
                at,
                message,
                "set `flows` to the folder that holds them; paths are relative to the folder of this file",
            );
        }
        return;
    }
    let Ok(read) = Folder::read(&folder) else { return };
    let names: Vec<String> =
        read.flows().map(|flow| flow.name().to_owned()).chain(read.broken().map(str::to_owned)).collect();
    // Versions that were uploaded are in the database.
    let database = world.path(doc.text("database").unwrap_or("data/dering.db"));
    let may_be_kept = database.exists();
    let mut wanted: Vec<(String, Span)> = Vec::new();
    let mut want = |node: Option<&Node>| {
        let found = node.and_then(|node| Some((text(node)?.to_owned(), node.span)));
        wanted.extend(found);
    };
    for bot in doc.entries("bots") {
        want(Some(&bot.value));
    }
    for route in doc.items("inbound.routes") {
        want(route.entry("flow").map(|entry| &entry.value));
    }
    want(doc.node("inbound.default_flow"));
    for (flow, span) in wanted {
        let name = flow.split('@').next().unwrap_or_default();
        if names.iter().any(|known| known == name) {
            continue;
        }
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "there is none yet: put a flow into that folder".to_owned(),
            None => format!("there are {}", listed(names.iter().map(String::as_str))),
        };
        let message = format!("there is no flow `{name}` in {}", folder.display());
        if may_be_kept {
            doc.warn(span, message, format!("{hint} Unless it was uploaded, calls of it are refused"));
        } else {
            doc.error(span, message, hint);
        }
    }
    for flow in doc.entries("speech_to_text.flows") {
        if !names.contains(&flow.key) {
            let message = format!("there is no flow `{}` in {}", flow.key, folder.display());
            doc.warn(flow.key_span, message, "the recogniser is chosen for no call");
        }
    }
}
