//! Counters that alerts watch begin at 0: `increase()` does not see the first event of a series that appears with it.

/// Begins those whose labels are known from the start. A trunk's begin with the trunk.
pub(super) fn begin() {
    for name in [
        "dering_recording_blocks_dropped_total",
        "dering_recording_write_failures_total",
        "dering_store_details_dropped_total",
        "dering_store_notifications_dropped_total",
        "dering_store_write_failures_total",
        "dering_webhook_expired_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for result in ["delivered", "retry", "dead"] {
        metrics::counter!("dering_webhook_attempts_total", "result" => result).increment(0);
    }
    for outcome in ["recognised", "overloaded", "too_late", "displaced", "too_long", "language", "failed"] {
        metrics::counter!("dering_stt_requests_total", "kind" => "final", "outcome" => outcome).increment(0);
    }
}
