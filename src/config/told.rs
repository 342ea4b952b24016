//! Every setting as it holds, and where it is from: for people who want to know why the server does what it does.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::DEFAULT_YAML;
use crate::api::{Origin, Setting, Told};

/// What a SIP trunk has when nothing is said of it.
const SIP_TRUNK: &str = "\
transport: udp
listen: 0.0.0.0:0
public_address: null
username: null
register: false
from_domain: null
caller_id: null
asserts_caller: false
codecs: [ulaw, alaw]
rtp_ports: 20000-29999
limits: { calls: null, per_second: null, queue: 100, queue_timeout: 60 }
away_timeout: 10
takes_calls: true
allow: []
redirects: null
ping: 30
";
/// What another trunk has when nothing is said of it.
const TRUNK: &str = "\
kind: outgoing-call-service
version: auto
media: socketio
codec: pcm16
media_hosts: []
caller_id: null
limits: { calls: null, per_second: null, queue: 100, queue_timeout: 60 }
away_timeout: 10
takes_calls: true
did: null
calls_per_connection: 50
";
/// Names of settings that hold a secret.
const SECRETS: [&str; 6] = ["token", "secret", "key", "client_secret", "password", "secret_key"];

/// YAML with its lines.
enum Node {
    Nothing,
    Text(String),
    List(Vec<Spanned<Node>>),
    Table(Vec<(String, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a setting")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }
            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }
            fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
                Node::deserialize(source)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Text(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Text(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Text(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Text(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut table = Vec::new();
                while let Some(key) = entries.next_key::<String>()? {
                    if table.len() > 10_000 {
                        return Err(A::Error::custom("too many settings"));
                    }
                    table.push((key, entries.next_value()?));
                }
                Ok(Node::Table(table))
            }
        }
        source.deserialize_any(Any)
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Text(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Table(entries) => entries.is_empty(),
        }
    }
}

/// Whether it is a table with `kind: sip`.
fn is_sip(item: &Node) -> bool {
    let Node::Table(entries) = item else { return false };
    entries
        .iter()
        .any(|(key, value)| key == "kind" && matches!(&value.value, Node::Text(kind) if kind == "sip"))
}

/// An address without what may be a secret in it: the name and the password before the host, and all that is asked for behind `?`. Of a
/// speech service also the path, in which some want their token.
fn without_secrets(name: &str, text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rfind('@').map_or_else(|| host.to_owned(), |at| format!("…{}", &host[at..]));
    let (path, asked) = behind.split_at(behind.find(['?', '#']).unwrap_or(behind.len()));
    let of_speech = name.starts_with("speech_to_text") || name.starts_with("text_to_speech");
    let path = if of_speech && path.len() > 1 { "/…" } else { path };
    let asked = if asked.is_empty() { "" } else { "?…" };
    format!("{scheme}://{host}{path}{asked}")
}

/// Adds what a node holds. What is added later takes the place of what has the same name.
struct Teller<'e> {
    settings: Vec<Setting>,
    environment: &'e dyn Fn(&str) -> Option<String>,
}

impl Teller<'_> {
    fn tell(&mut self, name: &str, node: &Node, origin: &Origin) {
        let last = name.rsplit('.').next().unwrap_or(name);
        let inside = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        let at = |line: u64| match origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line },
            Origin::Default | Origin::Environment(_) => origin.clone(),
        };
        match node {
            Node::Table(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    self.tell(&inside(key), &value.value, &at(value.referenced.line()));
                }
            }
            Node::List(items)
                if items.iter().any(|item| matches!(item.value, Node::Table(_) | Node::List(_))) =>
            {
                for (n, item) in items.iter().enumerate() {
                    let name = format!("{name}[{n}]");
                    if name.starts_with("trunks[") {
                        let usual = if is_sip(&item.value) { SIP_TRUNK } else { TRUNK };
                        self.tell_text(&name, usual, &Origin::Default);
                    }
                    self.tell(&name, &item.value, &at(item.referenced.line()));
                }
            }
            Node::List(items) if !items.is_empty() => {
                let texts = items.iter().filter_map(|item| match &item.value {
                    Node::Text(text) => Some(without_secrets(name, text)),
                    Node::Nothing | Node::List(_) | Node::Table(_) => None,
                });
                let value = Told::Text(texts.collect::<Vec<_>>().join(", "));
                self.keep(name, value, at(items.first().map_or(0, |item| item.referenced.line())));
            }
            Node::Text(text) if last.ends_with("_env") || name.ends_with("key.env") => {
                let there = (self.environment)(text).is_some();
                self.keep(name, Told::Text(text.clone()), origin.clone());
                let secret = name.strip_suffix("_env").or_else(|| name.strip_suffix(".env")).unwrap_or(name);
                self.keep(secret, Told::Secret(there), Origin::Environment(text.clone()));
            }
            Node::Text(text) if name.ends_with("key.file") => {
                self.keep(name, Told::Text(text.clone()), origin.clone());
                let secret = name.strip_suffix(".file").unwrap_or(name);
                self.keep(secret, Told::Secret(!text.is_empty()), origin.clone());
            }
            Node::Text(text) if SECRETS.contains(&last) => {
                self.keep(name, Told::Secret(!text.is_empty()), origin.clone());
            }
            Node::Text(text) => self.keep(name, Told::Text(without_secrets(name, text)), origin.clone()),
            Node::Nothing | Node::List(_) | Node::Table(_) => {
                debug_assert!(node.is_empty());
                let secret = SECRETS.contains(&last);
                self.keep(name, if secret { Told::Secret(false) } else { Told::Nothing }, origin.clone());
            }
        }
    }

    /// Adds what a text holds; one that is no YAML adds nothing.
    fn tell_text(&mut self, name: &str, text: &str, origin: &Origin) {
        if let Ok(node) = serde_saphyr::from_str::<Spanned<Node>>(text) {
            let origin = match origin {
                Origin::File { path, .. } => {
                    Origin::File { path: path.clone(), line: node.referenced.line() }
                }
                Origin::Default | Origin::Environment(_) => origin.clone(),
            };
            self.tell(name, &node.value, &origin);
        }
    }

    fn keep(&mut self, name: &str, value: Told, origin: Origin) {
        // A list or a table that is empty by default is not there any more once something stands in it.
        let above = |one: &Setting| {
            let rest = name.strip_prefix(one.name.as_str());
            one.value == Told::Nothing && rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        self.settings.retain(|one| !above(one));
        // Where a whole table is taken away, so is what stood in it.
        if value == Told::Nothing {
            let below = |one: &Setting| {
                let rest = one.name.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            self.settings.retain(|one| !below(one));
        }
        let setting = Setting { name: name.to_owned(), value, origin };
        match self.settings.iter_mut().find(|one| one.name == name) {
            Some(known) => *known = setting,
            None => {
                // Beside those of the same table.
                let table = name.rfind(['.', '[']).map_or("", |end| &name[..end]);
                let beside =
                    self.settings.iter().rposition(|one| !table.is_empty() && one.name.starts_with(table));
                let at = beside.map_or(self.settings.len(), |at| at + 1);
                self.settings.insert(at, setting);
            }
        }
    }
}

/// Every setting, in the order of the defaults: those that `file` (its path and its text) gives, else the defaults.
/// `environment` gives the value of a variable.
pub(super) fn settings(
    file: Option<(&str, &str)>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Vec<Setting> {
    let mut teller = Teller { settings: Vec::new(), environment };
    teller.tell_text("", DEFAULT_YAML, &Origin::Default);
    if let Some((path, text)) = file {
        teller.tell_text("", text, &Origin::File { path: path.to_owned(), line: 0 });
    }
    for (name, variable) in [
        ("auth.secret_key", super::auth::SERVER_KEY),
        ("speech_to_text.models", super::MODELS_FOLDER),
        ("text_to_speech.voices", super::VOICES_FOLDER),
    ] {
        let given = environment(variable);
        let unset = teller.settings.iter().any(|one| one.name == name && one.value == Told::Nothing);
        if let (Some(value), true) = (given, name.ends_with("secret_key") || unset) {
            let value = if name.ends_with("secret_key") { Told::Secret(true) } else { Told::Text(value) };
            teller.keep(name, value, Origin::Environment(variable.to_owned()));
        }
    }
    teller.settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<Setting> {
        let environment = |name: &str| (name == "CARRIER_TOKEN").then(|| "hush-hush".to_owned());
        settings(Some(("dering.yaml", text)), &environment)
    }

    fn one<'s>(all: &'s [Setting], name: &str) -> &'s Setting {
        all.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} among {all:#?}"))
    }

    #[test]
    fn each_setting_tells_its_value_and_its_line() {
        let text = "# ours\nlisten: 0.0.0.0:80\ncalls:\n  max: 7\nauth:\n  app_rate: { per_second: 5, burst: 6 }\n  trusted_proxies: [10.0.0.0/8, 10.1.1.1]\nbots:\n  shop: faq\n";
        let all = told(text);
        let file = |line| Origin::File { path: "dering.yaml".into(), line };
        for (name, value, origin) in [
            ("listen", "0.0.0.0:80", file(2)),
            ("calls.max", "7", file(4)),
            ("calls.ring_timeout", "60", Origin::Default),
            ("auth.app_rate.burst", "6", file(6)),
            ("auth.key_rate.burst", "1000", Origin::Default),
            ("auth.trusted_proxies", "10.0.0.0/8, 10.1.1.1", file(7)),
            ("bots.shop", "faq", file(9)),
        ] {
            let setting = one(&all, name);
            assert_eq!((&setting.value, &setting.origin), (&Told::Text(value.into()), &origin), "{name}");
        }
        assert!(!all.iter().any(|one| one.name == "bots"), "it is not empty any more");
        assert_eq!(one(&all, "country").value, Told::Nothing);
    }

    #[test]
    fn no_secret_is_told() {
        let text = "trunks:\n  - { name: a, url: 'https://user:pass-word@x.test/p', token: hush-hush }\n  - name: b\n    url: https://y.test\n    token_env: CARRIER_TOKEN\n  - { name: c, url: https://z.test, token_env: MISSING }\ninbound:\n  secret: hush-hush\nspeech_to_text:\n  key: { env: MISSING }\n";
        let all = told(text);
        assert!(!format!("{all:?}").contains("hush") && !format!("{all:?}").contains("pass-word"), "{all:?}");
        assert_eq!(one(&all, "trunks[0].url").value, Told::Text("https://…@x.test/p".into()));
        for (name, set) in [
            ("trunks[0].token", true),
            ("trunks[1].token", true),
            ("trunks[2].token", false),
            ("inbound.secret", true),
            ("speech_to_text.key", false),
            ("text_to_speech.key", false),
        ] {
            assert_eq!(one(&all, name).value, Told::Secret(set), "{name}");
        }
        assert_eq!(one(&all, "trunks[1].token").origin, Origin::Environment("CARRIER_TOKEN".into()));
        assert_eq!(one(&all, "trunks[1].limits.queue").origin, Origin::Default);
    }

    #[test]
    fn what_stands_in_an_address_beside_the_place_is_not_told() {
        let all = told(
            "trunks: [{ name: a, url: 'https://x.test/p?key=hush&v=2#hush', token: t }]\nspeech_to_text:\n  url: https://s.test:8443/v1/hush/x?a=hush\n  key: { file: /run/key }\n",
        );
        assert!(!format!("{all:?}").contains("hush"), "{all:?}");
        assert_eq!(one(&all, "trunks[0].url").value, Told::Text("https://x.test/p?…".into()));
        assert_eq!(one(&all, "speech_to_text.url").value, Told::Text("https://s.test:8443/…?…".into()));
        assert_eq!(one(&all, "speech_to_text.key").value, Told::Secret(true));
        assert_eq!(one(&all, "speech_to_text.key.file").value, Told::Text("/run/key".into()));
    }

    #[test]
    fn what_a_trunk_has_by_default_is_what_it_has() {
        let plain = "trunks: [{name: a, url: 'http://x', token: t}]";
        let indented: String = TRUNK.lines().map(|line| format!("    {line}\n")).collect();
        let full = format!("trunks:\n  - name: a\n    url: http://x\n    token: t\n{indented}");
        let read = |text: &str| format!("{:?}", super::super::parse("x", text).unwrap().trunks);
        assert_eq!(read(plain), read(&full));
        let plain = "trunks: [{name: a, kind: sip, server: x.test}]";
        let indented: String = SIP_TRUNK.lines().map(|line| format!("    {line}\n")).collect();
        let full = format!("trunks:\n  - name: a\n    kind: sip\n    server: x.test\n{indented}");
        assert_eq!(read(plain), read(&full));
        let all = told(plain);
        assert_eq!(one(&all, "trunks[0].rtp_ports").value, Told::Text("20000-29999".into()));
        assert!(!all.iter().any(|one| one.name == "trunks[0].media"), "that is of the other kind");
    }

    #[test]
    fn the_environment_speaks_where_the_file_does_not() {
        let environment =
            |name: &str| (name == super::super::MODELS_FOLDER).then(|| "/srv/models".to_owned());
        let open = settings(None, &environment);
        assert_eq!(one(&open, "speech_to_text.models").origin, Origin::Environment("DERING_MODELS".into()));
        let said = settings(Some(("d", "speech_to_text: { models: here }\n")), &environment);
        assert_eq!(one(&said, "speech_to_text.models").value, Told::Text("here".into()));
    }
}
