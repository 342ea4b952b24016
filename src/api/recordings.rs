//! Recordings, for those with a key and by links that expire.
//!
//! A link is signed: HMAC-SHA256 over the call and the time of its end, with a key that the store keeps. It opens
//! one file until then, or until the keys are retired.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::Sha256;
use tower_http::services::ServeFile;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::calls::deleted;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Path, Query};
use super::fields::{Fields, Given, optional};
use super::may::{CallInPath, May};
use super::problems::{BadId, Deleted, TooLarge};
use crate::access::{Administer, SeeCalls, ShareRecordings};
use crate::session::camera_path;
use crate::store::{AuditAction, LinkKey};
use crate::wallclock::{iso, now_ms};

/// How long a link opens its file, seconds.
const TTL_S: std::ops::RangeInclusive<u32> = 10..=86_400;
const USUAL_TTL_S: u32 = 300;

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// How long a link is to last.
#[derive(Debug, Default, ToSchema)]
#[schema(as = LinkRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    /// Seconds; 300 when absent.
    #[schema(minimum = 10, maximum = 86_400)]
    ttl_seconds: Option<u32>,
}

impl Given for Wanted {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { ttl_seconds: fields.small("ttlSeconds", TTL_S) }
    }
}

/// A link to one recording.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    /// Begins with `public_url` of the configuration; relative to the address of this server where none is set.
    #[schema(example = "/v1/recordings/0199.wav?expires=1795244400&key=lk_1&signature=…")]
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// What a link carries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Signed {
    /// Seconds since 1970-01-01 UTC.
    expires: i64,
    /// Which key signed it.
    #[param(min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    key: String,
    #[param(min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    signature: String,
}

/// Longest part of a link, characters.
const LONGEST_PART: usize = 200;

impl Given for Signed {
    fn read(fields: &mut Fields<'_>) -> Self {
        let whole = "the link is cut short";
        let text = |fields: &mut Fields<'_>, name| fields.text(name, LONGEST_PART);
        Self {
            expires: fields
                .required("expires", whole, |fields, name| fields.whole(name, i64::MIN..=i64::MAX)),
            key: fields.required("key", whole, text),
            signature: fields.required("signature", whole, text),
        }
    }
}

/// How many keys were retired.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retired {
    retired: u64,
}

