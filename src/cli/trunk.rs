//! `dering trunk test`: whether a SIP server can be found, reached, registered at, and called over.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use callcore::call::DialStatus;
use clap::Subcommand;
use rtp::Law;
use serde::Serialize;
use tokio::time::timeout;

use super::grid::{Grid, Tone};
use crate::config::Kind;
use crate::sip::{Admission, Endpoint, Options, Pong, Registered, Server, Transport};
use crate::trunk::sip::{Options as TrunkOptions, SipCarrier};
use crate::trunk::{LegCommand, LegEvent, Order};

/// For a server to answer one question.
const PATIENCE: Duration = Duration::from_secs(6);
/// For somebody to answer a call.
const RINGS: Duration = Duration::from_secs(30);
/// How often the end of a call is waited for, a second and a half each time.
const FAREWELLS: usize = 4;
/// How long an answered call is listened to.
const LISTENS: Duration = Duration::from_secs(3);
/// Ports of the audio of a test call, beside those of a server that runs here.
const PORTS: std::ops::RangeInclusive<u16> = 30_000..=30_999;

/// Ways to carriers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try a SIP server step by step: its name, a question (OPTIONS), the registration, and a call if one is asked for
    #[command(
        after_help = "Exit status: 0 when no step failed, 1 otherwise. Nobody is called without --call."
    )]
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// A trunk of the configuration, or the address of a server: sip:HOST[:PORT][;transport=tcp]
    target: String,
    /// Configuration file; dering.yaml when it is there, else the defaults
    #[arg(long, env = "DERING_CONFIG")]
    config: Option<PathBuf>,
    /// Also call this number, listen for three seconds once it is answered, and hang up
    #[arg(long, value_name = "NUMBER")]
    call: Option<String>,
    /// Print the steps as JSON
    #[arg(long)]
    json: bool,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    state: State,
    told: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such trunk, or its settings cannot be read.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Test(test) = args.command;
    let options = options(&test)?;
    let mut steps = Vec::new();
    try_all(&options, test.call.as_deref(), &mut steps).await;
    let has_failed = steps.iter().any(|step| step.state == State::Failed);
    if test.json {
        super::print(&serde_json::json!({ "ok": !has_failed, "steps": steps }).to_string());
    } else {
        let mut grid = Grid::new(&["step", "", "found"]);
        for step in &steps {
            let (state, tone) = match step.state {
                State::Ok => ("ok", Tone::Good),
                State::Warning => ("warning", Tone::Open),
                State::Failed => ("failed", Tone::Bad),
            };
            grid.toned([(step.step, Tone::Plain), (state, tone), (&step.told, Tone::Plain)]);
        }
        super::print(&grid.shown());
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What to try, with ports of its own: a server may run here with the same settings.
fn options(test: &Test) -> anyhow::Result<TrunkOptions> {
    let mut options = match test.target.strip_prefix("sip:") {
        Some(address) => bare(address)?,
        None => {
            let config = super::configuration(test.config.as_deref())?;
            let found = config.trunks.iter().find(|trunk| trunk.name == test.target);
            let trunk = found.with_context(|| {
                format!("there is no trunk {:?}; name one of the configuration, or sip:HOST", test.target)
            })?;
            if trunk.kind != Kind::Sip {
                bail!("trunk {} is none of SIP; `dering check` asks its carrier", trunk.name);
            }
            trunk.sip()?
        }
    };
    options.listen.set_port(0);
    options.ports = PORTS;
    options.ping = None;
    options.offers = None;
    Ok(options)
}

/// A server of which nothing but its address is known.
fn bare(address: &str) -> anyhow::Result<TrunkOptions> {
    let (address, parameters) = address.split_once(';').unwrap_or((address, ""));
    let transport = match parameters.trim().to_ascii_lowercase().as_str() {
        "" | "transport=udp" => Transport::Udp,
        "transport=tcp" => Transport::Tcp,
        other => {
            bail!("{other:?} is not known here; a server may be followed by ;transport=udp or ;transport=tcp")
        }
    };
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let server: Server = host.parse()?;
    Ok(TrunkOptions {
        name: "test".into(),
        from_domain: server.without_port(),
        server,
        transport,
        listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        public_address: None,
        account: None,
        registers: false,
        asserts_caller: false,
        laws: vec![Law::Ulaw, Law::Alaw],
        ports: PORTS,
        allow: Vec::new(),
        redirects: Vec::new(),
        ping: None,
        away_timeout: Duration::from_secs(10),
        offers: None,
        traces: None,
    })
}

async fn try_all(options: &TrunkOptions, number: Option<&str>, steps: &mut Vec<Step>) {
    let mut note = |step, state, told: String| steps.push(Step { step, state, told });
    let server = &options.server;
    let opened = Endpoint::open(Options {
        name: options.name.clone(),
        listen: options.listen,
        transport: options.transport,
        public_address: options.public_address,
        server: Some(server.clone()),
        account: options.account.clone(),
        admission: Admission::Known(Vec::new()),
    });
    let endpoint = match opened.await {
        Ok((endpoint, _)) => endpoint,
        Err(error) => return note("listen", State::Failed, error.to_string()),
    };
    let over = options.transport.as_str();
    note("listen", State::Ok, format!("the server is to answer to {} ({over})", endpoint.address()));
    match endpoint.look_up(server).await {
        Ok(address) => note("name", State::Ok, format!("{server} is at {address}")),
        Err(error) => return note("name", State::Failed, error.to_string()),
    }
    if options.transport == Transport::Tcp {
        match endpoint.connect(server).await {
            Ok(()) => note("connection", State::Ok, "the server takes it".into()),
            Err(error) => return note("connection", State::Failed, error.to_string()),
        }
    }
    let (state, told) = match timeout(PATIENCE, endpoint.ping(server)).await {
        Ok(Pong::Answer(200)) => (State::Ok, "the server answers".into()),
        Ok(Pong::Answer(status)) => (State::Ok, format!("the server answers {status}: it is there")),
        Ok(Pong::Overloaded) => (State::Warning, "the server takes no calls now (503)".into()),
        Ok(Pong::Silence) | Err(_) => (
            State::Warning,
            "no answer in 6 s: a firewall, a wrong port or transport, or a server that answers no OPTIONS (then set \
             `ping: 0`)"
                .into(),
        ),
    };
    note("OPTIONS", state, told);
    let (state, told) = register(&endpoint, options).await;
    note("REGISTER", state, told);
    let Some(number) = number else {
        return note("call", State::Ok, "none was asked for: --call NUMBER".into());
    };
    drop(endpoint);
    let (state, told) = call(options, number, stopped()).await;
    note("call", state, told);
}

async fn register(endpoint: &Endpoint, options: &TrunkOptions) -> (State, String) {
    let Some(account) = options.account.as_ref().filter(|_| options.registers) else {
        return (State::Ok, "not configured (`register: true`)".into());
    };
    let mut registration = match endpoint.register(&options.server, account) {
        Ok(registration) => registration,
        Err(error) => return (State::Failed, error.to_string()),
    };
    let known = timeout(PATIENCE, registration.changed()).await;
    registration.farewell().say().await;
    match known {
        Ok(Some(Registered::Yes)) => {
            (State::Ok, format!("the server takes {}, and its leave, too", account.user))
        }
        Ok(Some(Registered::Refused { status, text })) => (
            State::Failed,
            format!(
                "the server refuses {}: {status} {text}; are user name and password right?",
                account.user
            ),
        ),
        Ok(Some(Registered::Unreachable { why })) => (State::Failed, format!("it cannot be reached: {why}")),
        Ok(Some(Registered::Trying) | None) | Err(_) => (State::Failed, "no answer in 6 s".into()),
    }
}

/// Calls, and leaves no open call behind, whether the test runs to its end or is told to stop.
async fn call(options: &TrunkOptions, number: &str, stop: impl Future<Output = ()>) -> (State, String) {
    let options = TrunkOptions { registers: false, ..options.clone() };
    let carrier = match SipCarrier::start(options).await {
        Ok(carrier) => carrier,
        Err(error) => return (State::Failed, error.to_string()),
    };
    let (state, told) = tokio::select! {
        told = listen(&carrier, number) => told,
        () = stop => (State::Failed, "stopped before it was over; hung up".into()),
    };
    for _ in 0..FAREWELLS {
        if carrier.cut().await {
            return (state, told);
        }
    }
    (state.max(State::Warning), format!("{told}; the other side has not confirmed that the call is over"))
}

/// Ctrl-C, or SIGTERM.
async fn stopped() {
    if super::serve::stop_signal().await.is_err() {
        std::future::pending().await
    }
}

async fn listen(carrier: &SipCarrier, number: &str) -> (State, String) {
    let mut leg = match carrier.place(Order::to(number)).await {
        Ok(leg) => leg,
        Err(error) => return (State::Failed, error.to_string()),
    };
    let (mut frames, mut is_answered, mut record) = (0_u32, false, None);
    let mut ends = tokio::time::Instant::now() + RINGS;
    let mut is_over = false;
    loop {
        match tokio::time::timeout_at(ends, leg.events.recv()).await {
            Ok(Some(LegEvent::Status(DialStatus::Connected))) => {
                is_answered = true;
                ends = tokio::time::Instant::now() + LISTENS;
            }
            Ok(Some(LegEvent::Audio { .. })) => frames += 1,
            Ok(Some(LegEvent::Cdr(cdr))) => record = Some(cdr),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) if is_over => break,
            Err(_) => {
                is_over = true;
                ends = tokio::time::Instant::now() + PATIENCE;
                // A leg that takes no command is over.
                let _over = leg.commands.send(LegCommand::Hangup).await;
            }
        }
    }
    let seconds = f64::from(frames) / 50.0;
    match record {
        Some(_) if is_answered && frames == 0 => (
            State::Failed,
            "answered, and no audio came: are public_address and the ports of the audio right?".into(),
        ),
        Some(_) if is_answered => (State::Ok, format!("answered; {seconds:.1} s of audio came; hung up")),
        Some(cdr) if is_over => {
            (State::Warning, format!("nobody answered in {} s; {}", RINGS.as_secs(), cdr.hangup_cause_text))
        }
        Some(cdr) => (
            State::Failed,
            format!("not answered: cause {}, {}", cdr.hangup_cause_code, cdr.hangup_cause_text),
        ),
        None => (State::Failed, "the call ended without a word".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_in_a_uri() {
        let read =
            |address: &str| bare(address).map(|options| (options.server.to_string(), options.transport));
        assert_eq!(read("sip.example.com").ok(), Some(("sip.example.com".into(), Transport::Udp)));
        assert_eq!(
            read("+15552000001@192.0.2.7:5080;transport=TCP").ok(),
            Some(("192.0.2.7:5080".into(), Transport::Tcp))
        );
        for wrong in ["", "a b", "x;transport=tls", "x;lr"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_ends_the_test_with_the_reason() {
        let options = bare("nobody.invalid").expect("an address");
        let mut steps = Vec::new();
        try_all(&options, None, &mut steps).await;
        let last = steps.last().expect("steps");
        assert_eq!((last.step, last.state), ("name", State::Failed));
        assert!(last.told.contains("nobody.invalid"), "{last:?}");
    }

    /// The command ends, and its runtime with it, as soon as the call has been tried.
    #[test]
    fn a_test_that_is_stopped_leaves_no_call_open() {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (answered, is_answered) = tokio::sync::oneshot::channel();
        let (at, address) = std::sync::mpsc::channel();
        let callee = std::thread::spawn(move || {
            runtime().block_on(async {
                let open = Options {
                    name: "callee".into(),
                    listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                    transport: Transport::Udp,
                    public_address: None,
                    server: None,
                    account: None,
                    admission: Admission::Anybody,
                };
                let (endpoint, mut calls) = Endpoint::open(open).await.expect("a port");
                at.send(endpoint.address()).expect("somebody calls");
                let mut incoming = calls.recv().await.expect("a call");
                let audio = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
                let sdp = rtp::sdp::Negotiation::new(audio, vec![Law::Ulaw], 1)
                    .answer(&incoming.offer.expect("an offer"))
                    .expect("audio");
                incoming.answering.accept(sdp.0);
                let event = incoming.call.next().await;
                assert!(matches!(event, Some(crate::sip::CallEvent::Answered { .. })), "{event:?}");
                answered.send(()).expect("the caller waits");
                timeout(Duration::from_secs(20), incoming.call.next()).await
            })
        });
        let options = bare(&address.recv().expect("an address").to_string()).expect("an address");
        let stop = async {
            is_answered.await.expect("an answer");
        };
        let (state, told) = runtime().block_on(call(&options, "+15552000001", stop));
        assert_eq!((state, told.as_str()), (State::Failed, "stopped before it was over; hung up"));
        let event = callee.join().expect("the callee");
        assert!(
            matches!(event, Ok(Some(crate::sip::CallEvent::Ended { by: crate::sip::Party::Peer, .. }))),
            "{event:?}"
        );
    }
}
