//! Transfers (REFER, RFC 3515): what the one who was asked says of it, and what we say where we were asked.

use rsipstack::sip::{Header, Request};

use super::call::Referral;
use super::message;

/// What a NOTIFY says of a transfer of ours; `None` where it is about something else.
pub(super) fn progress(request: &Request) -> Option<Referral> {
    let event = message::field(request, "Event").or_else(|| message::field(request, "o"))?;
    if !event.split(';').next()?.trim().eq_ignore_ascii_case("refer") {
        return None;
    }
    let state = message::field(request, "Subscription-State").unwrap_or_default();
    let is_over = state.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("terminated");
    let status = status_in(&request.body);
    let is_last = is_over || status.is_some_and(|status| status >= 200);
    Some(Referral::Progress { status, is_last })
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
        let told = |status, is_last| Some(Referral::Progress { status, is_last });
        assert_eq!(progress(&notify(refer, "SIP/2.0 180 Ringing\r\n")), told(Some(180), false));
        assert_eq!(progress(&notify(refer, "SIP/2.0 200 OK")), told(Some(200), true));
        let over = "Event: Refer\r\nSubscription-State: terminated;reason=noresource\r\n";
        assert_eq!(progress(&notify(over, "SIP/2.0 486 Busy Here\r\n")), told(Some(486), true));
        assert_eq!(progress(&notify(over, "")), told(None, true));
        assert_eq!(progress(&notify("Event: message-summary\r\n", "SIP/2.0 200 OK")), None);
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
