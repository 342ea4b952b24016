//! Messages for mailboxes that beep when they should not: whole calls with recorded greetings.

#![expect(clippy::expect_used, reason = "recordings that are there can be read")]

use std::sync::Arc;

use callcore::audio::tone::tone;
use callcore::call::Settings;

use super::beside;
use super::line::{Line, recording, shared};

/// Every sentence of the bot takes so long, ms.
const SENTENCE_MS: usize = 2_200;

/// How a mailbox was left.
struct Left {
    line: Line,
    /// From and to of every stretch in which the bot was heard, ms since the answer.
    spoken: Vec<(u64, u64)>,
}

/// The call of `leave.yaml` that this mailbox answers.
fn left(greeting: &[i16]) -> Left {
    let shared = shared().expect("recordings beside the repository");
    let flow = std::fs::read_to_string(shared.join("cases/leave-message/leave.yaml")).expect("a flow");
    let mut line = Line::of_flow(&flow, Settings::default());
    line.prompt =
        (0..SENTENCE_MS * 8).map(|n| if n / 4 % 2 == 0 { 900 } else { -900 }).collect::<Arc<[i16]>>();
    line.says(0, greeting);
    line.answer();
    line.run(120_000);
    assert!(line.finished, "{:?}", line.facts);
    let mut spoken: Vec<(u64, u64)> = Vec::new();
    for (n, frame) in line.plays.chunks(160).enumerate() {
        let at = n as u64 * 20;
        if frame.iter().all(|sample| *sample == 0) {
            continue;
        }
        match spoken.last_mut() {
            // Sentences of one prompt have a short pause between them.
            Some((_, to)) if at <= *to + 500 => *to = at + 20,
            _ => spoken.push((at, at + 20)),
        }
    }
    Left { line, spoken }
}

impl Left {
    fn summary(&self) -> (&str, bool) {
        let summary = self.line.summary.as_ref().expect("a summary");
        (summary.outcome.as_str(), summary.message_left)
    }

    /// The message was said to its end, from 300 to 350 ms behind `beep_end` on.
    fn is_whole_behind(&self, beep_end: u64) {
        let whole = 2 * SENTENCE_MS as u64;
        let tells = self
            .spoken
            .last()
            .is_some_and(|(from, to)| (beep_end + 290..=beep_end + 360).contains(from) && to - from >= whole);
        assert!(tells, "the last beep ends at {beep_end}: {:?} {:?}", self.spoken, self.line.facts);
    }
}

fn case(name: &str) -> Option<Vec<i16>> {
    let path = beside()?.join("cases/leave-message").join(name);
    path.exists().then(|| recording(&path))
}

#[test]
fn a_greeting_that_goes_on_behind_a_beep_is_waited_for_and_the_message_said_again() {
    let Some(greeting) = case("beep-inside-greeting.wav") else { return };
    let left = left(&greeting);
    assert_eq!(left.summary(), ("message_left", true));
    left.is_whole_behind(12_640);
}

#[test]
fn a_message_begins_behind_the_second_of_two_beeps() {
    let Some(greeting) = case("double-beep.wav") else { return };
    let left = left(&greeting);
    assert_eq!(left.summary(), ("message_left", true));
    left.is_whole_behind(9_300);
}

#[test]
fn a_beep_into_the_message_starts_it_again() {
    let Some(greeting) = case("beep-9s-after-greeting.wav") else { return };
    let left = left(&greeting);
    assert_eq!(left.summary(), ("message_left_without_beep", true));
    left.is_whole_behind(20_040);
}

/// What a mailbox plays, one after the other.
enum Plays {
    /// Part of a recorded greeting, in ms of `beep-9s-after-greeting.wav`.
    Greeting(usize, usize),
    Beep(f32, u64),
    Silence(usize),
}

/// The mailbox, and where its last beep ends, ms.
fn mailbox(plays: &[Plays]) -> Option<(Vec<i16>, u64)> {
    let greeting = case("beep-9s-after-greeting.wav")?;
    let (mut audio, mut beep_end) = (vec![0; 4_800], 0);
    for part in plays {
        match part {
            Plays::Greeting(from, to) => audio.extend(&greeting[from * 8..to * 8]),
            Plays::Beep(hz, ms) => {
                audio.extend(tone(&[*hz], *ms, -16.0));
                beep_end = audio.len() as u64 / 8;
            }
            Plays::Silence(ms) => audio.extend(vec![0; ms * 8]),
        }
    }
    Some((audio, beep_end))
}

