//! `GET /v1/calls/{id}/sip`: the SIP messages of a call, and how its audio was.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::error::Problem;
use super::may::CallInPath;
use super::problems::NoSuchCall;
use crate::access::SeeCalls;
use crate::store::{AudioFault, RtpFigures, SipMessageRow};

/// What went to and fro in a call over SIP.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signalling {
    call_id: String,
    /// Our address for SIP; empty where no messages are kept.
    #[schema(example = "192.0.2.1:5060")]
    own: String,
    messages: Vec<SipMessage>,
    /// Messages that were not kept, between the first 40 and the last 40.
    left_out: i64,
    /// `null` where no audio was agreed on, or the call was not over SIP.
    audio: Option<Audio>,
}

/// A message, without what proves a password, and without keys that were pressed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SipMessage {
    /// Since 1970-01-01 UTC.
    at_ms: i64,
    /// Since the call began.
    t_ms: i64,
    is_ours: bool,
    /// The other end; `null` where it is not known.
    #[schema(example = "198.51.100.7:5060")]
    peer: Option<String>,
    #[schema(example = "INVITE sip:+15552000001@sip.example.com SIP/2.0\r\n…")]
    text: String,
}

/// How the audio was: what we received, and what the other side reported of ours.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallAudio)]
struct Audio {
    /// Packets; most have 20 ms.
    received: i64,
    lost: i64,
    late: i64,
    /// Datagrams of others at the ports of the call.
    strangers: i64,
    jitter_ms: f64,
    /// Estimated mean opinion score, 1 to 4.4; `null` of less than a second of audio.
    score: Option<f64>,
    /// The longest time in which nothing came of an answered call that was not held.
    longest_silence_ms: i64,
    /// Packets of ours that the other side missed.
    peer_lost: Option<i64>,
    peer_jitter_ms: Option<f64>,
    round_trip_ms: Option<f64>,
    /// Whether ours came to the other side, by its last report.
    arrives: Option<bool>,
    /// What is wrong with it.
    faults: Vec<AudioFault>,
}

impl SipMessage {
    fn of(row: SipMessageRow, created_ms: i64) -> Self {
        let SipMessageRow { at_ms, is_ours, peer, text } = row;
        Self { at_ms, t_ms: at_ms - created_ms, is_ours, peer, text }
    }
}

impl From<RtpFigures> for Audio {
    fn from(figures: RtpFigures) -> Self {
        let faults = figures.faults();
        let RtpFigures { received, lost, late, strangers, jitter_ms, score, longest_silence_ms, .. } =
            figures;
        let RtpFigures { peer_lost, peer_jitter_ms, round_trip_ms, arrives, .. } = figures;
        Self {
            received,
            lost,
            late,
            strangers,
            jitter_ms,
            score,
            longest_silence_ms,
            peer_lost,
            peer_jitter_ms,
            round_trip_ms,
            arrives,
            faults,
        }
    }
}

/// The SIP messages of a call, and how its audio was.
///
/// They are kept once the call is over, for seven days, and no longer than its words. Empty for calls over other wires.
#[utoipa::path(get, path = "/v1/calls/{call_id}/sip", operation_id = "getSignalling", tag = "calls",
    params(("call_id" = String, Path, description = "The call.")),
    responses((status = 200, description = "The messages, in their order.", body = Signalling), NoSuchCall))]
pub(super) async fn signalling(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
) -> Result<Json<Signalling>, Problem> {
    let call = call.found()?;
    let kept = match &call.session_id {
        Some(session_id) => api.store.signalling(session_id).await?,
        None => None,
    };
    let mut told =
        Signalling { call_id: call.id, own: String::new(), messages: Vec::new(), left_out: 0, audio: None };
    if let Some(kept) = kept {
        told.own = kept.own;
        told.left_out = kept.left_out;
        told.audio = kept.audio.map(Audio::from);
        told.messages = kept.messages.into_iter().map(|row| SipMessage::of(row, call.created_ms)).collect();
    }
    Ok(Json(told))
}
