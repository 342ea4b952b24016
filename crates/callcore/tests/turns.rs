//! Turn-taking in whole calls, in virtual time, with recordings of people: barge-in, false alarms, echo, noise.
//!
//! The recordings lie in `../shared` beside the repository. Without them these tests say so and pass; the same
//! behaviour is tested with made-up sound in `src/call`.

#[path = "turns/line.rs"]
mod line;
#[path = "turns/messages.rs"]
mod messages;

use std::path::Path;

use callcore::call::{Hypothesis, Input, Settings};
use callcore::flow::MachineDetection;
use line::{Echo, Line, cases, cough, digit, prompts, recording, shared};
use proptest::prelude::*;

const STAGED: &str = "
- say: { text: [One., { checkpoint: one }, Two.], barge_in: { min_speech: 400ms, min_words: 1, resume: true }, on_speech: other }";
const AT_ONCE: &str = "- say: { text: [One., Two.], on_speech: other }";
const YES_NO: &str = "
- ask: { say: 'Is that right?', yes_no: { yes: other, no: other }, barge_in: { min_words: 1, resume: true }, no_input: other, no_match: other }";

#[expect(clippy::print_stdout, reason = "a test that did nothing says so")]
fn beside() -> Option<std::path::PathBuf> {
    let found = shared();
    if found.is_none() {
        println!("no recordings beside the repository: nothing tested");
    }
    found
}

fn words() -> Settings {
    Settings { recognises: true, interim: true, ..Settings::default() }
}

/// A call whose bot says the `nth` announcement.
fn line(shared: &Path, language: &str, steps: &str, settings: Settings, nth: usize) -> Line {
    let mut line = Line::new(language, steps, settings);
    let prompts = prompts(shared);
    line.prompt = prompts[nth % prompts.len()].clone();
    line
}

#[test]
fn whoever_speaks_up_silences_the_bot_within_220_ms_and_interrupts_it() {
    let Some(shared) = beside() else { return };
    for (steps, nth) in [(AT_ONCE, 0), (STAGED, 1)] {
        let mut line = line(&shared, "en", steps, Settings::default(), nth);
        let at = 3_000;
        for (n, word) in [7, 3, 9].into_iter().enumerate() {
            line.says(at + n as u64 * 450, &digit(&shared, word, "theo", 3));
        }
        line.answer();
        line.run(6_000);
        let silenced = line.silenced[0];
        assert!((at..=at + 220).contains(&silenced), "{silenced}");
        assert!(!line.when("interruption").is_empty(), "{:?}", line.facts);
        assert!(line.when("resumed").is_empty());
    }
}

#[test]
fn a_cough_pauses_the_bot_and_it_goes_on_where_the_callee_stopped_hearing() {
    let Some(shared) = beside() else { return };
    for settings in [Settings::default(), words()] {
        let mut line = line(&shared, "en", STAGED, settings, 2);
        let whole = line.prompt.len() as u64 / 8 * 2;
        line.says(3_000, &cough());
        line.answer();
        line.run(60_000);
        assert!(line.when("interruption").is_empty(), "{:?}", line.facts);
        assert_eq!(line.silenced.len(), line.when("resumed").len());
        let over = line.detail("prompt_ended").expect("an end");
        assert_eq!((over["heardMs"].as_u64(), over["completed"].as_bool()), (Some(whole), Some(true)));
    }
}

#[test]
fn a_sign_of_listening_lets_the_bot_go_on_and_answers_nothing() {
    let Some(shared) = beside() else { return };
    // The sound is a spoken digit; what the recogniser makes of it is what counts here.
    let mut line = line(&shared, "id", YES_NO, words(), 3);
    line.says(2_000, &digit(&shared, 8, "jackson", 5));
    line.words = vec![(2_000, 2_300, "iya")];
    line.answer();
    line.run(6_000);
    assert!(line.when("interruption").is_empty(), "{:?}", line.facts);
    let (silenced, resumed) = (line.silenced[0], line.when("resumed")[0]);
    assert!(resumed <= silenced + 900, "{silenced} {resumed}");
    assert!(line.when("answer").is_empty());
}

