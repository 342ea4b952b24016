//! `dering bench calls` as its user runs it.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_load_of_two_calls_is_measured_from_its_start_to_what_the_callees_heard() {
    let output = Command::new(env!("CARGO_BIN_EXE_dering"))
        .args(["bench", "calls", "--calls", "2", "--seconds", "8", "--json"])
        .output()
        .expect("it runs");
    // On a busy machine something may suffer, which makes it fail; the load is told all the same.
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        (&told["calls"], &told["running"], &told["verdicts"]),
        (&2.into(), &2.into(), &2.into()),
        "{told}"
    );
    for measured in ["serverUs", "callsPerCore", "memoryKib", "startMs", "dialP99Ms"] {
        assert!(told[measured].as_f64().is_some_and(|value| value > 0.0), "{measured}: {told}");
    }
    assert!(told["bargeIns"].as_u64() > Some(0) && told["silentP95Ms"].is_u64(), "{told}");
    assert_eq!(output.status.success(), told["suffers"].as_array().is_some_and(Vec::is_empty), "{output:?}");
}

#[test]
fn impossible_loads_are_refused() {
    for calls in ["0", "10001", "many"] {
        let output = Command::new(env!("CARGO_BIN_EXE_dering"))
            .args(["bench", "calls", "--calls", calls])
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("--calls"), "{told}");
    }
}
