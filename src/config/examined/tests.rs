use std::fmt::Write as _;
use std::path::Path;

use super::document::Document;
use super::shape::{Key, SETTINGS, Shape};
use super::*;
use crate::config::{Config, DEFAULT_YAML};
use crate::telemetry::traces::BUILT_IN;

const FLOW: &str = "flow: reminder\nstart: s\nscenes: { s: [ hangup ] }\n";

/// Wrong configurations of every kind.
const WRONG: [(&str, &str); 45] = [
    ("a key that is misspelt", "lsiten: 127.0.0.1:8080\n"),
    ("a key in the wrong section", "calls:\n  max: 7\n  filter: info\n"),
    ("a key that nothing resembles", "log:\n  colour: red\n"),
    ("a key twice", "country: ID\nflows: flows\ncountry: MY\n"),
    ("no port", "listen: 127.0.0.1\n"),
    ("no address", "listen: 8080\n"),
    ("a port that is too large", "listen: 127.0.0.1:80800\n"),
    ("a name for an address", "listen: localhost:8080\n"),
    ("a number in quotes", "calls:\n  max: \"200\"\n"),
    ("a word for a number", "calls:\n  ring_timeout: soon\n"),
    ("a number out of range", "connections: { max: 0 }\n"),
    ("yes for true", "webhooks:\n  allow_private: yes\n"),
    ("a text for a list", "trunks: carrier\n"),
    ("a list for a table", "log:\n  - info\n"),
    ("a table for a text", "database: { path: x.db }\n"),
    ("nothing behind the colon", "database:\nflows: flows\n"),
    ("a level that is misspelt", "log: { filter: infoo }\n"),
    ("modules and levels of the log", "log:\n  filter: \"info,dering::trnuk=debug,outbox=loud\"\n"),
    ("a format of the log", "log: { format: jsn }\n"),
    ("an address without its scheme", "public_url: voice.example.com\n"),
    ("another scheme", "trunks: [ { name: a, url: 'ftp://carrier.test', token: hush } ]\n"),
    ("a country that is none", "country: Nowhere\n"),
    ("a network that is none", "auth:\n  trusted_proxies: [ 10.0.0.0/8, proxy.example ]\n"),
    ("a trunk without what it needs", "trunks:\n  - name: a\n"),
    (
        "two trunks of one name",
        "trunks:\n  - { name: a, url: 'http://x', token: hush }\n  - { name: a, url: 'http://y', token: hush }\n",
    ),
    (
        "a secret that is not set",
        "trunks:\n  - name: a\n    url: https://x.test\n    token_env: DERING_TEST_NOT_SET\n",
    ),
    (
        "a secret file that is not there",
        "inbound:\n  listen: 127.0.0.1:4143\n  secret_file: secrets/inbound\n",
    ),
    ("a certificate that is not there", "inbound:\n  tls: { cert: none.pem, key: none.key }\n"),
    ("flows that are not there", "flows: flwos\n"),
    ("bots with unknown flows", "bots:\n  shop: remindre\n  other: sales@live\n"),
    (
        "a route without a number, and one that cannot sign",
        "inbound:\n  routes:\n    - flow: reminder\n    - { did: '1', flow: reminder, notify_url: 'https://x.test' }\n",
    ),
    ("one port for two", "listen: 0.0.0.0:4143\ninbound: { listen: 127.0.0.1:4143 }\n"),
    (
        "recognisers that are not there",
        "speech_to_text:\n  engine: whisper\n  model: none.bin\n  fallback: clod\n  others:\n    cloud: { engine: deepgram }\n",
    ),
    (
        "a role that is none",
        "console:\n  second_factor: [ boss ]\n  openid: { issuer: 'http://id.test', client_id: a, role_claim: groups }\n",
    ),
    ("broken YAML", "log:\n  filter: info\n bad: [\n"),
    ("a bracket that stays open", "listen: [127.0.0.1\nlog: { filter: info }\ntrunks: []\n"),
    ("a quote that stays open", "listen: \"127.0.0.1:80\nlog: { filter: \"info\" }\n"),
    (
        "files that are no certificate and no key",
        "inbound:\n  tls: { cert: flows/reminder.yaml, key: flows/reminder.yaml }\n",
    ),
    (
        "a place that browsers cannot reach",
        "webrtc: { listen: 127.0.0.1:4150, public_address: 203.0.113.7, max_calls: 0 }\n",
    ),
    (
        "a trunk with the name of that of browsers",
        "webrtc: { listen: 127.0.0.1:4150 }\ntrunks: [ { name: browser, url: 'http://x', token: hush } ]\n",
    ),
    ("a number that nobody dials", "inbound:\n  routes: [ { did: abc, flow: remindre } ]\n"),
    ("a kind of trunk that is none", "trunks: [ { name: a, kind: spi, url: 'http://x', token: hush } ]\n"),
    (
        "a setting of another kind of trunk",
        "trunks: [ { name: a, kind: sip, server: sip.example.com, url: 'http://x', media: websocket } ]\n",
    ),
    (
        "a SIP trunk that cannot work",
        "trunks:\n  - { name: a, kind: sip, server: 'sip:example.com', register: true, public_address: here, rtp_ports: 80 }\n  - { name: b, kind: sip, server: b.test, username: u, codecs: [ g729 ] }\n",
    ),
    ("anchors", "webhooks: &w { allow: [] }\nrequests: *w\n"),
];

