//! The HTTP API: who may call, what is answered when something is wrong.

pub mod auth;
pub mod error;
