//! Hang-up causes: the one table that maps a carrier's code to words, dispositions and Kore's reasons.

use super::carrier::Disposition;

/// What one hang-up cause code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Numeric cause (Outgoing Call Service 1.0.4, "Hangup Cause Codes"; ITU-T Q.850 where they agree).
    pub code: u16,
    /// The carrier's text for it.
    pub text: &'static str,
    /// The disposition of a call that ends this way without being answered.
    pub unanswered: Disposition,
    /// SIP status line, as Kore puts it in `reason`.
    pub sip: &'static str,
    /// Kore's `reasonCode`: the text of the status line.
    pub reason_code: &'static str,
}

const fn row(
    code: u16,
    text: &'static str,
    unanswered: Disposition,
    sip: &'static str,
    reason_code: &'static str,
) -> Cause {
    Cause { code, text, unanswered, sip, reason_code }
}

use Disposition::{Busy, Cancel, Failed, NoAnswer};

const TABLE: [Cause; 16] = [
    row(0, "Call terminated - unknown reason", Failed, "500 Server Internal Error", "Server Internal Error"),
    row(1, "Invalid destination number", Failed, "404 Not Found", "Not Found"),
    row(16, "Call completed successfully", Cancel, "487 Request Terminated", "Request Terminated"),
    row(17, "Destination busy", Busy, "486 Busy Here", "Busy Here"),
    row(18, "No response from destination", NoAnswer, "408 Request Timeout", "Request Timeout"),
    row(19, "Destination not answering", NoAnswer, "480 Temporarily Unavailable", "Temporarily Unavailable"),
    row(21, "Call declined by user", Failed, "480 Temporarily Unavailable", "Temporarily Unavailable"),
    row(27, "Service unavailable", Failed, "502 Bad Gateway", "Bad Gateway"),
    row(28, "Invalid number format", Failed, "484 Address Incomplete", "Address Incomplete"),
    row(29, "Service not supported", Failed, "501 Not Implemented", "Not Implemented"),
    row(34, "Network congestion", Failed, "503 Service Unavailable", "Service Unavailable"),
    row(38, "Network failure", Failed, "503 Service Unavailable", "Service Unavailable"),
    row(44, "Resource unavailable", Failed, "503 Service Unavailable", "Service Unavailable"),
    row(58, "Service not implemented", Failed, "501 Not Implemented", "Not Implemented"),
    row(102, "Timeout while waiting for response", Failed, "504 Server Time-out", "Server Time-out"),
    row(127, "System error", Failed, "500 Server Internal Error", "Server Internal Error"),
];

/// The row for `code`; an unknown code gets the row of 0, "unknown reason".
#[must_use]
pub fn cause(code: u16) -> Cause {
    TABLE.into_iter().find(|row| row.code == code).unwrap_or(TABLE[0])
}

/// Whether `code` blames the network or the carrier, not a party of the call.
#[must_use]
pub(super) const fn is_fault(code: u16) -> bool {
    matches!(code, 27 | 34 | 38 | 44 | 102 | 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_and_declined_speak_as_kore_documents_them() {
        assert_eq!((cause(17).sip, cause(17).reason_code), ("486 Busy Here", "Busy Here"));
        assert_eq!(cause(21).reason_code, "Temporarily Unavailable");
        assert_eq!(cause(38).reason_code, "Service Unavailable");
        assert_eq!(cause(999).text, "Call terminated - unknown reason");
    }
}
