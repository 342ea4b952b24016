//! Frames to packets.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::data::{Data, element};
use super::error::PacketError;
use super::kinds::{Event, Limits, Packet};

/// Puts packets together from frames. After an error the connection is out of step and must be closed.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    pending: Option<Pending>,
}

/// A packet whose attachments have not all come yet.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    missing: usize,
}

impl Decoder {
    /// A decoder that refuses what is over `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, pending: None }
    }

    /// Takes a text frame; `None` when attachments must follow.
    ///
    /// # Errors
    /// When the frame is no packet, is too large, or comes between a packet and its attachments.
    pub fn text(&mut self, text: &Utf8Bytes) -> Result<Option<Packet>, PacketError> {
        within("text", text.len(), self.limits.text)?;
        let kind = text.chars().next().ok_or(PacketError::Empty)?;
        let engine = match kind {
            '0' => Packet::Open(serde_json::from_str(&text[1..])?),
            '1' => Packet::Close,
            '2' => Packet::Ping,
            '3' | '5' | '6' => Packet::Idle,
            '4' => return self.message(text),
            other => return Err(PacketError::Type(other)),
        };
        Ok(Some(engine))
    }

    /// Takes a binary frame; the packet, when it was the last one due.
    ///
    /// # Errors
    /// When no packet waits for it, or it is too large.
    pub fn binary(&mut self, mut bytes: Bytes) -> Result<Option<Packet>, PacketError> {
        within("attachment", bytes.len(), self.limits.attachment)?;
        let mut pending = self.pending.take().ok_or(PacketError::StrayAttachment)?;
        pending.missing -= 1;
        let is_cut = bytes.len() > self.limits.kept;
        if is_cut {
            bytes = Bytes::new();
        }
        match &mut pending.packet {
            Packet::Event(Event { data, .. }) | Packet::Ack { data, .. } => {
                data.attach(bytes, is_cut);
            }
            Packet::Open(_)
            | Packet::Close
            | Packet::Ping
            | Packet::Idle
            | Packet::Connected
            | Packet::Refused { .. }
            | Packet::Disconnected => return Err(PacketError::StrayAttachment),
        }
        if pending.missing == 0 {
            return Ok(Some(pending.packet));
        }
        self.pending = Some(pending);
        Ok(None)
    }

    fn message(&mut self, text: &Utf8Bytes) -> Result<Option<Packet>, PacketError> {
        if let Some(pending) = &self.pending {
            return Err(PacketError::TextAmongAttachments { missing: pending.missing });
        }
        let rest = &text[1..];
        let kind = rest.chars().next().ok_or(PacketError::Empty)?;
        let rest = &rest[kind.len_utf8()..];
        let (attachments, rest) = match kind {
            '5' | '6' => count(rest)?,
            _ => (0, rest),
        };
        within("number of attachments", attachments, self.limits.attachments)?;
        let rest = own_namespace(rest)?;
        let (id, json) = ack_id(rest)?;
        let data = |skip| Data::new(text.clone(), text.len() - json.len(), skip);
        let packet = match kind {
            '0' => Packet::Connected,
            '1' => Packet::Disconnected,
            '2' | '5' => {
                Packet::Event(Event { name: event_name(json)?.into_owned(), ack: id, data: data(1) })
            }
            '3' | '6' => {
                array_shape(json)?;
                Packet::Ack { id: id.ok_or(PacketError::Header("acknowledgement id"))?, data: data(0) }
            }
            '4' => refusal(json),
            other => return Err(PacketError::Type(other)),
        };
        if attachments == 0 {
            return Ok(Some(packet));
        }
        self.pending = Some(Pending { packet, missing: attachments });
        Ok(None)
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), PacketError> {
    if size > limit { Err(PacketError::TooLarge { what, size, limit }) } else { Ok(()) }
}

fn count(rest: &str) -> Result<(usize, &str), PacketError> {
    let (digits, rest) = rest.split_once('-').ok_or(PacketError::Header("number of attachments"))?;
    match digits.parse() {
        Ok(n) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok((n, rest)),
        _ => Err(PacketError::Header("number of attachments")),
    }
}

fn own_namespace(rest: &str) -> Result<&str, PacketError> {
    if !rest.starts_with('/') {
        return Ok(rest);
    }
    let (name, rest) = rest.split_once(',').unwrap_or((rest, ""));
    // A query string after the name is legal and means nothing here.
    if name == "/" || name.starts_with("/?") {
        return Ok(rest);
    }
    Err(PacketError::Namespace(name.chars().take(64).collect()))
}

fn ack_id(rest: &str) -> Result<(Option<u64>, &str), PacketError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Ok((None, rest));
    }
    let id = rest[..digits].parse().map_err(|_| PacketError::Header("acknowledgement id"))?;
    Ok((Some(id), &rest[digits..]))
}

fn event_name(json: &str) -> Result<Cow<'_, str>, PacketError> {
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    let name = element::<Name<'_>>(json, 0)?.ok_or(PacketError::Header("event name"))?;
    Ok(name.0)
}

fn array_shape(json: &str) -> Result<(), PacketError> {
    element::<IgnoredAny>(json, 0)?;
    Ok(())
}

fn refusal(json: &str) -> Packet {
    let mut value: Value = serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned()));
    let told = value.as_str().or_else(|| value.get("message")?.as_str());
    let message = told.unwrap_or("no reason given").to_owned();
    let data = value.get_mut("data").map(Value::take).unwrap_or_default();
    Packet::Refused { message, data }
}
