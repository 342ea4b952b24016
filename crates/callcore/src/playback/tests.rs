use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::clock::CallTime;
use crate::ids::PlayId;

const OPTIONS: Options = Options { chunk_ms: 160, lead_ms: 320, confirm_grace_ms: 1_500 };

fn at(ms: u64) -> CallTime {
    CallTime::from_ms(ms)
}

fn audio(ms: usize) -> Piece {
    Piece::Audio(vec![1; ms * 8].into())
}

fn mark(name: &str) -> Piece {
    Piece::Mark(name.into())
}

/// Runs `playback` up to `until`, acting as a carrier that confirms every check point when it is
/// played; returns the events with their times.
fn run(playback: &mut Playback, from: u64, until: u64, confirming: bool) -> Vec<(u64, Event)> {
    let mut seen = Vec::new();
    let mut carrier_busy = from;
    let mut marks: Vec<(u64, String)> = Vec::new();
    for ms in from..=until {
        playback.alive(at(ms));
        playback.handle_timeout(at(ms));
        while let Some((_, name)) = marks.first().filter(|(due, _)| *due <= ms).cloned() {
            marks.remove(0);
            playback.confirm(&name, at(ms));
        }
        while let Some(out) = playback.poll_out() {
            match out {
                Out::Audio(chunk) => carrier_busy = carrier_busy.max(ms) + (chunk.to - chunk.from) as u64 / 8,
                Out::Mark(name) if confirming => marks.push((carrier_busy, name)),
                Out::Mark(_) => {}
                Out::Flush => marks.clear(),
            }
        }
        while let Some(event) = playback.poll_event() {
            seen.push((ms, event));
        }
    }
    seen
}

#[test]
fn check_points_are_reached_when_their_audio_has_been_heard() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(500), mark("price"), audio(700), mark("end")], at(0));
    let seen = run(&mut playback, 0, 3_000, true);
    let reached: Vec<_> = seen
        .iter()
        .map(|(ms, event)| match event {
            Event::Reached { name, .. } => (ms / 10 * 10, name.clone()),
            Event::Ended { heard_ms, completed, .. } => (ms / 10 * 10, format!("{heard_ms} {completed}")),
        })
        .collect();
    assert_eq!(reached, [(500, "price".into()), (1200, "end".into()), (1200, "1200 true".into())]);
}

#[test]
fn an_interruption_tells_how_much_was_heard_and_empties_the_queue() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(2_000)], at(0));
    playback.enqueue(PlayId(2), vec![audio(2_000)], at(0));
    run(&mut playback, 0, 900, true);
    playback.interrupt(at(900));
    assert_eq!(playback.poll_out(), Some(Out::Flush));
    let Some(Event::Ended { id, heard_ms, completed, .. }) = playback.poll_event() else { panic!("no end") };
    assert_eq!((id, completed), (PlayId(1), false));
    assert!((890..=900).contains(&heard_ms), "{heard_ms}");
    assert_eq!(
        playback.poll_event(),
        Some(Event::Ended { id: PlayId(2), heard_ms: 0, completed: false, estimated: false })
    );
    assert_eq!(playback.current(), None);
}

#[test]
fn a_carrier_that_never_confirms_cannot_hold_the_call_up() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(400), mark("said")], at(0));
    let seen = run(&mut playback, 0, 4_000, false);
    assert_eq!(seen.len(), 2);
    assert!((1_900..2_000).contains(&seen[0].0), "{seen:?}");
    let all = seen.iter().all(|(_, event)| match event {
        Event::Reached { estimated, .. } | Event::Ended { estimated, .. } => *estimated,
    });
    assert!(all, "no more than an estimate: {seen:?}");
}

#[test]
fn nothing_is_reached_before_the_carrier_has_been_heard_of_after_its_time() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(400), mark("said")], at(0));
    playback.alive(at(399));
    for ms in 0..20_000 {
        playback.handle_timeout(at(ms));
    }
    assert_eq!((playback.poll_event(), playback.poll_timeout()), (None, None));
    playback.alive(at(20_000));
    assert_eq!(playback.poll_timeout(), Some(at(1_900)));
    playback.handle_timeout(at(20_000));
    assert!(matches!(playback.poll_event(), Some(Event::Reached { .. })));
}

