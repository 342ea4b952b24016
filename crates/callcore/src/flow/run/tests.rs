//! Traces of whole calls in virtual time: every step, and the flows that are shipped.

use std::path::Path;

use insta::assert_snapshot;

use super::io::Part;
use super::*;
use crate::flow::parse::parse;
use crate::flow::rehearse::Rehearsal;
use crate::ids::PlayId;

fn flow(text: &str) -> Arc<Flow> {
    let parsed = parse("test.yaml", text);
    let errors: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    Arc::new(parsed.flow.unwrap_or_else(|| panic!("{}", errors.join("\n"))))
}

fn variables(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn shipped(name: &str) -> Arc<Flow> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows").join(name);
    flow(&std::fs::read_to_string(path).unwrap())
}

fn reminder() -> Rehearsal {
    let metadata = serde_json::json!({"name": "Ani", "amount": "two hundred thousand rupiah", "ignored": 1});
    Rehearsal::new(Run::new(shipped("payment-reminder.yaml"), variables(metadata)).unwrap())
}

#[test]
fn a_person_who_listens_and_presses_1_confirms() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.after(9_500, Input::Digit('1')).end(20_000));
}

#[test]
fn a_key_during_the_offer_answers_the_question_that_follows() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.after(2_000, Input::Digit('2')).end(20_000));
}

#[test]
fn a_person_who_talks_over_the_offer_hears_sorry_and_is_asked_for_a_key() {
    let call = reminder().answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.talks(4_000, 1_500, None).after(6_000, Input::Digit('1')).end(20_000));
}

#[test]
fn silence_is_asked_once_more_and_then_ends_with_no_input() {
    assert_snapshot!(reminder().answer().after(900, Input::Outcome(Outcome::Human)).end(60_000));
}

#[test]
fn a_message_is_left_after_the_beep() {
    let call = reminder().answer().after(3_000, Input::Outcome(Outcome::Voicemail));
    assert_snapshot!(call.after(9_000, Input::GreetingEnded).after(1_200, Input::BeepEnded).end(30_000));
}

#[test]
fn a_mailbox_that_never_beeps_gets_no_message() {
    let call = reminder().answer().after(3_000, Input::Outcome(Outcome::Voicemail));
    assert_snapshot!(call.after(9_000, Input::GreetingEnded).end(30_000));
}

#[test]
fn a_fax_and_silence_end_at_once_with_their_names() {
    let fax = reminder().answer().after(1_000, Input::Outcome(Outcome::Fax)).end(1_000);
    assert!(fax.ends_with("outcome: Some(\"fax\")"), "{fax}");
    let silence = reminder().answer().after(5_000, Input::Outcome(Outcome::NoSpeech)).end(1_000);
    assert!(silence.ends_with("outcome: Some(\"no_speech\")"), "{silence}");
}

#[test]
fn a_verdict_that_never_comes_counts_as_a_timeout() {
    let log = reminder().answer().end(17_000);
    assert!(log.contains(" 15500 -> note scene {\"scene\":\"greet\"}"), "{log}");
}

#[test]
fn a_prompt_that_cannot_be_made_leads_to_the_error_scene() {
    let mut call = reminder();
    call.break_speech("espeak-ng is not installed");
    let call = call.answer();
    assert_snapshot!(call.after(900, Input::Outcome(Outcome::Human)).end(1_000));
}

#[test]
fn the_indonesian_reminder_takes_a_spoken_yes() {
    let metadata = serde_json::json!({"nama": "Budi", "jumlah": 200000});
    let run = Run::new(shipped("pengingat-pembayaran.yaml"), variables(metadata)).unwrap();
    let call = Rehearsal::new(run).answer().after(900, Input::Outcome(Outcome::Human));
    assert_snapshot!(call.talks(11_000, 700, Some("Ya, tentu.")).end(20_000));
}

