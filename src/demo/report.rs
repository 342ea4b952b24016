//! What came of each call: a table for people, JSON for machines.

use std::io::IsTerminal;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};
use serde::Serialize;

use super::cast::Callee;
use super::measure::Measured;

/// One call of the demo, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CallReport {
    pub(super) number: String,
    pub(super) callee: String,
    pub(super) disposition: Option<String>,
    /// `human`, `machine`, `fax`, `no_speech`, `timeout`, or null when nobody answered.
    pub(super) amd: Option<String>,
    /// From the answer to the verdict, ms of audio.
    pub(super) amd_ms: Option<i64>,
    pub(super) outcome: Option<String>,
    pub(super) last_checkpoint: Option<String>,
    pub(super) message_left: bool,
    pub(super) notifications: Notifications,
    pub(super) recording: Option<String>,
    #[serde(flatten)]
    pub(super) measured: Measured,
    /// What differs from what this callee must lead to; empty when all is well.
    pub(super) unexpected: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Notifications {
    /// Written to the outbox.
    pub(super) sent: usize,
    /// Acknowledged by the receiver.
    pub(super) delivered: usize,
    /// Received in order with a signature that holds.
    pub(super) valid: usize,
}

/// The demo's result.
#[derive(Debug, Serialize)]
pub struct Report {
    pub(super) calls: Vec<CallReport>,
}

impl CallReport {
    /// Holds the call against what the callee must lead to.
    pub(super) fn compare(&mut self, expected: &Callee) {
        let mut differ = |what: &str, got: Option<&str>, wanted: Option<&str>| {
            if got != wanted {
                let word = |w: Option<&str>| w.unwrap_or("nothing").to_owned();
                self.unexpected.push(format!("{what} is {}, not {}", word(got), word(wanted)));
            }
        };
        differ("disposition", self.disposition.as_deref(), Some(expected.disposition));
        differ("verdict", self.amd.as_deref(), expected.amd);
        differ("outcome", self.outcome.as_deref(), Some(expected.outcome));
        if self.message_left != expected.message_left {
            self.unexpected.push(format!("message left is {}", self.message_left));
        }
        let Notifications { sent, delivered, valid } = self.notifications;
        if sent == 0 || delivered != sent || valid != sent {
            self.unexpected
                .push(format!("of {sent} notifications {delivered} were delivered, {valid} valid"));
        }
    }
}

impl Report {
    /// Whether every call ended as its callee must make it end.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.calls.iter().all(|call| call.unexpected.is_empty())
    }

    /// For machines.
    ///
    /// # Errors
    /// Never in practice: the report is plain data.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// A table that fits the terminal, in colour where standard output is one.
    #[must_use]
    pub fn table(&self) -> String {
        self.rows(std::io::stdout().is_terminal())
    }

    fn rows(&self, coloured: bool) -> String {
        let mut table = Table::new();
        table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if !coloured {
            table.force_no_tty();
            table.set_width(120);
        }
        table.set_header([
            "number",
            "callee",
            "disposition",
            "who",
            "after",
            "outcome",
            "heard up to",
            "message",
            "webhooks",
        ]);
        for call in &self.calls {
            let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            let after = call.amd_ms.map_or_else(|| "-".into(), |ms| format!("{ms} ms"));
            let Notifications { sent, valid, .. } = call.notifications;
            let colour = if call.unexpected.is_empty() { Color::Green } else { Color::Red };
            table.add_row([
                Cell::new(&call.number),
                Cell::new(&call.callee).fg(colour),
                Cell::new(dash(&call.disposition)),
                Cell::new(dash(&call.amd)),
                Cell::new(after).set_alignment(CellAlignment::Right),
                Cell::new(dash(&call.outcome)),
                Cell::new(dash(&call.last_checkpoint)),
                Cell::new(if call.message_left { "left" } else { "-" }),
                Cell::new(format!("{valid}/{sent}")).set_alignment(CellAlignment::Right),
            ]);
        }
        let mut text = table.to_string();
        for call in &self.calls {
            if let Some(recording) = &call.recording {
                text.push_str(&format!("\n{:22} {recording}", call.callee));
            }
            if let Some(ms) = call.measured.message_after_beep_ms {
                text.push_str(&format!("\n{:22} the message began {ms} ms after the beep", ""));
            }
            if let Some(ms) = call.measured.silent_after_barge_in_ms {
                text.push_str(&format!("\n{:22} the bot fell silent {ms} ms after the callee spoke up", ""));
            }
        }
        for call in self.calls.iter().filter(|call| !call.unexpected.is_empty()) {
            text.push_str(&format!("\n{} ({}): {}", call.callee, call.number, call.unexpected.join("; ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::CAST;
    use super::*;

    fn report() -> CallReport {
        CallReport {
            number: CAST[0].number.into(),
            callee: CAST[0].name.into(),
            disposition: Some("ANSWERED".into()),
            amd: Some("human".into()),
            amd_ms: Some(900),
            outcome: Some("confirmed".into()),
            last_checkpoint: None,
            message_left: false,
            notifications: Notifications { sent: 4, delivered: 4, valid: 4 },
            recording: None,
            measured: Measured::default(),
            unexpected: Vec::new(),
        }
    }

    #[test]
    fn a_call_that_went_as_it_must_has_nothing_unexpected() {
        let mut call = report();
        call.compare(&CAST[0]);
        assert_eq!(call.unexpected, Vec::<String>::new());
    }

    #[test]
    fn a_lost_webhook_or_a_wrong_verdict_is_named_under_the_table() {
        let mut call = report();
        call.amd = Some("machine".into());
        call.notifications.valid = 3;
        call.compare(&CAST[0]);
        let report = Report { calls: vec![call] };
        assert!(!report.is_as_expected());
        let table = report.rows(false);
        assert!(table.contains("verdict is machine, not human") && table.contains("3 valid"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 130), "{table}");
    }
}
