//! Hang-up causes: the one table that maps a carrier's code to words, dispositions and SIP.
//!
//! The sixteen codes of the Outgoing Call Service keep the carrier's own texts. The other codes of ITU-T
//! Q.850 are there too, because carriers behind the service pass them on; their SIP status lines follow
//! RFC 3398, section 8.2.6.1 ("ISUP to SIP").

use super::carrier::Disposition;

/// What one hang-up cause code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Numeric cause (Outgoing Call Service 1.0.4, "Hangup Cause Codes"; ITU-T Q.850 for the rest).
    pub code: u16,
    /// The carrier's text for it.
    pub text: &'static str,
    /// The disposition of a call that ends this way without being answered.
    pub unanswered: Disposition,
    /// SIP status: its number and its text, as in `486 Busy Here`.
    pub sip: &'static str,
}

use Disposition::{Busy, Cancel, Failed, NoAnswer};

const GONE: &str = "410 Gone";
const NOT_FOUND: &str = "404 Not Found";
const BUSY: &str = "486 Busy Here";
const TIMEOUT: &str = "408 Request Timeout";
const DECLINE: &str = "603 Decline";
const TEMPORARILY: &str = "480 Temporarily Unavailable";
const BAD_GATEWAY: &str = "502 Bad Gateway";
const INCOMPLETE: &str = "484 Address Incomplete";
const NOT_IMPLEMENTED: &str = "501 Not Implemented";
const UNAVAILABLE: &str = "503 Service Unavailable";
const FORBIDDEN: &str = "403 Forbidden";
const NOT_ACCEPTABLE: &str = "488 Not Acceptable Here";
const TERMINATED: &str = "487 Request Terminated";
const TIME_OUT: &str = "504 Server Time-out";
const INTERNAL: &str = "500 Server Internal Error";

const fn row(code: u16, text: &'static str, unanswered: Disposition, sip: &'static str) -> Cause {
    Cause { code, text, unanswered, sip }
}

/// In ascending order of the code.
const TABLE: [Cause; 56] = [
    row(0, "Call terminated - unknown reason", Failed, INTERNAL),
    row(1, "Invalid destination number", Failed, NOT_FOUND),
    row(2, "No route to transit network", Failed, NOT_FOUND),
    row(3, "No route to destination", Failed, NOT_FOUND),
    row(4, "Special information tone", Failed, NOT_FOUND),
    row(5, "Misdialled trunk prefix", Failed, NOT_FOUND),
    row(6, "Channel unacceptable", Failed, UNAVAILABLE),
    row(7, "Call delivered in an established channel", Failed, UNAVAILABLE),
    row(8, "Preemption", Failed, UNAVAILABLE),
    row(9, "Preemption, circuit reserved", Failed, UNAVAILABLE),
    row(16, "Call completed successfully", Cancel, TERMINATED),
    row(17, "Destination busy", Busy, BUSY),
    row(18, "No response from destination", NoAnswer, TIMEOUT),
    row(19, "Destination not answering", NoAnswer, TEMPORARILY),
    row(20, "Subscriber absent", NoAnswer, TEMPORARILY),
    // RFC 3398 says 403, or 603 when it was the callee who declined.
    row(21, "Call declined by user", Failed, DECLINE),
    row(22, "Number changed", Failed, GONE),
    row(23, "Redirected to a new destination", Failed, GONE),
    row(25, "Exchange routing error", Failed, "483 Too Many Hops"),
    row(26, "Non-selected user clearing", Failed, NOT_FOUND),
    row(27, "Service unavailable", Failed, BAD_GATEWAY),
    row(28, "Invalid number format", Failed, INCOMPLETE),
    row(29, "Service not supported", Failed, NOT_IMPLEMENTED),
    row(30, "Response to status enquiry", Failed, INTERNAL),
    row(31, "Normal, unspecified", NoAnswer, TEMPORARILY),
    row(34, "Network congestion", Failed, UNAVAILABLE),
    row(38, "Network failure", Failed, UNAVAILABLE),
    row(41, "Temporary failure", Failed, UNAVAILABLE),
    row(42, "Switching equipment congestion", Failed, UNAVAILABLE),
    row(43, "Access information discarded", Failed, UNAVAILABLE),
    row(44, "Resource unavailable", Failed, UNAVAILABLE),
    row(46, "Precedence call blocked", Failed, UNAVAILABLE),
    row(47, "Resource unavailable, unspecified", Failed, UNAVAILABLE),
    row(50, "Facility not subscribed", Failed, FORBIDDEN),
    row(53, "Outgoing calls barred within the group", Failed, FORBIDDEN),
    row(55, "Incoming calls barred within the group", Failed, FORBIDDEN),
    row(57, "Bearer capability not authorised", Failed, FORBIDDEN),
    row(58, "Service not implemented", Failed, NOT_IMPLEMENTED),
    row(63, "Service or option not available", Failed, UNAVAILABLE),
    row(65, "Bearer capability not implemented", Failed, NOT_ACCEPTABLE),
    row(69, "Requested facility not implemented", Failed, NOT_IMPLEMENTED),
    row(70, "Only restricted digital information available", Failed, NOT_ACCEPTABLE),
    row(79, "Service or option not implemented", Failed, NOT_IMPLEMENTED),
    row(81, "Invalid call reference", Failed, INTERNAL),
    row(87, "User not member of the group", Failed, FORBIDDEN),
    row(88, "Incompatible destination", Failed, NOT_ACCEPTABLE),
    row(95, "Invalid message", Failed, INTERNAL),
    row(96, "Mandatory information missing", Failed, INTERNAL),
    row(97, "Message type not implemented", Failed, INTERNAL),
    row(98, "Message not compatible with the state of the call", Failed, INTERNAL),
    row(99, "Information element not implemented", Failed, INTERNAL),
    row(100, "Invalid information element", Failed, INTERNAL),
    row(101, "Message not compatible with the state", Failed, INTERNAL),
    row(102, "Connection timeout", Failed, TIME_OUT),
    row(111, "Protocol error", Failed, INTERNAL),
    row(127, "System error", Failed, INTERNAL),
];

