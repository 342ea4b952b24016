//! What the detector told so far, under the long names of [`super::super::model::fact`].
//!
//! `amd` is the decision once there is one, and the latest event before; that an event came at all is asked by its
//! name, `amd.amd_tone_detected`.

use serde_json::{Value, json};

/// An event of the detector, as a flow reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmdEvent {
    /// `amd_machine_detected` for example.
    pub name: &'static str,
    /// Whether it says who answered.
    pub decides: bool,
    /// Why, in a webhook's word.
    pub reason: Option<String>,
    /// What the machine said.
    pub greeting: Option<String>,
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    events: Vec<&'static str>,
    decision: Option<&'static str>,
    reason: String,
    greeting: String,
    pub(super) ring_ms: u64,
    pub(super) connect_ms: u64,
}

impl Session {
    pub(super) fn note(&mut self, event: AmdEvent) {
        // A person was told already where the flow began before it was certain.
        if !event.decides || self.decision != Some(event.name) {
            self.events.push(event.name);
        }
        if event.decides {
            self.decision = Some(event.name);
        }
        if let Some(reason) = event.reason {
            self.reason = reason;
        }
        if let Some(greeting) = event.greeting {
            self.greeting = greeting;
        }
    }

    /// The decision, else the latest event, else nothing.
    pub(super) fn amd(&self) -> &'static str {
        self.decision.or_else(|| self.events.last().copied()).unwrap_or_default()
    }

    pub(super) fn saw(&self, event: &str) -> bool {
        self.events.contains(&event)
    }

    /// All events in a row, as a condition can search them.
    pub(super) fn events(&self) -> String {
        self.events.join(", ")
    }

    pub(super) fn greeting(&self) -> &str {
        &self.greeting
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// As templates read it, below [`CONTEXT`].
    pub(super) fn value(&self) -> Value {
        json!({ "session": { "UserSession": {
            "amd": self.amd(),
            "amdInfo": {
                "amdEvents": self.events,
                "amdGreeting": self.greeting,
                "amdReason": self.reason,
                "amdRingDurationInMs": self.ring_ms,
                "amdConnectDurationInMs": self.connect_ms,
            },
        } } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::model::Outcome;
    use crate::flow::parse::parse;
    use crate::flow::rehearse::Rehearsal;
    use crate::flow::run::Run;
    use crate::flow::run::io::Input;

    fn flow(steps: &str) -> String {
        let text = format!("flow: f\namd: {{ mode: detect }}\nstart: main\nscenes:\n  main:\n{steps}");
        let parsed = parse("f.yaml", &text);
        let shown = format!("{:?}", parsed.diagnostics);
        let Some(flow) = parsed.flow else { return shown };
        let mut run = Run::new(flow.into(), serde_json::Map::new()).unwrap();
        run.connected(3_381, 4_343);
        let reason = Some("words".to_owned());
        let greeting = Some("please leave a message".to_owned());
        run.amd_event(AmdEvent { name: "amd_machine_detected", decides: true, reason, greeting });
        run.amd_event(AmdEvent { name: "amd_stopped", ..AmdEvent::default() });
        let mut call = Rehearsal::new(run)
            .answer()
            .after(10, Input::Learned { outcome: Outcome::Voicemail, subtype: "voicemail" });
        call.pass(10);
        call.end(20_000)
    }

    #[test]
    fn texts_can_say_what_the_detector_told() {
        let log = flow(
            "    - say: '{{ context.session.UserSession.amd }} {{ context.session.UserSession.amdInfo.amdReason }}: \
             {{ context.session.UserSession.amdInfo.amdGreeting }} \
             {{ context.session.UserSession.amdInfo.amdRingDurationInMs }} \
             {{ context.session.UserSession.amdInfo.amdConnectDurationInMs }}{% if \"amd_stopped\" in \
             context.session.UserSession.amdInfo.amdEvents %} stopped{% endif %}'\n    - hangup: done\n",
        );
        assert!(
            log.contains("amd_machine_detected words: please leave a message 3381 4343 stopped"),
            "{log}"
        );
    }

    #[test]
    fn conditions_can_ask_what_the_detector_told() {
        let log = flow(
            "    - branch:\n        - when: context.session.UserSession.amd == \"amd_machine_detected\" and \
             context.session.UserSession.amd.amd_stopped and not context.session.UserSession.amd.amd_tone_detected \
             and contains(context.session.UserSession.amdInfo.amdEvents, \"stopped\") \
             and context.session.UserSession.amdInfo.amdRingDurationInMs > 3000\n          goto: yes\n    \
             - hangup: no\n  yes: [ { hangup: seen } ]\n",
        );
        assert!(log.contains("\"seen\""), "{log}");
    }

    #[test]
    fn a_name_that_is_none_of_them_is_an_error_with_its_neighbours() {
        let told = flow("    - say: '{{ context.session.UserSession.amdinfo.amdReason }}'\n");
        assert!(told.contains("context.session.UserSession.amdInfo.amdReason"), "{told}");
        let told = flow("    - branch: [ { when: context.session.UserSession.amb == 1, goto: main } ]\n");
        assert!(told.contains("context.session.UserSession.amd"), "{told}");
    }
}