#[test]
fn one_word_that_answers_cuts_the_question_before_the_silence_is_over() {
    let Some(shared) = beside() else { return };
    let mut line = line(&shared, "en", YES_NO, words(), 4);
    line.says(2_000, &digit(&shared, 2, "nicolas", 4));
    line.words = vec![(2_000, 2_250, "no")];
    line.answer();
    line.run(6_000);
    let cut = line.when("interruption")[0];
    assert!(cut <= 2_950, "{cut}");
    let answered = line.when("answer")[0];
    assert!(answered <= 3_100, "{answered}: a full answer is not waited behind for 700 ms");
}

#[test]
fn words_that_come_late_answer_the_question_that_is_being_asked_again() {
    let Some(shared) = beside() else { return };
    let steps = "- ask: { say: 'Now?', yes_no: { yes: other, no: other }, no_input: other, no_match: other }";
    let late = |words_wait_ms| {
        let settings = Settings { recognises: true, words_wait_ms, ..Settings::default() };
        let mut line = line(&shared, "en", steps, settings, 5);
        line.prompt = vec![0; 4_000].into();
        line.decodes_ms = 5_000;
        line.says(2_000, &digit(&shared, 2, "nicolas", 4));
        line.says(2_300, &digit(&shared, 3, "nicolas", 4));
        line.words = vec![(2_000, 2_300, "no")];
        line.answer();
        line.run(12_000);
        line
    };
    let waited = late(6_000);
    assert_eq!((waited.when("recognition_late").len(), waited.when("answer").len()), (0, 1));
    let asked_again = late(4_800);
    assert_eq!(asked_again.when("no_match").len(), 1, "{:?}", asked_again.facts);
    let answered = asked_again.when("answer");
    assert!(answered.len() == 1 && answered[0] <= waited.when("answer")[0] + 100, "{:?}", asked_again.facts);
    assert_eq!(asked_again.detail("transcript").map(|detail| detail["late"] == true), Some(true));
}

#[test]
fn surplus_keys_are_no_answer_to_the_question_that_is_asked_again() {
    let Some(shared) = beside() else { return };
    let Ok(flow) = std::fs::read_to_string(shared.join("cases/dtmf/menu.yaml")) else { return };
    for (keys, gap_ms, picked) in [
        ("31", 80, None),
        ("31", 300, None),
        ("31", 900, None),
        ("13", 300, None),
        ("1", 300, Some("pay")),
        ("31", 2_500, Some("pay")),
    ] {
        let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
        let mut line = Line::of_flow(&flow, settings);
        line.prompt = vec![500; 24_000].into();
        line.answer();
        let mut at = 1_000;
        for key in keys.chars() {
            line.run(at);
            line.tell(Input::Digit(key));
            at += gap_ms;
        }
        line.run(60_000);
        let outcome = line.summary.as_ref().map(|summary| summary.outcome.as_str());
        assert_eq!(outcome, Some(picked.unwrap_or("bye")), "{keys} {gap_ms}: {:?}", line.facts);
        assert_eq!(line.when("no_match").is_empty(), keys == "1", "{keys} {gap_ms}: {:?}", line.facts);
    }
}

#[test]
fn a_burst_of_noise_is_no_answer_and_stops_nobody() {
    let Some(shared) = beside() else { return };
    let burst = |ms: usize| {
        let mut seed = 3_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 16) as f32 / 32_768.0 - 1.0) * 9_000.0
        };
        (0..ms * 8).map(|_| noise() as i16).collect::<Vec<i16>>()
    };
    let steps = "- ask: { say: 'Is that right?', yes_no: { yes: other, no: other }, no_input: other, no_match: other }";
    for (settings, ms) in [(Settings::default(), 180), (words(), 180), (words(), 250)] {
        let mut line = line(&shared, "en", steps, settings, 2);
        let whole = line.prompt.len() as u64 / 8;
        line.says(2_000, &burst(ms));
        line.says(whole + 3_000, &burst(ms));
        line.answer();
        line.run(whole + 5_500);
        assert!(line.when("interruption").is_empty(), "{:?}", line.facts);
        assert!(line.when("no_match").is_empty(), "{:?}", line.facts);
        let over = line.detail("prompt_ended").expect("an end");
        assert_eq!((over["heardMs"].as_u64(), over["completed"].as_bool()), (Some(whole), Some(true)));
    }
}