/// Every row, in ascending order of the code.
#[must_use]
pub const fn causes() -> &'static [Cause] {
    &TABLE
}

/// The row for `code`; an unknown code gets the row of 0, "unknown reason".
#[must_use]
pub fn cause(code: u16) -> Cause {
    TABLE.binary_search_by_key(&code, |row| row.code).map_or(TABLE[0], |at| TABLE[at])
}

/// Whether `code` blames the network or the carrier, not a party of the call.
#[must_use]
pub(super) const fn is_fault(code: u16) -> bool {
    matches!(code, 25 | 27 | 34 | 38 | 41..=44 | 47 | 95..=102 | 111 | 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_has_the_words_of_an_unknown_reason() {
        assert_eq!((cause(17).sip, cause(38).sip), ("486 Busy Here", "503 Service Unavailable"));
        assert_eq!(cause(999).text, "Call terminated - unknown reason");
    }

    #[test]
    fn the_sixteen_codes_of_the_service_keep_its_words() {
        let documented = [
            (0, "Call terminated - unknown reason"),
            (1, "Invalid destination number"),
            (16, "Call completed successfully"),
            (17, "Destination busy"),
            (18, "No response from destination"),
            (19, "Destination not answering"),
            (21, "Call declined by user"),
            (27, "Service unavailable"),
            (28, "Invalid number format"),
            (29, "Service not supported"),
            (34, "Network congestion"),
            (38, "Network failure"),
            (44, "Resource unavailable"),
            (58, "Service not implemented"),
            (102, "Connection timeout"),
            (127, "System error"),
        ];
        for (code, text) in documented {
            assert_eq!((cause(code).code, cause(code).text), (code, text));
        }
    }

    #[test]
    fn every_code_has_one_row_with_a_status_of_failure() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code), "ascending, none twice");
        for row in TABLE {
            let (number, _) = row.sip.split_once(' ').expect("a number and a text");
            assert!(matches!(number.parse(), Ok(400..=699_u16)), "{}", row.sip);
            assert_eq!(cause(row.code), row);
        }
    }

    #[test]
    fn an_unanswered_call_is_a_failure_unless_its_code_says_busy_unanswered_or_cancelled() {
        let other: Vec<_> =
            TABLE.iter().filter(|row| row.unanswered != Failed).map(|r| (r.code, r.unanswered)).collect();
        let expected =
            [(16, Cancel), (17, Busy), (18, NoAnswer), (19, NoAnswer), (20, NoAnswer), (31, NoAnswer)];
        assert_eq!(other, expected);
    }

    #[test]
    fn only_the_network_is_blamed_for_what_the_network_did() {
        for party in [0, 1, 16, 17, 18, 19, 21, 28, 31] {
            assert!(!is_fault(party), "{party}");
        }
        for network in [27, 34, 38, 41, 42, 44, 102, 127] {
            assert!(is_fault(network), "{network}");
        }
    }
}
