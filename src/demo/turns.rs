//! Who spoke when both did: what a callee does to the bot's voice, and what has to come of it.

use callcore::call::{CutBy, Fact};
use callcore::flow::Note;

use crate::store::EventRow;

/// What a callee does while the bot speaks, and so what the bot has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Talks over it: it stops.
    SpeaksUp,
    /// The callee coughs or shows that they listen, this many times: the bot falls silent, and goes on.
    FalseAlarms(usize),
    /// Sends its voice back: it goes on.
    Echo,
    /// Tones of the network sound over it: it goes on as if nothing were.
    Tones,
    /// Talks over the protected part that ends with this check point: it stops there.
    OverProtected(&'static str),
}

/// Why the carrier was told to fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// To go on later.
    Pause,
    /// For good.
    Cut,
}

/// A call's own account of it, read from its timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Each time the carrier was told to fall silent, in order.
    pub(super) silences: Vec<Silence>,
    /// Pauses after which the bot went on.
    pub(super) resumed: usize,
    /// Prompts that the callee's voice cut short.
    pub(super) interruptions: usize,
    /// A cut that waited for the end of a protected part.
    pub(super) was_deferred: bool,
    /// Check points that were heard before the first cut.
    pub(super) before_cut: Vec<String>,
}

impl Account {
    /// Reads the timeline of a call.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not about who speaks")]
    pub(super) fn of(events: &[EventRow]) -> Self {
        let mut account = Self::default();
        let mut paused = false;
        for event in events {
            let Ok(fact) = event.fact() else { continue };
            match fact {
                Fact::TalkOver { paused: true } => {
                    account.silences.push(Silence::Pause);
                    paused = true;
                }
                Fact::FalseStart { .. } => account.silences.push(Silence::Cut),
                Fact::Resumed {} => {
                    account.resumed += 1;
                    paused = false;
                }
                Fact::InterruptionDeferred { .. } => account.was_deferred = true,
                Fact::Interruption { by } => {
                    account.interruptions += usize::from(by == CutBy::Speech);
                    // A bot that is silent already is not told so again.
                    match account.silences.last_mut().filter(|_| std::mem::take(&mut paused)) {
                        Some(last) => *last = Silence::Cut,
                        None => account.silences.push(Silence::Cut),
                    }
                }
                Fact::Flow(Note::Checkpoint { name, .. }) if account.interruptions == 0 => {
                    account.before_cut.push(name);
                }
                _ => {}
            }
        }
        account
    }

    /// What differs from what `turn` must lead to.
    pub(super) fn compare(&self, turn: Turn) -> Vec<String> {
        let mut unexpected = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                unexpected.push(what);
            }
        };
        let cut = self.interruptions > 0;
        match turn {
            Turn::SpeaksUp => must(cut, "the callee's voice did not interrupt the bot".into()),
            Turn::FalseAlarms(times) => {
                must(!cut, "what was no interruption interrupted the bot".into());
                let told = format!("of {times} false alarms the bot paused for {}", self.silences.len());
                must(self.silences.len() == times, told);
                must(self.resumed == self.silences.len(), format!("it went on {} times", self.resumed));
            }
            Turn::Echo => {
                // A busy computer delays packets, which may make the bot hesitate. It must go on.
                must(!cut, "the bot interrupted itself".into());
                must(self.resumed == self.silences.len(), format!("it went on {} times", self.resumed));
            }
            Turn::Tones => {
                let told = format!("the network's tones silenced the bot {} times", self.silences.len());
                must(!cut && self.silences.is_empty(), told);
            }
            Turn::OverProtected(check_point) => {
                must(cut && self.was_deferred, "the voice over the protected part was forgotten".into());
                let heard = self.before_cut.iter().any(|name| name == check_point);
                must(heard, format!("the protected part was cut before {check_point}"));
            }
        }
        unexpected
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn account(events: &[(&str, Value)]) -> Account {
        let row = |(kind, detail): &(&str, Value)| EventRow {
            seq: 0,
            at_ms: 0,
            t_ms: 0,
            kind: (*kind).to_owned(),
            detail: detail.clone(),
        };
        Account::of(&events.iter().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn a_pause_that_becomes_an_interruption_is_one_silence() {
        let over = ("talk_over", json!({ "paused": true }));
        let cut = ("interruption", json!({ "by": "speech" }));
        let account = account(&[over.clone(), ("resumed", json!({})), over, cut.clone(), cut]);
        assert_eq!(account.silences, [Silence::Pause, Silence::Cut, Silence::Cut]);
        assert_eq!((account.resumed, account.interruptions), (1, 2));
        assert_eq!(account.compare(Turn::SpeaksUp), Vec::<String>::new());
        assert_eq!(account.compare(Turn::FalseAlarms(1)).len(), 3);
    }

    #[test]
    fn a_protected_part_must_be_heard_before_the_cut() {
        let told = ("checkpoint", json!({ "name": "notice" }));
        let late = ("interruption_deferred", json!({ "by": "speech" }));
        let cut = ("interruption", json!({ "by": "speech" }));
        let turn = Turn::OverProtected("notice");
        assert!(account(&[late.clone(), told.clone(), cut.clone()]).compare(turn).is_empty());
        assert_eq!(account(&[late, cut, told]).compare(turn).len(), 1);
    }

    #[test]
    fn an_echo_must_not_interrupt() {
        let (over, resumed) = (("talk_over", json!({ "paused": true })), ("resumed", json!({})));
        assert!(account(&[]).compare(Turn::Echo).is_empty());
        assert!(account(&[over.clone(), resumed]).compare(Turn::Echo).is_empty());
        assert_eq!(account(std::slice::from_ref(&over)).compare(Turn::Echo).len(), 1);
        let cut = ("interruption", json!({ "by": "speech" }));
        assert_eq!(account(&[over, cut]).compare(Turn::Echo).len(), 2);
    }
}
