//! The command line: one file per subcommand.

mod admin;
mod ago;
mod audit;
mod bench;
mod check;
mod complete;
mod db;
mod demo;
mod dial_in;
mod grid;
mod offer;
mod out;
mod owner;
mod ring_in;
mod serve;
mod server;
mod settings;
mod speech_kit;
mod status;
mod trunk;

pub mod amd;
pub mod app;
pub mod calls;
pub mod campaign;
pub mod dnc;
pub mod flow;
pub mod gateway;
pub mod list;
pub mod models;
pub mod stt;
pub mod token;
pub mod user;
pub mod voices;
pub mod webhook;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::out::out;
use crate::config::{self, Config, Voices};

/// A voice-bot orchestrator that knows who answered.
#[derive(Debug, Parser)]
#[command(name = "dering", version = version(), propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Call simulated people and machines on this computer and watch
    Demo(demo::Args),
    /// Run the server: API, calls, webhooks
    Serve(serve::Args),
    /// Check what a server needs: configuration, flows, carriers, voices, disk, ports
    Check(check::Args),
    /// Ask the running server whether it is ready, part by part
    Status(status::Args),
    /// Print the schema of dering.yaml, or every setting with its default
    Config(settings::Args),
    /// Copy the database while the server runs, or check whether it is whole
    Db(db::Args),
    /// Play the carrier: the Outgoing Call API with simulated callees
    Gateway(Box<gateway::Args>),
    /// Measure how many calls this machine carries
    Bench(bench::Args),
    /// Tell who answered in recordings
    Amd(Box<amd::Args>),
    /// Call one number now
    Call(Box<calls::place::Args>),
    /// List, watch, hear, end and export calls
    Calls(Box<calls::Args>),
    /// Try a SIP trunk
    Trunk(trunk::Args),
    /// Check flows
    Flow(flow::Args),
    /// List, fetch and verify speech models
    Models(models::Args),
    /// Try, list and fetch voices
    Voices(voices::Args),
    /// Try speech recognition on recordings
    Stt(stt::Args),
    /// Client apps and API keys that may use the API
    App(Box<app::Args>),
    /// People who sign in to the pages
    User(Box<user::Args>),
    /// Contact lists called by a flow within rules
    Campaign(Box<campaign::Args>),
    /// Numbers that are not called
    Dnc(Box<dnc::Args>),
    /// Lists of contacts that campaigns call
    List(Box<list::Args>),
    /// Who did what, when and from where
    Audit(Box<audit::Args>),
    /// Mint a token for a client app
    Token(token::Args),
    /// Receive and verify webhooks; see which failed and send them again
    Webhook(webhook::Args),
    /// Print the description of the HTTP API: OpenAPI 3.1, as JSON
    Openapi,
    /// Print what makes a shell complete these commands
    Completions(complete::Completions),
    /// Write a manual page for each command
    Man(complete::Man),
}

/// What the key of a command must be allowed.
const KEYS: [(&str, &str); 9] = [
    ("call", "An API key, for --server: with the scope campaigns, or SmartAssist Dialout"),
    ("calls", "An API key, for --server: with the scope read; to hang up, campaigns"),
    ("status", "An API key, for --server: none is needed"),
    ("app", "An API key, for --server: with the scope admin"),
    ("user", "An API key, for --server: with the scope admin"),
    ("audit", "An API key, for --server: with the scope admin"),
    ("campaign", "An API key, for --server: with the scope read to look, campaigns to change"),
    ("dnc", "An API key, for --server: with the scope read to look, campaigns to change"),
    ("list", "An API key, for --server: with the scope read to look, campaigns to change"),
];

/// The version, and the commit where the build said so.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| match crate::telemetry::commit() {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    });
    &VERSION
}

/// The whole command line.
fn command() -> clap::Command {
    KEYS.into_iter().fold(Cli::command(), |command, (name, help)| {
        command.mut_subcommand(name, |command| command.mut_arg("key", |key| key.help(help)))
    })
}

