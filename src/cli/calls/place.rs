//! `dering call`: a call to one number.

use std::process::ExitCode;

use anyhow::Context;
use callcore::number::Country;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::follow::{follow, is_print_error};
use crate::cli::admin::{Place, Reach};

/// Exit code for a call that was placed and cannot be followed any more.
const OUT_OF_SIGHT: u8 = 4;

/// Call one number now.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when the call was accepted; with --follow, 0 when it was answered, by a person or a \
    machine, and 3 when it was not (busy, no answer, failed, cancelled). 1 when it could not be placed, 4 when it was \
    placed and the server cannot be asked any more. Ctrl-C ends the \
    following and not the call: 130."
)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The number, in any spelling
    number: String,
    /// The flow: NAME, NAME@LABEL or NAME@DIGEST; without it the server's default
    #[arg(long)]
    flow: Option<String>,
    /// A variable of the flow; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Country of a number that does not name its own, as in ID or 62; that of the flow or the server when absent
    #[arg(long)]
    country: Option<Country>,
    /// The carrier, by its name in the configuration; the first one when absent
    #[arg(long)]
    trunk: Option<String>,
    /// Our number, as the callee sees it
    #[arg(long)]
    caller: Option<String>,
    /// Call although the number's owner asked not to be called again; only with a new consent
    #[arg(long)]
    ignore_do_not_call: bool,
    /// Tell what happens in the call until it is over
    #[arg(long, short)]
    follow: bool,
    /// Print what the server answers; with --follow an object a line: the call, each event, the call as it ended
    #[arg(long)]
    json: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        Some(_) | None => Err("write it like name=Ani".to_owned()),
    }
}

impl Args {
    fn body(&self) -> Value {
        let mut body = json!({ "type": "voice", "number": self.number });
        let texts = [("flow", &self.flow), ("trunk", &self.trunk), ("caller", &self.caller)];
        for (name, value) in texts {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        if let Some(country) = self.country {
            body["country"] = json!(country.calling_code().to_string());
        }
        if !self.variables.is_empty() {
            let variables = self.variables.iter().map(|(name, value)| (name.clone(), json!(value)));
            body["metadata"] = Value::Object(variables.collect::<Map<_, _>>());
        }
        if self.ignore_do_not_call {
            body["ignore_do_not_call"] = json!(true);
        }
        body
    }
}

/// Places the call.
///
/// # Errors
/// When no server answers, or it refuses.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let reach: Reach = args.place.running()?;
    let placed = reach.ask(Method::POST, "/v1/calls", Some(&args.body())).await?;
    let id = placed["call_id"].as_str().context("the answer has no call_id: is it dering?")?;
    if args.json {
        crate::cli::print(&placed.to_string());
    } else {
        crate::cli::print(&format!("calling {}: call {id}", crate::cli::out::one_line(&args.number)));
    }
    if !args.follow {
        return Ok(ExitCode::SUCCESS);
    }
    match follow(&reach, id, args.json).await {
        Err(error) if !is_print_error(&error) => {
            crate::cli::note(&format!(
                "dering: the call was placed, but its server cannot be asked any more ({error}); it may go on. Once the server \
                 is there, `dering calls show {id}` tells what became of it"
            ));
            Ok(ExitCode::from(OUT_OF_SIGHT))
        }
        followed => followed,
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[test]
    fn the_options_become_the_body_of_the_request() {
        let command = Args::augment_args(clap::Command::new("call"));
        command.clone().debug_assert();
        let line = [
            "call",
            "0812-3456",
            "--flow",
            "faq@live",
            "--var",
            "name=Ani = Budi",
            "--country",
            "ID",
            "--follow",
        ];
        let matches = command.clone().try_get_matches_from(line).unwrap();
        let args = Args::from_arg_matches(&matches).unwrap();
        assert_eq!(
            args.body(),
            json!({ "type": "voice", "number": "0812-3456", "flow": "faq@live", "country": "62",
                "metadata": { "name": "Ani = Budi" } })
        );
        assert!(command.try_get_matches_from(["call", "1", "--var", "=x"]).is_err());
    }
}
