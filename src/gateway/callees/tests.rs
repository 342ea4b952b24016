use std::sync::Arc;

use callcore::audio::frame::{FRAME_SAMPLES, Frame};
use callcore::audio::level::rms_dbfs;
use proptest::prelude::*;

use super::prepare::{Prepared, SoundKind, prepare};
use super::script::{Event, Script};
use super::*;
use crate::speech::tts::{Options, Synthesizer, fake};

const QUIET: Frame = [0; FRAME_SAMPLES];
const LOUD: Frame = [4_000; FRAME_SAMPLES];

fn speech() -> Tts {
    Tts::new(Options { synthesizer: Synthesizer::Fake(fake::Fake::default()), ..Options::default() })
}

async fn ready(script: &str) -> Script {
    let text = format!("numbers: ['+1']\nnoise: off\ncap: 60s\nscript:\n{script}");
    let file = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let prepared = prepare(&file, Path::new("."), &speech()).await.expect("nothing to read");
    Script::new(Arc::new(prepared), 1)
}

/// Runs `ms` of a call in which the bot is heard as `bot(ms)` says; returns what was said and done.
fn run(script: &mut Script, ms: u64, bot: impl Fn(u64) -> bool) -> (Vec<i16>, Vec<Event>) {
    let (mut said, mut frame) = (Vec::new(), QUIET);
    for at in (0..ms).step_by(20) {
        script.exchange(if bot(at) { &LOUD } else { &QUIET }, &mut frame);
        said.extend_from_slice(&frame);
    }
    (said, std::iter::from_fn(|| script.poll_event()).collect())
}

#[tokio::test]
async fn sounds_follow_one_another_without_a_gap_and_are_timed_to_the_millisecond() {
    let mut script = ready(
        "- silence: 105ms\n- beep: {hz: 1000, length: 400ms}\n- beep: {hz: [440, 480], length: 50ms}\n- hang_up\n",
    )
    .await;
    let (said, events) = run(&mut script, 1_000, |_| false);
    let edges: Vec<u64> = events
        .iter()
        .map(|e| match e {
            Event::Began { at_ms, .. } | Event::Ended { at_ms, .. } | Event::HungUp { at_ms } => *at_ms,
            Event::Key { .. } => panic!("no key was pressed"),
        })
        .collect();
    assert_eq!(edges, [105, 505, 505, 555, 555]);
    assert!(said[..840].iter().all(|s| *s == 0));
    assert!(rms_dbfs(&said[900..4_000]) > -19.0);
    assert!(said[4_440..].iter().all(|s| *s == 0));
}

#[tokio::test]
async fn a_callee_waits_for_the_end_of_what_the_bot_says_and_then_presses() {
    let mut script =
        ready("- wait_until_bot_stops: {silence: 800ms, timeout: 20s}\n- dtmf: '1#'\n- hang_up\n").await;
    // Two sentences with a pause of 500 ms between them.
    let bot = |at: u64| (1_000..3_000).contains(&at) || (3_500..5_000).contains(&at);
    let (_, events) = run(&mut script, 8_000, bot);
    assert_eq!(
        events,
        [
            Event::Key { at_ms: 5_780, key: '1' },
            Event::Key { at_ms: 6_030, key: '#' },
            Event::HungUp { at_ms: 6_280 },
        ]
    );
}

