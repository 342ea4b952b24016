//! `dering call` and `dering calls`: calls placed, listed, watched, heard and ended in a running server.

mod export;
mod find;
mod follow;
mod ladder;
mod narrow;
mod pcap;
pub mod place;
mod play;
mod shown;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use self::export::Export;
use self::find::path;
use self::narrow::Narrow;
use self::shown::text;
use super::admin::{Place, Reach};
use super::out::{lines, private_file, spare};
use super::server::encoded;

/// Calls of the server.
#[derive(Debug, clap::Args)]
#[command(after_help = "CALL is a whole id, the end of one as `list` shows it, or `last`.")]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Print what the server answers; `export` and `follow` print an object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List calls, newest first; an incoming one has a < before its number
    List {
        #[command(flatten)]
        narrow: Box<Narrow>,
        /// Calls, 1 to 500
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Calls behind this place, as the page before told it
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
    },
    /// Show a call: to whom, what came of it, who answered
    Show {
        #[arg(value_name = "CALL")]
        call: String,
        /// Also what was said and pressed
        #[arg(long)]
        transcript: bool,
        /// Also everything that happened
        #[arg(long)]
        timeline: bool,
        /// Also the SIP messages as a ladder, and how the audio was
        #[arg(long)]
        sip: bool,
        /// Write the SIP messages to a capture file for Wireshark
        #[arg(long, value_name = "FILE")]
        pcap: Option<PathBuf>,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Tell what happens in a call until it is over
    #[command(
        after_help = "Exit status: 0 when the call was answered, by a person or a machine, 3 when it was not. Ctrl-C \
        ends the following and not the call: 130."
    )]
    Follow {
        #[arg(value_name = "CALL")]
        call: String,
    },
    /// Play the recording of a call by a program that is here (pw-play, paplay, aplay, ffplay), or write it to a file
    Play {
        #[arg(value_name = "CALL")]
        call: String,
        /// Write a WAV file: stereo, callee left, bot right
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// A message that the callee left, by its number in the timeline
        #[arg(long, value_name = "NUMBER")]
        message: Option<u32>,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// End running calls, cancel planned ones
    Hangup {
        #[arg(value_name = "CALL", required = true)]
        calls: Vec<String>,
    },
    /// Write calls to a file for spreadsheets, or an object a line with --json
    Export(Box<Export>),
}

/// Runs the command.
///
/// # Errors
/// When no server answers, or it refuses.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach = args.place.running()?;
    let (answer, told) = match args.command {
        Command::List { narrow, limit, after } => {
            let after = after.map_or_else(String::new, |after| format!("&after={}", encoded(&after)));
            let path = format!("/v1/calls?limit={limit}{}{after}", narrow.parameters());
            let page = reach.ask(Method::GET, &path, None).await?;
            let told = shown::table(page["calls"].as_array().map_or(&[], Vec::as_slice));
            if let Some(next) = page["next"].as_str().filter(|_| !args.json) {
                super::print(&told);
                super::note(&format!("there are more: --after {next}"));
                return Ok(ExitCode::SUCCESS);
            }
            (page, told)
        }
        Command::Show { call, transcript, timeline, sip, pcap, force } => {
            if let Some(file) = &pcap {
                spare(file, force)?;
            }
            let (mut answer, mut told) = show(&reach, &call, transcript, timeline).await?;
            if sip || pcap.is_some() {
                let kept = reach.ask(Method::GET, &path(text(&answer, "callId"), "/sip"), None).await?;
                if let Some(file) = &pcap {
                    private_file(file)?.write_all(&pcap::capture(&kept))?;
                    super::note(&format!("{}: the SIP messages", file.display()));
                }
                told.push_str(&format!("\n{}", ladder::ladder(&kept)));
                answer["sip"] = kept;
            }
            (answer, told)
        }
        Command::Follow { call } => {
            let id = find::id(&reach, &call).await?;
            return follow::follow(&reach, &id, args.json).await;
        }
        Command::Play { call, out, message, force } => {
            if let Some(file) = &out {
                spare(file, force)?;
            }
            let id = find::id(&reach, &call).await?;
            let what =
                message.map_or_else(|| "/recording".to_owned(), |number| format!("/messages/{number}"));
            let Some(file) = out else {
                play::aloud(&reach, &path(&id, &what)).await?;
                return Ok(ExitCode::SUCCESS);
            };
            let (bytes, told) = play::save(&reach, &path(&id, &what), &file).await?;
            (json!({ "file": file, "bytes": bytes }), told)
        }
        Command::Hangup { calls } => hang_up(&reach, &calls).await?,
        Command::Export(export) => {
            let Some(told) = export::run(&reach, &export, args.json).await? else {
                return Ok(ExitCode::SUCCESS);
            };
            (Value::Null, told)
        }
    };
    super::print(&if args.json { answer.to_string() } else { told });
    Ok(ExitCode::SUCCESS)
}

async fn show(
    reach: &Reach,
    call: &str,
    transcript: bool,
    timeline: bool,
) -> anyhow::Result<(Value, String)> {
    let id = find::id(reach, call).await?;
    let mut answer = reach.ask(Method::GET, &path(&id, ""), None).await?;
    let mut told = shown::call(&answer);
    if transcript {
        let text = reach.text(&path(&id, "/transcript?format=text")).await?;
        told.push_str(&format!("\n{}\n", lines(text.trim_end())));
        answer["transcript"] = reach.ask(Method::GET, &path(&id, "/transcript"), None).await?;
    }
    if timeline {
        let events = reach.ask(Method::GET, &path(&id, "/events"), None).await?;
        told.push('\n');
        for event in events["events"].as_array().into_iter().flatten() {
            told.push_str(&format!("{}\n", shown::event(event)));
        }
        answer["timeline"] = events["events"].clone();
    }
    Ok((answer, told))
}

async fn hang_up(reach: &Reach, calls: &[String]) -> anyhow::Result<(Value, String)> {
    let (mut ended, mut told) = (Vec::with_capacity(calls.len()), String::new());
    for call in calls {
        let id = find::id(reach, call).await?;
        reach.ask(Method::POST, &path(&id, "/hangup"), None).await?;
        told.push_str(&format!("{id} is being ended\n"));
        ended.push(json!(id));
    }
    Ok((json!({ "ending": ended }), told))
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[test]
    fn every_command_takes_its_arguments() {
        let command = Args::augment_args(clap::Command::new("calls"));
        command.clone().debug_assert();
        for line in [
            "calls list --flow faq --since 2d --disposition no-answer --limit 5 --json",
            "calls show last --transcript --timeline --sip --pcap call.pcap --force",
            "calls follow 2f8a9b3c",
            "calls play last --out call.wav --message 1",
            "calls hangup a b",
            "calls export --verdict human --xlsx calls.xlsx",
        ] {
            let matches = command.clone().try_get_matches_from(line.split(' ')).unwrap();
            Args::from_arg_matches(&matches).unwrap();
        }
    }
}
