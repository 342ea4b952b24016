//! Any text as a flow and as a file of flow tests: found good or told what is wrong, and what is good runs.
#![no_main]

use std::sync::Arc;

use callcore::flow::{Effort, Input, Recordings, Rehearsal, Run, parse, parse_tests};
use libfuzzer_sys::fuzz_target;

/// What one input may cost.
const STEPS: u64 = 3_000;
const AN_HOUR_MS: u64 = 3_600_000;

fuzz_target!(|text: &str| {
    let effort = Arc::new(Effort::steps(STEPS));
    let parsed = parse("a.yaml", text);
    for finding in &parsed.diagnostics {
        assert!(!finding.to_string().is_empty());
    }
    let flow = parsed.flow.map(Arc::new);
    if let Some(flow) = &flow
        && let Ok(run) = Run::new(Arc::clone(flow), serde_json::Map::new())
    {
        let mut call = Rehearsal::within(run, Arc::clone(&effort));
        call.put(Input::Answered);
        for key in "1#".chars() {
            call.pass(3_000);
            call.put(Input::Digit(key));
        }
        call.put(Input::SpeechStarted);
        call.pass(500);
        call.put(Input::Utterance { text: Some("yes please, at half past seven".to_owned()) });
        call.pass(AN_HOUR_MS);
    }
    if let (Some(tests), Some(flow)) = (parse_tests("a.test.yaml", text).tests, flow) {
        for nth in 0..tests.names().count() {
            let _result = tests.run_nth_within(nth, &flow, &Recordings::new(), &effort);
        }
    }
});
