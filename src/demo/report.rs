//! What came of each call: a table for people, JSON for machines.

use std::io::IsTerminal;

use callcore::amd::Subtype;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};
use serde::Serialize;

use super::cast::Callee;
use super::measure::Measured;
use super::turns::{Account, Turn};

/// One call of the demo, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CallReport {
    pub(super) number: String,
    pub(super) callee: String,
    pub(super) disposition: Option<String>,
    /// `human`, `machine`, `fax`, `no_speech`, `timeout`, or null when nobody answered.
    pub(super) amd: Option<String>,
    /// What kind of person or machine it is, where that is known.
    pub(super) kind: Option<String>,
    /// From the answer to the verdict, ms of audio.
    pub(super) amd_ms: Option<i64>,
    pub(super) outcome: Option<String>,
    pub(super) last_checkpoint: Option<String>,
    pub(super) message_left: bool,
    pub(super) notifications: Notifications,
    pub(super) recording: Option<String>,
    #[serde(flatten)]
    pub(super) measured: Measured,
    /// What was understood of the callee, in order.
    pub(super) heard: Vec<Heard>,
    /// What is worth telling of the call, in sentences.
    pub(super) seen: Vec<String>,
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

/// Words of the callee.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Heard {
    pub(super) words: String,
    /// The answer that they were taken for when the answers were weighed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) likely: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) margin: Option<f64>,
}

/// The demo's result.
#[derive(Debug, Serialize)]
pub struct Report {
    pub(super) calls: Vec<CallReport>,
}

impl CallReport {
    /// Puts what was measured at the callee into words.
    pub(super) fn tell(&mut self, callee: &Callee) {
        let measured = &self.measured;
        for Heard { words, likely, .. } in &self.heard {
            let taken = likely
                .as_ref()
                .map_or_else(String::new, |answer| format!(", which is likeliest \"{answer}\""));
            self.seen.push(format!("the callee was understood: \"{words}\"{taken}"));
        }
        if let Some(ms) = measured.message_after_beep_ms {
            self.seen.push(format!("the message began {ms} ms after the beep"));
        }
        if let Some(ms) = measured.silent_after_barge_in_ms {
            self.seen.push(format!("the bot fell silent {ms} ms after the callee was heard"));
        }
        if !measured.pauses_ms.is_empty() {
            let pauses: Vec<String> = measured.pauses_ms.iter().map(|ms| format!("{ms} ms")).collect();
            self.seen.push(format!("it paused {} and went on where it had stopped", pauses.join(", then ")));
        }
        if let Some(ms) = measured.held_back_ms {
            self.seen.push(format!(
                "talked over, the bot spoke on for {ms} ms, to the end of the protected part, and stopped"
            ));
        }
        if callee.turn == Some(Turn::Echo) {
            let seconds = measured.bot_spoke_ms as f64 / 1_000.0;
            self.seen
                .push(format!("{seconds:.1} s of its own voice came back and did not interrupt the bot"));
        }
    }

    /// Holds the call against what the callee must lead to.
    pub(super) fn compare(&mut self, expected: &Callee, account: &Account) {
        let mut differ = |what: &str, got: Option<&str>, wanted: Option<&str>| {
            if got != wanted {
                let word = |w: Option<&str>| w.unwrap_or("nothing").to_owned();
                self.unexpected.push(format!("{what} is {}, not {}", word(got), word(wanted)));
            }
        };
        differ("disposition", self.disposition.as_deref(), Some(expected.disposition));
        differ("verdict", self.amd.as_deref(), expected.amd);
        if let Some(kind) = expected.kind {
            differ("kind", self.kind.as_deref(), Some(kind.as_str()));
        }
        differ("outcome", self.outcome.as_deref(), Some(expected.outcome));
        // Whether what an assistant is told was left as a message depends on when its words were understood.
        let may_differ = expected.kind == Some(Subtype::Screening);
        if self.message_left != expected.message_left && !may_differ {
            self.unexpected.push(format!("message left is {}", self.message_left));
        }
        if let Some(turn) = expected.turn {
            self.unexpected.extend(account.compare(turn));
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
                text.push_str(&format!("\n{:24} {recording}", call.callee));
            }
            for sentence in &call.seen {
                text.push_str(&format!("\n{:24} {sentence}", ""));
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
            kind: None,
            amd_ms: Some(900),
            outcome: Some("confirmed".into()),
            last_checkpoint: None,
            message_left: false,
            notifications: Notifications { sent: 4, delivered: 4, valid: 4 },
            recording: None,
            measured: Measured::default(),
            heard: Vec::new(),
            seen: Vec::new(),
            unexpected: Vec::new(),
        }
    }

    #[test]
    fn a_call_that_went_as_it_must_has_nothing_unexpected() {
        let mut call = report();
        call.compare(&CAST[0], &Account::default());
        assert_eq!(call.unexpected, Vec::<String>::new());
    }

    #[test]
    fn a_lost_webhook_or_a_wrong_verdict_is_named_under_the_table() {
        let mut call = report();
        call.amd = Some("machine".into());
        call.notifications.valid = 3;
        call.compare(&CAST[0], &Account::default());
        let report = Report { calls: vec![call] };
        assert!(!report.is_as_expected());
        let table = report.rows(false);
        assert!(table.contains("verdict is machine, not human") && table.contains("3 valid"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 130), "{table}");
    }

    #[test]
    fn what_the_callee_heard_is_told_in_sentences() {
        let mut call = report();
        call.measured = Measured {
            silent_after_barge_in_ms: Some(120),
            pauses_ms: vec![480, 520],
            bot_spoke_ms: 12_340,
            ..Measured::default()
        };
        call.tell(&Callee { turn: Some(Turn::Echo), ..CAST[0] });
        let table = Report { calls: vec![call] }.rows(false);
        for sentence in [
            "fell silent 120 ms after the callee was heard",
            "it paused 480 ms, then 520 ms and went on where it had stopped",
            "12.3 s of its own voice came back",
        ] {
            assert!(table.contains(sentence), "{table}");
        }
    }
}
