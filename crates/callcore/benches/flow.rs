//! How long flows take: checking a long one, one step, a rehearsed call, a picture, a comparison.
//!
//! `cargo bench -p callcore --bench flow`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark needs a clock")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use callcore::clock::CallTime;
use callcore::flow::{Input, Run, diff, parse, parse_tests, svg};
use serde_json::Map;

/// A flow of 500 steps in 50 scenes, each with a template, a question and a condition.
fn long_flow() -> String {
    let mut text =
        String::from("flow: long\nstart: s0\nvariables: { n: { type: text, default: x } }\nscenes:\n");
    for scene in 0..50 {
        let next = (scene + 1) % 50;
        let _ = writeln!(text, "  s{scene}:");
        for step in 0..7 {
            let _ = writeln!(
                text,
                "    - say: [\"Sentence {step} for {{{{ n }}}}\", {{ checkpoint: c{scene}_{step} }}]"
            );
        }
        let _ = write!(
            text,
            "    - ask: {{ say: Well?, choices: {{ \"1\": s{next}, \"2\": {{ phrases: [two], goto: end }} }}, no_input: end, no_match: end }}\n    \
             - branch: [ {{ when: 'n == \"x\"', goto: end }} ]\n    - goto: s{next}\n"
        );
    }
    text.push_str("  end: [ hangup ]\n");
    text
}

/// A flow whose steps take no time, to count what one costs.
const STEPS: &str = "flow: steps\nstart: s\nlimits: { steps: 2000 }\nvariables: { n: { type: text, default: x } }\nscenes:\n  s:\n";

const TALK: &str = "flow: talk\nstart: s\nvariables: { name: text }\nscenes:\n  s:\n    - say: [\"Hello {{ name }}.\", { checkpoint: a }]\n    - ask:\n        say: Press 1.\n        choices: { \"1\": { phrases: [\"yes\"], goto: e } }\n        no_input: e\n        no_match: e\n  e: [ { say: Goodbye. }, { hangup: done } ]\n";

const CASES: &str = "test: f.yaml\nvariables: { name: Ani }\ncases:\n  a: { callee: [ { hears: Press 1 }, { press: \"1\" } ], expect: { outcome: done, heard: [a, Goodbye] } }\n  b: { callee: [ { hears: a }, { says: \"yes\" } ], expect: { outcome: done } }\n  c: { expect: { outcome: done } }\n";

fn timed(what: &str, rounds: u32, mut work: impl FnMut()) {
    for _ in 0..rounds / 10 {
        work();
    }
    let began = Instant::now();
    for _ in 0..rounds {
        work();
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    println!("{what}: {each:.1} µs, {:.0} per second", 1e6 / each);
}

fn main() {
    let long = long_flow();
    timed("check of a 500-step flow", 100, || drop(black_box(parse("long.yaml", &long))));
    let mut steps = STEPS.to_owned();
    for _ in 0..150 {
        steps.push_str("    - set: { n: \"{{ n | upper }}\" }\n");
    }
    steps.push_str("    - hangup\n");
    let Some(flow) = parse("steps.yaml", &steps).flow.map(Arc::new) else { return println!("broken: steps") };
    timed("150 steps that fill a template in", 1_000, || {
        let Ok(mut run) = Run::new(Arc::clone(&flow), Map::new()) else { return };
        run.handle(Input::Answered, CallTime::ZERO);
        while run.poll_command().is_some() {}
    });
    let (Some(flow), Some(tests)) = (parse("f.yaml", TALK).flow.map(Arc::new), parse_tests("t", CASES).tests)
    else {
        return println!("broken: talk");
    };
    timed("three rehearsed calls", 10_000, || drop(black_box(tests.run(&flow))));
    let Some(flow) = parse("long.yaml", &long).flow else { return println!("broken: long") };
    timed("picture of a 500-step flow", 20, || drop(black_box(svg(&flow))));
    let other = long.replace("Sentence 3", "Another 3");
    timed("comparison of two 500-step flows", 50, || drop(black_box(diff(("a", &long), ("b", &other)))));
}
