use proptest::prelude::*;

use super::super::callees::prepare::ReadyStep;
use super::super::codec::{Decoder, Format};
use super::*;
use crate::media::Codec;

const CAP_MS: u64 = 4_000;

fn setup(far_end: Option<(Outcome, u64)>) -> Setup {
    Setup {
        session_id: "s1".into(),
        number: "+15550001".into(),
        source: None,
        started: 1_750_000_000_000,
        far_end,
        is_incoming: false,
        timeout_ms: None,
        join_wait_ms: 1_000,
        queue_limit_ms: 2_000,
        seed: 1,
    }
}

fn callee() -> Arc<Prepared> {
    let steps = vec![ReadyStep::Silence(1_600), ReadyStep::WaitForBot { spoken_ms: 0, timeout_ms: 60_000 }];
    Arc::new(Prepared { steps, noise_dbfs: None, echo: None, cap_ms: CAP_MS })
}

/// A call and everything it has asked for.
struct TestCall {
    call: Call,
    decoder: Decoder,
    now: CallTime,
    seen: Vec<Effect>,
    frames: usize,
    can_prepare: bool,
}

impl TestCall {
    fn new(setup: Setup) -> Self {
        let call = Call::new(setup);
        Self {
            call,
            decoder: Decoder::default(),
            now: CallTime::ZERO,
            seen: Vec::new(),
            frames: 0,
            can_prepare: true,
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::Prepare => {
                    let prepared = self.can_prepare.then(callee);
                    self.call.prepared(self.now, prepared);
                }
                Effect::Frame => self.frames += 1,
                Effect::Note { .. } | Effect::Sound { .. } => {}
                Effect::Status(_)
                | Effect::Answered
                | Effect::CheckPoint(_)
                | Effect::Key(_)
                | Effect::Skipped
                | Effect::Ended(_) => self.seen.push(effect),
            }
        }
    }

    /// Lets `ms` pass as the task of a call does.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.call.advance(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn statuses(&self) -> Vec<DialStatus> {
        let status = |effect: &Effect| if let Effect::Status(status) = effect { Some(*status) } else { None };
        self.seen.iter().filter_map(status).collect()
    }

    fn cdrs(&self) -> Vec<Arc<Cdr>> {
        let cdr =
            |effect: &Effect| if let Effect::Ended(cdr) = effect { Some(Arc::clone(cdr)) } else { None };
        self.seen.iter().filter_map(cdr).collect()
    }
}

fn placed(far_end: Option<(Outcome, u64)>, timeout_ms: Option<u64>) -> (Vec<DialStatus>, Arc<Cdr>, u64) {
    let mut test = TestCall::new(Setup { timeout_ms, ..setup(far_end) });
    test.call.joined(test.now);
    test.pass(100_000);
    let cdrs = test.cdrs();
    assert_eq!(cdrs.len(), 1);
    (test.statuses(), Arc::clone(&cdrs[0]), test.frames as u64 * FRAME_MS)
}

#[test]
fn an_unanswered_call_is_given_up_when_its_time_is_over() {
    use DialStatus::{Dialing, Failed, Ringing};
    let (statuses, cdr, _) = placed(Some((Outcome::Answer, 60_000)), Some(5_000));
    assert_eq!(statuses, [Dialing, Ringing, Failed]);
    assert_eq!((cdr.disposition, cdr.hangup_cause_code, cdr.duration), (Disposition::NoAnswer, 19, 5));
    let (statuses, cdr, _) = placed(Some((Outcome::Congestion, 60_000)), Some(1_000));
    assert_eq!((statuses, cdr.hangup_cause_code), (vec![Dialing, Failed], 18), "it never rang");
}

#[test]
fn an_answer_in_time_is_not_given_up_later() {
    let (statuses, cdr, heard_ms) = placed(Some((Outcome::Answer, 500)), Some(1_000));
    assert_eq!(statuses.last(), Some(&DialStatus::Connected));
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
    assert_eq!((heard_ms, cdr.billable_seconds, cdr.duration), (CAP_MS, 4, 4));
    assert_eq!(cdr.start_time, "2025-06-15T15:06:40.000Z");
    assert_eq!(cdr.answer_time.as_deref(), Some("2025-06-15T15:06:40.700Z"));
    assert_eq!(cdr.end_time, "2025-06-15T15:06:44.700Z");
}

#[test]
fn a_call_that_nobody_joins_is_dialled_all_the_same() {
    let mut test = TestCall::new(setup(None));
    test.pass(999);
    assert_eq!(test.statuses(), []);
    test.pass(1);
    assert_eq!(test.statuses(), [DialStatus::Dialing]);
}

