//! Carriers, and clocks elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header;
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::State;
use super::parts::{Item, item};
use crate::config::{Config, Kind, Trunk};
use crate::sip::{Admission, Endpoint, Options, Pong};

/// For a carrier to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds by which clocks may differ before tokens stop to hold.
const APART: i64 = 30;
/// Before it nobody runs this program.
const NOT_BEFORE: i64 = 1_760_000_000;

pub(super) async fn all(config: &Config, offline: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let mut clocks = Vec::new();
    if config.trunks.is_empty() {
        items.push(item(
            "trunk",
            State::Warning,
            "there is none: no calls can be placed; `trunks` names carriers",
        ));
    }
    for trunk in &config.trunks {
        let what = format!("trunk {}", trunk.name);
        if offline {
            items.push(item(what, State::Good, "not asked"));
            continue;
        }
        let (state, told, ahead) = match trunk.kind {
            Kind::OutgoingCallService => ask(trunk).await,
            Kind::Sip => ask_sip(trunk).await,
        };
        items.push(item(what, state, told));
        clocks.extend(ahead.map(|ahead| (trunk.name.as_str(), ahead)));
    }
    items.extend(shared_ports(&config.trunks));
    items.push(clock(&clocks, OffsetDateTime::now_utc().unix_timestamp()));
    items
}

/// How a carrier answers, and how many seconds our clock is ahead of its.
async fn ask(trunk: &Trunk) -> (State, String, Option<i64>) {
    let token = match trunk.token() {
        Ok(token) => token,
        Err(error) => return (State::Failed, error.to_string(), None),
    };
    let shown = without_password(&trunk.url);
    let url = format!("{}/v1/cdr?page=1&limit=1", trunk.url.trim_end_matches('/'));
    let asked = async {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        client.build()?.get(url).bearer_auth(token.expose_secret()).send().await
    };
    let response = match asked.await {
        Ok(response) => response,
        Err(error) => {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), root);
            return (State::Failed, format!("{shown} cannot be reached: {}", helpful(&cause)), None);
        }
    };
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    let ahead = theirs.map(|theirs| (OffsetDateTime::now_utc() - theirs).whole_seconds());
    let (state, told) = match response.status().as_u16() {
        401 | 403 => (State::Failed, format!("{shown} refuses the token")),
        // Before 1.0.4 there are no records to be asked for.
        404 if has_path(&trunk.url) => (
            State::Failed,
            format!(
                "{shown} answers 404; is the path of `url` right? it is that of the carrier's API, without /v1"
            ),
        ),
        200..300 | 404 => (State::Good, format!("{shown} answers")),
        status => (State::Warning, format!("{shown} answers {status}")),
    };
    (state, told, ahead)
}

/// How a SIP server answers a ping. It tells nothing of the password, and no time.
async fn ask_sip(trunk: &Trunk) -> (State, String, Option<i64>) {
    let settings = match trunk.sip() {
        Ok(settings) => settings,
        Err(error) => return (State::Failed, error.to_string(), None),
    };
    let server = settings.server;
    let options = Options {
        name: trunk.name.clone(),
        // The server of calls may be running, and holds its port.
        listen: SocketAddr::new(settings.listen.ip(), 0),
        transport: settings.transport,
        public_address: settings.public_address,
        server: Some(server.clone()),
        account: None,
        admission: Admission::Known(Vec::new()),
    };
    let endpoint = match Endpoint::open(options).await {
        Ok((endpoint, _)) => endpoint,
        Err(error) => return (State::Failed, error.to_string(), None),
    };
    if let Err(error) = endpoint.look_up(&server).await {
        return (State::Failed, error.to_string(), None);
    }
    if let Err(error) = endpoint.connect(&server).await {
        return (State::Failed, format!("{server}: {error}"), None);
    }
    match tokio::time::timeout(PATIENCE, endpoint.ping(&server)).await {
        Ok(Pong::Answer(200..300)) => (State::Good, format!("{server} answers"), None),
        Ok(Pong::Answer(status)) => (State::Good, format!("{server} answers a ping with {status}"), None),
        Ok(Pong::Overloaded) => (State::Warning, format!("{server} takes no calls now (503)"), None),
        Ok(Pong::Silence) | Err(_) => {
            let told = format!(
                "{server} does not answer a ping (OPTIONS); some servers answer none: if calls work, set `ping: 0`"
            );
            (State::Warning, told, None)
        }
    }
}

