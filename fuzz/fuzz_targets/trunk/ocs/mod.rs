#[path = "../../../../src/trunk/ocs/packet/mod.rs"]
pub mod packet;
