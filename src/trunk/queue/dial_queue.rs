//! Who may dial next on a trunk with limits. Pure: time is an argument, and nothing is woken here.
//!
//! Calls pass in the order in which they came, except that a call which is not ready to dial yet (its prompts
//! are being made) does not hold up others. Calls per second are spread evenly: with 2 per second, there are 500 ms
//! between two dial requests, so no window of a second ever holds more.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What a trunk can take. The default has no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Calls at the same time.
    pub calls: Option<usize>,
    /// Dial requests per second, above 0.
    pub per_second: Option<f64>,
    /// Calls that may wait; more are refused.
    pub queue: usize,
    /// A call that has waited for so long is given up.
    pub queue_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: None, per_second: None, queue: 100, queue_timeout: Duration::from_secs(60) }
    }
}

impl Limits {
    /// The least time between two dial requests.
    fn spacing(&self) -> Duration {
        let rate = self.per_second.filter(|rate| rate.is_finite() && *rate > 0.0);
        rate.map_or(Duration::ZERO, |rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX))
    }
}

/// The queue of a trunk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its queue of {waiting} is full")]
pub struct QueueFull {
    pub waiting: usize,
}

/// What a call in the queue may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Dial: a line is taken.
    Dial,
    /// Ask again at `again`, or when woken.
    Wait {
        /// Calls that dial first.
        ahead: usize,
        again: Instant,
    },
    /// It has waited too long, and is out of the queue.
    TooLate,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: u64,
    since: Instant,
    ready: bool,
}

#[derive(Debug)]
pub(super) struct DialQueue {
    limits: Limits,
    busy: usize,
    waiting: VecDeque<Waiting>,
    next_id: u64,
    next_dial: Option<Instant>,
    /// The carrier asked to be left alone.
    held_until: Option<Instant>,
}

/// How often a call near the front of the queue looks where it stands.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// When a call looks again: the farther back it stands the later, so that a long queue costs little. The one
/// whose turn has come is woken.
fn look_again(ahead: usize) -> Duration {
    LOOK_AGAIN * u32::try_from(1 + ahead / 50).unwrap_or(u32::MAX)
}

