//! What a server needs on this machine.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use callcore::yaml::Severity;

use super::State;
use crate::app;
use crate::cli::db::{made, size};
use crate::config::{Config, local_file};
use crate::flows::Folder;
use crate::gateway::callees;
use crate::net::descriptors;
use crate::speech::models::built_in;
use crate::speech::stt::Named;
use crate::speech::tts::Speaker;
use crate::store::{Condition, Error, KeySource, Store};
use crate::telemetry::Disk;

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) what: String,
    pub(super) state: State,
    pub(super) told: String,
}

pub(super) fn item(what: impl Into<String>, state: State, told: impl Into<String>) -> Item {
    Item { what: what.into(), state, told: told.into() }
}

pub(super) async fn all(config: &Config) -> Vec<Item> {
    let (flows, folder) = of_flows(&config.flows);
    let mut items = vec![flows];
    items.extend(of_callees(&config.flows.join("callees")));
    items.push(of_database(&config.database).await);
    items.extend(of_server_key(config));
    items.push(of_recogniser(config));
    items.extend(of_voices(config, folder.as_ref()).await);
    items.extend(disks(config));
    items.push(of_files(config));
    items.push(of_port("listen", config.listen, &config.database).await);
    if let Some(listen) = config.inbound.listen {
        items.push(of_port("inbound.listen", listen, &config.database).await);
    }
    if let Some(listen) = config.webrtc.listen {
        items.push(of_udp_port("webrtc.listen", listen, &config.database));
        if config.webrtc.tcp {
            items.push(of_port("webrtc.listen (TCP)", listen, &config.database).await);
        }
    }
    items
}

fn of_flows(path: &Path) -> (Item, Option<Folder>) {
    let folder = match Folder::read(path) {
        Ok(folder) => folder,
        Err(error) => return (item("flows", State::Failed, error.to_string()), None),
    };
    let count = folder.flows().count();
    let errors = folder.findings().iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = folder.findings().len() - errors;
    let shown = path.display();
    let checked = format!("`dering flow check {shown}` shows them");
    let told = match (count, errors, warnings) {
        (_, 1.., _) => item(
            "flows",
            State::Failed,
            format!("{shown}: {count} good, {}; {checked}", counted(errors, "error")),
        ),
        (0, ..) => item("flows", State::Warning, format!("{shown} has no flows yet")),
        (_, _, 1..) => item(
            "flows",
            State::Warning,
            format!("{shown}: {count} good, {}; {checked}", counted(warnings, "warning")),
        ),
        _ => item("flows", State::Good, format!("{shown}: {count} good")),
    };
    (told, Some(folder))
}

/// `1 error`, `2 errors`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Simulated callees, where there are any.
fn of_callees(path: &Path) -> Option<Item> {
    if !path.is_dir() {
        return None;
    }
    Some(match callees::load_dir(path) {
        Ok(found) => item("callees", State::Good, format!("{}: {} good", path.display(), found.all().len())),
        Err(error) => item("callees", State::Failed, error.to_string()),
    })
}

async fn of_database(path: &Path) -> Item {
    let what = "database";
    let shown = path.display();
    match Store::examine(path, false).await {
        Err(Error::Missing { .. }) => item(what, State::Good, format!("{shown}: made at the first start")),
        Err(error) => item(what, State::Failed, format!("{error}; `dering db check` tells more")),
        Ok(found) if found.is_newer() => {
            let told =
                format!("{shown} was made by a newer version of dering: run that one, or restore a backup");
            item(what, State::Failed, told)
        }
        Ok(Condition { copy: Some(mark), .. }) => {
            let told = format!(
                "{shown} is a copy of {}: a server starts with it after `dering db adopt`, and then ends the calls that it has as running",
                made(&mark)
            );
            item(what, State::Failed, told)
        }
        Ok(found) => {
            item(what, State::Good, format!("{shown}: {}, {} calls", size(found.bytes), found.calls))
        }
    }
}

