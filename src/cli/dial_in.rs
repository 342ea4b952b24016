//! `dering gateway dial-in`: calls a server as the carrier does for an incoming call.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{Table, presets};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::gateway::dial_in::{self, Options, Report};
use crate::gateway::record::{Happening, Party, Sound};
use crate::speech::tts::{self, Tts};
use crate::telemetry::{self, LogFormat};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the server takes calls, such as ws://127.0.0.1:4143; or a running gateway, such as http://127.0.0.1:4500, which
    /// then rings at its clients over Socket.IO
    url: String,
    /// The number that is dialled
    #[arg(long, default_value = "+15550100")]
    did: String,
    /// The number that calls; of a gateway's callee it is the callee's own, unless given
    #[arg(long)]
    from: Option<String>,
    /// The file that says what the caller does, as for the gateway's callees; at a gateway, one of its own
    #[arg(long)]
    callee: PathBuf,
    /// The secret of the server's `inbound:` section; at a gateway, the token of the account that is called
    #[arg(long, env = "DERING_INBOUND_SECRET", hide_env_values = true)]
    token: Option<SecretString>,
    /// A PEM file with the authority of the server's certificate, for wss
    #[arg(long)]
    ca: Option<PathBuf>,
    /// A name for the session; a new one without it
    #[arg(long)]
    session: Option<String>,
    /// Folder for a stereo WAV (left: the caller, right: the server) and a timeline
    #[arg(long)]
    record: Option<PathBuf>,
    /// Folder that keeps spoken texts between runs
    #[arg(long)]
    speech_cache: Option<PathBuf>,
    /// The same seed makes the same line noise
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds until an unanswered call is given up
    #[arg(long, default_value_t = 30)]
    ring: u64,
    /// Go on playing when the server interrupts, as older carriers do
    #[arg(long)]
    ignore_interrupt: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// What to log on standard error
    #[arg(long, env = "DERING_LOG", default_value = "warn")]
    log: String,
}

/// Places the call. The exit code is 0 when it was answered and ended in order.
///
/// # Errors
/// When the callee file is wrong, the server cannot be reached, or the connection is lost.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let _logging = telemetry::start_logging(&args.log, LogFormat::Text);
    if args.url.starts_with("http://") || args.url.starts_with("https://") {
        return Box::pin(super::ring_in::run(super::ring_in::Call {
            gateway: args.url,
            token: args.token,
            from: args.from,
            did: args.did,
            callee: args.callee,
            ring: args.ring,
            json: args.json,
        }))
        .await;
    }
    let options = Options {
        url: args.url,
        token: args.token,
        ca: args.ca,
        from: args.from.unwrap_or_else(|| "+15550199".into()),
        did: args.did,
        session_id: args.session,
        callee: args.callee,
        tts: Tts::new(tts::Options { cache_folder: args.speech_cache, ..tts::Options::default() }),
        recordings: args.record,
        seed: args.seed,
        ring: Duration::from_secs(args.ring),
        ignores_interrupt: args.ignore_interrupt,
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        // Without signals the call still ends by itself.
        if super::serve::stop_signal().await.is_ok() {
            stopped.cancel();
        }
    });
    let report = Box::pin(dial_in::dial_in(options, stop)).await?;
    if args.json {
        super::print(&serde_json::to_string_pretty(&report)?);
    } else {
        super::print(&shown(&report));
    }
    Ok(if report.is_in_order() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["ms", "who", "what"]);
    for entry in &report.events {
        let (who, what) = told(&entry.happening);
        table.add_row([entry.at_ms.to_string(), who.to_owned(), what]);
    }
    let end = match (report.answered_after_ms, report.ended_by) {
        (None, Some(Party::Bot)) => "The server hung up without answering.".to_owned(),
        (None, _) => "The server did not answer.".to_owned(),
        (Some(rang), by) => format!(
            "Answered after {rang} ms, ended by {} after {} s. Heard {} ms of audio; at most {} ms waited.",
            by.map_or("nobody", party),
            report.cdr.billable_seconds,
            report.heard_ms,
            report.most_waiting_ms,
        ),
    };
    let mut text = format!("{table}\n\n{end}\n");
    for oddity in &report.oddities {
        text.push_str(&format!("Odd: {oddity}\n"));
    }
    if let Some(path) = &report.recording {
        text.push_str(&format!("Recording: {}\n", path.display()));
    }
    text
}

fn told(happening: &Happening) -> (&'static str, String) {
    match happening {
        Happening::Answered => ("server", "answers".into()),
        Happening::CalleeStarted { sound } => ("caller", begins(*sound)),
        Happening::CalleeStopped { sound } => ("caller", ends(*sound)),
        Happening::CalleeKey { key } => ("caller", format!("presses {key}")),
        Happening::BotStarted => ("server", "begins to sound".into()),
        Happening::BotStopped => ("server", "falls silent".into()),
        Happening::BotKey { key } => ("server", format!("presses {key}")),
        Happening::Interruption { dropped_ms } => {
            ("server", format!("interrupts itself, {dropped_ms} ms dropped"))
        }
        Happening::CheckPoint { name } => ("server", format!("check point {name}")),
        Happening::AudioUnreadable { reason } => {
            ("server", format!("sends audio that cannot be read: {reason}"))
        }
        Happening::Hangup { by } => (party(*by), "hangs up".into()),
    }
}

const fn party(party: Party) -> &'static str {
    match party {
        Party::Bot => "server",
        Party::Callee => "caller",
        Party::Gateway => "line",
    }
}

fn begins(sound: Sound) -> String {
    if sound == Sound::Speech { "begins to speak".into() } else { format!("begins {}", noun(sound)) }
}

fn ends(sound: Sound) -> String {
    if sound == Sound::Speech { "stops speaking".into() } else { format!("ends {}", noun(sound)) }
}

const fn noun(sound: Sound) -> &'static str {
    match sound {
        Sound::Speech => "speech",
        Sound::Recording => "a recording",
        Sound::Cough => "a cough",
        Sound::Beep => "a beep",
        Sound::Sit => "special information tones",
        Sound::Fax => "fax tones",
        Sound::Ringback => "ringback",
        Sound::Music => "music",
    }
}
