//! Whom the demo calls, and how each call has to end.

use callcore::amd::Subtype;

use super::turns::Turn;

/// The flow of most calls, and the one of those that are about turn-taking.
pub(super) const REMINDER: &str = "payment-reminder";
const EXPLANATION: &str = "plan-change";
/// The flow that leaves its message without a beep, too.
const APPOINTMENT: &str = "appointment";
/// The flows of those who answer by voice.
const VISIT: &str = "visit-by-voice";
const SURVEY: &str = "survey";
const PENGINGAT: &str = "pengingat-pembayaran";

/// One callee of the demo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callee {
    pub(super) number: &'static str,
    /// Name of its file in `flows/callees`.
    pub(super) name: &'static str,
    pub(super) flow: &'static str,
    pub(super) disposition: &'static str,
    /// Who answered; `None` for a call that nobody takes.
    pub(super) amd: Option<&'static str>,
    pub(super) outcome: &'static str,
    pub(super) message_left: bool,
    /// What it does to the bot's voice.
    pub(super) turn: Option<Turn>,
    /// What kind of machine it is, where words tell.
    pub(super) kind: Option<Subtype>,
}

const fn callee(number: &'static str, name: &'static str, disposition: &'static str) -> Callee {
    Callee {
        number,
        name,
        flow: REMINDER,
        disposition,
        amd: None,
        outcome: "",
        message_left: false,
        turn: None,
        kind: None,
    }
}

const fn answered(
    number: &'static str,
    name: &'static str,
    amd: &'static str,
    outcome: &'static str,
) -> Callee {
    Callee { amd: Some(amd), outcome, ..callee(number, name, "ANSWERED") }
}

const fn unanswered(
    number: &'static str,
    name: &'static str,
    disposition: &'static str,
    outcome: &'static str,
) -> Callee {
    Callee { outcome, ..callee(number, name, disposition) }
}

const fn explained(number: &'static str, name: &'static str, turn: Turn, outcome: &'static str) -> Callee {
    Callee { flow: EXPLANATION, turn: Some(turn), ..answered(number, name, "human", outcome) }
}

const fn speaking_up(callee: Callee) -> Callee {
    Callee { turn: Some(Turn::SpeaksUp), ..callee }
}

/// Tones of the network over the bot.
const fn going_on(callee: Callee) -> Callee {
    Callee { turn: Some(Turn::Tones), ..callee }
}

const fn leaving_message(callee: Callee) -> Callee {
    Callee { message_left: true, ..callee }
}

const fn by_voice(flow: &'static str, callee: Callee) -> Callee {
    Callee { flow, ..callee }
}

const fn by_words(kind: Subtype, outcome: &'static str, number: &'static str, name: &'static str) -> Callee {
    Callee { flow: VISIT, kind: Some(kind), ..answered(number, name, "machine", outcome) }
}

/// Those who press no key: people who say what they want, and machines that only their words tell apart.
pub(super) const SPEAKING: [Callee; 8] = [
    by_voice(VISIT, answered("+15550031", "voice-says-yes", "human", "confirmed_with_guests")),
    by_voice(VISIT, answered("+15550032", "voice-says-another-day", "human", "moved")),
    by_voice(SURVEY, answered("+15550033", "voice-says-number", "human", "completed")),
    by_voice(PENGINGAT, answered("+15550034", "voice-says-ya", "human", "confirmed")),
    by_voice(PENGINGAT, answered("+15550035", "voice-asks-petugas", "human", "callback_requested")),
    by_words(Subtype::Screening, "confirmed_with_guests", "+15550036", "voice-screening"),
    by_words(Subtype::Ivr, "company_menu", "+15550037", "voice-menu"),
    by_words(Subtype::Unavailable, "mailbox_full", "+15550038", "voice-mailbox-full"),
];

/// The usual cast, in the order of the table.
pub(super) const CAST: [Callee; 20] = [
    answered("+15550001", "person-presses-1", "human", "confirmed"),
    speaking_up(answered("+15550002", "person-barges-in", "human", "confirmed")),
    explained("+15550013", "person-coughs", Turn::FalseAlarms(2), "taken"),
    explained("+15550014", "person-loudspeaker", Turn::Echo, "taken"),
    explained("+15550015", "person-over-notice", Turn::OverProtected("notice"), "call_back"),
    explained("+15550016", "person-in-noise", Turn::SpeaksUp, "call_back"),
    leaving_message(answered("+15550003", "voicemail-beep", "machine", "message_left")),
    answered("+15550004", "voicemail-no-beep", "machine", "no_beep"),
    leaving_message(answered("+15550005", "voicemail-short", "machine", "message_left")),
    leaving_message(answered("+15550017", "voicemail-beep-inside", "machine", "message_left")),
    leaving_message(answered("+15550018", "voicemail-double-beep", "machine", "message_left")),
    leaving_message(Callee {
        flow: APPOINTMENT,
        ..answered("+15550019", "voicemail-late-beep", "machine", "message_left")
    }),
    unanswered("+15550006", "busy", "BUSY", "busy"),
    unanswered("+15550007", "no-answer", "NO ANSWER", "no_answer"),
    answered("+15550008", "fax", "fax", "fax"),
    answered("+15550009", "silence", "no_speech", "no_speech"),
    answered("+15550020", "hold-music", "no_speech", "no_speech"),
    answered("+15550021", "network-tones", "machine", "no_person"),
    going_on(answered("+15550022", "ringback-over-bot", "human", "confirmed")),
    unanswered("+15559999", "number-does-not-exist", "FAILED", "bad_number"),
];