fn examined(text: &str, folder: &Path) -> String {
    let environment = |name: &str| (name == "SET").then(|| "x".to_owned());
    let world = World { folder, environment: &environment };
    let found = examine("dering.yaml", text, Some(&world));
    let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    shown.replace(&folder.display().to_string(), "HERE")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("flows")).unwrap();
    std::fs::write(folder.path().join("flows/reminder.yaml"), FLOW).unwrap();
    folder
}

#[test]
fn every_mistake_is_told_at_its_place_with_what_to_write() {
    let folder = folder();
    let mut all = String::new();
    for (name, text) in WRONG {
        let shown = examined(text, folder.path());
        assert!(shown.contains(": error: ") && shown.contains("help: "), "{name}: {shown}");
        assert!(!shown.contains("hush"), "{name} tells a secret: {shown}");
        writeln!(all, "=== {name}\n{shown}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_file_that_is_no_text_is_told_where_it_stops_being_one() {
    let folder = folder();
    let path = folder.path().join("dering.yaml");
    for (bytes, told) in [
        (&b"log: { filter: info }\nlisten: caf\xe9\n"[..], ":2:12: error: the byte 0xe9 is not UTF-8"),
        (b"\xff\xfel\0o\0g\0", ":1:1: error: the file is UTF-16"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let shown = crate::config::load(&path).unwrap_err().to_string();
        assert!(shown.contains(told) && shown.contains("save the file as UTF-8"), "{shown}");
    }
}

#[test]
fn what_stands_below_the_key_of_a_secret_is_not_shown() {
    let folder = folder();
    let shown =
        examined("trunks:\n  - name: a\n    url: https://x.test\n    token:\n      - hush\n", folder.path());
    assert!(shown.contains("5:7") && !shown.contains("hush"), "{shown}");
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let folder = folder();
    let mut text = String::new();
    let kept = [
        "public_url: voice.example.com\n",
        "country: Nowhere\n",
        "calls:\n  ring_timeout: soon\n",
        "bots: { a: remindre }\n",
    ];
    for part in kept {
        text.push_str(part);
    }
    text.push_str("lgo: {}\ntrunks: [ { name: a, url: x } ]\n");
    let shown = examined(&text, folder.path());
    assert_eq!(shown.matches(": error: ").count(), 7, "{shown}");
    let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with("dering.yaml:")).collect();
    assert!(
        lines.is_sorted_by_key(|line| line.split(':').nth(1).and_then(|line| line.parse::<u32>().ok())),
        "{shown}"
    );
}

#[test]
fn a_flow_that_may_have_been_uploaded_is_only_warned_of() {
    let folder = folder();
    std::fs::write(folder.path().join("d.db"), "").unwrap();
    let shown = examined("database: d.db\nbots: { shop: sales }\n", folder.path());
    assert!(shown.contains("2:15: warning: there is no flow `sales`"), "{shown}");
}

#[test]
fn what_a_server_would_refuse_later_is_told_at_once() {
    let folder = folder();
    let shown = examined(
        "calls: { max: 0, ring_timeout: 0 }\ninbound:\n  routes:\n    - { did: '1', flow: reminder }\n    - { did: '1', flow: reminder }\n",
        folder.path(),
    );
    assert_eq!(shown.matches(": error: ").count(), 3, "{shown}");
    assert!(shown.contains("two routes are for `1`") && shown.contains("the first is on line 4"), "{shown}");
}

#[test]
fn traces_are_a_mistake_in_a_program_that_has_none() {
    let folder = folder();
    let shown = examined("telemetry:\n  otlp: { endpoint: 'http://127.0.0.1:4318' }\n", folder.path());
    if BUILT_IN {
        assert_eq!(shown, "");
    } else {
        assert!(shown.contains("2:11: error: this program was built without traces"), "{shown}");
        assert!(shown.contains("--features otel"), "{shown}");
    }
    let bare = examined("telemetry: { otlp: { endpoint: '127.0.0.1:4318' } }\n", folder.path());
    assert!(bare.contains("http://127.0.0.1:4318"), "{bare}");
}

#[test]
fn the_defaults_and_what_is_explained_are_right() {
    let folder = folder();
    assert_eq!(examined(DEFAULT_YAML, folder.path()), "");
    assert_eq!(examined("# nothing but a remark\n", folder.path()), "");
}

/// Every key that is checked can be read, and every key that can be read is checked and explained.
#[test]
fn the_shapes_are_those_of_the_settings() {
    let mut text = String::new();
    write_table(&mut text, SETTINGS, 0);
    let read: Result<Config, _> = serde_saphyr::from_str(&text);
    read.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut found = examine("x", &text, None);
    // Every text is the word `some`: that is no number, and the trunks share it as their name. Every port is on loopback.
    let of_the_word = ["no dialled number", "two trunks are named", "browsers are told to send to"];
    found.retain(|finding| !of_the_word.iter().any(|start| finding.message.starts_with(start)));
    assert!(found.is_empty(), "{found:#?}");
    let explained = |key: &str| DEFAULT_YAML.contains(&format!("{key}:")) || DEFAULT_YAML.contains(key);
    let mut missing = Vec::new();
    names(SETTINGS, &mut missing);
    missing.retain(|name| !explained(name));
    // `secret_key` and its like are told in a sentence beside the first of their kind.
    assert_eq!(
        missing,
        ["token", "client_secret_file", "notify_headers"]
            .map(str::to_owned)
            .iter()
            .filter(|name| !explained(name))
            .cloned()
            .collect::<Vec<_>>()
    );
    assert!(Document::read("x", &text).root().is_some());
}

fn names(keys: &[Key], all: &mut Vec<String>) {
    for key in keys {
        all.push(key.name.to_owned());
        inner(key.shape, all);
    }
}

fn inner(shape: Shape, all: &mut Vec<String>) {
    match shape {
        Shape::Table(keys) => names(keys, all),
        Shape::Kinds(kinds) => kinds.iter().for_each(|kind| names(kind.keys, all)),
        Shape::Map(shape) | Shape::List(shape) | Shape::Maybe(shape) | Shape::PathOr(shape) => {
            inner(*shape, all)
        }
        Shape::Text
        | Shape::Switch
        | Shape::Whole(..)
        | Shape::Number(..)
        | Shape::Word(_)
        | Shape::Url(_)
        | Shape::Socket
        | Shape::Network
        | Shape::Country
        | Shape::Address
        | Shape::Ports
        | Shape::LogFilter
        | Shape::Path
        | Shape::File
        | Shape::Folder
        | Shape::Variable
        | Shape::Any => {}
    }
}

/// Something that fits every shape.
fn write_table(text: &mut String, keys: &[Key], indent: usize) {
    for key in keys {
        write!(text, "{:indent$}{}:", "", key.name).unwrap();
        write_value(text, key.shape, indent);
    }
}

fn write_value(text: &mut String, shape: Shape, indent: usize) {
    let plain = match shape {
        Shape::Text | Shape::Any | Shape::Path | Shape::File | Shape::Folder | Shape::Variable => {
            "some".to_owned()
        }
        Shape::Switch => "true".to_owned(),
        Shape::Whole(from, _) => from.max(5).to_string(),
        Shape::Number(from, to) => f64::midpoint(from, to.min(10.0)).to_string(),
        Shape::Word(words) => words[words.len() - 1].to_owned(),
        Shape::Url(schemes) => format!("{}://host.test", schemes[0]),
        Shape::Socket => format!("127.0.0.1:{}", indent + 9),
        Shape::Network => "10.0.0.0/8".to_owned(),
        Shape::Country => "ID".to_owned(),
        Shape::Address => "203.0.113.7".to_owned(),
        Shape::Ports => "20000-20099".to_owned(),
        Shape::LogFilter => "info".to_owned(),
        Shape::Maybe(shape) | Shape::PathOr(shape) => return write_value(text, *shape, indent),
        Shape::Table(keys) => {
            text.push('\n');
            return write_table(text, keys, indent + 2);
        }
        Shape::List(Shape::Kinds(kinds)) => {
            for kind in *kinds {
                let mut table = String::new();
                write_table(&mut table, kind.keys, indent + 4);
                write!(text, "\n{:1$}-\n{table}", "", indent + 2).unwrap();
                let last = kinds[kinds.len() - 1].name;
                let at = text.rfind(&format!("kind: {last}")).unwrap();
                text.replace_range(at + 6..at + 6 + last.len(), kind.name);
            }
            return;
        }
        Shape::Kinds(kinds) => {
            text.push('\n');
            return write_table(text, kinds[kinds.len() - 1].keys, indent + 2);
        }
        Shape::Map(shape) => {
            write!(text, "\n{:1$}some:", "", indent + 2).unwrap();
            return write_value(text, *shape, indent + 2);
        }
        Shape::List(shape) => {
            write!(text, "\n{:1$}-", "", indent + 2).unwrap();
            return write_value(text, *shape, indent + 2);
        }
    };
    writeln!(text, " {plain}").unwrap();
}
