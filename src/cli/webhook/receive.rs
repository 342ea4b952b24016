//! `dering webhook listen` and `verify`: a local receiver that checks and prints, and a check of one captured
//! post.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;

use super::forward;
use crate::cli::token::read_secret;
use crate::outbox::receiver::{Inbox, Receipt, Receiver};
use crate::outbox::sign::{
    self, SAVG_SIGNATURE, StandardHeaders, VerifyError, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP,
};
use crate::wallclock::now_ms;

/// Answers of the address that posts go on to, until they are printed.
const ANSWERS: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Post what is signed rightly on to this address, as it came, and answer as it does
    #[arg(long, value_name = "URL", value_parser = forward::address)]
    forward_to: Option<Url>,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    secrets: Secrets,
    /// A header of the post, as "name: value"; repeat it for each signature header.
    #[arg(long = "header", required = true)]
    headers: Vec<String>,
    /// The time of receipt in Unix seconds; now if left out.
    #[arg(long)]
    at: Option<i64>,
    /// The file with the exact body; standard input if left out.
    body: Option<PathBuf>,
}

/// The secrets that a signature may be made with.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Secrets {
    /// A secret; may be repeated. Other users of this machine can see it: prefer --secret-file.
    #[arg(long)]
    secret: Vec<SecretString>,
    /// A file that holds a secret; may be repeated.
    #[arg(long)]
    secret_file: Vec<PathBuf>,
}

impl Secrets {
    fn read(self) -> anyhow::Result<Vec<SecretString>> {
        let mut secrets = self.secret;
        for file in self.secret_file {
            secrets.push(read_secret(&file)?);
        }
        Ok(secrets)
    }
}

/// Receives and prints until Ctrl-C.
///
/// # Errors
/// When the port is taken, or a file cannot be read.
pub(super) async fn listen(args: Listen) -> anyhow::Result<()> {
    let inbox = Inbox::new(args.secrets.read()?);
    let address = SocketAddr::new(args.address, args.port);
    let (tell, mut answers) = mpsc::channel(ANSWERS);
    let router = match &args.forward_to {
        Some(to) => forward::router(inbox.clone(), to.clone(), tell)?,
        None => inbox.router(),
    };
    let receiver = Receiver::start(router, address)
        .await
        .with_context(|| format!("{address} cannot be listened on; choose another --port"))?;
    let onward = args.forward_to.map(|to| format!(", which goes on to {to}")).unwrap_or_default();
    say(&format!("listening on {}{onward}; stop with Ctrl-C\n", receiver.url()))?;
    let mut seen = 0;
    loop {
        let (receipts, answer) = tokio::select! {
            ended = tokio::signal::ctrl_c() => {
                ended?;
                break;
            }
            receipts = inbox.arrived_after(seen) => (receipts, None),
            // A post stands before what it was answered.
            Some(answer) = answers.recv() => (inbox.after(seen), Some(answer)),
        };
        for receipt in receipts {
            seen = receipt.number;
            say(&render(&receipt))?;
        }
        if let Some(answer) = answer {
            say(&answer.to_string())?;
        }
    }
    receiver.stop().await;
    Ok(())
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = super::super::out();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A receipt for people: a line of what it is, then the body.
fn render(receipt: &Receipt) -> String {
    let verdict = match &receipt.problem {
        None => "signature valid".to_owned(),
        Some(problem) => format!("SIGNATURE WRONG: {problem}"),
    };
    let again = if receipt.duplicate { ", a repeat" } else { "" };
    let mut text = format!("#{} {} {verdict}{again}\n", receipt.number, receipt.id);
    match serde_json::from_str::<Value>(&receipt.body) {
        Ok(body) => writeln!(text, "{body:#}\n"),
        Err(_) => writeln!(text, "{}\n", receipt.body.escape_debug()),
    }
    .ok();
    text
}

/// Checks one captured post.
///
/// # Errors
/// When a file cannot be read, or the signature does not hold.
pub(super) fn verify(args: Verify) -> anyhow::Result<()> {
    let secrets = args.secrets.read()?;
    let headers = parse_headers(&args.headers)?;
    let body = match &args.body {
        Some(file) => {
            std::fs::read(file).with_context(|| format!("the body {} cannot be read", file.display()))?
        }
        None => {
            let mut body = Vec::new();
            std::io::stdin().lock().read_to_end(&mut body)?;
            body
        }
    };
    let at = args.at.unwrap_or_else(|| now_ms().div_euclid(1000));
    check_given(&secrets, &headers, &body, at)?;
    say("the signature holds\n")?;
    Ok(())
}

fn parse_headers(lines: &[String]) -> anyhow::Result<HeaderMap> {
    let parse = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
    };
    let read =
        |line| parse(line).with_context(|| format!("{line:?} is not a header of the form name: value"));
    lines.iter().map(read).collect()
}

