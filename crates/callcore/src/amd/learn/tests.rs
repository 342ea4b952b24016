use super::*;
use crate::amd::listen::frames;
use crate::detect::FrontEnd;
use crate::testing::voice;

/// A call in which this much is said and then silence follows, as the pupil hears it.
fn heard(said_ms: u64, is_machine: bool) -> Lesson {
    let silence = |ms: usize| vec![0_i16; ms * 8];
    let audio = [silence(400), voice(said_ms, 140.0), silence(3_000)].concat();
    let (mut front_end, mut pupil) = (FrontEnd::new(), Pupil::new(None));
    for frame in frames(&audio) {
        pupil.observe(&front_end.push_beside(&frame, |_| false));
        while let Some(heard) = front_end.poll() {
            pupil.feed(&heard);
        }
    }
    pupil.learn(is_machine)
}

/// One moment with these inputs, everything else 0.
fn moment(inputs: &[(usize, f32)]) -> ([f32; Weights::COUNT], f32) {
    let mut all = [0.0; Weights::COUNT];
    all[0] = 1.0;
    inputs.iter().for_each(|(n, value)| all[*n] = *value);
    (all, 0.0)
}

const BREATHS: usize = Weights::COUNT - 5;
const WAITS: usize = Weights::COUNT - 4;
const SOUND: usize = Weights::COUNT - 3;

/// Calls in which the network is right, twice as sure on one side.
fn where_the_network_is_right(calls: usize) -> Vec<Lesson> {
    (0..calls)
        .flat_map(|n| {
            let sure = 1.0 + n as f32 % 3.0;
            [(true, sure), (false, -sure)]
        })
        .map(|(is_machine, sound)| Lesson::of_moments(is_machine, vec![moment(&[(SOUND, sound)])]))
        .collect()
}

fn of(lessons: &[Lesson]) -> Vec<&Lesson> {
    lessons.iter().collect()
}

#[test]
fn a_call_is_followed_until_somebody_would_be_named_in_any_case() {
    let lesson = heard(600, false);
    assert!(!lesson.is_empty() && !lesson.is_machine());
    let silence = |moment: &lesson::Moment| moment.inputs()[6..11].iter().sum::<f32>();
    let last = lesson.moments().last().unwrap();
    assert!((2.1..=2.25).contains(&silence(last)), "{}", silence(last));
    assert!(heard(0, true).is_empty(), "nobody spoke");
}

#[test]
fn what_calls_show_is_learned_and_foretells_better() {
    let lessons = where_the_network_is_right(100);
    let usual = Weights::default();
    let fitted = fit(&of(&lessons), &usual, 20.0);
    assert!(fitted.sound > 0.8, "{fitted:?}");
    assert!(surprise(&of(&lessons), &fitted) < surprise(&of(&lessons), &usual) - 0.1);
    assert_eq!((fitted.said, fitted.breath, fitted.wait), (usual.said, usual.breath, usual.wait), "not seen");
}

#[test]
fn few_calls_change_little_and_none_nothing() {
    let usual = Weights::default();
    let by = |calls| fit(&of(&where_the_network_is_right(calls)), &usual, 100.0).sound - usual.sound;
    assert!(by(3) > 0.0 && by(3) < by(30) && by(30) < by(300), "{} {} {}", by(3), by(30), by(300));
    assert_eq!(fit(&[], &usual, 100.0), usual);
    assert_eq!(surprise(&[], &usual), 0.0);
}

#[test]
fn no_weight_changes_its_sign_whatever_the_calls_show() {
    // People who draw breath, machines that wait for an answer, and a network that is always wrong.
    let lessons: Vec<Lesson> = (0..200)
        .map(|n| match n % 2 {
            0 => Lesson::of_moments(false, vec![moment(&[(BREATHS, 3.0), (SOUND, 4.0)])]),
            _ => Lesson::of_moments(true, vec![moment(&[(WAITS, 2.0), (SOUND, -4.0)])]),
        })
        .collect();
    let fitted = fit(&of(&lessons), &Weights::default(), 1.0);
    assert_eq!((fitted.breath, fitted.wait, fitted.sound), (0.0, 0.0, 0.0));
    assert_eq!(fitted.check(), Ok(()));
}

#[test]
fn many_machines_do_not_outvote_a_few_people() {
    let lesson = |is_machine| Lesson::of_moments(is_machine, vec![moment(&[])]);
    let lessons: Vec<Lesson> = (0..100).map(|n| lesson(n % 10 != 0)).collect();
    let fitted = fit(&of(&lessons), &Weights::default(), 0.01);
    assert!(fitted.base.abs() < 0.05, "nothing tells them apart, so it is even: {}", fitted.base);
}
