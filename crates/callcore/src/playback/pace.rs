//! How long packets are and how far ahead they go, from the measured distance to the carrier.

use super::Options;

/// What a packet and the way it goes may take together, ms (Outgoing Call Service 1.0.4, "Audio Timing
/// and Chunk Size": 160 ms less the network's latency).
const BUDGET_MS: u64 = 160;
/// One frame: packets are whole frames, and never shorter.
const FRAME_MS: u64 = 20;
/// Audio that lies at the carrier when the next packet is due, ms: it covers a late timer.
const CUSHION_MS: u64 = 160;
/// More of it for a long way, whose delay varies more; at most this much, ms.
const FAR_CUSHION_MS: u64 = 140;

impl Options {
    /// These options for a carrier that answers in `round_trip_ms`: shorter packets for a longer way, down
    /// to one frame, and half the round trip more in flight. An interruption empties the carrier's queue,
    /// so the lead delays it only where the carrier knows no interruption.
    #[must_use]
    pub fn at_distance(self, round_trip_ms: u64) -> Self {
        // The document's full 160 ms are for a latency of 0 to 1 ms.
        let latency_ms = round_trip_ms.saturating_sub(1);
        let room = BUDGET_MS.saturating_sub(latency_ms) / FRAME_MS * FRAME_MS;
        let chunk_ms = room.clamp(FRAME_MS, BUDGET_MS);
        let lead_ms = chunk_ms + CUSHION_MS + (round_trip_ms / 2).min(FAR_CUSHION_MS);
        Self { chunk_ms, lead_ms, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk_and_lead(round_trip_ms: u64) -> (u64, u64) {
        let options = Options::default().at_distance(round_trip_ms);
        (options.chunk_ms, options.lead_ms)
    }

    #[test]
    fn a_carrier_next_door_gets_the_documented_160_ms_and_one_50_ms_away_gets_100() {
        assert_eq!(chunk_and_lead(0), (160, 320));
        assert_eq!(chunk_and_lead(1), (160, 320));
        assert_eq!(chunk_and_lead(2), (140, 301));
        assert_eq!(chunk_and_lead(50), (100, 285));
    }

    #[test]
    fn however_far_the_carrier_is_packets_are_whole_frames_and_little_is_in_flight() {
        for round_trip_ms in 0..2_000 {
            let (chunk, lead) = chunk_and_lead(round_trip_ms);
            assert!(chunk % 20 == 0 && (20..=160).contains(&chunk), "{round_trip_ms}: {chunk}");
            assert!(lead >= chunk + 160 && lead <= 320, "{round_trip_ms}: {lead}");
        }
    }
}
