//! The one integration test binary: whole parts through their public interface.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking where it stands, and says on stdout why it was skipped"
)]

mod api_admin;
mod api_answers;
mod api_audit;
mod api_auth;
mod api_description;
mod api_doors;
mod api_fixture;
mod api_rights;
mod api_sight;
mod architecture;
mod calls_calling;
mod calls_contacts;
mod calls_recordings;
mod calls_stage;
mod calls_timeline;
mod console_pages;
mod console_rooms;
mod console_signing;
mod console_stage;
mod dialout_promises;
mod docs_events;
mod flow_versions;
mod gateway_call;
mod gateway_conformance;
mod gateway_fixture;
mod gateway_hostile;
mod gateway_limits;
mod gateway_order;
mod gateway_trunk;
mod house;
mod import_circles;
mod inbound_bad_input;
mod inbound_calls;
mod inbound_crowd;
mod inbound_dial_in;
mod inbound_socketio;
mod inbound_stage;
mod inbound_wire;
mod kore_samples;
mod models;
mod numbers;
mod outbox_delivery;
mod outbox_guard;
mod outbox_peer;
mod outbox_receivers;
mod peer;
mod speech_services;
mod store_calls;
mod store_cdrs;
mod store_fixture;
mod store_headers;
mod store_leases;
mod store_ledger;
mod store_migration;
mod store_opening;
mod store_secrets;
mod stt;
mod stt_services;
mod system_asked;
mod system_crowd;
mod system_cut;
mod system_dialout;
mod system_disk;
mod system_errands;
mod system_failures;
mod system_hearing;
mod system_killed;
mod system_page;
mod system_private;
mod system_process;
mod system_recordings;
mod system_recovery;
mod system_refusals;
mod system_secrets;
mod system_signals;
mod system_stage;
mod system_webhooks;
mod system_wire;
mod trunk_bad_input;
mod trunk_call;
mod trunk_client;
mod trunk_crowd;
mod trunk_fixture;
mod trunk_gateway;
mod trunk_lines;
mod trunk_versions;
mod uploads;
mod virtual_call;
