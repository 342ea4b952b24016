//! `dering demo`: real calls on one computer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::SpeechToText;
use crate::demo::{self, Options};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the result as JSON; standard output holds nothing else
    #[arg(long)]
    json: bool,
    /// End after the calls; without it the server stays up
    #[arg(long)]
    exit: bool,
    /// Where the API and the page of calls are served
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for the demo's database, recordings and speech
    #[arg(long, default_value = "data/demo")]
    data: PathBuf,
    /// Folder with the flows and, below it, callees
    #[arg(long, default_value = "flows")]
    flows: PathBuf,
    /// Callees answer by voice, in English and Indonesian; the first time this fetches a speech model and a voice
    #[arg(long)]
    speech: bool,
    /// Calls go over SIP
    #[arg(long)]
    sip: bool,
    /// A campaign of 200 simulated contacts instead of the twenty calls
    #[arg(long, conflicts_with = "speech")]
    campaign: bool,
    /// Folder of voices, for --speech
    #[arg(long, default_value = "data/voices", env = "DERING_VOICES")]
    voices: PathBuf,
    /// What to log on standard error
    #[arg(long, env = "DERING_LOG", default_value = "error,whisper_rs=off")]
    log: String,
}

/// Runs the demo; exit code 1 when a call did not end as its callee must make it end.
///
/// # Errors
/// When a part cannot start.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let _logging = crate::telemetry::start_logging(&args.log, crate::telemetry::LogFormat::Text);
    let speech_to_text = SpeechToText { models: Some(super::models_folder()), ..SpeechToText::default() };
    let kit = if args.speech {
        Some(super::speech_kit::bring(super::models_folder(), args.voices).await)
    } else {
        None
    };
    let by_voice = kit.as_ref().is_some_and(|kit| kit.hears);
    let options = Options {
        listen: args.listen,
        data: args.data,
        flows: args.flows,
        speech_to_text: speech_to_text.clone(),
        by_voice,
        over_sip: args.sip,
        callees_voice: kit.and_then(|kit| kit.voice),
    };
    let mut demo = Box::pin(demo::Demo::start(&options)).await?;
    super::note(&demo.invitation());
    let as_expected = if args.campaign {
        let report = demo.run_campaign().await?;
        super::print(&if args.json { report.json() } else { report.table() });
        report.is_as_expected()
    } else {
        let report = demo.call_everyone().await?;
        super::print(&if args.json { report.json()? } else { report.table() });
        report.is_as_expected()
    };
    if !args.exit {
        // The calls above need no words; calls of one's own may.
        let _fetched = super::offer::model(&speech_to_text).await;
        super::note("\nThe server stays up; Ctrl-C ends it.");
        super::serve::stop_signal().await?;
    }
    demo.shutdown().await;
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
