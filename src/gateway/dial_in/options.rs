//! One call to place, and why there was none.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::gateway::callees::LoadError;
use crate::gateway::callees::prepare::PrepareError;
use crate::speech::tts::Tts;

/// One call to place.
#[derive(Clone, Debug)]
pub struct Options {
    /// `ws://host:4143`, or `wss://…`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<SecretString>,
    /// A PEM file with the authority that signed the server's certificate; without it, the public ones.
    pub ca: Option<PathBuf>,
    /// The number that calls.
    pub from: String,
    /// The number that is dialled.
    pub did: String,
    /// A name for the session; a new one when absent.
    pub session_id: Option<String>,
    /// The caller's file.
    pub callee: PathBuf,
    pub tts: Tts,
    /// Where the WAV and the timeline go; `None` records nothing.
    pub recordings: Option<PathBuf>,
    pub seed: u64,
    /// How long it may ring.
    pub ring: Duration,
    /// Go on playing when the server interrupts, as older carriers do.
    pub ignores_interrupt: bool,
}

/// Why there was no call, or no end in order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Callee(#[from] LoadError),
    #[error("the callee {0} does not answer calls, so it places none: its outcome must be `answer`")]
    NotACaller(String),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("{0} is not a WebSocket address; write it as ws://host:4143")]
    Address(String),
    #[error("the authority in {path} cannot be used: {reason}")]
    Authority { path: String, reason: String },
    #[error("the server at {url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the server refuses the connection with HTTP {status}; check --token")]
    Refused { status: u16 },
    #[error("the connection was lost in mid-call: {0}")]
    Lost(String),
    #[error("the recording could not be written: {0}")]
    Recording(std::io::Error),
}
