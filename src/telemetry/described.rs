//! What each metric means: the texts that Prometheus shows, and the list that dashboards and alerts are checked against.

use metrics::Unit;

/// What kind of figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric: its name, kind, unit and meaning.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, help }
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help }
}

const fn seconds(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: Unit::Seconds, help }
}

use Unit::{Bytes, Count, Seconds};

/// Every metric of this program, by name. Those of the process (`process_…`) come beside them.
pub const METRICS: &[Metric] = &[
    seconds("dering_amd_verdict_seconds", "From the answer to the verdict on who answered, by event."),
    gauge("dering_build_info", Count, "1; its labels name the version and the commit it was built from."),
    seconds(
        "dering_browser_connect_seconds",
        "Calls in the browser: from the answer to the keys that both sides have, by transport.",
    ),
    counter(
        "dering_browser_connections_dropped_total",
        "Calls in the browser: TCP connections that were nobody's, or for which there was no room, by reason.",
    ),
    counter(
        "dering_browser_datagrams_dropped_total",
        "Calls in the browser: datagrams that were nobody's, or for which there was no room, by reason.",
    ),
    counter("dering_browser_offers_total", "Offers of browsers, by what became of them."),
    seconds("dering_call_answer_seconds", "From the beginning of a call to its answer."),
    seconds("dering_call_talk_seconds", "How long answered calls lasted."),
    counter(
        "dering_calls_do_not_call_total",
        "Calls that were not placed because the number is on the do-not-call list.",
    ),
    counter(
        "dering_calls_ended_total",
        "Calls that ended, by flow, disposition of the carrier, verdict and outcome of the flow.",
    ),
    counter("dering_calls_planned_ended_total", "Planned calls that ended without having been dialled."),
    counter("dering_calls_planned_total", "Calls that were accepted for a later time."),
    counter("dering_calls_refused_total", "Requests for calls that were refused because too many run."),
    gauge("dering_calls_running", Count, "Calls that run, those that wait for a line among them."),
    counter("dering_campaign_attempts_total", "Calls that campaigns began."),
    counter("dering_campaign_outcomes_total", "Calls of campaigns that ended, by what came of them."),
    gauge("dering_disk_free_bytes", Bytes, "Free on the disk of the database and of the recordings."),
    counter("dering_flow_requests_total", "Requests to web services that flows made, by result."),
    counter(
        "dering_gateway_acks_dropped_total",
        "Gateway: acknowledgements that found no room on their way to a client.",
    ),
    counter(
        "dering_gateway_audio_dropped_total",
        "Gateway: audio that found no room on its way to a client.",
    ),
    counter("dering_gateway_audio_refused_total", "Gateway: audio of clients that could not be taken."),
    gauge("dering_gateway_calls", Count, "Gateway: calls that run."),
    counter("dering_gateway_calls_put_off_total", "Gateway: dial requests that were answered with 429."),
    counter(
        "dering_gateway_clients_cut_total",
        "Gateway: clients that were cut off because they did not read.",
    ),
    counter(
        "dering_gateway_clock_skips_total",
        "Gateway: times that a call's clock skipped because the machine was late.",
    ),
    counter("dering_gateway_connections_cut_total", "Gateway: connections that were cut off, by why."),
    counter(
        "dering_gateway_events_refused_total",
        "Gateway: events of clients that named no call of theirs.",
    ),
    counter(
        "dering_gateway_malformed_events_total",
        "Gateway: events of clients that could not be read, by event.",
    ),
    counter(
        "dering_gateway_recordings_truncated_total",
        "Gateway: recordings that were cut at their longest.",
    ),
    counter("dering_http_closed_total", "Connections to the API that were closed from here, by why."),
    gauge("dering_http_connections", Count, "Connections to the API."),
    counter("dering_http_refused_total", "Connections to the API for which there was no room."),
    seconds(
        "dering_http_request_seconds",
        "From a request to the API to the head of its answer, by class of status.",
    ),
    counter("dering_inbound_calls_total", "Calls that carriers brought."),
    gauge("dering_inbound_calls_live", Count, "Calls of carriers that run."),
    counter(
        "dering_inbound_dropped_total",
        "Audio of calls that came in that was dropped, by direction and reason.",
    ),
    counter("dering_inbound_protocol_errors_total", "Messages of carriers that could not be read, by kind."),
    counter("dering_inbound_refused_total", "Connections of carriers that were refused, by reason."),
    counter("dering_inbound_turned_away_total", "Calls that came in and were turned away, by reason."),
    counter(
        "dering_inbound_turned_away_unwritten_total",
        "The same, where the database could not keep them.",
    ),
    gauge(
        "dering_lateness_seconds",
        Seconds,
        "How late timers are, smoothed over a second: above 0.02 calls suffer.",
    ),
    counter(
        "dering_listening_blocks_dropped_total",
        "Parts of calls that somebody who listens in was too slow for.",
    ),
    counter("dering_logins_failed_total", "Attempts to sign in or to use a key that failed."),
    counter(
        "dering_logins_not_tracked_total",
        "Failed attempts that were not counted for their sender, because there were too many senders.",
    ),
    counter(
        "dering_logins_slowed_total",
        "Attempts to sign in that were put off because too many had failed.",
    ),
    counter(
        "dering_camera_frames_dropped_total",
        "Frames of callees' cameras that their calls had no time for.",
    ),
    counter(
        "dering_camera_packets_dropped_total",
        "Packets of callees' cameras that sent more than they may.",
    ),
    counter(
        "dering_watching_packets_dropped_total",
        "Packets of cameras that somebody who watches was too slow for.",
    ),
    counter("dering_recording_blocks_dropped_total", "Parts of recordings that the disk was too slow for."),
    counter("dering_recording_write_failures_total", "Recordings that could not be written on."),
    counter("dering_requests_limited_total", "Requests to the API beyond a limit of requests."),
    counter("dering_retention_deleted_total", "What was deleted when its time was over, by kind."),
    counter(
        "dering_retention_failures_total",
        "Times that something could not be deleted when its time was over.",
    ),
    counter(
        "dering_rtp_clock_skips_total",
        "Times that a call over RTP fell so far behind that frames were left out.",
    ),
    counter(
        "dering_rtp_dropped_total",
        "Datagrams of calls over RTP that were not taken or not sent, by reason.",
    ),
    counter(
        "dering_rtp_packets_total",
        "RTP packets of calls that ended: received, lost on the way, come too late.",
    ),
    counter(
        "dering_session_audio_dropped_total",
        "Audio of calls that found no room on its way to the trunk.",
    ),
    counter(
        "dering_sip_dropped_total",
        "SIP requests that were dropped without an answer, or turned away, by endpoint and reason.",
    ),
    counter(
        "dering_sip_ladders_dropped_total",
        "Calls over SIP whose messages were not kept because the database could not follow.",
    ),
    Metric {
        name: "dering_store_commit_jobs",
        kind: Kind::Histogram,
        unit: Count,
        help: "Batches that shared one commit.",
    },
    counter(
        "dering_store_details_dropped_total",
        "Lines of timelines that were dropped while the database could not be written.",
    ),
    counter(
        "dering_store_notifications_dropped_total",
        "Webhooks that were dropped while the database could not be written.",
    ),
    gauge("dering_store_writable", Count, "1 while the database can be written, else 0."),
    counter("dering_store_write_failures_total", "Commits that failed."),
    counter("dering_stt_doubted_total", "Recognised words that were rejected, by reason."),
    counter("dering_stt_fallbacks_total", "Utterances that the fallback recogniser heard."),
    counter("dering_stt_requests_total", "Utterances to be recognised, by kind and outcome."),
    seconds("dering_stt_seconds", "From an utterance to its words, by kind."),
    seconds("dering_stt_wait_seconds", "The part of it in the queue of whisper, by kind."),
    gauge("dering_stt_waiting", Count, "Utterances in the queue of whisper, by kind."),
    gauge("dering_timelines_watched", Count, "Timelines of calls that somebody watches."),
    counter("dering_trunk_audio_acks_total", "Acknowledgements of audio by a carrier, by trunk and outcome."),
    counter(
        "dering_trunk_audio_dropped_total",
        "Audio that was dropped between call and carrier, by trunk, direction and reason.",
    ),
    gauge("dering_trunk_calls", Count, "Calls of a trunk."),
    gauge("dering_trunk_calls_queued", Count, "Calls that wait for a line of a trunk."),
    counter(
        "dering_trunk_connection_failures_total",
        "Attempts to connect to a carrier that failed, by trunk.",
    ),
    counter("dering_trunk_connections_total", "Connections to a carrier that were made, by trunk."),
    gauge("dering_trunk_lines_busy", Count, "Lines of a trunk that are in use."),
    counter("dering_trunk_malformed_events_total", "Events of a carrier that could not be read, by trunk."),
    counter("dering_trunk_queue_given_up_total", "Calls that waited for a line of a trunk in vain."),
    counter("dering_trunk_queue_refused_total", "Calls for which a trunk's queue had no room."),
    seconds("dering_trunk_queue_seconds", "How long calls waited for a line of a trunk."),
    counter("dering_trunk_records_missing_total", "Calls of which the carrier gave no record, by trunk."),
    gauge("dering_trunk_round_trip_seconds", Seconds, "To a carrier and back, by trunk."),
    counter(
        "dering_trunk_sent_back_total",
        "Calls that a carrier with too much to do sent back into the queue, by trunk.",
    ),
    gauge("dering_trunk_up", Count, "1 while the carrier of a trunk is within reach, else 0."),
    gauge("dering_tts_cache_bytes", Bytes, "Synthesised speech that is kept, by where."),
    counter("dering_tts_cache_evicted_total", "Synthesised speech that went from the disk to make room."),
    counter("dering_tts_cache_total", "Prompts that were looked for in the cache, by result."),
    counter(
        "dering_tts_fallback_total",
        "Prompts that another voice spoke because the chosen one could not.",
    ),
    seconds("dering_tts_seconds", "How long a prompt takes to be made."),
    counter("dering_tts_worker_failures_total", "Times that the process of the voices failed."),
    counter("dering_webhook_attempts_total", "Attempts to deliver webhooks, by result."),
    gauge("dering_webhook_breakers_open", Count, "Endpoints of webhooks that are held back or being tried."),
    counter(
        "dering_webhook_expired_total",
        "Webhooks that were given up because their endpoint was held back all the time.",
    ),
    gauge("dering_webhook_in_flight", Count, "Webhooks on their way."),
    seconds("dering_webhook_lag_seconds", "From an event to the delivery of its webhook."),
    gauge(
        "dering_webhook_refusing_endpoints",
        Count,
        "Endpoints that answer and refused the latest webhook, within a day.",
    ),
    seconds("dering_webhook_seconds", "How long attempts to deliver webhooks take."),
    gauge(
        "dering_webhook_slow_endpoints",
        Count,
        "Endpoints that answer slowly, or are silent with a webhook on its way.",
    ),
];

/// Tells the exporter.
pub(super) fn describe() {
    for &Metric { name, kind, unit, help } in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every name in the code that a metric could have.
    fn named(text: &str) -> impl Iterator<Item = &str> {
        let quoted = text.split('"').filter(|part| part.starts_with("dering_"));
        quoted.filter(|part| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    }

    #[test]
    fn every_metric_of_the_code_is_described_and_no_other() {
        let mut found = BTreeSet::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|ending| ending != "rs") || path.ends_with("described.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("metrics::") || text.contains("counter: \"dering_") {
                    found.extend(named(&text).map(str::to_owned));
                }
            }
        }
        let described: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(found, described);
        assert!(METRICS.iter().all(|metric| metric.help.ends_with('.')));
    }
}