impl DialQueue {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, busy: 0, waiting: VecDeque::new(), next_id: 0, next_dial: None, held_until: None }
    }

    /// Takes a place at the end of the queue. A trunk without limits has no queue to be full.
    pub(super) fn enter(&mut self, now: Instant) -> Result<u64, QueueFull> {
        let waiting = self.waiting.len();
        let is_held = self.held_until.is_some_and(|until| until > now);
        let is_limited = self.limits.calls.is_some() || self.limits.per_second.is_some() || is_held;
        // Those who can dial at once do not wait, however short the queue may be.
        let passes = self.ahead(now).is_none() && waiting == 0;
        if is_limited && !passes && waiting >= self.limits.queue {
            return Err(QueueFull { waiting });
        }
        self.next_id += 1;
        self.waiting.push_back(Waiting { id: self.next_id, since: now, ready: false });
        Ok(self.next_id)
    }

    /// How many dial before a call that came now; `None` when nothing keeps it from dialling at once.
    pub(super) fn ahead(&self, now: Instant) -> Option<usize> {
        let waiting = self.waiting.len();
        let line_free = self.limits.calls.is_none_or(|calls| self.busy + waiting < calls);
        let paced = self.next_dial.is_some_and(|at| at > now);
        (!line_free || paced).then_some(waiting)
    }

    /// Call `id` is ready to dial and asks whether it may.
    pub(super) fn ask(&mut self, id: u64, now: Instant) -> Answer {
        let Some(at) = self.position(id) else {
            return Answer::TooLate;
        };
        self.waiting[at].ready = true;
        let ahead = self.waiting.iter().take(at).filter(|w| w.ready).count();
        let line_free = self.limits.calls.is_none_or(|calls| self.busy < calls);
        let paced = self.next_dial.filter(|at| *at > now);
        if ahead == 0 && line_free && paced.is_none() {
            self.waiting.remove(at);
            self.busy += 1;
            self.next_dial = Some(now + self.limits.spacing().min(self.limits.queue_timeout));
            self.held_until = None;
            return Answer::Dial;
        }
        let due = self.waiting[at].since + self.limits.queue_timeout;
        if due <= now {
            self.waiting.remove(at);
            return Answer::TooLate;
        }
        let again = match paced {
            Some(paced) if ahead == 0 && line_free => paced,
            _ => now + look_again(ahead),
        };
        Answer::Wait { ahead, again: again.min(due) }
    }

    /// Where call `id` stands: numbers ascend from the front.
    fn position(&self, id: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |w| w.id).ok()
    }

    /// Call `id` gives up its place.
    pub(super) fn leave(&mut self, id: u64) {
        if let Some(at) = self.position(id) {
            self.waiting.remove(at);
        }
    }

    /// The carrier takes no call before `until`.
    pub(super) fn hold(&mut self, until: Instant) {
        self.next_dial = self.next_dial.max(Some(until));
        self.held_until = self.held_until.max(Some(until));
    }

    /// Call `id`, which has waited since `since`, was let through and not taken: it stands where it stood.
    pub(super) fn put_back(&mut self, id: u64, since: Instant) {
        let at = self.waiting.partition_point(|w| w.id < id);
        self.waiting.insert(at, Waiting { id, since, ready: true });
    }

    /// A call that dialled is over.
    pub(super) const fn release(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    /// Who should ask next, if anybody is ready to.
    pub(super) fn next_in_line(&self) -> Option<u64> {
        self.waiting.iter().find(|w| w.ready).map(|w| w.id)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn busy(&self) -> usize {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn queue(limits: Limits) -> (DialQueue, Instant) {
        (DialQueue::new(limits), Instant::now())
    }

    #[test]
    fn the_third_call_of_a_trunk_with_two_lines_waits_for_the_first_to_end() {
        let (mut queue, now) = queue(Limits { calls: Some(2), ..Limits::default() });
        let ids: Vec<u64> = (0..4).map(|_| queue.enter(now).expect("room")).collect();
        let answers: Vec<Answer> = ids.iter().map(|id| queue.ask(*id, now)).collect();
        assert_eq!(answers[..2], [Answer::Dial, Answer::Dial]);
        assert!(matches!(answers[2], Answer::Wait { ahead: 0, .. }));
        assert!(matches!(answers[3], Answer::Wait { ahead: 1, .. }));
        queue.release();
        assert_eq!(queue.next_in_line(), Some(ids[2]));
        assert!(matches!(queue.ask(ids[3], now), Answer::Wait { ahead: 1, .. }), "the third comes first");
        assert_eq!(queue.ask(ids[2], now), Answer::Dial);
    }

    #[test]
    fn a_call_whose_prompts_are_not_ready_holds_up_nobody() {
        let (mut queue, now) = queue(Limits { calls: Some(1), ..Limits::default() });
        let (slow, quick) = (queue.enter(now).expect("room"), queue.enter(now).expect("room"));
        assert_eq!(queue.ask(quick, now), Answer::Dial);
        assert!(matches!(queue.ask(slow, now), Answer::Wait { ahead: 0, .. }));
    }

    #[test]
    fn calls_per_second_are_spread_evenly() {
        let (mut queue, start) = queue(Limits { per_second: Some(4.0), ..Limits::default() });
        let mut dialled = Vec::new();
        let ids: Vec<u64> = (0..9).map(|_| queue.enter(start).expect("room")).collect();
        let mut now = start;
        for id in ids {
            loop {
                match queue.ask(id, now) {
                    Answer::Dial => break dialled.push((now - start).as_millis()),
                    Answer::Wait { again, .. } => now = again,
                    Answer::TooLate => panic!("nobody waits for a minute"),
                }
            }
        }
        assert_eq!(dialled, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000]);
    }

    #[test]
    fn while_the_carrier_asks_to_wait_calls_queue_and_the_one_it_sent_back_is_first() {
        let (mut queue, start) = queue(Limits { queue: 2, ..Limits::default() });
        let first = queue.enter(start).expect("room");
        assert_eq!(queue.ask(first, start), Answer::Dial);
        let later = queue.enter(start).expect("room");
        queue.release();
        queue.hold(start + Duration::from_secs(3));
        queue.put_back(first, start);
        assert_eq!(queue.ahead(start), Some(2));
        assert_eq!(queue.enter(start), Err(QueueFull { waiting: 2 }), "as when all lines are busy");
        assert!(matches!(queue.ask(later, start), Answer::Wait { ahead: 1, .. }));
        let Answer::Wait { ahead: 0, again } = queue.ask(first, start) else { panic!("it must wait") };
        assert_eq!(again, start + Duration::from_secs(3));
        assert_eq!(queue.ask(first, again), Answer::Dial);
        assert_eq!(queue.ask(later, again), Answer::Dial);
        queue.hold(again + Duration::from_secs(600));
        let third = queue.enter(again).expect("room");
        assert!(matches!(queue.ask(third, again), Answer::Wait { .. }));
        assert_eq!(queue.ask(third, again + queue.limits.queue_timeout), Answer::TooLate);
    }

    #[test]
    fn a_full_queue_refuses_and_a_call_that_waited_too_long_is_out() {
        let limits = Limits { calls: Some(1), queue: 1, ..Limits::default() };
        let (mut queue, now) = queue(limits);
        let first = queue.enter(now).expect("a free line needs no queue");
        assert_eq!(queue.ask(first, now), Answer::Dial);
        let second = queue.enter(now).expect("room for one");
        assert_eq!(queue.enter(now), Err(QueueFull { waiting: 1 }));
        assert!(matches!(queue.ask(second, now), Answer::Wait { .. }));
        assert_eq!(queue.ask(second, now + limits.queue_timeout), Answer::TooLate);
        assert_eq!(queue.waiting(), 0);
    }

    proptest! {
        /// However calls come, end and give up: never more lines than there are, and first come, first served.
        #[test]
        fn lines_are_never_overbooked_and_nobody_jumps_the_queue(
            steps in prop::collection::vec((0..4_u8, 0..2_000_u64), 1..120),
            lines in 1_usize..4,
        ) {
            let limits = Limits { calls: Some(lines), per_second: Some(5.0), queue: 50, ..Limits::default() };
            let (mut queue, mut now) = queue(limits);
            let mut line: VecDeque<u64> = VecDeque::new();
            let mut last: Option<Instant> = None;
            for (what, ms) in steps {
                now += Duration::from_millis(ms / 8);
                match what {
                    0 => line.extend(queue.enter(now).ok()),
                    1 if queue.busy() > 0 => queue.release(),
                    2 => if let Some(id) = line.pop_back() { queue.leave(id) },
                    _ => {}
                }
                let asked: Vec<u64> = line.iter().copied().collect();
                for id in asked {
                    match queue.ask(id, now) {
                        Answer::Dial => {
                            prop_assert_eq!(line.pop_front(), Some(id));
                            prop_assert!(last.is_none_or(|last| now - last >= Duration::from_millis(200)));
                            last = Some(now);
                        }
                        Answer::Wait { again, .. } => prop_assert!(again > now),
                        Answer::TooLate => line.retain(|waiting| *waiting != id),
                    }
                }
                prop_assert!(queue.busy() <= lines);
                prop_assert_eq!(queue.waiting(), line.len());
            }
        }
    }
}