#[tokio::test]
async fn a_pressed_key_is_an_event_and_a_tone_pair() {
    use callcore::audio::tone::dtmf_pair;

    let mut script = ready("- silence: 200ms\n- dtmf: '5#'\n").await;
    let (said, events) = run(&mut script, 1_000, |_| false);
    assert_eq!(events, [Event::Key { at_ms: 200, key: '5' }, Event::Key { at_ms: 450, key: '#' }]);
    // Power at one frequency over a whole key (Goertzel).
    let power = |samples: &[i16], hz: f32| {
        let turn = 2.0 * (std::f32::consts::TAU * hz / 8_000.0).cos();
        let (a, b) = samples.iter().fold((0.0_f32, 0.0_f32), |(a, b), s| (f32::from(*s) + turn * a - b, a));
        (a * a + b * b - turn * a * b) / samples.len() as f32
    };
    for (key, at) in [('5', 1_600), ('#', 3_600)] {
        let [low, high] = dtmf_pair(key).expect("a key");
        let heard = &said[at..at + 800];
        assert!((rms_dbfs(heard) + 18.0).abs() < 1.0, "{key}");
        let other = power(heard, 1_000.0);
        assert!(power(heard, low) > 100.0 * other && power(heard, high) > 100.0 * other, "{key}");
    }
    assert!(said[2_400..3_600].iter().all(|s| *s == 0), "a pause between the keys");
}

#[tokio::test]
async fn a_callee_talks_over_the_bot_and_waits_for_it_to_ask_again() {
    let mut script = ready(
        "- talk_over: {after: 2s, speak: Sorry what did you say}\n- wait_until_bot_stops: {silence: 1s}\n- dtmf: '1'\n",
    )
    .await;
    let bot = |at: u64| (500..2_700).contains(&at) || (4_000..5_000).contains(&at);
    let (_, events) = run(&mut script, 9_000, bot);
    let Some(Event::Began { at_ms, sound: SoundKind::Speech }) = events.first() else { panic!("{events:?}") };
    assert!((2_480..2_540).contains(at_ms), "2 s after the bot began: {at_ms}");
    assert_eq!(events.last(), Some(&Event::Key { at_ms: 5_980, key: '1' }));
}

#[tokio::test]
async fn a_wait_gives_up_and_a_silent_callee_is_capped() {
    let mut script = ready("- wait_for_bot: {timeout: 1s}\n- speak: Hello\n").await;
    let (_, events) = run(&mut script, 61_000, |_| false);
    assert!(matches!(events[0], Event::Began { at_ms: 1_000..=1_020, .. }), "{events:?}");
    assert_eq!(events.last(), Some(&Event::HungUp { at_ms: 60_000 }));
}

#[tokio::test]
async fn the_line_is_never_digitally_silent_unless_asked() {
    let file = parse("numbers: ['+1']\n").expect("a callee");
    let prepared = prepare(&file, Path::new("."), &speech()).await.expect("nothing to read");
    let mut script = Script::new(Arc::new(prepared), 3);
    let (said, _) = run(&mut script, 1_000, |_| false);
    assert!((rms_dbfs(&said) + 60.0).abs() < 1.0, "{}", rms_dbfs(&said));
}

#[test]
fn mistakes_are_reported_where_they_stand() {
    let cases = [
        ("numbers: ['+1']\nring: 5\n", (2, 7), "400ms or 2s"),
        ("numbers: ['+1']\nscript:\n- beep: {hz: 50000, length: 1s}\n", (3, 0), "100 to 3900 Hz"),
        ("numbers: ['+1']\nscript:\n- speak: {text: a, loudness: 3}\n", (3, 0), "loudness"),
        ("numbers: ['+1']\nscript:\n- shout: a\n", (3, 3), "shout"),
        ("numbers: ['bob']\n", (1, 0), "not a number"),
        ("numbers: ['+1']\noutcome: maybe\n", (2, 10), "maybe"),
        ("numbers: ['+1']\nnumbers: ['+2']\n", (2, 1), "duplicate"),
        ("ring: 2s\n", (1, 1), "numbers"),
        ("numbers: [\n", (0, 0), ""),
    ];
    for (text, (line, column), expected) in cases {
        let problem = parse(text).expect_err(text);
        let (at_line, at_column) = problem.place.unwrap_or_else(|| panic!("no place: {problem}"));
        assert!(line == 0 || at_line == line, "{text}{problem}");
        assert!(column == 0 || at_column == column, "{text}{problem}");
        assert!(problem.message.contains(expected), "{text}{problem}");
    }
}

