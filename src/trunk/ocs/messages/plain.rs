//! The text frames of the plain WebSocket of 1.0.5, `{"event": …, "data": …}`. Audio is binary there and
//! needs no words.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::report::{Report, ReportError, dial_status, key};
use crate::trunk::carrier_json::{Text, WireCdr};
use crate::trunk::leg::LegCommand;
use crate::trunk::ocs::packet::PacketError;

/// What a text frame says, and about which session if it names one.
#[derive(Debug, PartialEq)]
pub(in crate::trunk::ocs) struct Said {
    pub(in crate::trunk::ocs) session_id: Option<String>,
    pub(in crate::trunk::ocs) report: Report,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    data: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields<'a> {
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    digit: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// Reads a text frame.
///
/// # Errors
/// When it is no JSON, no event of the service, or lacks what it must have.
pub(in crate::trunk::ocs) fn read_plain(text: &str) -> Result<Said, ReportError> {
    let frame: Frame<'_> = serde_json::from_str(text).map_err(PacketError::Json)?;
    let data = &frame.data;
    let fields = || -> Result<Fields<'_>, ReportError> {
        Ok(Option::<Fields<'_>>::deserialize(data).map_err(PacketError::Json)?.unwrap_or_default())
    };
    let missing = |field| ReportError::Value { field, value: String::new() };
    let named = |id: Option<Text<'_>>| id.map(|id| id.0.into_owned());
    let (session_id, report) = match &*frame.event {
        "dialStatus" => {
            let fields = fields()?;
            let status = fields.status.ok_or_else(|| missing("status"))?;
            (named(fields.session_id), Report::Status(dial_status(&status.0)?))
        }
        "dtmf" => {
            let fields = fields()?;
            let digit = fields.digit.ok_or_else(|| missing("digit"))?;
            (named(fields.session_id), Report::Digit(key(&digit.0)?))
        }
        // Capital on this wire; small letters and an object do no harm.
        "CheckPoint" | "checkPoint" => match Text::deserialize(data) {
            Ok(name) => (None, Report::CheckPoint(name.0.into_owned())),
            Err(_) => {
                let fields = fields()?;
                let name = fields.name.ok_or_else(|| missing("data"))?;
                (named(fields.session_id), Report::CheckPoint(name.0.into_owned()))
            }
        },
        "hangup" => {
            let id = fields().ok().and_then(|fields| named(fields.session_id));
            (id, Report::Hangup)
        }
        "cdr" => {
            let cdr = WireCdr::deserialize(data).map_err(PacketError::Json)?.into_cdr();
            (Some(cdr.session_id.clone()), Report::Cdr(cdr))
        }
        _ => return Err(ReportError::Unknown),
    };
    Ok(Said { session_id, report })
}

/// A command as a text frame; `None` for audio, which is binary, and for what this wire cannot carry.
pub(in crate::trunk::ocs) fn plain_command(command: &LegCommand) -> Option<String> {
    let value = match command {
        LegCommand::Audio(_)
        | LegCommand::Transfer { .. }
        | LegCommand::Show(_)
        | LegCommand::HideCamera(_) => return None,
        LegCommand::CheckPoint(name) => json!({ "event": "checkPoint", "data": name }),
        LegCommand::Digit { digit, duration_ms } => {
            json!({ "event": "dtmf", "data": { "digit": digit, "duration": duration_ms } })
        }
        LegCommand::Interruption => json!({ "event": "interruption" }),
        LegCommand::Hangup | LegCommand::Refuse { .. } => json!({ "event": "hangup" }),
    };
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use callcore::call::DialStatus;

    use super::*;

    fn said(text: &str) -> Said {
        read_plain(text).expect(text)
    }

    #[test]
    fn what_the_carrier_says_is_understood() {
        let ringing = said(r#"{"event":"dialStatus","data":{"sessionId":"s","status":"Ringing"}}"#);
        assert_eq!(ringing.session_id.as_deref(), Some("s"));
        assert_eq!(ringing.report, Report::Status(DialStatus::Ringing));
        assert_eq!(said(r##"{"event":"dtmf","data":{"digit":"#"}}"##).report, Report::Digit('#'));
        assert_eq!(said(r#"{"event":"dtmf","data":{"digit":4}}"#).report, Report::Digit('4'));
        assert_eq!(said(r#"{"event":"hangup"}"#).report, Report::Hangup);
        assert_eq!(said(r#"{"event":"hangup","data":"bye"}"#).report, Report::Hangup);
        let mark = r#"{"event":"CheckPoint","data":"half \"way\""}"#;
        assert_eq!(said(mark).report, Report::CheckPoint("half \"way\"".into()));
        let mark = r#"{"data":{"name":"end","sessionId":"s"},"event":"checkPoint"}"#;
        assert_eq!(said(mark).report, Report::CheckPoint("end".into()));
        let cdr = said(r#"{"event":"cdr","data":{"sessionId":"s","hangupCauseCode":"17","source":"0811"}}"#);
        let Report::Cdr(cdr) = cdr.report else { panic!("not a record") };
        assert_eq!((cdr.hangup_cause_code, cdr.source.as_deref()), (17, Some("0811")));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for odd in [
            "",
            "hello",
            "[]",
            r#"{"data":1}"#,
            r#"{"event":"coffee"}"#,
            r#"{"event":"dtmf"}"#,
            r#"{"event":"dtmf","data":{"digit":"12"}}"#,
            r#"{"event":"dialStatus","data":{"status":"Flying"}}"#,
            r#"{"event":"CheckPoint"}"#,
            r#"{"event":"cdr","data":null}"#,
        ] {
            assert!(read_plain(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn commands_look_as_documented() {
        let text = |command| plain_command(&command).expect("a text frame");
        let digit = LegCommand::Digit { digit: '4', duration_ms: 500 };
        assert_eq!(text(digit), r#"{"data":{"digit":"4","duration":500},"event":"dtmf"}"#);
        assert_eq!(text(LegCommand::Hangup), r#"{"event":"hangup"}"#);
        assert_eq!(text(LegCommand::Interruption), r#"{"event":"interruption"}"#);
        assert_eq!(text(LegCommand::CheckPoint("a".into())), r#"{"data":"a","event":"checkPoint"}"#);
    }
}
