//! `dering serve`: the server until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::app::App;
use crate::config::DEFAULT_YAML;
use crate::telemetry;

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
    let mut config = super::configuration(args.config.as_deref())?;
    telemetry::start_logging(&config.log.filter, config.log.format);
    if let Some(model) = super::offer::model(&config.speech_to_text).await {
        config.speech_to_text.model = Some(model);
    }
    let app = App::start(&config).await?;
    tracing::info!(address = %app.address(), "ready");
    stop_signal().await.context("cannot wait for a signal")?;
    tracing::info!("stopping: running calls may end first");
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