#[test]
fn whatever_a_mailbox_does_the_message_is_heard_once_and_whole_behind_its_last_beep() {
    use Plays::{Beep, Greeting, Silence};
    let hello = || Greeting(500, 5_000);
    let more = || Greeting(5_000, 10_600);
    let now = || Greeting(500, 1_300);
    for (what, plays) in [
        ("one beep", vec![hello(), Silence(700), Beep(1_000.0, 400)]),
        ("a low and short beep", vec![hello(), Silence(500), Beep(440.0, 180)]),
        ("a high and long beep", vec![hello(), Silence(500), Beep(1_400.0, 1_500)]),
        ("a beep of two seconds and a half", vec![hello(), Silence(900), Beep(850.0, 2_500)]),
        (
            "three beeps",
            vec![
                hello(),
                Silence(600),
                Beep(1_000.0, 150),
                Silence(150),
                Beep(1_000.0, 150),
                Silence(150),
                Beep(1_000.0, 150),
            ],
        ),
        (
            "two beeps half a second apart",
            vec![hello(), Silence(600), Beep(1_000.0, 200), Silence(500), Beep(1_200.0, 400)],
        ),
        (
            "record now between two beeps",
            vec![
                hello(),
                Silence(600),
                Beep(1_000.0, 300),
                Silence(400),
                now(),
                Silence(600),
                Beep(1_000.0, 400),
            ],
        ),
        (
            "record now at once behind the beep",
            vec![
                hello(),
                Silence(600),
                Beep(1_000.0, 300),
                Silence(80),
                now(),
                Silence(600),
                Beep(1_000.0, 400),
            ],
        ),
        (
            "a beep before the greeting",
            vec![Beep(1_000.0, 300), Silence(500), hello(), Silence(900), Beep(1_000.0, 300)],
        ),
        (
            "a pause of four seconds in the greeting",
            vec![hello(), Silence(4_000), more(), Silence(900), Beep(1_000.0, 300)],
        ),
        (
            "a second greeting and its beep",
            vec![
                hello(),
                Silence(700),
                Beep(1_000.0, 400),
                Silence(1_500),
                more(),
                Silence(800),
                Beep(1_000.0, 400),
            ],
        ),
        ("a beep five seconds behind the greeting", vec![hello(), Silence(5_000), Beep(1_000.0, 400)]),
        (
            "a beep late into the message",
            vec![hello(), Silence(700), Beep(1_000.0, 400), Silence(4_000), Beep(800.0, 300)],
        ),
    ] {
        let Some((greeting, beep_end)) = mailbox(&plays) else { return };
        let left = left(&greeting);
        assert_eq!(left.summary(), ("message_left", true), "{what}");
        left.is_whole_behind(beep_end);
    }
}

#[test]
fn a_second_greeting_without_a_beep_of_its_own_is_heard_out() {
    use Plays::{Beep, Greeting, Silence};
    let plays =
        [Greeting(500, 5_000), Silence(700), Beep(1_000.0, 400), Silence(1_000), Greeting(5_000, 10_600)];
    let Some((greeting, _)) = mailbox(&plays) else { return };
    let end = greeting.len() as u64 / 8;
    let left = left(&greeting);
    assert_eq!(left.summary(), ("message_left_without_beep", true));
    let (from, to) = left.spoken.last().copied().unwrap_or_default();
    assert!(
        from > end + 5_000 && from < end + 8_000 && to - from >= 2 * SENTENCE_MS as u64,
        "{:?} {end}",
        left.spoken
    );
}

#[test]
fn a_greeting_that_goes_on_after_nine_seconds_takes_back_what_was_said_without_a_beep() {
    use Plays::{Beep, Greeting, Silence};
    let plays =
        [Greeting(500, 5_000), Silence(9_000), Greeting(5_000, 10_600), Silence(900), Beep(1_000.0, 300)];
    let Some((greeting, beep_end)) = mailbox(&plays) else { return };
    let left = left(&greeting);
    assert_eq!(left.summary(), ("message_left_without_beep", true));
    left.is_whole_behind(beep_end);
}