#[test]
fn digits_said_in_groups_are_one_answer() {
    let Some(shared) = beside() else { return };
    let steps =
        "- ask: { say: 'Your number?', digits: { into: kept, length: 6 }, no_input: other, no_match: other }";
    let mut line = Line::new("en", steps, words());
    line.prompt = vec![0; 800].into();
    let spoken = ["zero", "one", "two", "three", "four", "five"];
    let mut at = 1_000;
    for (n, word) in spoken.into_iter().enumerate() {
        let audio = digit(&shared, n as u32, "jackson", 6);
        let end = at + audio.len() as u64 / 8;
        line.says(at, &audio);
        line.words.push((at, end, word));
        // A breath of a second in the middle: longer than the usual silence.
        at = end + if n == 2 { 1_000 } else { 60 };
    }
    line.answer();
    line.run(at + 2_500);
    let answers = line.when("answer");
    assert_eq!(answers.len(), 1, "{:?}", line.facts);
    assert_eq!(line.when("speech_ended").len(), 1, "{:?} {:?} {:?}", line.facts, line.asked, line.words);
    assert!(answers[0] <= at - 60 + 640, "{} after {}", answers[0], at - 60);
    assert!(line.asked.iter().all(|(_, interim)| *interim), "the words were known: {:?}", line.asked);
}

#[test]
fn the_bot_does_not_interrupt_itself_by_its_echo() {
    let Some(shared) = beside() else { return };
    let (mut cuts, mut seconds) = (0, 0);
    let count = prompts(&shared).len();
    for (nth, (delay_ms, loss_db)) in
        [(0, 6.0), (60, 10.0), (130, 15.0), (240, 20.0), (400, 20.0), (600, 26.0)]
            .into_iter()
            .cycle()
            .take(24)
            .enumerate()
    {
        let mut line = line(&shared, "en", AT_ONCE, Settings::default(), nth % count);
        line.echo = Some(Echo { delay_ms, loss_db });
        line.noise_dbfs = Some(-62.0);
        line.answer();
        let until = line.prompt.len() as u64 / 4;
        line.run(until);
        cuts += line.silenced.len();
        seconds += until / 1_000;
    }
    // Without the guard it is cut within its first words every time.
    assert!(cuts <= 2, "{cuts} interruptions by echo in {seconds} s");
}

#[test]
fn a_voice_over_the_echo_interrupts() {
    let Some(shared) = beside() else { return };
    let mut late = Vec::new();
    for (nth, loss_db) in [15.0, 20.0, 20.0].into_iter().enumerate() {
        let mut line = line(&shared, "en", AT_ONCE, Settings::default(), nth + 12);
        line.echo = Some(Echo { delay_ms: 140, loss_db });
        line.noise_dbfs = Some(-62.0);
        for n in 0..5 {
            line.says(3_000 + n * 450, &digit(&shared, 3 + n as u32, "theo", 8));
        }
        line.answer();
        line.run(6_000);
        let first = line.silenced.first().copied().unwrap_or(u64::MAX);
        assert!((3_000..5_000).contains(&first), "{first} at {loss_db} dB");
        late.push(first - 3_000);
    }
    late.sort_unstable();
    assert!(late[1] <= 400, "{late:?}");
}

#[test]
fn a_voice_interrupts_over_noise_10_db_below_it_and_the_noise_does_not() {
    let Some(shared) = beside() else { return };
    let mut line = line(&shared, "en", AT_ONCE, Settings::default(), 9);
    line.noise_dbfs = Some(-32.0);
    for (n, word) in [1, 9, 5, 4].into_iter().enumerate() {
        line.says(4_000 + n as u64 * 450, &digit(&shared, word, "nicolas", 7));
    }
    line.answer();
    line.run(7_000);
    let first = line.silenced.first().copied().unwrap_or(u64::MAX);
    assert!((4_000..=4_600).contains(&first), "{first}");
}