/// Checks whichever of the two kinds of signature is given, both if both are.
fn check_given(secrets: &[SecretString], headers: &HeaderMap, body: &[u8], at_s: i64) -> anyhow::Result<()> {
    let text = |name: &'static str| {
        let value = headers.get(name).ok_or(VerifyError::Missing(name))?;
        value.to_str().map_err(|_| VerifyError::Malformed(name))
    };
    let (savg, standard) = (headers.contains_key(SAVG_SIGNATURE), headers.contains_key(WEBHOOK_SIGNATURE));
    if !savg && !standard {
        bail!(
            "give the header {SAVG_SIGNATURE}, or {WEBHOOK_ID}, {WEBHOOK_TIMESTAMP} and {WEBHOOK_SIGNATURE}"
        );
    }
    if savg {
        sign::verify_savg(secrets, text(SAVG_SIGNATURE)?, body, at_s)?;
    }
    if standard {
        let headers = StandardHeaders {
            id: text(WEBHOOK_ID)?,
            timestamp: text(WEBHOOK_TIMESTAMP)?,
            signature: text(WEBHOOK_SIGNATURE)?,
        };
        sign::verify_standard(secrets, headers, body, at_s)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_750_947_610;

    fn check_lines(lines: &[String], body: &str) -> Result<(), String> {
        let secrets = [SecretString::from("s")];
        let headers = parse_headers(lines).map_err(|error| error.to_string())?;
        check_given(&secrets, &headers, body.as_bytes(), NOW_S).map_err(|error| error.to_string())
    }

    #[test]
    fn a_captured_post_is_checked_by_the_headers_that_were_captured() {
        let secrets = [SecretString::from("s")];
        let savg = format!("SAVG-Signature: {}", sign::savg(&secrets, NOW_S, b"body").unwrap());
        let standard = [
            "webhook-id: msg_1".to_owned(),
            format!("webhook-timestamp: {NOW_S}"),
            format!("webhook-signature: {}", sign::standard(&secrets, "msg_1", NOW_S, b"body").unwrap()),
        ];
        assert_eq!(check_lines(std::slice::from_ref(&savg), "body"), Ok(()));
        assert_eq!(check_lines(&standard, "body"), Ok(()));
        assert_eq!(check_lines(&[standard.as_slice(), std::slice::from_ref(&savg)].concat(), "body"), Ok(()));
        let changed = check_lines(&[savg], "other").unwrap_err();
        assert_eq!(changed, "no signature in savg-signature fits the body and a known secret");
        assert_eq!(check_lines(&standard[2..], "body").unwrap_err(), "the header webhook-id is missing");
        assert!(check_lines(&["nonsense".to_owned()], "").unwrap_err().contains("is not a header"));
    }

    #[test]
    fn what_arrives_is_printed_with_its_verdict_and_never_as_control_codes() {
        let receipt = Receipt {
            number: 7,
            at_ms: 0,
            id: "msg_1".to_owned(),
            conversation_id: String::new(),
            headers: [].into(),
            body: "\u{1b}[2J".to_owned(),
            problem: Some(VerifyError::Missing(SAVG_SIGNATURE)),
            duplicate: true,
        };
        let text = render(&receipt);
        assert_eq!(
            text,
            "#7 msg_1 SIGNATURE WRONG: the header savg-signature is missing, a repeat\n\\u{1b}[2J\n\n"
        );
        let json = Receipt { body: r#"{"status":"Answered"}"#.to_owned(), problem: None, ..receipt };
        assert!(render(&json).contains("signature valid, a repeat\n{\n  \"status\": \"Answered\"\n}"));
    }
}