/// The key to what is sealed in a database that is there.
fn of_server_key(config: &Config) -> Option<Item> {
    let what = "server key";
    let path = match config.auth.key_source() {
        Err(error) => return Some(item(what, State::Failed, error.to_string())),
        Ok(KeySource::Given(_)) => return Some(item(what, State::Good, "from the environment")),
        Ok(KeySource::File(path)) => path,
        Ok(KeySource::Beside) => with_ending(&config.database, ".key"),
    };
    let shown = path.display();
    if path.exists() {
        return Some(item(what, State::Good, shown.to_string()));
    }
    config.database.exists().then(|| {
        let told = format!(
            "{shown} is not there: put it back, or `dering app rekey --lost` gives up the secrets it protects"
        );
        item(what, State::Failed, told)
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn of_recogniser(config: &Config) -> Item {
    let what = "recogniser";
    match app::recognizers(&config.speech_to_text) {
        Ok(found) if found.is_empty() => {
            let told = "none: questions take keys only; `dering models fetch base` brings a model";
            item(what, State::Warning, told)
        }
        Ok(found) => {
            let name = |one: &Named| match one.recognizer.hears_answers_only() {
                true => format!(
                    "{} ({}: only answers that a question knows; `dering models fetch base` brings a model that hears \
                     everything)",
                    one.name,
                    built_in::NAME
                ),
                false => one.name.clone(),
            };
            let names: Vec<String> = found.all().iter().map(name).collect();
            item(what, State::Good, names.join(", "))
        }
        Err(error) => item(what, State::Failed, format!("{error:#}")),
    }
}

async fn of_voices(config: &Config, folder: Option<&Folder>) -> Vec<Item> {
    let tts = match app::voices(config) {
        Ok(tts) => tts,
        Err(error) => return vec![item("voices", State::Failed, format!("{error:#}"))],
    };
    let mut wanted = BTreeSet::new();
    for flow in folder.into_iter().flat_map(Folder::flows) {
        wanted.extend(
            flow.voices()
                .into_iter()
                .map(|(language, voice)| (language.to_owned(), voice.map(str::to_owned))),
        );
    }
    let mut items = Vec::new();
    for (language, voice) in wanted {
        let what = format!(
            "voice {language}{}",
            voice.as_deref().map(|voice| format!(" {voice}")).unwrap_or_default()
        );
        items.push(match tts.speaker(&language, voice.as_deref()).await {
            Ok(Speaker { engine, instead: None, .. }) => item(what, State::Good, engine),
            Ok(Speaker { engine, instead: Some(why), .. }) => {
                item(what, State::Warning, format!("{engine} instead: {why}"))
            }
            Err(error) => item(what, State::Failed, error.to_string()),
        });
    }
    items
}

/// Each disk once, named by what lies on it.
fn disks(config: &Config) -> Vec<Item> {
    let mut seen: Vec<(Disk, Vec<&str>)> = Vec::new();
    let folders = [
        ("database", &config.database),
        ("recordings", &config.recordings.folder),
        ("speech cache", &config.speech_cache),
    ];
    for (name, path) in folders {
        let Some(disk) = Disk::of(path) else { continue };
        match seen.iter_mut().find(|(known, _)| known.size == disk.size) {
            Some((_, names)) => names.push(name),
            None => seen.push((disk, vec![name])),
        }
    }
    seen.into_iter()
        .map(|(disk, names)| {
            let what = format!("disk of {}", names.join(", "));
            let state = if disk.is_full() {
                State::Failed
            } else if disk.is_low() {
                State::Warning
            } else {
                State::Good
            };
            item(
                what,
                state,
                format!("{} free; an hour of calls takes 115 MB of recordings", size(disk.free)),
            )
        })
        .collect()
}

fn of_files(config: &Config) -> Item {
    let inbound = config.inbound.listen.map_or(0, |_| config.inbound.max_connections);
    let limit = descriptors::raise();
    let budget = descriptors::budget(limit, config.calls.max, inbound, config.connections.max);
    if budget.is_small() {
        let told = format!(
            "{limit} may be open, {} are needed: `ulimit -n`, or LimitNOFILE= of the service",
            budget.needed
        );
        return item("open files", State::Warning, told);
    }
    item("open files", State::Good, format!("{limit} may be open, {} are needed", budget.needed))
}

/// Whether a port can be had; one of our own server is as good.
async fn of_port(setting: &str, address: SocketAddr, database: &Path) -> Item {
    told_of_port(setting, address, database, TcpListener::bind(address).map(drop))
}

fn of_udp_port(setting: &str, address: SocketAddr, database: &Path) -> Item {
    told_of_port(setting, address, database, UdpSocket::bind(address).map(drop))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
fn told_of_port(setting: &str, address: SocketAddr, database: &Path, bound: io::Result<()>) -> Item {
    let what = format!("port of {setting}");
    let Err(error) = bound else {
        return item(what, State::Good, format!("{address} is free"));
    };
    let told = match error.kind() {
        ErrorKind::AddrInUse if local_file(database).exists() => {
            return item(
                what,
                State::Good,
                format!("{address} is taken; a server runs here with this database"),
            );
        }
        ErrorKind::AddrInUse => format!("{address} is taken by another program"),
        ErrorKind::PermissionDenied => {
            format!(
                "{address}: this user may not listen on ports below 1024 (AmbientCapabilities=CAP_NET_BIND_SERVICE)"
            )
        }
        ErrorKind::AddrNotAvailable => format!("this machine has no address {}", address.ip()),
        _ => format!("{address}: {error}"),
    };
    item(what, State::Failed, told)
}