#[test]
fn a_carrier_that_confirms_is_believed_and_not_the_clock() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(400), mark("one"), audio(400), mark("two")], at(0));
    pass(&mut playback, 0, 420);
    playback.confirm("one#1", at(420));
    pass(&mut playback, 420, 30_000);
    assert!(matches!(playback.poll_event(), Some(Event::Reached { estimated: false, .. })));
    assert_eq!(playback.poll_event(), None, "it has fallen behind");
    pass(&mut playback, 30_000, 31_000);
    let end = Event::Ended { id: PlayId(1), heard_ms: 400, completed: false, estimated: false };
    assert_eq!(playback.poll_event(), Some(end), "it never said so");
    // Cut short before that, only what it confirmed was heard.
    playback.enqueue(PlayId(2), vec![audio(4_000)], at(40_000));
    pass(&mut playback, 40_000, 42_100);
    while let Some(out) = playback.poll_out() {
        if let Out::Mark(name) = out {
            playback.confirm(&name, at(42_100));
        }
    }
    pass(&mut playback, 42_100, 46_000);
    playback.interrupt(at(46_000));
    let end = Event::Ended { id: PlayId(2), heard_ms: 2_080, completed: false, estimated: false };
    assert_eq!(playback.poll_event(), Some(end));
}

fn pass(playback: &mut Playback, from: u64, to: u64) {
    for ms in from..to {
        playback.alive(at(ms));
        playback.handle_timeout(at(ms));
    }
}

#[test]
fn nothing_was_heard_while_nothing_came_from_the_carrier() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(2_000), mark("said"), audio(1_000)], at(0));
    pass(&mut playback, 0, 500);
    playback.missed(at(500), at(1_500));
    pass(&mut playback, 1_500, 4_400);
    assert_eq!(playback.poll_event(), None, "a second later than without the gap");
    pass(&mut playback, 4_400, 4_600);
    assert!(matches!(playback.poll_event(), Some(Event::Reached { estimated: true, .. })));
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(2_000)], at(0));
    pass(&mut playback, 0, 500);
    playback.missed(at(500), at(1_500));
    pass(&mut playback, 1_500, 1_700);
    playback.interrupt(at(1_700));
    let Some(Event::Ended { heard_ms, .. }) = playback.poll_event() else { panic!("no end") };
    assert_eq!(heard_ms, 700);
}

#[test]
fn a_carrier_away_after_an_estimate_is_sent_again_what_it_never_confirmed_and_no_mark_twice() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(500), mark("price"), audio(4_000)], at(0));
    pass(&mut playback, 0, 2_100);
    assert!(matches!(playback.poll_event(), Some(Event::Reached { estimated: true, .. })));
    playback.hold(at(2_100));
    playback.release(at(5_000));
    let mut marks = Vec::new();
    let mut first = None;
    for ms in 5_000..9_600 {
        pass(&mut playback, ms, ms + 1);
        while let Some(out) = playback.poll_out() {
            match out {
                Out::Mark(name) => marks.push(name),
                Out::Audio(chunk) => first = first.or(Some((chunk.from, chunk.plays_at))),
                Out::Flush => first = None,
            }
        }
    }
    assert_eq!(first, Some((0, at(5_000))), "from the beginning");
    assert!(!marks.iter().any(|name| name.starts_with("price")), "{marks:?}");
}

#[test]
fn a_word_that_comes_after_the_estimate_is_believed_from_then_on() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(500), mark("one"), audio(900), mark("two"), audio(900)], at(0));
    pass(&mut playback, 0, 2_050);
    assert!(matches!(playback.poll_event(), Some(Event::Reached { estimated: true, .. })));
    playback.confirm("one#1", at(2_050));
    pass(&mut playback, 2_050, 2_550);
    assert_eq!(playback.heard_ms(at(2_550)), 1_000, "it is 1,550 ms behind");
    pass(&mut playback, 2_550, 12_000);
    assert_eq!(playback.poll_event(), None, "it confirms, if late");
    playback.interrupt(at(12_000));
    let Some(Event::Ended { heard_ms, .. }) = playback.poll_event() else { panic!("no end") };
    assert_eq!(heard_ms, 500);
}

