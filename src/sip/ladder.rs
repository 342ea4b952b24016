//! The messages of a call as they went to and fro, kept for who looks for the reason of a failure. What proves a password, keys
//! and what else is private in a body is left out; so is what comes beyond a limit.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rsipstack::sip::SipMessage;

use crate::wallclock::now_ms;

/// Messages kept of the beginning of a call, and of its end.
const FIRST: usize = 40;
const LAST: usize = 40;
/// Longest message that is kept whole, bytes.
const LONGEST: usize = 4_096;
/// Fields whose values prove something, or let guess it.
const SECRET: [&str; 5] =
    ["authorization", "proxy-authorization", "authentication-info", "www-authenticate", "proxy-authenticate"];
/// Bodies that are kept; others may hold the keys that somebody pressed.
const BODIES: [&str; 2] = ["application/sdp", FRAGMENT];
const FRAGMENT: &str = "message/sipfrag";
/// Lines of a session description with keys (RFC 4566, RFC 4567, RFC 4568) or a password (RFC 8839).
const KEYS: [&str; 4] = ["a=crypto:", "a=key-mgmt:", "a=ice-pwd:", "k="];
const LEFT_OUT: &str = "(left out)";

/// A message of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it was sent, or came; ms since 1970.
    pub at_ms: i64,
    /// Whether we sent it.
    pub is_ours: bool,
    /// The other end, where it is known.
    pub peer: Option<SocketAddr>,
    /// The message, without what is secret; at most 4 KiB.
    pub text: String,
}

/// The messages of one call. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ladder(Arc<Mutex<Kept>>);

/// The messages of one call, if anybody still wants them.
#[derive(Clone, Debug)]
pub(super) struct WeakLadder(Weak<Mutex<Kept>>);

