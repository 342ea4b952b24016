//! `dering serve`: the server until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::config::{Config, DEFAULT_YAML};
use crate::telemetry;
use crate::telemetry::traces::{BUILT_IN, Traces, TracesError};
use crate::trunk::Trunk;

/// What the process says when it was told twice to stop.
const CUT_SHORT: u8 = 130;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file; dering.yaml when it is there, else the defaults
    #[arg(long, env = "DERING_CONFIG")]
    config: Option<PathBuf>,
    /// Print every setting with its default, and stop
    #[arg(long)]
    print_defaults: bool,
}

/// Runs the server.
///
/// # Errors
/// When the configuration is wrong, or a part cannot start.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.print_defaults {
        super::print(DEFAULT_YAML);
        return Ok(ExitCode::SUCCESS);
    }
    let mut config = super::configuration_to_serve(args.config.as_deref())?;
    let logging = telemetry::start_logging(&config.log.filter, config.log.format);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    super::owner::leave_to_owner(&config.database)?;
    let traces = traces(&config)?;
    let mut signals = Signals::catch().context("cannot wait for signals")?;
    if let Some(model) = super::offer::model(&config.speech_to_text).await {
        config.speech_to_text.model = Some(model);
    }
    let app = App::start(&config).await?;
    tracing::info!(address = %app.address(), "ready");
    if let Some(link) = app.first_link().await? {
        super::note(&format!(
            "Nobody can sign in yet. Who opens this link within a day becomes the admin, once:\n{}",
            link.expose_secret()
        ));
    }
    while signals.next().await == Wish::ReadAgain {
        read_again(&app, &config, args.config.as_deref(), &logging).await;
    }
    tracing::info!("stopping: running calls may end first; a second signal ends them at once");
    let trunks = app.trunks();
    let code = tokio::select! {
        () = app.shutdown() => ExitCode::SUCCESS,
        () = signals.stop() => {
            // A SIP call lives here alone: without a word its callee would go on hearing nothing.
            futures_util::future::join_all(trunks.iter().map(Trunk::cut)).await;
            tracing::warn!("stopped at once: calls that ran are closed at the next start");
            ExitCode::from(CUT_SHORT)
        }
    };
    if let Some(traces) = traces {
        traces.finish().await;
    }
    Ok(code)
}

/// Traces, where somebody wants them. An address in the environment may be meant for other programs, so it is no mistake here.
fn traces(config: &Config) -> Result<Option<Traces>, TracesError> {
    match config.telemetry.traces_to() {
        Some(_) if !BUILT_IN => {
            tracing::warn!("OTEL_EXPORTER_OTLP_ENDPOINT is set, and {}", TracesError::NotBuiltIn);
            Ok(None)
        }
        Some(endpoint) => Traces::start(&endpoint).map(Some),
        None => Ok(None),
    }
}

/// What can be read again is: the filter of the log, the flows, and the certificate for inbound calls. What is wrong with them is told, and changes
/// nothing.
async fn read_again(app: &App, config: &Config, path: Option<&Path>, logging: &telemetry::Logging) {
    match super::configuration_to_serve(path) {
        Ok(new) => match logging.set_filter(&new.log.filter) {
            Ok(()) => tracing::info!(filter = %new.log.filter, "the filter of the log was read again"),
            Err(error) => tracing::error!("log.filter: {error}"),
        },
        Err(error) => tracing::error!("the configuration stays as it was: {error:#}"),
    }
    match app.read_flows(&config.flows).await {
        Ok(new) if new.is_empty() => tracing::info!("the flows were read again; nothing is new"),
        Ok(new) => tracing::info!(flows = %new.join(", "), "the flows were read again; these are new"),
        Err(error) => tracing::error!("the flows stay as they were: {error:#}"),
    }
    match app.read_certificate() {
        Ok(true) => tracing::info!("the certificate for inbound calls was read again"),
        Ok(false) => {}
        Err(error) => tracing::error!("the certificate for inbound calls stays as it was: {error:#}"),
    }
    tracing::info!("other settings are read at the next start");
}

/// What a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    ReadAgain,
    Stop,
}

struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
    /// Beyond a limit of the size of files, writing is to fail and not to end the process.
    _too_large: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _too_large: signal(too_large)?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hang_up.recv() => Wish::ReadAgain,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
