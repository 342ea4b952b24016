//! Keys that the peer presses, as telephone events (RFC 4733).

/// The keys by event code (section 3.2, table 3).
pub(super) const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The key of an event code; `None` for events that are no keys.
fn key(code: u8) -> Option<char> {
    KEYS.get(usize::from(code)).copied()
}

/// The event code of a key.
pub(crate) fn code(key: char) -> Option<u8> {
    KEYS.iter().position(|known| *known == key).and_then(|code| u8::try_from(code).ok())
}

/// Tells the packets of one key from those of the next.
#[derive(Debug, Default)]
pub(super) struct Keys {
    latest: Option<Latest>,
}

/// The key that was pressed last.
#[derive(Clone, Copy, Debug)]
struct Latest {
    /// All packets of one key have the time stamp of its beginning.
    timestamp: u32,
    /// The newest of its packets.
    number: i64,
}

impl Keys {
    /// Takes one packet of an event; the key when it is the first of it that comes, be it its beginning, an update or
    /// one of its ends. A packet that was overtaken by those of a later key is not told.
    pub(super) fn take(&mut self, timestamp: u32, number: i64, payload: &[u8]) -> Option<char> {
        let [code, _flags, _, _, ..] = payload else { return None };
        let key = key(*code)?;
        let is_new = self.latest.is_none_or(|latest| timestamp != latest.timestamp && number > latest.number);
        if is_new {
            self.latest = Some(Latest { timestamp, number });
        } else if let Some(latest) = &mut self.latest
            && latest.timestamp == timestamp
        {
            latest.number = latest.number.max(number);
        }
        is_new.then_some(key)
    }
}
