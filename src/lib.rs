//! Dering: a voice-bot orchestrator that knows who answered.
//!
//! The IO shell around [`callcore`]. Ranks, low to high; a module imports only from lower ones:
//! `telemetry` · `store`, `speech`, `trunk` · `gateway`, `flows`, `outbox` · `session` · `api`, `web` ·
//! `config` · `app` · `cli`.

pub mod speech;
pub mod trunk;
