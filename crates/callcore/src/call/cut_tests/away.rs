//! Lines that break while it rings, or while keys go out.

use super::*;
use crate::testing::{VirtualCall, World};

#[test]
fn what_happened_while_it_rang_and_the_line_was_away_is_not_made_up() {
    let run = Run::new(Arc::new(flow::parse("f.yaml", TALK).flow.unwrap()), Map::new()).unwrap();
    let mut call = Call::new(Settings::default(), run);
    let at = CallTime::from_ms;
    call.handle(Input::Status(DialStatus::Ringing), at(1_000));
    call.handle(Input::Link { link: Link::Away, why: "test".into() }, at(2_000));
    call.handle(Input::Link { link: Link::Up, why: "test".into() }, at(5_000));
    call.handle_timeout(at(60_000));
    // The record that would say more is given up.
    call.handle_timeout(at(76_000));
    let effects: Vec<Effect> = std::iter::from_fn(|| call.poll_effect()).collect();
    let summary = effects
        .iter()
        .find_map(|effect| if let Effect::Finish(summary) = effect { Some(summary) } else { None });
    let summary = summary.expect("an end");
    assert_eq!((summary.cause, summary.outcome.as_str()), (38, "carrier_lost"), "not an unanswered call");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SendHangup)));
}

const KEYS: &str = "\
flow: keys
start: main
scenes:
  main:
    - send_digits: '12345'
    - wait: 30s
    - hangup: done
";

/// The keys that a call sends whose line is away from the first 300 ms on, with the time of each, when `then` comes at
/// 5,000 ms.
fn keys_sent(then: Input) -> Vec<(u64, char)> {
    let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
    let mut call = VirtualCall::new(KEYS, settings, Keys::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    for ms in (0..20_000).step_by(10) {
        call.set_clock(CallTime::from_ms(ms));
        match ms {
            300 => call.tell(Input::Link { link: Link::Away, why: "test".into() }),
            5_000 => call.tell(then.clone()),
            _ if ms % FRAME_MS == 0 && !(300..5_000).contains(&ms) => call.hear(&[0; FRAME_SAMPLES]),
            _ => {}
        }
        call.wake();
    }
    call.world.0
}

/// The keys that a call sends, with the time of each.
#[derive(Default)]
struct Keys(Vec<(u64, char)>);

impl World for Keys {
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        if let Effect::SendDigit { digit, .. } = effect {
            self.0.push((now.as_ms(), digit));
        }
        None
    }
}

#[test]
fn keys_wait_while_the_line_is_away_and_are_gone_with_the_call() {
    let sent = keys_sent(Input::Link { link: Link::Up, why: "test".into() });
    assert_eq!(sent.iter().map(|(_, key)| *key).collect::<String>(), "12345");
    assert!(sent.iter().all(|(at, _)| !(300..5_000).contains(at)), "{sent:?}");
    assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 250), "one after the other: {sent:?}");
    assert!(sent.last().unwrap().0 < 7_000, "{sent:?}");
    for end in [
        Input::RemoteHangup,
        Input::HangupRequested { by: "test".into() },
        Input::Lost { why: "test".into() },
    ] {
        let sent = keys_sent(end);
        assert!(!sent.is_empty() && sent.iter().all(|(at, _)| *at < 300), "{sent:?}");
    }
}