/// The recording of a call: stereo WAV, callee left, bot right. Takes `Range`.
#[utoipa::path(get, path = "/v1/calls/{call_id}/recording", operation_id = "getRecording", tag = "recordings",
    params(
        ("call_id" = String, Path, description = "The call."),
        ("range" = Option<String>, Header, description = "A part of the file, `bytes=0-1023` for example."),
    ),
    responses(
        (status = 200, description = "The audio.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 304, description = "The file did not change since `If-Modified-Since`."),
        (status = 206, description = "The part that was asked for.", body = Vec<u8>, content_type = "audio/wav"),
        BadId,
        (status = 404, description = "There is no such call, or no recording of it.", body = ProblemDocument,
            content_type = "application/problem+json"),
        Deleted,
        (status = 416, description = "The file has no such part.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn recording(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    request: Request,
) -> Result<Response, Problem> {
    file(&api, &call.found()?.id, request).await
}

/// The pictures of the callee's camera, of a video call that is recorded: WebM with VP8, without sound. Takes `Range`.
///
/// Its time begins with that of the recording.
#[utoipa::path(get, path = "/v1/calls/{call_id}/camera", operation_id = "getCamera", tag = "recordings",
    params(
        ("call_id" = String, Path, description = "The call."),
        ("range" = Option<String>, Header, description = "A part of the file, `bytes=0-1023` for example."),
    ),
    responses(
        (status = 200, description = "The pictures.", body = Vec<u8>, content_type = "video/webm"),
        (status = 304, description = "The file did not change since `If-Modified-Since`."),
        (status = 206, description = "The part that was asked for.", body = Vec<u8>, content_type = "video/webm"),
        BadId,
        (status = 404, description = "There is no such call, or no camera was recorded.", body = ProblemDocument,
            content_type = "application/problem+json"),
        Deleted,
        (status = 416, description = "The file has no such part.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn camera(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    request: Request,
) -> Result<Response, Problem> {
    camera_file(&api, &call.found()?.id, request).await
}

/// Make a link to the recording of a call that expires.
///
/// Whoever has the link can hear the recording, and nothing else, without a key: give it to a player or to a person.
#[utoipa::path(post, path = "/v1/calls/{call_id}/recording/link", operation_id = "makeRecordingLink",
    tag = "recordings", params(("call_id" = String, Path, description = "The call.")),
    request_body(content = Option<Wanted>, description = "Without a body the link lasts 5 minutes."),
    responses(
        (status = 201, description = "The link.", body = Link),
        (status = 400, description = "The body cannot be read, or the time is out of range.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such call, or no recording of it.", body = ProblemDocument,
            content_type = "application/problem+json"),
        Deleted,
        TooLarge,
    ))]
pub(super) async fn link(
    State(api): State<Api>,
    call: CallInPath<ShareRecordings>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Link>), Problem> {
    let ttl =
        optional::<Wanted>(body, Code::Malformed)?.unwrap_or_default().ttl_seconds.unwrap_or(USUAL_TTL_S);
    let sharer = call.may.clone();
    let call_id = call.found()?.id;
    recorded(&api, &call_id).await?;
    let key = api.store.signing_key(fresh_key()).await?;
    let expires = now_ms().div_euclid(1000) + i64::from(ttl);
    let signature = URL_SAFE_NO_PAD.encode(sign(&key.secret, &call_id, expires).finalize().into_bytes());
    let path = format!("/v1/recordings/{call_id}.wav?expires={expires}&key={}&signature={signature}", key.id);
    let url = api.public_url.of(&path);
    api.access.record(&sharer, AuditAction::RecordingLink, &call_id).await;
    Ok((StatusCode::CREATED, Json(Link { url, expires_at: iso(expires * 1000) })))
}

/// A recording by its link. Takes `Range`; needs no key.
#[utoipa::path(get, path = "/v1/recordings/{file}", operation_id = "openRecordingLink", tag = "recordings",
    params(
        ("file" = String, Path, description = "The call and `.wav`."),
        Signed,
        ("range" = Option<String>, Header, description = "A part of the file, `bytes=0-1023` for example."),
    ),
    responses(
        (status = 200, description = "The audio.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 304, description = "The file did not change since `If-Modified-Since`."),
        (status = 206, description = "The part that was asked for.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 400, description = "The link is damaged.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "The link was changed, or its key is retired.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "The recording is gone.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 410, description = "The link has expired.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 416, description = "The file has no such part.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn linked(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(signed): Query<Signed>,
    request: Request,
) -> Result<Response, Problem> {
    let invalid =
        || Problem::new(Code::LinkInvalid, "the link is not valid, or no longer; ask for a new one");
    let call_id = name.strip_suffix(".wav").ok_or_else(invalid)?;
    let key = api.store.link_key(&signed.key).await?.ok_or_else(invalid)?;
    judge(&key.secret, call_id, &signed, now_ms().div_euclid(1000))?;
    file(&api, call_id, request).await
}

/// Make every link that was given out useless: retires the keys that signed them.
#[utoipa::path(post, path = "/v1/recordings/revoke-links", operation_id = "revokeRecordingLinks", tag = "recordings",
    responses((status = 200, description = "No earlier link opens anything any more.", body = Retired)))]
pub(super) async fn revoke(State(api): State<Api>, admin: May<Administer>) -> Result<Json<Retired>, Problem> {
    let retired = api.store.retire_link_keys().await?;
    api.access.record(&admin, AuditAction::RecordingLinksRevoke, "").await;
    tracing::info!(retired, "links to recordings were revoked");
    Ok(Json(Retired { retired }))
}

fn invalid() -> Problem {
    Problem::new(Code::LinkInvalid, "the link is not valid, or no longer; ask for a new one")
}

/// Whether a link opens the recording of that call at `now_s`, seconds since 1970.
fn judge(secret: &SecretString, call_id: &str, signed: &Signed, now_s: i64) -> Result<(), Problem> {
    let signature = URL_SAFE_NO_PAD.decode(&signed.signature).map_err(|_| invalid())?;
    sign(secret, call_id, signed.expires).verify_slice(&signature).map_err(|_| invalid())?;
    if now_s >= signed.expires {
        return Err(Problem::new(Code::LinkExpired, "the link has expired; ask for a new one"));
    }
    Ok(())
}

fn fresh_key() -> LinkKey {
    let id: String = rand::random::<[u8; 6]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = SecretString::from(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    LinkKey { id: format!("lk_{id}"), secret }
}

fn sign(secret: &SecretString, call_id: &str, expires: i64) -> Hmac<Sha256> {
    let secret = secret.expose_secret().as_bytes();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.update(format!("recording\n{call_id}\n{expires}").as_bytes());
    mac
}

/// Where the recording of a call is.
async fn recorded(api: &Api, call_id: &str) -> Result<String, Problem> {
    let found = api.store.recording(call_id).await?;
    let row = found.ok_or_else(|| Problem::not_found("recording of this call"))?;
    if row.deleted_ms.is_some() { Err(deleted()) } else { Ok(row.path) }
}

/// Sends the file, or the part of it that `Range` asks for.
pub(crate) async fn file(api: &Api, call_id: &str, request: Request) -> Result<Response, Problem> {
    let path = recorded(api, call_id).await?;
    let gone = |error: std::io::Error| {
        tracing::warn!(call.id = %call_id, %error, "a recording is gone from its folder");
        Problem::not_found("recording of this call")
    };
    send(path.as_ref(), "audio/wav", gone, request).await
}

/// As [`file`], of the callee's camera.
pub(crate) async fn camera_file(api: &Api, call_id: &str, request: Request) -> Result<Response, Problem> {
    let path = camera_path(recorded(api, call_id).await?.as_ref());
    send(&path, "video/webm", |_| Problem::not_found("recorded camera of this call"), request).await
}

async fn send(
    path: &std::path::Path,
    kind: &'static str,
    gone: impl Fn(std::io::Error) -> Problem,
    request: Request,
) -> Result<Response, Problem> {
    let served = ServeFile::new(path).try_call(request).await;
    let response = served.map_err(&gone)?;
    if response.status() == StatusCode::NOT_FOUND {
        return Err(gone(std::io::ErrorKind::NotFound.into()));
    }
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        let problem = Problem::new(Code::RangeInvalid, "the recording has no such part");
        let range = response.headers().get(header::CONTENT_RANGE).cloned();
        return Err(range
            .into_iter()
            .fold(problem, |problem, range| problem.with_header(header::CONTENT_RANGE, range)));
    }
    let mut response = response.map(Body::new).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(HEADERS.map(|(name, value)| (Some(name), value)));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_its_own_recording_until_it_expires() {
        let LinkKey { id, secret } = fresh_key();
        let signature = URL_SAFE_NO_PAD.encode(sign(&secret, "c1", 1_000).finalize().into_bytes());
        let signed = Signed { expires: 1_000, key: id, signature };
        let code = |call_id, now_s| judge(&secret, call_id, &signed, now_s).map_err(|problem| problem.code());
        assert_eq!(code("c1", 999), Ok(()));
        assert_eq!(code("c1", 1_000), Err(Code::LinkExpired));
        assert_eq!(code("c2", 999), Err(Code::LinkInvalid));
        let other = fresh_key().secret;
        assert_eq!(judge(&other, "c1", &signed, 999).unwrap_err().code(), Code::LinkInvalid);
    }
}
