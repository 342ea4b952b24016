//! Dering: a voice-bot orchestrator that knows who answered.
//!
//! The IO shell around [`callcore`]. Ranks, low to high; a module imports only from lower ones:
//! `wallclock`, `cdr_wire`, `net`, `bus`, `telemetry`, `kore`, `media`, `sip` · `store`, `speech`, `trunk` · `access`, `gateway`, `flows`, `lists`, `outbox` · `session` · `campaigns`, `trials` · `api` · `console`,
//! `config` · `server` · `app` · `demo` · `cli`.

pub mod access;
pub mod accuracy;
pub mod api;
pub mod app;
pub mod bus;
pub mod campaigns;
pub mod cdr_wire;
pub mod cli;
pub mod config;
pub mod console;
pub mod demo;
pub mod flows;
pub mod gateway;
pub mod kore;
pub mod lists;
pub mod media;
pub mod net;
pub mod outbox;
pub mod server;
pub mod session;
pub mod sheets;
pub mod sip;
pub mod speech;
pub mod store;
pub mod telemetry;
pub mod trials;
pub mod trunk;
pub mod wallclock;
