//! The one integration test binary: whole parts through their public interface.

mod api_auth;
mod architecture;
mod outbox_delivery;
mod peer;
mod store_calls;
mod store_cdrs;
mod store_fixture;
mod store_ledger;
mod store_opening;
mod system_dialout;
mod system_failures;
mod system_page;
mod system_process;
mod system_refusals;
mod system_stage;
mod trunk_call;
mod trunk_client;
mod virtual_call;
