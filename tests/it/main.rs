//! The integration tests: one binary, a module per area.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod api_auth;
mod outbox_delivery;
mod store_calls;
mod store_cdrs;
mod store_fixture;
mod store_ledger;
mod store_opening;