impl WeakLadder {
    pub(super) fn upgrade(&self) -> Option<Ladder> {
        self.0.upgrade().map(Ladder)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[derive(Debug, Default)]
struct Kept {
    first: Vec<Message>,
    last: VecDeque<Message>,
    left_out: u64,
    /// Status of the last response that came.
    status: Option<u16>,
}

impl Ladder {
    pub(super) fn weak(&self) -> WeakLadder {
        WeakLadder(Arc::downgrade(&self.0))
    }

    /// Keeps a message.
    pub(super) fn keep(&self, message: &SipMessage, is_ours: bool, peer: Option<SocketAddr>) {
        let status = match message {
            SipMessage::Response(response) if !is_ours => Some(response.status_code.code()),
            SipMessage::Response(_) | SipMessage::Request(_) => None,
        };
        let bytes = message.to_bytes();
        let mut text = without_secrets(&String::from_utf8_lossy(&bytes));
        // The stack writes the phrase of the standard; the peer's own says more.
        if let SipMessage::Response(response) = message
            && let (Some(reason), Some((_, fields))) = (&response.wire_reason, text.split_once("\r\n"))
        {
            text = format!("SIP/2.0 {} {reason}\r\n{fields}", response.status_code.code());
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        let message = Message { at_ms: now_ms(), is_ours, peer, text };
        let mut kept = self.0.lock();
        kept.status = status.or(kept.status);
        if kept.first.len() < FIRST {
            return kept.first.push(message);
        }
        if kept.last.len() == LAST {
            kept.last.pop_front();
            kept.left_out += 1;
        }
        kept.last.push_back(message);
    }

    /// Status of the last response that came.
    pub(super) fn status(&self) -> Option<u16> {
        self.0.lock().status
    }

    /// The messages so far, in their order, and how many were left out between the first and the last of them.
    #[must_use]
    pub fn messages(&self) -> (Vec<Message>, u64) {
        let kept = self.0.lock();
        (kept.first.iter().chain(&kept.last).cloned().collect(), kept.left_out)
    }
}

/// A message as people may see it.
fn without_secrets(text: &str) -> String {
    let (header, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let (mut is_secret, mut keeps_body, mut is_fragment) = (false, false, false);
    for line in header.split("\r\n") {
        if line.starts_with([' ', '\t']) && is_secret {
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.trim().to_ascii_lowercase();
        is_secret = SECRET.contains(&name.as_str());
        if name == "content-type" || name == "c" {
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            keeps_body = BODIES.contains(&kind.as_str());
            is_fragment = kind == FRAGMENT;
        }
        if is_secret {
            let scheme = value.split_whitespace().next().unwrap_or_default();
            let name = line.split(':').next().unwrap_or_default();
            out.push_str(&format!("{name}: {scheme} {LEFT_OUT}\r\n"));
        } else {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str("\r\n");
    if keeps_body {
        // The messages that a transfer tells of may have fields of their own: their first lines say enough.
        let lines = if is_fragment { 1 } else { usize::MAX };
        for line in body.split_inclusive('\n').take(lines) {
            let start = line.trim_start().to_ascii_lowercase();
            match KEYS.iter().find(|key| start.starts_with(**key)) {
                Some(key) => out.push_str(&format!("{key}{LEFT_OUT}\r\n")),
                None => out.push_str(line),
            }
        }
    } else if !body.is_empty() {
        out.push_str(LEFT_OUT);
    }
    out.truncate(out.floor_char_boundary(LONGEST));
    out.shrink_to_fit();
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(number: usize, fields: &str, body: &str) -> SipMessage {
        let text = format!(
            "INFO sip:a@b.test SIP/2.0\r\nVia: SIP/2.0/UDP b.test;branch=z9hG4bK{number}\r\nFrom: <sip:c@d.test>;tag=1\r\n\
             To: <sip:a@b.test>\r\nCall-ID: 1\r\nCSeq: {number} INFO\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        SipMessage::try_from(text.as_str()).expect("a message")
    }

    #[test]
    fn what_proves_a_password_is_left_out_and_what_was_pressed_too() {
        let ladder = Ladder::default();
        let proof = "Authorization: Digest username=\"bot\", response=\"5ec3e7\"\r\nX-Own: stays\r\n";
        ladder.keep(&message(1, proof, ""), true, None);
        let keys = "Content-Type: application/dtmf-relay\r\n";
        ladder.keep(&message(2, keys, "Signal=7\r\n"), false, None);
        let sdp = "Content-Type: application/sdp\r\n";
        ladder.keep(&message(3, sdp, "v=0\r\na=crypto:1 AES inline:secret\r\n"), false, None);
        ladder.keep(
            &message(4, sdp, "v=0\nA=Crypto:1 AES inline:secret\na=key-mgmt:mikey inline\n"),
            false,
            None,
        );
        let fragment = "Content-Type: message/sipfrag\r\n";
        ladder.keep(&message(5, fragment, "SIP/2.0 200 OK\r\nAuthorization: 5ec3e7\r\n"), false, None);
        let (kept, _) = ladder.messages();
        let all: String = kept.iter().map(|message| message.text.as_str()).collect();
        for secret in ["5ec3e7", "Signal=7", "inline"] {
            assert!(!all.contains(secret), "{all}");
        }
        assert!(all.contains("Authorization: Digest (left out)\r\nX-Own: stays\r\n"), "{all}");
        assert!(all.contains("v=0\r\n") && all.contains("a=crypto:(left out)"), "{all}");
        assert!(all.contains("SIP/2.0 200 OK\r\n"), "{all}");
    }

    #[test]
    fn the_beginning_and_the_end_of_a_long_call_are_kept() {
        let ladder = Ladder::default();
        for number in 0..200 {
            ladder.keep(&message(number, "", ""), false, None);
        }
        let (kept, left_out) = ladder.messages();
        assert_eq!((kept.len(), left_out), (FIRST + LAST, 200 - (FIRST + LAST) as u64));
        assert!(kept[0].text.contains("CSeq: 0 ") && kept[FIRST + LAST - 1].text.contains("CSeq: 199 "));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_or_too_long(text in "(\\PC|\r\n|authorization:|é){0,600}") {
            prop_assert!(without_secrets(&text.repeat(8)).len() <= LONGEST);
        }
    }
}