/// Runs the command line; what goes wrong is one sentence on standard error.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    // TLS of every HTTP and Socket.IO client in this process; a second provider would be a mistake elsewhere.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let result = match cli.command {
        Command::Amd(args) => amd::run(*args).map(|()| ExitCode::SUCCESS),
        Command::Flow(args) => flow::run(args),
        Command::Bench(args) => on_runtime(bench::run(args)),
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Check(args) => on_runtime(check::run(args)),
        Command::Status(args) => on_runtime(status::run(args)),
        Command::Config(args) => settings::run(&args),
        Command::Db(args) => on_runtime(db::run(args)),
        Command::Gateway(args) => on_runtime(gateway::run(*args)),
        Command::Stt(args) => on_runtime(stt::run(args)),
        Command::Voices(args) => on_runtime(voices::run(args)),
        Command::Models(args) => on_runtime(models::run(args)),
        Command::App(args) => on_runtime(async { app::run(*args).await.map(|()| ExitCode::SUCCESS) }),
        Command::User(args) => on_runtime(async { user::run(*args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Campaign(args) => on_runtime(campaign::run(*args)),
        Command::Dnc(args) => on_runtime(dnc::run(*args)),
        Command::List(args) => on_runtime(list::run(*args)),
        Command::Audit(args) => on_runtime(async { audit::run(*args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Token(args) => on_runtime(async { token::run(args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Openapi => {
            print(crate::server::text());
            Ok(ExitCode::SUCCESS)
        }
        Command::Webhook(args) => webhook::run(args),
        Command::Call(args) => on_runtime(calls::place::run(*args)),
        Command::Trunk(args) => on_runtime(trunk::run(args)),
        Command::Calls(args) => on_runtime(calls::run(*args)),
        Command::Completions(args) => complete::completions(&args, command()).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => complete::manual(&args, command()).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        if out::reader_is_gone(&error) {
            return ExitCode::SUCCESS;
        }
        note(&format!("dering: {}", sentence(&error)));
        ExitCode::FAILURE
    })
}

fn on_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // What still computes then, nobody waits for.
    runtime.shutdown_background();
    result
}

/// An error and its causes; a cause that is told already is not told again.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.contains(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
}

/// The configuration at `path`; without one dering.yaml when it is there, else the defaults.
fn configuration(path: Option<&Path>) -> anyhow::Result<Config> {
    let path = path.or(usual());
    let config = path.map_or_else(|| Ok(Config::default()), config::load)?;
    Ok(furnished(config, path))
}

/// The same for a server: what it names outside itself must be there.
fn configuration_to_serve(path: Option<&Path>) -> anyhow::Result<Config> {
    let path = path.or(usual());
    let config = path.map_or_else(config::defaults_to_serve, config::load_to_serve)?;
    Ok(furnished(config, path))
}

fn usual() -> Option<&'static Path> {
    let usual = Path::new("dering.yaml");
    usual.exists().then_some(usual)
}

/// Models and voices lie where the environment says, or beside what else the server keeps.
fn furnished(mut config: Config, path: Option<&Path>) -> Config {
    let beside = path.and_then(Path::parent).unwrap_or(Path::new("")).join("data");
    let place = |variable: &str, folder: &str| {
        std::env::var_os(variable).map_or_else(|| beside.join(folder), PathBuf::from)
    };
    config.speech_to_text.models.get_or_insert_with(|| place(config::MODELS_FOLDER, "models"));
    if matches!(config.text_to_speech.engine, None | Some(Voices::Kokoro)) {
        config.text_to_speech.voices.get_or_insert_with(|| place(config::VOICES_FOLDER, "voices"));
    }
    config
}

/// Where models lie when the settings do not say.
fn models_folder() -> PathBuf {
    std::env::var_os(config::MODELS_FOLDER).map_or_else(|| "data/models".into(), PathBuf::from)
}

/// Prints a result on standard output; a reader that went away is no error.
fn print(text: &str) {
    let mut out = out();
    let _gone = out
        .write_all(text.as_bytes())
        .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
}

/// Tells a person something beside the result, or why there is none.
fn note(text: &str) {
    // Standard error may be closed; there is nobody left to tell then.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_takes_a_key_says_what_it_must_be_allowed() {
        let whole = command();
        let takers = whole.get_subcommands().filter(|command| {
            command.get_arguments().any(|argument| argument.get_id() == "key" && argument.is_global_set())
        });
        for taker in takers {
            let name = taker.get_name();
            assert!(KEYS.iter().any(|(known, _)| *known == name), "{name} says nothing about its key");
        }
        whole.debug_assert();
    }
}
