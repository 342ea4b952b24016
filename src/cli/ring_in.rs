//! `dering gateway dial-in http://…`: has a running gateway ring at its clients, and follows the call to its end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// Between two looks at the call.
const LOOK: Duration = Duration::from_millis(200);

/// The call to have.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) gateway: String,
    pub(super) token: Option<SecretString>,
    pub(super) from: Option<String>,
    pub(super) did: String,
    pub(super) callee: PathBuf,
    pub(super) ring: u64,
    pub(super) json: bool,
}

/// Places the call. The exit code is 0 when it was answered.
///
/// # Errors
/// When the gateway cannot be reached, or refuses.
pub(super) async fn run(call: Call) -> anyhow::Result<ExitCode> {
    let client = Client::builder().no_proxy().build().context("the HTTP client cannot be set up")?;
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let mut request = client.request(method, format!("{}{path}", call.gateway.trim_end_matches('/')));
        if let Some(token) = &call.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await;
        let response =
            response.with_context(|| format!("the gateway at {} cannot be reached", call.gateway))?;
        let status = response.status();
        let answer: Value =
            response.json().await.context("the gateway's answer is no JSON; is it a gateway?")?;
        ensure!(status.is_success(), "the gateway refuses with {status}: {}", answer["errors"]);
        Ok(answer["data"].clone())
    };
    let mut asked =
        json!({ "didNumber": call.did, "callee": call.callee.display().to_string(), "ring": call.ring });
    if let Some(from) = &call.from {
        asked["callerId"] = json!(from);
    }
    let rung = ask(Method::POST, "/gateway/dial-in", Some(asked)).await?;
    let session = rung["sessionId"].as_str().context("the gateway names no session")?.to_owned();
    let mut shown = "";
    let became = loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = super::serve::stop_signal() => {
                ask(Method::POST, "/pbx/hangup", Some(json!({ "sessionId": session }))).await?;
            }
        }
        let became = ask(Method::GET, &format!("/gateway/dial-in/{session}"), None).await?;
        match became["state"].as_str() {
            Some("ended") => break became,
            Some("connected") if shown != "connected" => {
                shown = "connected";
                if !call.json {
                    super::print("The call is answered.");
                }
            }
            _ => {}
        }
    };
    if call.json {
        super::print(&serde_json::to_string_pretty(&became)?);
    } else {
        let cdr = &became["cdr"];
        super::print(&format!(
            "Ended by {} after {} s: {}, {}.",
            cdr["hangupBy"].as_str().unwrap_or("nobody"),
            cdr["billableSeconds"],
            cdr["disposition"].as_str().unwrap_or_default(),
            cdr["hangupCauseText"].as_str().unwrap_or_default(),
        ));
    }
    let is_answered = became["cdr"]["disposition"] == "ANSWERED";
    Ok(if is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
