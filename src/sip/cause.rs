//! The end of a call in SIP's words, as a hang-up cause of ITU-T Q.850, and back.
//!
//! A cause that the peer names itself (`Reason: Q.850;cause=17`, RFC 3326) goes first; without one the status tells, by
//! the table of RFC 3398, section 7.2.4.1 ("SIP to ISUP"). It is left in two places, where its causes would say something
//! of a person that nobody knows: 401, 402, 403 and 407 come from the server (its table has 21, declined by the callee), and
//! 408 and 480 after ringing say that nobody came to the telephone.

use callcore::call::cause as meaning;

/// Hang-up cause of a call that rang and was not answered.
const NOT_ANSWERED: u16 = 19;
/// Hang-up cause of a call that somebody ended.
const CLEARED: u16 = 16;
/// Hang-up cause of a call that the server does not let us place.
const NOT_AUTHORISED: u16 = 57;
/// Interworking, unspecified: nothing that anybody could act on.
const INTERWORKING: u16 = 127;

/// The cause of a call that ended with `status` before it was answered; `rang` is whether it was known to ring.
#[must_use]
pub const fn of_status(status: u16, rang: bool) -> u16 {
    match status {
        // After ringing this says that nobody came to the telephone, not that the network lost the request.
        408 | 480 if rang => NOT_ANSWERED,
        404 | 485 | 604 => 1,
        603 => 21,
        401..=403 | 407 => NOT_AUTHORISED,
        405 => 63,
        406 | 415 | 501 => 79,
        408 | 504 => 102,
        410 => 22,
        // Moved: followed by nobody here.
        300..=399 => 23,
        480 => 18,
        482 | 483 => 25,
        484 => 28,
        486 | 600 => 17,
        487 => CLEARED,
        488 | 606 => 65,
        502 => 38,
        400 | 481 | 500 | 503 => 41,
        _ => INTERWORKING,
    }
}

/// The Q.850 cause that a `Reason` header names, among its values; `None` where it names none.
///
/// A SIP status in the header (`SIP;cause=200;text="Call completed elsewhere"`) is none.
#[must_use]
pub fn of_reason(header: &str) -> Option<u16> {
    header.split(',').find_map(|value| {
        let mut parts = value.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("Q.850") {
            return None;
        }
        let cause = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("cause").then(|| value.trim().trim_matches('"'))
        })?;
        cause.parse().ok().filter(|cause| *cause <= 127)
    })
}

/// The `Reason` header that says `cause`.
#[must_use]
pub fn reason(cause: u16) -> String {
    format!("Q.850;cause={cause};text=\"{}\"", meaning(cause).text)
}

/// The status that refuses a call for `cause`: RFC 3398, section 8.2.6.1.
#[must_use]
pub fn status(cause: u16) -> u16 {
    let line = meaning(cause).sip;
    line.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(500)
}

#[cfg(test)]
mod tests {
    use callcore::call::Disposition;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_callees_and_networks_do_has_its_disposition() {
        let unanswered = |status, rang| meaning(of_status(status, rang)).unanswered;
        assert_eq!(unanswered(486, true), Disposition::Busy);
        assert_eq!(unanswered(600, false), Disposition::Busy);
        assert_eq!(unanswered(480, false), Disposition::NoAnswer);
        assert_eq!(unanswered(480, true), Disposition::NoAnswer);
        assert_eq!(unanswered(408, true), Disposition::NoAnswer);
        assert_eq!(unanswered(408, false), Disposition::Failed, "nobody ever answered the request");
        assert_eq!(unanswered(487, true), Disposition::Cancel);
        for failure in [302, 403, 404, 488, 500, 503, 603, 604, 699] {
            assert_eq!(unanswered(failure, false), Disposition::Failed, "{failure}");
        }
    }

    #[test]
    fn the_table_of_the_rfc_holds_but_for_what_the_server_itself_refuses() {
        let rows = [
            (400, 41),
            (401, 57),
            (403, 57),
            (404, 1),
            (405, 63),
            (406, 79),
            (407, 57),
            (410, 22),
            (413, 127),
            (480, 18),
            (481, 41),
            (482, 25),
            (483, 25),
            (484, 28),
            (485, 1),
            (486, 17),
            (500, 41),
            (501, 79),
            (502, 38),
            (503, 41),
            (504, 102),
            (505, 127),
            (600, 17),
            (603, 21),
            (604, 1),
        ];
        for (status, cause) in rows {
            assert_eq!(of_status(status, false), cause, "{status}");
        }
    }

    #[test]
    fn a_cause_is_read_out_of_a_reason() {
        let cases = [
            ("Q.850;cause=17;text=\"User busy\"", Some(17)),
            ("q.850 ; text=\"x\" ; CAUSE = 20", Some(20)),
            ("SIP;cause=200;text=\"Call completed elsewhere\"", None),
            ("SIP;cause=486, Q.850;cause=17", Some(17)),
            ("Q.850;cause=999", None),
            ("Q.850", None),
            ("", None),
        ];
        for (header, cause) in cases {
            assert_eq!(of_reason(header), cause, "{header}");
        }
    }

    #[test]
    fn every_cause_that_is_written_is_read_again_and_has_a_status_of_failure() {
        for row in callcore::call::causes() {
            assert_eq!(of_reason(&reason(row.code)), Some(row.code));
            assert!((400..700).contains(&status(row.code)), "{}", row.code);
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(header in ".*") {
            if let Some(cause) = of_reason(&header) {
                prop_assert!(cause <= 127);
            }
        }

        #[test]
        fn every_status_has_a_cause_that_is_known(status in 0_u16..1000, rang: bool) {
            let cause = of_status(status, rang);
            prop_assert_eq!(meaning(cause).code, cause);
        }
    }
}
