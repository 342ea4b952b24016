//! Words for how a call ended, as Kore's outbound-calling page has them.

use callcore::call::{Ended, cause};

/// `reasonCode` of a call that was answered.
pub(super) const fn reason_code(ended: Ended) -> &'static str {
    match ended {
        Ended::ByCallee => "caller-disconnected",
        Ended::ByBot => "bot-disconnected",
        Ended::ByFault | Ended::Unanswered => "KoreVG-disconnected",
    }
}

/// `reason` of a call that was never answered.
pub(super) fn reason(code: u16) -> &'static str {
    match code {
        // So is a call that the callee declined documented.
        21 => "480 Temporarily Unavailable",
        code => cause(code).sip,
    }
}

/// `reasonCode` that goes with a `reason`: its text without the number.
pub(super) fn code_of(reason: &str) -> &str {
    reason.split_once(' ').map_or(reason, |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_and_declined_speak_as_kore_documents_them() {
        assert_eq!((reason(17), code_of(reason(17))), ("486 Busy Here", "Busy Here"));
        assert_eq!(code_of(reason(21)), "Temporarily Unavailable");
        assert_eq!(code_of(reason(38)), "Service Unavailable");
    }
}