#[test]
fn every_bad_file_of_a_folder_is_named_and_numbers_are_not_shared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    write("a.yaml", "numbers: ['+1555', '+1 (777) *']\n");
    write("b.yaml", "numbers: ['1-555']\n");
    write("c.yaml", "numbers: ['+2']\nscript:\n- play: nothing.wav\n");
    write("d.yaml", "numbers: ['+3']\noutcome: busy\nscript: [sit]\n");
    write("notes.txt", "not a callee");
    let error = load_dir(folder.path()).expect_err("three mistakes").to_string();
    for expected in ["b.yaml: the number 1-555 already belongs to the callee a", "nothing.wav", "d.yaml"] {
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn an_exact_number_goes_before_the_longest_prefix() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, number) in [("any", "+1555*"), ("longer", "+155512*"), ("exact", "+15551234")] {
        let text = format!("numbers: ['{number}']\n");
        std::fs::write(folder.path().join(format!("{name}.yaml")), text).expect("writable");
    }
    let callees = load_dir(folder.path()).expect("three good files");
    let who = |number: &str| callees.find(number).map(|c| c.name.clone());
    assert_eq!(who("1 555 12-34").as_deref(), Some("exact"));
    assert_eq!(who("+15551299").as_deref(), Some("longer"));
    assert_eq!(who("+15559").as_deref(), Some("any"));
    assert_eq!(who("+44"), None);
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(numbers|script|ring|beep|hz|- |: |\\[|\\]|\\{|\\}|'|\n|  |1s|[a-z0-9*+]){0,40}") {
        if let Err(problem) = parse(&text) {
            prop_assert!(!problem.message.is_empty());
        }
    }

    #[test]
    fn a_script_always_ends(bot in prop::collection::vec(any::<bool>(), 1..50), waits in 0_u64..3_000) {
        let steps = vec![
            prepare::ReadyStep::WaitForBot { spoken_ms: waits, timeout_ms: 5_000 },
            prepare::ReadyStep::WaitUntilBotStops { silence_ms: waits, timeout_ms: 5_000 },
            prepare::ReadyStep::Silence(0),
            prepare::ReadyStep::HangUp,
        ];
        let mut script = Script::new(Arc::new(Prepared { steps, noise_dbfs: None, echo: None, cap_ms: 60_000 }), 1);
        let (_, events) = run(&mut script, 10_100, |at| bot[(at / 200) as usize % bot.len()]);
        prop_assert_eq!(events.len(), 1);
    }
}

/// The keys that reading `text` with an unknown one names as known.
fn known(text: &str) -> std::collections::BTreeSet<String> {
    let refused = parse(text).map(|_| ()).expect_err("it has an unknown key").to_string();
    let (_, listed) = refused.split_once("expected").expect(&refused);
    let words = listed.split(|c: char| !c.is_ascii_lowercase() && c != '_').filter(|word| !word.is_empty());
    words
        .filter(|word| !["one", "of", "or", "at", "line", "column"].contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_json_schema_has_the_keys_that_are_read() {
    let schema: serde_json::Value = serde_json::from_str(JSON_SCHEMA).expect("JSON");
    let keys = |pointer: &str| {
        let map = schema.pointer(pointer).and_then(serde_json::Value::as_object).expect(pointer);
        map.keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let step = |step: &str| known(&format!("numbers: ['+1']\nscript:\n- {step}\n"));
    assert_eq!(keys("/properties"), known("numbers: ['+1']\nzz: 1\n"));
    assert_eq!(keys("/$defs/step/then/properties"), step("zz: 1"));
    assert_eq!(keys("/$defs/step/then/properties/beep/properties"), step("beep: { zz: 1 }"));
    assert_eq!(keys("/$defs/step/then/properties/talk_over/properties"), step("talk_over: { zz: 1 }"));
}
