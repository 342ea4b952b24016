//! Arguments of a packet and the binary among them, interpreted when they are asked for.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::error::PacketError;

/// The arguments of an event or an acknowledgement, not yet interpreted.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    text: Utf8Bytes,
    start: usize,
    skip: usize,
    attachments: Vec<Bytes>,
    is_cut: bool,
}

impl Data {
    /// The array that begins at byte `start` of a frame; its first `skip` elements are no arguments.
    pub(super) const fn new(text: Utf8Bytes, start: usize, skip: usize) -> Self {
        Self { text, start, skip, attachments: Vec::new(), is_cut: false }
    }

    /// Adds the next attachment, empty where it was too long to be kept.
    pub(super) fn attach(&mut self, bytes: Bytes, is_cut: bool) {
        self.attachments.push(bytes);
        self.is_cut |= is_cut;
    }

    /// The whole JSON array, an event's name included, with placeholders where binary belongs.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.text[self.start..]
    }

    /// The attachments, in the order of their numbers.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Whether an attachment was too long to be kept; it is empty here.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Argument `index`, not counting an event's name; borrows from the packet where `T` can.
    ///
    /// # Errors
    /// When there is no such argument or it is no `T`.
    pub fn arg<'a, T: Deserialize<'a>>(&'a self, index: usize) -> Result<T, PacketError> {
        element(self.json(), self.skip + index)?.ok_or(PacketError::Header("list of arguments"))
    }

    /// Argument `index` as an owned value.
    ///
    /// # Errors
    /// As [`Data::arg`].
    pub fn owned_arg<T: DeserializeOwned>(&self, index: usize) -> Result<T, PacketError> {
        self.arg(index)
    }

    /// The bytes that a placeholder stands for.
    ///
    /// # Errors
    /// When the sender numbered an attachment that it did not send.
    pub fn binary(&self, placeholder: Placeholder) -> Result<&Bytes, PacketError> {
        self.attachments.get(placeholder.0).ok_or(PacketError::NoSuchAttachment(placeholder.0))
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data")
            .field("json", &self.json())
            .field("attachments", &self.attachments.len())
            .finish()
    }
}

/// A place in an argument where binary belongs; [`Data::binary`] has the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder(usize);

impl<'de> Deserialize<'de> for Placeholder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PlaceholderVisitor)
    }
}

/// By hand, because a derived one takes `[true, 0]` for a placeholder too.
struct PlaceholderVisitor;

impl<'de> Visitor<'de> for PlaceholderVisitor {
    type Value = Placeholder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("binary")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Placeholder, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier)]
        enum Key {
            #[serde(rename = "_placeholder")]
            Mark,
            #[serde(rename = "num")]
            Number,
            #[serde(other)]
            Other,
        }
        let (mut is_marked, mut number) = (false, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Mark => is_marked = map.next_value()?,
                Key::Number => number = Some(map.next_value()?),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match number {
            Some(number) if is_marked => Ok(Placeholder(number)),
            _ => Err(A::Error::custom("binary expected")),
        }
    }
}

/// Element `index` of the JSON array `json`; the rest is checked for form only.
pub(super) fn element<'a, T: Deserialize<'a>>(
    json: &'a str,
    index: usize,
) -> Result<Option<T>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = deserializer.deserialize_seq(Element { index, found: PhantomData })?;
    deserializer.end()?;
    Ok(found)
}

struct Element<T> {
    index: usize,
    found: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>> Visitor<'a> for Element<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of arguments")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Option<T>, A::Error> {
        for _ in 0..self.index {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}