/// A call of a small flow: `steps` are the lines of its scene `main`, `more` further scenes.
fn small(steps: &str, more: &str) -> Rehearsal {
    let indented: String = steps.trim().lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "flow: small\nstart: main\nvariables:\n  name: {{ default: Ani }}\n  n: {{ type: number, default: 1 }}\n\
         scenes:\n  main:\n{indented}  bye:\n    - hangup: bye\n{more}"
    );
    Rehearsal::new(Run::new(flow(&text), Map::new()).unwrap()).answer()
}

#[test]
fn a_beep_that_came_before_the_step_counts() {
    let log = small(
        "- wait: 2s\n- wait_for_beep: { timeout: 6s, on_timeout: bye }\n- say: Message\n- hangup: left",
        "",
    );
    let log = log.after(1_000, Input::BeepEnded).end(20_000);
    assert!(log.contains("  2000 -> play 1") && log.ends_with("\"left\")"), "{log}");
}

#[test]
fn the_beep_clock_stands_still_while_the_machine_talks() {
    let steps = "- wait_for_beep: { timeout: 4s, on_timeout: bye }\n- say: Message\n- hangup: left";
    let silent = small(steps, "").end(20_000);
    assert!(silent.contains("  4000 -> hang up: bye"), "{silent}");
    let talks = small(steps, "").talks(1_000, 7_000, None).after(2_000, Input::BeepEnded).end(20_000);
    assert!(talks.contains(" 10000 -> play 1") && talks.ends_with("\"left\")"), "{talks}");
    let endless = small(steps, "").after(0, Input::SpeechStarted).end(90_000);
    assert!(endless.contains(" 49000 -> hang up: bye"), "{endless}");
}

#[test]
fn a_greeting_ends_by_silence_or_by_a_beep() {
    let steps = "- wait_for_greeting_end: { timeout: 20s, on_timeout: bye }\n- hangup: ended";
    assert!(small(steps, "").after(3_000, Input::GreetingEnded).end(0).ends_with("\"ended\")"));
    assert!(small(steps, "").after(3_000, Input::BeepEnded).end(0).ends_with("\"ended\")"));
    assert!(small(steps, "").end(30_000).ends_with("\"bye\")"));
}

#[test]
fn a_branch_sees_what_was_heard_and_who_interrupted() {
    let steps = "
- say: [Good morning., { checkpoint: greeting }, 'We have an offer for you.', { checkpoint: offer }]
- branch:
    - { when: 'interrupted_by == \"speech\" and reached(\"greeting\") and heard_ms > 900', goto: late }
    - { when: interrupted, goto: early }
    - else: bye";
    let more = "  late:\n    - hangup: late\n  early:\n    - hangup: early\n";
    assert!(small(steps, more).talks(1_500, 500, None).end(0).ends_with("\"late\")"));
    assert!(small(steps, more).talks(300, 500, None).end(0).ends_with("\"early\")"));
    assert!(small(steps, more).after(1_500, Input::Digit('5')).end(0).ends_with("\"early\")"));
    assert!(small(steps, more).end(30_000).ends_with("\"bye\")"));
}

