//! Call detail records as carriers of every version send them.

use callcore::call::{CarrierCdr, Disposition, HangupBy, cause};
use serde::Deserialize;

use super::text::Text;

/// Longest text of a record that is kept, in characters.
const LONGEST_FIELD: usize = 256;
/// Longest time that is believed, in seconds: a year.
const LONGEST_CALL: u64 = 31_536_000;

/// A CDR as carriers send it: numbers may be strings, what is unknown may be null or absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trunk) struct WireCdr<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    destination: Option<Text<'a>>,
    #[serde(borrow)]
    start_time: Option<Text<'a>>,
    #[serde(borrow)]
    answer_time: Option<Text<'a>>,
    #[serde(borrow)]
    end_time: Option<Text<'a>>,
    #[serde(borrow)]
    duration: Option<Text<'a>>,
    #[serde(borrow)]
    billable_seconds: Option<Text<'a>>,
    #[serde(borrow)]
    disposition: Option<Text<'a>>,
    #[serde(borrow)]
    hangup_by: Option<Text<'a>>,
    #[serde(borrow)]
    hangup_cause_code: Option<Text<'a>>,
    #[serde(borrow)]
    hangup_cause_text: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
}

impl WireCdr<'_> {
    pub(in crate::trunk) fn into_cdr(self) -> CarrierCdr {
        let text = |field: Option<Text<'_>>| field.map(|t| plain(&t.0)).filter(|t| !t.is_empty());
        let seconds =
            |field: &Option<Text<'_>>| field.as_ref().and_then(Text::whole).unwrap_or(0).min(LONGEST_CALL);
        let answer_time = text(self.answer_time);
        let code = self.hangup_cause_code.as_ref().and_then(Text::whole).unwrap_or(0);
        let hangup_cause_code = u16::try_from(code).unwrap_or(0);
        CarrierCdr {
            session_id: plain(&self.session_id.0),
            destination: text(self.destination).unwrap_or_default(),
            start_time: text(self.start_time).unwrap_or_default(),
            end_time: text(self.end_time).unwrap_or_default(),
            duration: seconds(&self.duration),
            billable_seconds: seconds(&self.billable_seconds),
            disposition: disposition(self.disposition.as_ref(), answer_time.is_some()),
            answer_time,
            hangup_by: self.hangup_by.as_ref().and_then(|by| {
                let party = by.0.to_ascii_uppercase();
                match party.as_str() {
                    "CALLER" => Some(HangupBy::Caller),
                    "CALLEE" => Some(HangupBy::Callee),
                    _ => None,
                }
            }),
            hangup_cause_code,
            hangup_cause_text: text(self.hangup_cause_text)
                .unwrap_or_else(|| cause(hangup_cause_code).text.to_owned()),
            source: text(self.source),
        }
    }
}

/// A field as it is kept: one line, within bounds.
fn plain(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST_FIELD).collect()
}

fn disposition(sent: Option<&Text<'_>>, answered: bool) -> Disposition {
    let letters = sent.iter().flat_map(|t| t.0.chars()).filter(char::is_ascii_alphabetic);
    let spelled: String = letters.take(LONGEST_FIELD).collect();
    match spelled.to_ascii_uppercase().as_str() {
        "ANSWERED" | "ANSWER" => Disposition::Answered,
        "NOANSWER" => Disposition::NoAnswer,
        "BUSY" => Disposition::Busy,
        "FAILED" => Disposition::Failed,
        "CANCEL" | "CANCELED" | "CANCELLED" => Disposition::Cancel,
        // The times say more than a word we do not know.
        _ if answered => Disposition::Answered,
        _ => Disposition::Failed,
    }
}
