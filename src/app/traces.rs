//! What calls over SIP leave behind, on its way into the database.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::store::{RtpFigures, Signalling, SipMessageRow, Store};
use crate::trunk::sip::{CallAudio, CallTrace};
use crate::wallclock::now_ms;

/// Keeps the messages and the figures of calls that are over, until no trunk is left.
pub(super) async fn keep(store: Store, mut traces: mpsc::Receiver<CallTrace>) {
    while let Some(trace) = traces.recv().await {
        if let Err(error) = store.keep_signalling(row(trace, now_ms())).await {
            tracing::warn!(%error, "the SIP messages of a call were not kept");
        }
    }
}

fn row(trace: CallTrace, at_ms: i64) -> Signalling {
    let CallTrace { session_id, own, messages, left_out, audio } = trace;
    let messages = messages.into_iter().map(|message| SipMessageRow {
        at_ms: message.at_ms,
        is_ours: message.is_ours,
        peer: message.peer.map(|peer| peer.to_string()),
        text: message.text,
    });
    Signalling {
        session_id,
        at_ms,
        own: own.to_string(),
        messages: messages.collect(),
        left_out: whole(left_out),
        audio: audio.map(figures),
    }
}

fn figures(audio: CallAudio) -> RtpFigures {
    let CallAudio { quality, refused, longest_silence } = audio;
    RtpFigures {
        received: whole(quality.counts.received),
        lost: whole(quality.counts.lost),
        late: whole(quality.counts.late),
        strangers: whole(refused.strangers),
        jitter_ms: ms(quality.jitter),
        score: quality.mean_opinion_score,
        longest_silence_ms: i64::try_from(longest_silence.as_millis()).unwrap_or(i64::MAX),
        peer_lost: quality.peer.map(|peer| i64::from(peer.lost)),
        peer_jitter_ms: quality.peer.map(|peer| ms(peer.jitter)),
        round_trip_ms: quality.peer.and_then(|peer| peer.round_trip).map(ms),
        arrives: quality.arrives,
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
