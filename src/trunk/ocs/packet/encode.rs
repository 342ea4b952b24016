//! Values to frames.

use std::fmt::Write as _;
use std::io;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use super::error::PacketError;

/// Bytes that leave as an attachment, wherever they stand in the value that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary(pub Bytes);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// One packet, ready to be written: the text frame, then each attachment as a binary frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub text: String,
    pub attachments: Vec<Bytes>,
}

/// The packet that asks to join the main namespace.
///
/// # Errors
/// When `auth` cannot be written as JSON.
pub fn connect(auth: &impl Serialize) -> Result<String, PacketError> {
    Ok(format!("40{}", serde_json::to_string(auth)?))
}

/// An event with one argument; `ack` asks the peer to acknowledge it under that id.
///
/// # Errors
/// When `payload` cannot be written as JSON, for instance because a map has keys that are no strings.
pub fn encode_event(name: &str, payload: &impl Serialize, ack: Option<u64>) -> Result<Encoded, PacketError> {
    packet(['2', '5'], ack, &(name, payload))
}

/// The answer, with one argument, to an event that asked for an acknowledgement.
///
/// # Errors
/// As [`encode_event`].
pub fn encode_ack(id: u64, payload: &impl Serialize) -> Result<Encoded, PacketError> {
    packet(['3', '6'], Some(id), &(payload,))
}

fn packet(
    [plain, binary]: [char; 2],
    id: Option<u64>,
    args: &impl Serialize,
) -> Result<Encoded, PacketError> {
    let mut json = Vec::with_capacity(160);
    let mut attachments = Vec::new();
    args.serialize(&mut serde_json::Serializer::with_formatter(
        &mut json,
        Detach { attachments: &mut attachments },
    ))?;
    let json = String::from_utf8(json).map_err(|_| PacketError::Header("text"))?;
    let mut text = String::with_capacity(json.len() + 16);
    text.push('4');
    text.push(if attachments.is_empty() { plain } else { binary });
    // Writing to a String cannot fail.
    if !attachments.is_empty() {
        let _ = write!(text, "{}-", attachments.len());
    }
    if let Some(id) = id {
        let _ = write!(text, "{id}");
    }
    text.push_str(&json);
    Ok(Encoded { text, attachments })
}

/// Writes JSON, but takes every byte string out and leaves a placeholder.
struct Detach<'a> {
    attachments: &'a mut Vec<Bytes>,
}

impl Formatter for Detach<'_> {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        CompactFormatter.write_raw_fragment(writer, r#"{"_placeholder":true,"num":"#)?;
        write!(writer, "{}}}", self.attachments.len())?;
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }
}
