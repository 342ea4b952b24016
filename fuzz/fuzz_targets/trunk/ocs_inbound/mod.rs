#[path = "../../../../src/trunk/ocs_inbound/messages.rs"]
mod messages;

/// Whether a text message of the inbound WebSocket is understood.
pub fn read(text: &str) -> bool {
    messages::read(text).is_ok()
}