#[test]
fn a_carrier_that_was_away_is_sent_again_what_it_has_not_confirmed() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(500), mark("price"), audio(700), mark("end")], at(0));
    let seen = run(&mut playback, 0, 800, true);
    assert_eq!(seen.len(), 1);
    playback.hold(at(800));
    while playback.poll_out().is_some() {}
    for ms in 800..9_000 {
        playback.handle_timeout(at(ms));
    }
    assert_eq!((playback.poll_out(), playback.poll_event(), playback.poll_timeout()), (None, None, None));
    playback.release(at(9_000));
    assert_eq!(playback.poll_out(), Some(Out::Flush));
    let seen = run(&mut playback, 9_000, 11_000, true);
    let times: Vec<u64> = seen.iter().map(|(ms, _)| ms / 10 * 10).collect();
    assert_eq!(times, [9_700, 9_700], "{seen:?}");
    let end = Event::Ended { id: PlayId(1), heard_ms: 1_200, completed: true, estimated: false };
    assert_eq!(seen[1].1, end);
}

#[test]
fn nothing_of_the_time_without_a_carrier_was_heard() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(5_000)], at(0));
    run(&mut playback, 0, 1_000, true);
    playback.hold(at(900));
    playback.interrupt(at(8_000));
    let Some(Event::Ended { heard_ms, .. }) = playback.poll_event() else { panic!("no end") };
    assert!((890..=900).contains(&heard_ms), "{heard_ms}");
    playback.enqueue(PlayId(2), vec![audio(100)], at(8_000));
    assert!(!std::iter::from_fn(|| playback.poll_out()).any(|out| matches!(out, Out::Audio(_))));
}

#[test]
fn audio_that_is_still_being_made_holds_its_place() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(200), Piece::Awaiting { part: 1 }, mark("done")], at(0));
    assert!(run(&mut playback, 0, 5_000, true).is_empty());
    playback.fill(PlayId(1), 1, vec![1; 800].into(), at(5_000));
    let seen = run(&mut playback, 5_000, 6_000, true);
    assert_eq!(
        seen.last().map(|(_, e)| e.clone()),
        Some(Event::Ended { id: PlayId(1), heard_ms: 300, completed: true, estimated: false })
    );
}

#[test]
fn a_late_confirmation_of_a_cut_prompt_is_ignored() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(100), mark("a")], at(0));
    playback.interrupt(at(50));
    while playback.poll_event().is_some() {}
    playback.confirm("a#1", at(120));
    assert_eq!(playback.poll_event(), None);
}

fn sent(playback: &mut Playback) -> usize {
    std::iter::from_fn(|| playback.poll_out())
        .map(|out| if let Out::Audio(c) = out { c.samples().len() / 8 } else { 0 })
        .sum()
}

#[test]
fn a_paused_prompt_goes_on_where_the_callee_stopped_hearing() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(500), mark("price"), audio(700), mark("end")], at(0));
    run(&mut playback, 0, 400, true);
    playback.pause(at(400));
    assert_eq!(playback.poll_out(), Some(Out::Flush));
    assert!(run(&mut playback, 400, 3_000, true).is_empty(), "nothing is sent or reached in a pause");
    assert_eq!((playback.is_paused(), playback.current()), (true, Some(PlayId(1))));
    playback.resume(at(3_000));
    let seen = run(&mut playback, 3_000, 5_000, true);
    let times: Vec<u64> = seen.iter().map(|(ms, _)| ms / 10 * 10).collect();
    assert_eq!(times, [3_100, 3_800, 3_800], "{seen:?}");
    assert_eq!(seen[2].1, Event::Ended { id: PlayId(1), heard_ms: 1_200, completed: true, estimated: false });
}

#[test]
fn a_prompt_cut_in_its_pause_tells_what_was_heard_and_stops_the_carrier_once() {
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![audio(1_000)], at(0));
    run(&mut playback, 0, 300, true);
    playback.pause(at(300));
    assert_eq!(playback.poll_out(), Some(Out::Flush));
    playback.interrupt(at(900));
    assert_eq!(playback.poll_out(), None);
    assert_eq!(
        playback.poll_event(),
        Some(Event::Ended { id: PlayId(1), heard_ms: 300, completed: false, estimated: false })
    );
}

#[test]
fn a_protected_stretch_is_known_by_what_is_heard_and_not_by_what_is_sent() {
    let mut playback = Playback::new(OPTIONS);
    let pieces = vec![audio(300), Piece::Protected(true), audio(400), Piece::Protected(false), audio(300)];
    playback.enqueue(PlayId(1), pieces, at(0));
    let mut protected = Vec::new();
    for ms in (0..1_000).step_by(100) {
        run(&mut playback, ms, ms + 99, true);
        protected.push(playback.protected_until(at(ms + 50)).is_some());
    }
    let expected: Vec<bool> = (0..10).map(|n| (3..7).contains(&n)).collect();
    assert_eq!(protected, expected);
    let mut playback = Playback::new(OPTIONS);
    playback.enqueue(PlayId(1), vec![Piece::Protected(true), audio(400)], at(0));
    assert_eq!(playback.protected_until(at(100)), Some(at(400)));
}

