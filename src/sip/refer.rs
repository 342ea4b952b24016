//! Transfers (REFER, RFC 3515): what the one who was asked says of it, and what we say where we were asked.

use std::collections::VecDeque;

use rsipstack::sip::{Header, Request};

use super::call::Referral;
use super::message;

/// Transfers of one call that are kept in mind.
const MOST_ASKED: usize = 8;

/// The transfers that the peer was asked for.
#[derive(Debug, Default)]
pub(super) struct Asked(VecDeque<One>);

#[derive(Debug)]
struct One {
    /// As the owner of the call knows it.
    number: u32,
    /// `CSeq` of the REFER, or of the first of two where a password was asked for.
    count: u32,
    /// The last word has been said.
    is_over: bool,
}

impl Asked {
    pub(super) fn add(&mut self, number: u32, count: u32) {
        if self.0.len() == MOST_ASKED {
            self.0.pop_front();
        }
        self.0.push_back(One { number, count, is_over: false });
    }

    /// Which of them a NOTIFY with this `id` is about: the id is the `CSeq` of the REFER (RFC 3515, section 2.4.6). One without
    /// a usable id is about the oldest that is not over; `None` where nothing was asked for.
    pub(super) fn told(&mut self, id: Option<u32>, referral: &Referral) -> Option<u32> {
        let named = id.and_then(|id| self.0.iter().rposition(|one| one.count <= id));
        let oldest = || self.0.iter().position(|one| !one.is_over);
        let at = named.or_else(oldest).or_else(|| self.0.len().checked_sub(1))?;
        let one = self.0.get_mut(at)?;
        one.is_over |=
            matches!(referral, Referral::Progress { is_last: true, .. } | Referral::Refused { .. });
        Some(one.number)
    }

    /// The peer does not make that one; whether that is news.
    pub(super) fn refused(&mut self, number: u32) -> bool {
        let one = self.0.iter_mut().find(|one| one.number == number && !one.is_over);
        one.map(|one| one.is_over = true).is_some()
    }
}

/// What a NOTIFY says.
pub(super) struct Notified {
    pub(super) id: Option<u32>,
    pub(super) referral: Referral,
}

/// What a NOTIFY says of a transfer of ours; `None` where it is about something else.
pub(super) fn notified(request: &Request) -> Option<Notified> {
    let event = message::field(request, "Event").or_else(|| message::field(request, "o"))?;
    let mut parts = event.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("refer") {
        return None;
    }
    let id = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("id"))
        .and_then(|(_, id)| id.trim().parse().ok());
    let state = message::field(request, "Subscription-State").unwrap_or_default();
    let is_over = state.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("terminated");
    let status = status_in(&request.body);
    let is_last = is_over || status.is_some_and(|status| status >= 200);
    Some(Notified { id, referral: Referral::Progress { status, is_last } })
}

/// The status in a body of `message/sipfrag`.
fn status_in(body: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(body).ok()?.lines().next()?;
    let rest = line.trim().strip_prefix("SIP/2.0 ")?;
    rest.split(' ').next()?.parse().ok().filter(|status| (100..700).contains(status))
}

/// Fields and body of the NOTIFY that tells `status`.
pub(super) fn report(status: u16, text: &str) -> (Vec<Header>, Vec<u8>) {
    let state = if status < 200 { "active;expires=60" } else { "terminated;reason=noresource" };
    let fields = vec![
        Header::Event("refer".into()),
        Header::SubscriptionState(state.into()),
        Header::ContentType("message/sipfrag;version=2.0".into()),
    ];
    (fields, format!("SIP/2.0 {status} {text}\r\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notify(fields: &str, body: &str) -> Request {
        let text = format!(
            "NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 NOTIFY\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    #[test]
    fn a_transfer_is_known_to_be_done_by_the_last_word_alone() {
        let refer = "Event: refer;id=7\r\nSubscription-State: active;expires=60\r\n";
        let told = |status, is_last| Referral::Progress { status, is_last };
        let read =
            |fields: &str, body: &str| notified(&notify(fields, body)).map(|told| (told.id, told.referral));
        assert_eq!(read(refer, "SIP/2.0 180 Ringing\r\n"), Some((Some(7), told(Some(180), false))));
        assert_eq!(read(refer, "SIP/2.0 200 OK"), Some((Some(7), told(Some(200), true))));
        let over = "Event: Refer; ID = x\r\nSubscription-State: terminated;reason=noresource\r\n";
        assert_eq!(read(over, "SIP/2.0 486 Busy Here\r\n"), Some((None, told(Some(486), true))));
        assert_eq!(read(over, ""), Some((None, told(None, true))));
        assert_eq!(read("Event: message-summary\r\n", "SIP/2.0 200 OK"), None);
    }

    #[test]
    fn word_of_a_transfer_is_of_the_one_that_it_names_or_of_the_oldest_that_goes_on() {
        let goes_on = Referral::Progress { status: Some(180), is_last: false };
        let is_over = Referral::Progress { status: Some(486), is_last: true };
        let mut asked = Asked::default();
        assert_eq!(asked.told(None, &goes_on), None, "nothing was asked for");
        asked.add(1, 10);
        asked.add(2, 12);
        assert_eq!(asked.told(Some(11), &goes_on), Some(1), "the second REFER of the first, with a password");
        assert_eq!(asked.told(Some(12), &goes_on), Some(2));
        assert_eq!(asked.told(None, &goes_on), Some(1));
        assert_eq!(asked.told(Some(3), &is_over), Some(1), "an id of its own making");
        assert_eq!(asked.told(None, &is_over), Some(2));
        assert_eq!(asked.told(None, &is_over), Some(2), "again and again");
    }

    #[test]
    fn what_is_reported_is_read_again() {
        for status in [100, 180, 200, 404, 603] {
            let (_, body) = report(status, "Words");
            assert_eq!(status_in(&body), Some(status));
        }
    }

    proptest! {
        #[test]
        fn no_body_is_too_odd(body in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(status) = status_in(&body) {
                prop_assert!((100..700).contains(&status));
            }
        }
    }
}