#[test]
fn nothing_cuts_a_protected_prompt_before_its_end() {
    let Some(shared) = beside() else { return };
    let steps = "- say: { text: [{ say: Must be heard., protected: true }, { checkpoint: told }, More.], on_speech: other }";
    let mut line = line(&shared, "en", steps, Settings::default(), 6);
    // Carriers play whole frames.
    let whole = (line.prompt.len() as u64 / 8).next_multiple_of(20);
    line.says(2_000, &digit(&shared, 7, "theo", 3));
    line.says(2_500, &digit(&shared, 3, "theo", 3));
    line.answer();
    line.run(whole + 1_000);
    let cut = line.when("interruption")[0];
    assert!((whole..=whole + 60).contains(&cut), "{cut} of {whole}");
}

#[test]
fn people_of_the_corpus_are_heard_over_the_bot() {
    let Some(shared) = beside() else { return };
    let people = cases(&shared, |case| case["label"] == "human");
    let mut late = Vec::new();
    for (nth, (case, audio)) in people.iter().enumerate().step_by(4) {
        let Some(onset) = case["segments"][0]["start_ms"].as_u64() else { continue };
        let mut line = line(&shared, "en", AT_ONCE, Settings::default(), nth);
        line.says(2_000, audio);
        line.answer();
        line.run(2_000 + onset + 1_500);
        // What lies before the first word of a noisy line may have cut the prompt already.
        late.extend(line.silenced.first().map(|at| at.saturating_sub(2_000 + onset)));
    }
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
    assert!(late.len() >= 18 && at(0.5) <= 150 && at(0.95) <= 220, "{late:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_order_of_talk_silence_interim_and_final_words_breaks_a_call(
        talks in prop::collection::vec(300_u64..9_000, 0..5),
        replies in prop::collection::vec((200_u64..12_000, 1_u32..5, any::<bool>(), 0_usize..4), 0..30),
        decodes_ms in 0_u64..7_000,
    ) {
        let mut line = Line::new("en", YES_NO, words());
        line.prompt = vec![900; 16_000].into();
        line.decodes_ms = decodes_ms;
        for at in talks {
            line.says(at, &[cough(), cough()].concat());
            line.words.push((at, at + 500, "maybe"));
        }
        line.answer();
        let mut replies = replies;
        replies.sort_unstable_by_key(|reply| reply.0);
        for (at, utterance, interim, text) in replies {
            line.run(at);
            let text = ["", "yes", "uh-huh", "and"][text];
            let heard = (!text.is_empty()).then(|| Hypothesis { text: text.into(), confidence: 0.7, weighed: None });
            line.tell(Input::Recognised { utterance, interim, heard });
        }
        line.run(120_000);
        prop_assert!(line.finished);
    }
}

#[test]
fn ringback_over_a_prompt_is_heard_and_stops_nobody() {
    let Some(shared) = beside() else { return };
    let path = shared.join("cases/ringback/04-ringback.wav");
    if !path.exists() {
        return;
    }
    // Somebody says hello, and then the network rings over the prompt.
    for (say, settings) in [(AT_ONCE, Settings::default()), (STAGED, Settings::default()), (STAGED, words())]
    {
        let mut line = line(&shared, "en", &format!("- wait: 1800ms\n{say}\n- wait: 8s"), settings, 2);
        let whole = line.prompt.len() as u64 / 8 * 2;
        line.says(0, &recording(&path));
        line.answer();
        line.run(60_000);
        for kind in ["interruption", "interruption_deferred", "talk_over"] {
            assert!(line.when(kind).is_empty(), "{say}: {kind} {:?}", line.facts);
        }
        assert!(line.silenced.is_empty());
        assert_eq!(line.detail("tone").expect("ringback")["kind"], "ringback");
        let over = line.detail("prompt_ended").expect("an end");
        assert_eq!((over["heardMs"].as_u64(), over["completed"].as_bool()), (Some(whole), Some(true)));
    }
}
