//! Whatever arrives in whatever order: a run never panics, ends, and says nothing after it has hung up.

use proptest::prelude::*;

use super::io::{ExternalStepEnd, PlaybackEnd};
use super::*;
use crate::flow::parse::parse;
use crate::ids::{ExternalStepId, PlayId};

/// A flow that has every step.
const EVERY_STEP: &str = r##"
flow: every-step
variables:
  name: { default: Ani }
  tries: { type: number, default: 0 }
amd: { on: { human: first, machine: machine, fax: bye } }
start: first
on_error: sorry
limits: { call: 2m, steps: 300 }
scenes:
  first:
    - say: { text: ["Hi {{ name }}", { checkpoint: hi }, { play: a.wav }], on_speech: sorry }
    - play: { file: b.wav, barge_in: dtmf }
    - set: { tries: 1, name: "{{ name }} Lee" }
    - goto: question
  question:
    - ask:
        say: Press something.
        timeout: 3s
        retries: 1
        choices:
          "1": { phrases: [yes], set: { tries: 2 }, goto: bye }
          "12": question
          "*": sorry
        no_match: { reprompts: [Again?], goto: machine }
    - branch:
        - when: interrupted or heard_ms > 2000 and not reached("hi")
          goto: sorry
        - else: bye
  sorry:
    - say: { text: Sorry, barge_in: speech }
    - wait: 1s
    - send_digits: "1#"
    - goto: question
  machine:
    - wait_for_greeting_end: { timeout: 10s, on_timeout: bye }
    - wait_for_beep: { timeout: 4s, on_timeout: bye }
    - say: { text: A message., barge_in: off }
    - checkpoint: left
    - record: { max: 20s, into: name, length_into: tries, on_empty: bye }
    - http:
        url: "https://example.com/{{ name }}"
        json: { n: "{{ tries }}" }
        into: { tries: n }
        filler: { say: Wait., delay: 200ms, loop: true }
        on_status: { 5xx: sorry }
        on_error: bye
    - notify: { event: there, data: { n: "{{ tries }}" } }
    - transfer: { to: "+628123456", on_unsupported: question, on_failed: bye }
  bye:
    - hangup: done
"##;

fn run() -> Run {
    Run::new(Arc::new(parse("t.yaml", EVERY_STEP).flow.unwrap()), Map::new()).unwrap()
}

#[derive(Clone, Debug)]
enum Event {
    Input(Input),
    /// The prompt most recently asked for ends.
    LastPlaybackEnds {
        completed: bool,
        error: bool,
    },
    TimePasses(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop::sample::select(vec![
        Outcome::Human,
        Outcome::Voicemail,
        Outcome::Screening,
        Outcome::Ivr,
        Outcome::Unavailable,
        Outcome::Fax,
        Outcome::NoSpeech,
        Outcome::Timeout,
    ]);
    prop_oneof![
        2 => Just(Event::Input(Input::Answered)),
        1 => outcome.prop_map(|outcome| Event::Input(Input::Outcome(outcome))),
        1 => Just(Event::Input(Input::GreetingEnded)),
        1 => Just(Event::Input(Input::BeepStarted)),
        2 => Just(Event::Input(Input::BeepEnded)),
        1 => Just(Event::Input(Input::TalksOn)),
        1 => Just(Event::Input(Input::SpeechEnded)),
        1 => Just(Event::Input(Input::Noise)),
        1 => Just(Event::Input(Input::LateWords { text: "yes".to_owned(), weighed: None })),
        3 => prop::sample::select(vec!['1', '2', '*', 'Z']).prop_map(|c| Event::Input(Input::Digit(c))),
        2 => Just(Event::Input(Input::SpeechStarted)),
        2 => prop::option::of(prop::sample::select(vec!["yes please", "no", ""]))
            .prop_map(|text| Event::Input(Input::Utterance { text: text.map(str::to_owned), weighed: None })),
        1 => Just(Event::Input(Input::Checkpoint("hi".to_owned()))),
        4 => (any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(completed, error)| Event::LastPlaybackEnds { completed, error }),
        1 => (0u32..40).prop_map(|id| {
            let end = PlaybackEnd { heard_ms: 5, ..PlaybackEnd::unheard(PlayId(id), None) };
            Event::Input(Input::PlaybackEnded(end))
        }),
        2 => (0u32..6, 0usize..6).prop_map(|(id, end)| {
            let body = serde_json::json!({ "n": end });
            let ends = [
                ExternalStepEnd::Recorded { name: "m.wav".to_owned(), ms: 900 },
                ExternalStepEnd::NothingSaid,
                ExternalStepEnd::Answered { status: 200, body: Some(body) },
                ExternalStepEnd::Answered { status: 503, body: None },
                ExternalStepEnd::Unsupported,
                ExternalStepEnd::Failed("no".to_owned()),
            ];
            Event::Input(Input::ExternalStepEnded { id: ExternalStepId(id), end: ends[end].clone() })
        }),
        3 => (0u64..12_000).prop_map(Event::TimePasses),
    ]
}

/// Drives a run and checks what must hold after every step.
struct Driver {
    run: Run,
    now: CallTime,
    last: PlayId,
    hung_up: bool,
}

impl Driver {
    fn drain(&mut self) {
        while let Some(command) = self.run.poll_command() {
            assert!(!self.hung_up, "{command:?} after hanging up");
            match command {
                Command::Play { id, parts, .. } => {
                    assert!(id > self.last && !parts.is_empty());
                    self.last = id;
                }
                Command::Stop { id } | Command::Withdraw { id } => assert!(id <= self.last),
                Command::Hangup { outcome } => {
                    assert_eq!(outcome.as_deref(), self.run.outcome());
                    self.hung_up = true;
                }
                Command::SendDigits(_)
                | Command::Show(_)
                | Command::Listen(_)
                | Command::Note(_)
                | Command::External { .. }
                | Command::EndRecording { .. } => {}
            }
        }
        assert_eq!(self.hung_up, self.run.outcome().is_some());
        assert!(!self.hung_up || self.run.poll_timeout().is_none());
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.run.handle(input, self.now),
            Event::LastPlaybackEnds { completed, error } => {
                let error = error.then(|| "no voice".to_owned());
                let end = PlaybackEnd { heard_ms: 700, completed, ..PlaybackEnd::unheard(self.last, error) };
                self.run.handle(Input::PlaybackEnded(end), self.now);
            }
            Event::TimePasses(ms) => {
                self.now = self.now + ms;
                self.run.handle_timeout(self.now);
            }
        }
        self.drain();
    }
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_a_run_and_time_alone_ends_it(events in prop::collection::vec(event(), 0..120)) {
        let mut driver = Driver { run: run(), now: CallTime::ZERO, last: PlayId(0), hung_up: false };
        for event in events {
            driver.apply(event);
        }
        driver.apply(Event::Input(Input::Answered));
        for _ in 0..1_000 {
            let Some(next) = driver.run.poll_timeout() else { break };
            driver.now = driver.now.max(next);
            driver.run.handle_timeout(driver.now);
            driver.drain();
        }
        prop_assert!(driver.hung_up, "still waiting at {:?}", driver.now);
    }
}
