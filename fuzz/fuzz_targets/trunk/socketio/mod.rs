#[path = "../../../../src/trunk/socketio/packet/mod.rs"]
pub mod packet;

pub mod messages;
