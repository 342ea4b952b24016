//! `GET /v1/calls/{id}/amd.svg`: why the detector decided as it did, drawn from the recording.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callcore::amd::listen::{listen, listen_again};
use callcore::amd::picture::Picture;
use callcore::amd::{Options, Piece, Trace};
use callcore::audio::wav::Side;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::access::SeeCalls;
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::may::CallInPath;
use crate::session::read_trace;
use crate::speech::sound;

/// An image needs nothing from anywhere but the style in it.
pub(super) fn policy(svg: &str) -> String {
    let style = svg.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let style = style.map(|(style, _)| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style))));
    format!("default-src 'none'; style-src {}", style.as_deref().unwrap_or("'none'"))
}

/// The evidence of detection as a picture.
///
/// Runs the detector over the callee's side again, with the settings and words of the call, and draws it.
#[utoipa::path(get, path = "/v1/calls/{call_id}/amd.svg", operation_id = "getEvidencePicture", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "The picture.", body = String, content_type = "image/svg+xml"),
        (status = 404, description = "There is no such call, or nothing to draw: it was not answered, not recorded, \
            or detection was off.", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn amd(State(api): State<Api>, call: CallInPath<SeeCalls>) -> Result<Response, Problem> {
    of_call(&api, &call.found()?.id).await
}

/// The evidence of a call as a picture.
///
/// # Errors
/// When there is nothing to draw.
pub(super) async fn of_call(api: &Api, call_id: &str) -> Result<Response, Problem> {
    let call_id = call_id.to_owned();
    let nothing = |what: &str| Problem::new(Code::NotFound, format!("there is no picture: {what}"));
    let evidence = api.store.evidence(&call_id).await?;
    let evidence = evidence.ok_or_else(|| nothing("this call was not answered, or detection was off"))?;
    let row = api.store.recording(&call_id).await?.ok_or_else(|| nothing("the call was not recorded"))?;
    let file = tokio::fs::read(&row.path).await.map_err(|error| {
        tracing::warn!(call.id = %call_id, %error, "a recording is gone from its folder");
        nothing("the recording is gone from its folder")
    })?;
    let title = format!("call {call_id}");
    let drawn = tokio::task::spawn_blocking(move || {
        let trace = read_trace(std::path::Path::new(&row.path));
        draw(&title, &file, &evidence, trace.as_ref())
    })
    .await;
    let svg = drawn.ok().flatten().ok_or_else(|| nothing("the recording holds no audio"))?;
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy(&svg)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
    ];
    Ok((headers, svg).into_response())
}

/// `None` when the recording is no audio.
fn draw(title: &str, file: &[u8], evidence: &Value, trace: Option<&Trace>) -> Option<String> {
    let audio = sound::read(file, Side::Left, sound::RECORDING).ok()?;
    let exact = trace.and_then(|trace| listen_again(&audio, trace.options.clone(), trace));
    if let Some(heard) = exact {
        return Some(
            Picture { title, audio: &audio, events: &heard.events, evidence: &heard.evidence }.svg(),
        );
    }
    let words: Vec<Piece> = stored(evidence, "words").unwrap_or_default();
    let options = Options {
        profile: stored(evidence, "profile").unwrap_or_default(),
        timers: stored(evidence, "timers").unwrap_or_default(),
        params: stored(evidence, "params").unwrap_or_default(),
        locale: stored(&evidence["decision"], "language"),
        ..Options::default()
    };
    let heard = listen(&audio, options, &words);
    Some(Picture { title, audio: &audio, events: &heard.events, evidence: &heard.evidence }.svg())
}

/// A part of the stored evidence; records of before may lack it.
fn stored<T: DeserializeOwned>(evidence: &Value, part: &str) -> Option<T> {
    serde_json::from_value(evidence.get(part)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use callcore::audio::wav;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_picture_is_of_the_left_channel_with_the_words_of_the_call() {
        let silence = vec![0; 8 * 8_000];
        let file = wav::write_8k(&[&silence, &vec![9_000; 8 * 8_000]]);
        let words = json!([{ "at_ms": 1500, "text": "leave a message after the tone", "final": true, "log_odds": 0.0 }]);
        let svg = draw("call c1", &file, &json!({ "words": words, "decision": { "language": "en" } }), None)
            .unwrap();
        assert!(svg.contains("call c1") && svg.contains("leave a message after the tone"));
        let alone = draw("call c1", &file, &json!({}), None).unwrap();
        assert!(alone.contains("Nobody spoke"), "the bot on the right is not heard");
        assert_eq!(draw("call c1", b"nonsense", &json!({}), None), None);
    }
}
