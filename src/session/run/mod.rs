//! One call's task, and how it touches the world: speech, words, requests.

pub(in crate::session) mod actor;
pub(in crate::session) mod http_requests;
pub(in crate::session) mod prompts;
pub(in crate::session) mod speech;
pub(in crate::session) mod speech_input;

pub use http_requests::HttpRequests;
pub use prompts::{PromptsReady, Readiness};
pub use speech_input::UnknownLanguage;
