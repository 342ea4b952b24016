//! `dering gateway`: plays the carrier until it is told to stop.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use comfy_table::{Table, presets};
use secrecy::SecretString;

use crate::gateway::callees::{Callee, Callees};
use crate::gateway::{Account, Gateway, Options, SipOptions, UnknownVersion, Version};
use crate::media::rtp::port_range;
use crate::speech::tts::{self, Tts};
use crate::telemetry::{self, LogFormat};

#[derive(Debug, clap::Args)]
#[command(disable_version_flag = true, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the REST and Socket.IO API is served; port 0 takes any free port
    #[arg(long, default_value = "127.0.0.1:4500")]
    listen: SocketAddr,
    /// Bearer token of the account "default"; without any a random one is made and shown
    #[arg(long, env = "DERING_GATEWAY_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// Version of the Outgoing Call Service: 1.0.3, 1.0.4 or 1.0.5
    #[arg(long, default_value_t)]
    version: Version,
    /// A further account with its token, and its version where it differs; may be given again
    #[arg(long = "account", value_name = "NAME[@VERSION]=TOKEN", value_parser = account)]
    accounts: Vec<(Account, Option<Version>)>,
    /// A second address for the media of 1.0.5; without it the endpointUrl of a call leads to --listen
    #[arg(long)]
    media_listen: Option<SocketAddr>,
    /// Takes calls over SIP (UDP) at this address, too; user name and password are the name of an account and its token
    #[arg(long)]
    sip: Option<SocketAddr>,
    /// Ports for the audio of SIP calls, two for each
    #[arg(long, default_value = "30000-30999", requires = "sip", value_parser = ports)]
    rtp_ports: RangeInclusive<u16>,
    /// Folder of the callee files
    #[arg(long, default_value = "flows/callees")]
    callees: PathBuf,
    /// Folder for a stereo WAV and a timeline of each call; without it nothing is recorded
    #[arg(long)]
    recordings: Option<PathBuf>,
    /// Folder that keeps spoken texts between runs
    #[arg(long)]
    speech_cache: Option<PathBuf>,
    /// The same seed makes the same line noise
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to log on standard error
    #[arg(long, env = "DERING_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ring at a server that takes inbound calls, with a simulated caller
    DialIn(super::dial_in::Args),
}

fn account(text: &str) -> Result<(Account, Option<Version>), String> {
    let (name, token) = text.split_once('=').ok_or("write it as NAME=TOKEN")?;
    let (name, version) = match name.rsplit_once('@') {
        Some((name, version)) => (name, Some(version.parse().map_err(|e: UnknownVersion| e.to_string())?)),
        None => (name, None),
    };
    if name.is_empty() || token.is_empty() {
        return Err("write it as NAME=TOKEN".into());
    }
    Ok((Account { name: name.into(), token: token.into() }, version))
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    port_range(text).ok_or_else(|| "write it as FIRST-LAST, above 1023".to_owned())
}

/// Runs the gateway, or rings at a server.
///
/// # Errors
/// When the address is taken, a callee file is wrong, or a folder cannot be used.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Command::DialIn(args)) = args.command {
        return Box::pin(super::dial_in::run(args)).await;
    }
    let _logging = telemetry::start_logging(&args.log, LogFormat::Text);
    let versions = args.accounts.iter().filter_map(|(a, version)| Some((a.name.clone(), (*version)?)));
    let account_versions = versions.collect();
    let mut accounts: Vec<Account> = args.accounts.into_iter().map(|(account, _)| account).collect();
    let mut shown = None;
    if let Some(token) = args.token {
        accounts.insert(0, Account { name: "default".into(), token });
    } else if accounts.is_empty() {
        let token = uuid::Uuid::new_v4().simple().to_string();
        accounts.push(Account { name: "default".into(), token: token.clone().into() });
        shown = Some(token);
    }
    let options = Options {
        listen: args.listen,
        media_listen: args.media_listen,
        sip: args.sip.map(|listen| SipOptions { listen, rtp_ports: args.rtp_ports }),
        accounts,
        version: args.version,
        account_versions,
        callees: args.callees,
        tts: Tts::new(tts::Options { cache_folder: args.speech_cache, ..tts::Options::default() }),
        recordings: args.recordings,
        seed: args.seed,
        ..Options::default()
    };
    let gateway = Gateway::start(options).await?;
    let (table, address) = (table(gateway.callees()), gateway.address());
    super::print(&format!("{table}\n\nThe gateway serves version {} on http://{address}", args.version));
    if let Some(address) = gateway.media_address() {
        super::print(&format!("Media of version 1.0.5: http://{address}"));
    }
    if let Some(address) = gateway.sip_address() {
        super::print(&format!("SIP: {address} (UDP)"));
    }
    if let Some(token) = shown {
        super::print(&format!("Token: {token}"));
    }
    super::serve::stop_signal().await.context("cannot wait for a signal")?;
    tracing::info!("stopping: live calls are ended");
    gateway.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn table(callees: &Callees) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["Number", "Callee", "What happens"]);
    let numbers =
        |callee: &Callee| callee.file.numbers.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(", ");
    let mut rows: Vec<[String; 3]> = callees
        .all()
        .iter()
        .map(|callee| [numbers(callee), callee.name.clone(), callee.file.description.clone()])
        .collect();
    rows.sort();
    table.add_rows(rows);
    table.add_row(["any other", "", "The number does not exist"]);
    table
}