/// SIP trunks that cannot all start, as they listen on one port.
fn shared_ports(trunks: &[Trunk]) -> Vec<Item> {
    let ports: Vec<_> = trunks
        .iter()
        .filter_map(|trunk| trunk.sip_port().map(|(listen, over)| (&trunk.name, listen, over)))
        .collect();
    let mut found = Vec::new();
    for (n, (name, listen, over)) in ports.iter().enumerate() {
        let meets = |ip: IpAddr| ip == listen.ip() || ip.is_unspecified() || listen.ip().is_unspecified();
        let other = ports[..n]
            .iter()
            .find(|(_, other, way)| other.port() == listen.port() && way == over && meets(other.ip()));
        if let Some((other, ..)) = other {
            let told = format!("{listen} is the port of trunk {other}, too; give each a port of its own");
            found.push(item(format!("trunk {name} listen"), State::Failed, told));
        }
    }
    found
}

fn has_path(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| url.path() != "/")
}

/// An address without the name and the password that may stand in it.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..host].rfind('@').map_or_else(|| url.to_owned(), |at| format!("{scheme}://…{}", &rest[at..]))
}

/// A cause, and what to do where that is known.
fn helpful(cause: &str) -> String {
    if cause.contains("No CA certificates") {
        format!("{cause}; install the package ca-certificates")
    } else {
        cause.to_owned()
    }
}

fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn clock(ahead: &[(&str, i64)], now: i64) -> Item {
    if now < NOT_BEFORE {
        return item("clock", State::Failed, "it is years behind; set it, tokens and schedules need it");
    }
    match ahead.iter().max_by_key(|(_, ahead)| ahead.abs()) {
        Some((trunk, seconds)) if seconds.abs() > APART => {
            let way = if *seconds > 0 { "ahead of" } else { "behind" };
            item(
                "clock",
                State::Warning,
                format!("{} s {way} that of {trunk}: is time synchronised?", seconds.abs()),
            )
        }
        Some((trunk, _)) => item("clock", State::Good, format!("as that of {trunk}")),
        None => item("clock", State::Good, "not compared"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_is_named_without_its_password_and_missing_certificates_by_their_package() {
        assert_eq!(without_password("https://me:hush@carrier.test/p@q"), "https://…@carrier.test/p@q");
        assert_eq!(without_password("https://carrier.test/p@q"), "https://carrier.test/p@q");
        assert!(
            helpful("No CA certificates were loaded from the system")
                .contains("install the package ca-certificates")
        );
        assert_eq!(helpful("refused"), "refused");
    }

    #[test]
    fn two_trunks_on_one_port_are_told_and_two_kinds_of_transport_are_not() {
        let trunk = |name: &str, rest: &str| -> Trunk {
            let text = format!("{{ name: {name}, kind: sip, server: a.test, {rest} }}");
            serde_saphyr::from_str(&text).expect("a trunk")
        };
        let told =
            |trunks: &[Trunk]| shared_ports(trunks).into_iter().map(|item| item.told).collect::<Vec<_>>();
        let a = || trunk("a", "listen: '0.0.0.0:5060'");
        assert_eq!(
            told(&[a(), trunk("b", "listen: '127.0.0.1:5060'")]),
            ["127.0.0.1:5060 is the port of trunk a, too; give each a port of its own"]
        );
        let tcp = trunk("c", "listen: '0.0.0.0:5060', transport: tcp");
        let free = || trunk("d", "listen: '0.0.0.0:0'");
        assert!(told(&[a(), tcp, free(), free()]).is_empty());
    }

    #[test]
    fn a_clock_is_told_by_those_of_others() {
        let told = |ahead: &[(&str, i64)], now| {
            let item = clock(ahead, now);
            (item.state, item.told)
        };
        assert_eq!(told(&[], 10).0, State::Failed);
        let now = NOT_BEFORE + 1;
        assert_eq!(told(&[], now), (State::Good, "not compared".to_owned()));
        assert_eq!(
            told(&[("a", 2), ("b", -90)], now),
            (State::Warning, "90 s behind that of b: is time synchronised?".to_owned())
        );
        assert_eq!(told(&[("a", 2)], now), (State::Good, "as that of a".to_owned()));
    }
}