#[test]
fn a_protected_stretch_lasts_until_the_carrier_says_that_it_was_heard() {
    let mut playback = Playback::new(OPTIONS);
    let pieces =
        vec![Piece::Protected(true), audio(400), Piece::Protected(false), mark("told"), audio(2_000)];
    playback.enqueue(PlayId(1), pieces, at(0));
    run(&mut playback, 0, 460, false);
    assert!(playback.protected_until(at(460)).is_some(), "a carrier plays later than we reckon");
    playback.confirm("told#1", at(480));
    assert_eq!(playback.protected_until(at(480)), None);
    // One that never says so is not waited for.
    let mut playback = Playback::new(OPTIONS);
    let pieces =
        vec![Piece::Protected(true), audio(400), Piece::Protected(false), mark("told"), audio(2_000)];
    playback.enqueue(PlayId(1), pieces, at(0));
    run(&mut playback, 0, 600, false);
    assert!(playback.protected_until(at(600)).is_some());
    assert_eq!(playback.protected_until(at(800)), None);
}

proptest! {
    #[test]
    fn pauses_lose_and_repeat_nothing(
        lengths in prop::collection::vec(1_usize..900, 1..5),
        pauses in prop::collection::vec((1_u64..700, 1_u64..500), 0..5),
    ) {
        let mut playback = Playback::new(OPTIONS);
        let total: usize = lengths.iter().sum();
        let mut pieces = Vec::new();
        for (n, ms) in lengths.iter().enumerate() {
            pieces.push(audio(*ms));
            pieces.push(mark(&format!("m{n}")));
        }
        playback.enqueue(PlayId(1), pieces, at(0));
        let (mut ms, mut seen) = (0, Vec::new());
        for (plays, waits) in pauses {
            seen.extend(run(&mut playback, ms, ms + plays, true));
            ms += plays;
            playback.pause(at(ms));
            sent(&mut playback);
            ms += waits;
            playback.resume(at(ms));
        }
        seen.extend(run(&mut playback, ms, ms + 8_000, true));
        let names: Vec<String> = seen.iter().filter_map(|(_, event)| match event {
            Event::Reached { name, .. } => Some(name.clone()),
            Event::Ended { .. } => None,
        }).collect();
        let expected: Vec<String> = (0..lengths.len()).map(|n| format!("m{n}")).collect();
        prop_assert_eq!(names, expected);
        let end = seen.last().map(|(_, event)| event.clone());
        prop_assert_eq!(end, Some(Event::Ended { id: PlayId(1), heard_ms: total as u64, completed: true, estimated: false }));
    }

    #[test]
    fn no_sample_is_lost_or_repeated_and_the_lead_is_kept(
        lengths in prop::collection::vec(0_usize..3_000, 1..6),
        step in 1_u64..90,
    ) {
        let all: Vec<i16> = (0..lengths.iter().sum::<usize>()).map(|n| n as i16).collect();
        let mut playback = Playback::new(OPTIONS);
        let mut start = 0;
        for (n, len) in lengths.iter().enumerate() {
            let piece = Piece::Audio(Arc::from(&all[start..start + len]));
            playback.enqueue(PlayId(n as u32), vec![piece], at(0));
            start += len;
        }
        let (mut sent, mut ms, mut played_to) = (Vec::new(), 0, 0);
        while ms < 10_000 {
            playback.alive(at(ms));
            playback.handle_timeout(at(ms));
            while let Some(out) = playback.poll_out() {
                if let Out::Audio(chunk) = out {
                    prop_assert!(chunk.plays_at >= at(played_to));
                    played_to = chunk.plays_at.as_ms() + chunk.samples().len() as u64 / 8;
                    prop_assert!(played_to <= ms + OPTIONS.lead_ms);
                    sent.extend_from_slice(chunk.samples());
                }
            }
            ms += step;
        }
        prop_assert_eq!(sent, all);
        prop_assert_eq!(playback.current(), None);
    }
}
