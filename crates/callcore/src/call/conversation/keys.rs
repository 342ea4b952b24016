//! Keys that we press: one after the other on every wire, because a carrier or a telephone that gets them all at
//! once plays one of them. What waits is gone with the call.

use std::collections::VecDeque;

use crate::clock::CallTime;

/// How long a key sounds, ms.
const LENGTH_MS: u32 = 200;
/// Silence between two keys, ms: the carriers' documents ask for about 50, and a timer may be late.
const GAP_MS: u64 = 70;
/// Keys that may wait; a minute of them.
const MAX_WAITING: usize = 250;

/// The keys of one call that are still to be pressed.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<char>,
    /// When the last one, and the silence after it, are over.
    free_at: CallTime,
}

/// A key to press now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) digit: char,
    pub(super) duration_ms: u32,
}

impl Keys {
    /// Takes keys behind those that wait; how many found no room.
    pub(super) fn press(&mut self, keys: &str) -> usize {
        let mut keys = keys.chars();
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(keys.by_ref().take(room));
        keys.count()
    }

    /// The key that is due, if any.
    pub(super) fn poll(&mut self, now: CallTime) -> Option<Key> {
        if self.free_at > now {
            return None;
        }
        let digit = self.waiting.pop_front()?;
        self.free_at = now + u64::from(LENGTH_MS) + GAP_MS;
        Some(Key { digit, duration_ms: LENGTH_MS })
    }

    /// When [`Self::poll`] has something to give.
    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        (!self.waiting.is_empty()).then_some(self.free_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However keys are asked for and however late the timers are: all of them, in order, and none before the
        /// one before it has sounded and 50 ms have passed.
        #[test]
        fn keys_go_out_one_after_the_other(
            asked in prop::collection::vec(("[0-9*#A-D]{0,9}", 0_u64..900), 1..20),
            late_ms in 0_u64..400,
        ) {
            let (mut keys, mut now) = (Keys::default(), CallTime::ZERO);
            let (mut wanted, mut pressed) = (String::new(), Vec::new());
            let mut run = |keys: &mut Keys, now: &mut CallTime, until: Option<CallTime>| {
                while let Some(due) = keys.poll_timeout().filter(|due| until.is_none_or(|until| *due <= until)) {
                    *now = (*now).max(due) + late_ms;
                    pressed.extend(keys.poll(*now).map(|key| (*now, key)));
                }
            };
            for (more, wait) in asked {
                wanted.push_str(&more);
                prop_assert_eq!(keys.press(&more), 0);
                let until = now + wait;
                run(&mut keys, &mut now, Some(until));
                now = now.max(until);
            }
            run(&mut keys, &mut now, None);
            let digits: String = pressed.iter().map(|(_, key)| key.digit).collect();
            prop_assert_eq!(digits, wanted);
            for pair in pressed.windows(2) {
                let gap = pair[1].0.ms_since(pair[0].0) - u64::from(pair[0].1.duration_ms);
                prop_assert!(gap >= 50);
            }
        }
    }

    #[test]
    fn two_keys_asked_for_at_once_lie_a_tone_and_a_short_silence_apart() {
        let mut keys = Keys::default();
        assert_eq!(keys.press("12"), 0);
        let now = CallTime::from_ms(1_000);
        assert_eq!(keys.poll(now), Some(Key { digit: '1', duration_ms: 200 }));
        assert_eq!(keys.poll(now), None);
        let due = keys.poll_timeout().expect("another waits");
        assert!((250..=300).contains(&due.ms_since(now)), "{}", due.ms_since(now));
        assert_eq!(keys.poll(due).map(|key| key.digit), Some('2'));
        assert_eq!(keys.poll_timeout(), None);
    }

    #[test]
    fn more_keys_than_may_wait_are_counted() {
        let mut keys = Keys::default();
        assert_eq!(keys.press(&"1".repeat(MAX_WAITING + 3)), 3);
    }
}
