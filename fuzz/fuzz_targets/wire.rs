//! Any lines as frames of Socket.IO, in which what is no text is an attachment, and as messages of the inbound wire.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use trunk::ocs::packet::{Decoder, Packet};

#[allow(dead_code, unused_imports)]
mod trunk;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let packet = match std::str::from_utf8(line) {
            Ok(text) => {
                let _understood = trunk::ocs_inbound::read(text);
                decoder.text(&Utf8Bytes::from(text))
            }
            Err(_) => decoder.binary(Bytes::copy_from_slice(line)),
        };
        match packet {
            Ok(Some(Packet::Event(event))) => {
                let _argument = event.data.arg::<Value>(0);
            }
            Ok(_) => {}
            // A connection ends with the first frame that is none.
            Err(_) => decoder = Decoder::default(),
        }
    }
});