#[test]
fn a_suspended_machine_skips_time_instead_of_rushing() {
    let mut test = TestCall::new(setup(Some((Outcome::Answer, 0))));
    test.call.joined(test.now);
    test.pass(300);
    let before = test.frames;
    test.now = test.now + 3_000;
    test.pass(0);
    assert!(test.seen.contains(&Effect::Skipped));
    assert_eq!(test.frames, before + 1);
}

#[derive(Clone, Debug)]
enum Step {
    Join,
    Pass(u64),
    Audio(Format, Vec<u8>),
    CheckPoint,
    Press(char),
    Interrupt,
    HangUp,
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let format = prop_oneof![
        Just(Format::PCM16),
        Just(Format::Plain(Codec::Ulaw)),
        Just(Format::Plain(Codec::Alaw)),
        Just(Format::Mp3)
    ];
    let audio = (format, prop::collection::vec(any::<u8>(), 0..3_000));
    prop::collection::vec(
        prop_oneof![
            3 => Just(Step::Join),
            20 => (0_u64..700).prop_map(Step::Pass),
            20 => audio.prop_map(|(format, bytes)| Step::Audio(format, bytes)),
            8 => Just(Step::CheckPoint),
            3 => prop_oneof![Just('1'), Just('#'), Just('x')].prop_map(Step::Press),
            3 => Just(Step::Interrupt),
            1 => Just(Step::HangUp),
            1 => Just(Step::Stop),
        ],
        0..80,
    )
}

fn far_end() -> impl Strategy<Value = Option<(Outcome, u64)>> {
    let outcome = prop_oneof![
        6 => Just(Outcome::Answer),
        1 => Just(Outcome::Busy),
        1 => Just(Outcome::Reject),
        1 => Just(Outcome::NoAnswer),
        1 => Just(Outcome::BadNumber),
        1 => Just(Outcome::Congestion),
    ];
    prop::option::weighted(0.95, (outcome, 0_u64..1_500))
}

proptest! {
    #[test]
    fn whatever_happens_a_call_ends_once_with_one_record(
        far_end in far_end(),
        timeout_ms in prop::option::of(1_u64..3_000),
        can_prepare in prop::bool::weighted(0.9),
        script in steps(),
    ) {
        let mut test = TestCall::new(Setup { timeout_ms, ..setup(far_end) });
        test.can_prepare = can_prepare;
        let mut accepted = Vec::new();
        for (place, step) in script.into_iter().enumerate() {
            match step {
                Step::Join => test.call.joined(test.now),
                Step::Pass(ms) => test.pass(ms),
                Step::Audio(format, bytes) => {
                    let waiting = test.decoder.decode(format, &bytes).map(<[i16]>::to_vec);
                    let played = waiting.is_ok_and(|samples| test.call.play(&samples, None).is_ok());
                    prop_assert!(!played || test.call.is_connected());
                }
                Step::CheckPoint => {
                    let name = format!("c{place}");
                    if test.call.check_point(name.clone()) {
                        accepted.push(name);
                    }
                }
                Step::Press(key) => _ = test.call.press(key, 100),
                Step::Interrupt => _ = test.call.interrupt(),
                Step::HangUp => test.call.hang_up(test.now, Party::Bot),
                Step::Stop => test.call.hang_up(test.now, Party::Gateway),
            }
            test.drain();
        }
        // Longer than any ringing and any callee.
        test.pass(20_000);
        let cdrs = test.cdrs();
        prop_assert_eq!(cdrs.len(), 1, "{:?}", test.seen);
        prop_assert!(matches!(test.seen.last(), Some(Effect::Ended(_))), "{:?}", test.seen);
        prop_assert_eq!(test.call.poll_timeout(), None);
        prop_assert!(!test.call.is_connected() && test.call.play(&[1], None).is_err());

        let (cdr, statuses) = (&cdrs[0], test.statuses());
        let connected = statuses.contains(&DialStatus::Connected);
        prop_assert_eq!(cdr.disposition == Disposition::Answered, connected);
        prop_assert_eq!(cdr.answer_time.is_some(), connected);
        prop_assert!(cdr.billable_seconds <= cdr.duration);
        prop_assert!(test.frames == 0 || connected, "no audio without an answer");
        let order = [DialStatus::Dialing, DialStatus::Ringing, DialStatus::Connected];
        let progress: Vec<_> = statuses.iter().filter(|s| order.contains(s)).copied().collect();
        prop_assert!(order.starts_with(&progress), "{:?}", statuses);
        let failures = statuses.iter().filter(|s| !order.contains(s)).count();
        prop_assert!(failures <= 1 && (failures == 0 || !connected), "{:?}", statuses);

        let told: Vec<_> = test.seen.iter().filter_map(|e| if let Effect::CheckPoint(n) = e { Some(n) } else { None }).collect();
        let mut rest = accepted.iter();
        prop_assert!(told.iter().all(|name| rest.any(|a| a == *name)), "each once, in order, none invented");
    }
}