#[test]
fn a_flow_knows_the_words_that_were_heard_before_the_callee_spoke_up() {
    let steps = "
- say: { text: [Good morning., 'We have an offer for you today.'], on_speech: again }
- say: '{{ heard_words }} words, all: {{ heard_all }}.'
- hangup: listened";
    let more = "  again:
    - notify: { event: cut, data: { words: '{{ heard_words }}', text: 'up to {{ heard_text }}' } }
    - branch:
        - when: heard_words == 6 and ends_with(heard_text, \"offer\")
          goto: told
    - hangup: late
  told:
    - say: 'You heard {{ heard_words }} words in {{ heard_ms }} ms: {{ heard_text | upper }}{% if interrupted %}, no more{% endif %}'
    - branch: [ { when: heard_all and not interrupted, goto: bye } ]
    - hangup: late
";
    let cut = small(steps, more).talks(2_000, 500, None).end(30_000);
    // The first sentence takes 845 ms; of the next one the rest of the two seconds is heard.
    assert!(cut.contains("You heard 6 words in 2000 ms: GOOD MORNING. WE HAVE AN OFFER, no more"), "{cut}");
    assert!(cut.contains(r#"{"text":"up to Good morning. We have an offer","words":6}"#), "{cut}");
    assert!(cut.ends_with("\"bye\")"), "{cut}");
    let whole = small(steps, more).end(30_000);
    assert!(whole.contains("9 words, all: true."), "{whole}");
}

#[test]
fn a_check_point_behind_an_interrupted_prompt_is_not_passed() {
    let steps = "
- say: A rather long sentence that is cut.
- checkpoint: heard
- branch: [{ when: 'last_checkpoint == \"heard\"', goto: bye }]
- hangup: unheard";
    assert!(small(steps, "").talks(500, 600, None).end(0).ends_with("\"unheard\")"));
    assert!(small(steps, "").end(9_000).ends_with("\"bye\")"));
}

#[test]
fn a_protected_prompt_is_cut_by_nothing() {
    let log = small("- say: { text: Please listen., barge_in: off }\n- hangup", "");
    let log = log.talks(100, 200, None).after(100, Input::Digit('1')).end(5_000);
    assert!(!log.contains("stop") && !log.contains("cut"), "{log}");
    assert!(log.ends_with("\"completed\")"));
}

const MENU: &str = "
- ask:
    say: Choose.
    timeout: 3s
    digit_timeout: 1s
    retries: 1
    choices:
      '1': one
      '12': twelve
      speak to a person: { phrases: [agent, 'a person'], set: { n: 9 }, goto: person }
    no_input: bye
    no_match: { reprompts: [Not that., Not that either.], goto: bye }";

const MENU_SCENES: &str = "  one:\n    - hangup: one\n  twelve:\n    - hangup: twelve\n  person:\n    - branch: [{ when: n == 9, goto: bye }]\n    - hangup: unset\n";

#[test]
fn a_longer_choice_is_waited_for_and_a_short_one_taken_when_nothing_follows() {
    let short = small(MENU, MENU_SCENES).after(1_000, Input::Digit('1')).end(5_000);
    assert!(short.contains("  2000 -> note choice {\"choice\":\"1\"}"), "{short}");
    let long =
        small(MENU, MENU_SCENES).after(1_000, Input::Digit('1')).after(500, Input::Digit('2')).end(500);
    assert!(long.ends_with("\"twelve\")"), "{long}");
}

#[test]
fn words_pick_a_choice_by_phrase_and_noise_is_no_match() {
    let words = small(MENU, MENU_SCENES).talks(1_000, 800, Some("Uh, an AGENT, please!")).end(0);
    assert!(words.contains("note choice {\"choice\":\"speak to a person\"}"), "{words}");
    assert!(words.ends_with("\"bye\")"), "the choice sets its variable: {words}");
    let noise = small(MENU, MENU_SCENES).talks(1_000, 800, Some("agents")).end(0);
    assert!(noise.contains("play 2 (Both): \"Not that.\""), "{noise}");
}

#[test]
fn wrong_keys_are_told_apart_from_silence_and_counted_together() {
    let log = small(MENU, MENU_SCENES).after(1_000, Input::Digit('7')).end(20_000);
    assert_snapshot!(log);
}

#[test]
fn a_person_who_talks_into_the_prompt_is_heard_out_before_the_answer_counts() {
    let log = small(MENU, MENU_SCENES).talks(100, 2_500, Some("a person")).end(0);
    assert_snapshot!(log);
}

#[test]
fn the_hello_of_somebody_picking_up_is_no_answer_to_a_question() {
    let steps = "- wait: 1s\n- ask: { say: Shall we call again?, choices: { 'yes': bye }, no_input: late }";
    let more = "  late:\n    - hangup: late\n";
    let early = small(steps, more).talks(500, 900, Some("Yes?")).end(30_000);
    assert!(early.ends_with("\"late\")"), "{early}");
    let answer = small(steps, more).talks(1_500, 900, Some("Yes!")).end(30_000);
    assert!(answer.ends_with("\"bye\")"), "{answer}");
}

#[test]
fn a_key_pressed_before_the_flow_begins_answers_nothing() {
    let text = "flow: f\nstart: m\namd: { on: { human: m } }\nscenes:\n  m:\n    - ask: { say: Press 1., choices: { '1': m2 }, no_input: m3, retries: 0 }\n  m2: [ { hangup: taken } ]\n  m3: [ { hangup: silence } ]";
    let call = Rehearsal::new(Run::new(flow(text), Map::new()).unwrap()).answer();
    let log = call.after(500, Input::Digit('1')).after(500, Input::Outcome(Outcome::Human)).end(20_000);
    assert!(log.ends_with("\"silence\")"), "{log}");
}

#[test]
fn a_cycle_that_never_pauses_ends_with_a_clear_error() {
    let steps = "- branch: [{ when: n == 1, goto: round }, { else: bye }]";
    let more = "  round:\n    - branch: [{ when: n == 1, goto: main }, { else: bye }]\n";
    let log = small(steps, more).end(0);
    assert!(log.contains("without anything said, asked or awaited"), "{log}");
    assert!(log.ends_with("outcome: Some(\"error\")"), "{log}");
}

#[test]
fn a_call_ends_at_its_limit() {
    let text = "flow: f\nstart: m\nlimits: { call: 5s }\nscenes: { m: [ { wait: 4s }, { say: Hello }, { goto: m } ] }";
    let log = Rehearsal::new(Run::new(flow(text), Map::new()).unwrap()).answer().end(60_000);
    assert!(log.contains("  5000 -> hang up: too_long"), "{log}");
}

#[test]
fn digits_and_texts_are_filled_in_from_variables_that_were_set() {
    let steps =
        "- set: { name: 'Ms. {{ name }}' }\n- say: 'Hello {{ name }}'\n- send_digits: '{{ n }}#'\n- hangup";
    let log = small(steps, "").end(5_000);
    assert!(log.contains("\"Hello Ms. Ani\"") && log.contains("press 1#"), "{log}");
}

#[test]
fn a_second_failure_ends_the_call() {
    let text = "flow: f\nstart: m\non_error: e\nscenes:\n  m: [ { say: Hello } ]\n  e: [ { say: Sorry }, { hangup: told } ]";
    let mut run = Run::new(flow(text), Map::new()).unwrap();
    run.handle(Input::Answered, CallTime::ZERO);
    for id in 1..=2 {
        let error = Some("no voice".to_owned());
        let end = PlaybackEnd::unheard(PlayId(id), error);
        run.handle(Input::PlaybackEnded(end), CallTime::ZERO);
    }
    assert_eq!(run.outcome(), Some("error"));
}

#[test]
fn a_verdict_after_the_flow_began_is_there_to_branch_on() {
    let steps = "- say: Hello there\n- branch: [{ when: 'amd.outcome == \"voicemail\"', goto: bye }]\n- hangup: person";
    assert!(small(steps, "").after(300, Input::Outcome(Outcome::Voicemail)).end(5_000).ends_with("\"bye\")"));
    assert!(small(steps, "").end(5_000).ends_with("\"person\")"));
}

fn refused(metadata: Value) -> String {
    Run::new(shipped("payment-reminder.yaml"), variables(metadata)).unwrap_err().to_string()
}

#[test]
fn a_call_without_what_the_flow_needs_is_refused_by_name() {
    assert_snapshot!(refused(serde_json::json!({"name": "Ani", "amuont": "ten"})));
    assert_snapshot!(refused(serde_json::json!({"name": ["Ani"], "amount": "ten"})));
    assert_snapshot!(refused(serde_json::json!({"name": "x".repeat(1_001), "amount": "ten"})));
}

#[test]
fn numbers_and_texts_are_taken_for_each_other() {
    let metadata = serde_json::json!({"name": 7, "amount": 200_000, "due": null});
    let run = Run::new(shipped("payment-reminder.yaml"), variables(metadata)).unwrap();
    assert_eq!(run.variables()["amount"], "200000");
    assert_eq!(run.variables()["due"], "this week");
}

#[test]
fn texts_that_take_one_of_a_few_values_are_known_in_all_their_forms() {
    let text = "flow: f\nstart: m\nvariables: { day: { default: Monday }, name: text, food: { default: none }, sure: { type: boolean, default: false } }
scenes:
  m:
    - ask:
        say: What would you like?
        into: food
        choices: { '1': { value: rice, phrases: [rice], set: { day: 'Sunday, {{ name }}' } }, '2': { value: noodles } }
    - say: 'You said {{ food }}.'
    - say: 'On {{ day }}.'
    - say: 'You said {{ said }}.'
    - hangup";
    let run = Run::new(flow(text), variables(serde_json::json!({"name": "Ani"}))).unwrap();
    let texts: Vec<String> = run
        .known_prompts()
        .into_iter()
        .filter_map(|part| if let Part::Say { text, .. } = part { Some(text) } else { None })
        .collect();
    let said = ["none", "rice", "noodles"].map(|food| format!("You said {food}."));
    let days = ["Monday", "Sunday, Ani"].map(|day| format!("On {day}."));
    assert_eq!(texts, [&["What would you like?".to_owned()], &said[..], &days[..]].concat());
}

#[test]
fn prompts_that_need_nothing_from_the_call_are_known_before_it() {
    let steps = "- say: 'Hello {{ name }}'\n- set: { n: 2 }\n- say: 'Number {{ n }}'\n- play: a.wav\n- say: 'Hello {{ name }}'\n- hangup";
    let text = format!(
        "flow: f\nstart: m\nlanguage: id-ID\nvariables:\n  name: text\n  n: {{ type: number, default: 1 }}\nscenes:\n  m:\n{}",
        steps.lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    let run = Run::new(flow(&text), variables(serde_json::json!({"name": "Ani"}))).unwrap();
    let say = Part::Say { text: "Hello Ani".into(), language: "id-ID".into(), voice: None };
    let form = |n: u32| Part::Say { text: format!("Number {n}"), language: "id-ID".into(), voice: None };
    // What the flow may say by then comes behind what it will.
    assert_eq!(run.known_prompts(), [say, Part::File("a.wav".into()), form(1), form(2)]);
}

#[test]
fn what_a_person_hears_first_is_where_the_verdict_leads_them() {
    let scenes = "scenes:\n  box: [ { say: Please call us back. }, { hangup } ]\n  \
                  hello: [ { say: [ 'Hello {{ name }}.', { checkpoint: told }, { play: a.wav } ] }, { say: More. }, { hangup } ]\n";
    let plain = format!("flow: f\nstart: hello\nvariables: {{ name: text }}\n{scenes}");
    let said = |text: &str| Part::Say { text: text.into(), language: "en".into(), voice: None };
    let first = |text: &str| {
        let run = Run::new(flow(text), variables(serde_json::json!({"name": "Ani"}))).unwrap();
        run.first_prompt()
    };
    assert_eq!(first(&plain), [said("Hello Ani."), Part::File("a.wav".into())]);
    let detecting = plain
        .replace("start: hello", "start: box\namd: { mode: detect, on: { human: hello, voicemail: box, screening: box, ivr: box, unavailable: box, fax: box, no_speech: box, timeout: box } }");
    assert_eq!(first(&detecting), [said("Hello Ani."), Part::File("a.wav".into())]);
    let later = plain.replace("hello: [", "hello: [ { wait: 1s },");
    assert_eq!(first(&later), [], "something else comes first");
}
