//! How to reach the service, and how it listens.

use secrecy::SecretString;

/// How to reach the service, and how it listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// `wss://api.deepgram.com`, or another address that speaks the same.
    pub url: String,
    pub key: SecretString,
    /// Such as `nova-3`.
    pub model: String,
    /// Used when a request names none.
    pub language: String,
    /// Silence that ends a segment, ms; the service's own when absent.
    pub endpointing_ms: Option<u32>,
    /// Gap between words that ends an utterance, ms (1000 at least); off when absent.
    pub utterance_end_ms: Option<u32>,
}
