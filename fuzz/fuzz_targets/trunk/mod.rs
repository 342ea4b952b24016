//! The modules that read what a carrier sends, at their places: the whole server would take a quarter of an hour to
//! build with a sanitizer.

pub mod ocs;
pub mod ocs_inbound;

#[path = "../../../src/trunk/carrier_json/mod.rs"]
mod carrier_json;
