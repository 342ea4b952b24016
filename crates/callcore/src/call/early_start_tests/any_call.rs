//! Any callee, any recogniser, any way of hanging up.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Say(u64),
    Hush(u64),
    Beep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (10_u64..130).prop_map(|n| Step::Say(n * 20)),
        5 => (5_u64..100).prop_map(|n| Step::Hush(n * 20)),
        1 => Just(Step::Beep),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let coding = prop_oneof![Just(Coding::Linear), Just(Coding::Mu), Just(Coding::A)];
    let lost = prop_oneof![6 => Just(0_usize), 2 => Just(3), 1 => Just(15)];
    let clipped_ms = prop_oneof![4 => Just(0_u64), 1 => Just(600)];
    (prop_oneof![Just(16_i16), Just(60), Just(240)], coding, lost, clipped_ms)
        .prop_map(|(hiss, coding, lost, clipped_ms)| Path { hiss, coding, lost, clipped_ms })
}

const SAID: [&str; 5] =
    ["hello", "hello, who is this please", "please leave a message after the tone", "you have reached", ""];

proptest! {
    // 64 calls of up to half a minute; `make detectortest` makes it 10,000.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Whatever the callee does, whatever the line makes of it, and whether a recogniser hears anything, in time or not.
    #[test]
    fn in_any_call_events_keep_their_order_a_false_start_ends_at_once_and_nothing_is_done_twice(
        steps in prop::collection::vec(step(), 1..9),
        words in prop::collection::vec((200_u64..12_000, 0_usize..SAID.len()), 0..3),
        hangs_up_at in prop::option::weighted(0.2, 500_u64..12_000),
        greets_early in prop::bool::weighted(0.8),
        disconnects in prop::bool::weighted(0.2),
        echoes in prop::bool::weighted(0.3),
        deaf in prop::bool::weighted(0.3),
        path in path(),
    ) {
        let mut callee = Callee { hangs_up_at, echoes, deaf, path, ..Callee::default() }.hush(400);
        let mut speech = Vec::new();
        let mut last_beep = 0;
        for step in steps {
            let from = callee.now();
            callee = match step {
                Step::Say(ms) => callee.say(ms),
                Step::Hush(ms) => callee.hush(ms),
                Step::Beep => callee.hush(300).beep().hush(300),
            };
            match step {
                Step::Say(_) => speech.push((from, callee.now())),
                Step::Beep => last_beep = callee.now(),
                Step::Hush(_) => {}
            }
        }
        if !deaf {
            callee.words = words.into_iter().map(|(at, n)| (at, SAID[n])).collect();
        }
        let greet = if greets_early { Greet::Early } else { Greet::Sure };
        let mode = if disconnects { MachineDetection::Disconnect } else { MachineDetection::Detect };
        let line = call(FLOW, greet, mode, &callee);
        let summary = line.summary.as_ref().expect("every call ends");

        let count = |name: &str| line.amd.iter().filter(|(_, event)| *event == name).count();
        prop_assert_eq!(count("amd_stopped"), 1);
        prop_assert_eq!(line.amd.last().map(|(_, event)| *event), Some("amd_stopped"));
        let decisions = ["amd_human_detected", "amd_machine_detected", "amd_no_speech_detected", "amd_decision_timeout"];
        prop_assert!(decisions.iter().map(|name| count(name)).sum::<usize>() <= 1, "{:?}", line.amd);
        prop_assert!(count("amd_tone_detected") <= 1 && count("amd_machine_stopped_speaking") <= 1);

        for event in ["reached", "left", "nobody", "gone"] {
            let times = line.told.iter().filter(|(_, told)| told == event).count();
            prop_assert!(times <= 1, "{event} is told {times} times");
        }
        for (outcome, event) in [("told", "reached"), ("message_left", "left"), ("nobody", "nobody"), ("gone", "gone")] {
            let is_lost = summary.outcome == outcome && !line.told.iter().any(|(_, told)| told == event);
            prop_assert!(!is_lost, "{outcome} without {event}: {:?}", line.told);
        }
        let verdict = line.verdict();
        let is_person = verdict.is_some_and(|(_, name)| name == "amd_human_detected");
        let early_at = line.at("likely_human").filter(|_| greets_early);
        let false_start = line.at("false_start");
        prop_assert!(line.facts.iter().filter(|(_, fact)| fact.kind() == "false_start").count() <= 1);
        prop_assert!(false_start.is_none() || greets_early);
        if let Some(at) = false_start {
            prop_assert!(early_at.is_some_and(|early| early <= at));
            let until = verdict.map_or(at + 100, |(decided, _)| decided).max(at + 100);
            prop_assert!(!line.is_heard(at + 100, until), "{:?} after {at}", line.plays);
        }
        if !is_person {
            // Without a person nothing of what is said to one counts; who hung up meanwhile was not told to be none.
            let unsettled = verdict.is_none() && false_start.is_none();
            prop_assert!(unsettled || line.checkpoints().iter().all(|(_, name)| name != "greeted"));
            prop_assert!(!line.told.iter().any(|(_, event)| event == "reached") || unsettled);
        }
        if let Some((decided, name)) = verdict {
            let reached = line.told.iter().find(|(_, event)| event == "reached");
            prop_assert!(reached.is_none_or(|(at, _)| *at >= decided), "told before it was certain");
            if name == "amd_machine_detected" {
                let begun_by = decided.max(false_start.unwrap_or(0)) + 100;
                let silent_until = if last_beep > 0 { 0 } else { u64::MAX };
                prop_assert!(silent_until == 0 || !line.is_heard(begun_by, silent_until), "a message without a beep");
                prop_assert!(!disconnects || summary.outcome == "machine_detected" || hangs_up_at.is_some());
            }
            // Nothing is said to a machine while it goes on with its greeting before any beep.
            let first_beep = line.at("tone").unwrap_or(u64::MAX);
            for (from, to) in speech.iter().filter(|(_, to)| *to <= first_beep && name == "amd_machine_detected") {
                prop_assert!(
                    !line.is_heard((*from).max(decided) + 100, (*to).max(decided + 100)),
                    "over the greeting {from} to {to}: {:?}", line.plays
                );
            }
        }
    }
}
