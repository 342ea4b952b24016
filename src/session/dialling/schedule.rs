//! When a call is to be dialled: decisions without a clock.

/// What a time says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum When {
    Now,
    /// At this time, ms since 1970.
    Later(i64),
    /// It is too late for it.
    Expired,
}

/// When a call is to be dialled that may start at `start_ms` and not from `expires_ms` on, seen at `now_ms`.
pub(in crate::session) fn when(start_ms: Option<i64>, expires_ms: Option<i64>, now_ms: i64) -> When {
    if expires_ms.is_some_and(|expires| expires <= now_ms) {
        return When::Expired;
    }
    match start_ms {
        Some(start) if start > now_ms => When::Later(start),
        Some(_) | None => When::Now,
    }
}

/// How loaded a trunk and the server are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::session) struct Load {
    /// Lines of the trunk in use.
    pub(in crate::session) busy: usize,
    /// Calls in the trunk's queue.
    pub(in crate::session) waiting: usize,
    /// Lines the trunk has, if limited.
    pub(in crate::session) lines: Option<usize>,
    /// Dial requests per second that the trunk takes, if limited.
    pub(in crate::session) per_second: Option<f64>,
    /// Calls of the server.
    pub(in crate::session) running: usize,
    /// Calls that the server may run.
    pub(in crate::session) most: usize,
}

impl Load {
    /// How many planned calls may begin now. They begin when they can be dialled, so that they wait in the
    /// plan, where a restart does not end them; an eighth of the server stays free for those who ask now and
    /// for calls that come in.
    pub(in crate::session) fn room(&self) -> usize {
        let lines = self.lines.map_or(usize::MAX, |lines| lines.saturating_sub(self.busy + self.waiting));
        // With a second's worth of calls in the trunk's queue its pace is kept without a gap.
        let paced = self
            .per_second
            .map_or(usize::MAX, |rate| (rate.max(0.0).ceil() as usize).max(1).saturating_sub(self.waiting));
        let server = (self.most - self.most / 8).saturating_sub(self.running);
        lines.min(paced).min(server)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FREE: Load = Load { busy: 0, waiting: 0, lines: None, per_second: None, running: 0, most: 80 };

    #[test]
    fn a_call_waits_for_its_time_and_not_beyond_its_end() {
        assert_eq!(when(None, None, 1_000), When::Now);
        assert_eq!(when(Some(2_000), None, 1_000), When::Later(2_000));
        assert_eq!(when(Some(1_000), None, 1_000), When::Now);
        assert_eq!(when(Some(500), Some(1_500), 1_000), When::Now, "late, but not too late");
        assert_eq!(when(Some(500), Some(1_000), 1_000), When::Expired);
        assert_eq!(when(Some(2_000), Some(900), 1_000), When::Expired);
    }

    #[test]
    fn planned_calls_begin_as_lines_come_free_and_leave_some_of_the_server_alone() {
        assert_eq!(FREE.room(), 70);
        assert_eq!(Load { lines: Some(10), busy: 7, waiting: 1, ..FREE }.room(), 2);
        assert_eq!(Load { lines: Some(10), busy: 10, ..FREE }.room(), 0);
        assert_eq!(Load { per_second: Some(2.5), waiting: 1, ..FREE }.room(), 2);
        assert_eq!(Load { per_second: Some(0.2), ..FREE }.room(), 1, "a slow trunk dials, too");
        assert_eq!(Load { running: 70, ..FREE }.room(), 0);
        assert_eq!(Load { most: 1, ..FREE }.room(), 1, "a server of one line dials, too");
    }

    proptest! {
        #[test]
        fn what_begins_never_exceeds_what_there_is(
            busy in 0..50_usize, waiting in 0..50_usize, lines in 1..50_usize, running in 0..300_usize,
            most in 1..300_usize,
        ) {
            let load = Load { busy, waiting, lines: Some(lines), per_second: None, running, most };
            let room = load.room();
            prop_assert!(room == 0 || busy + waiting + room <= lines);
            prop_assert!(room == 0 || running + room <= most);
        }

        #[test]
        fn a_call_is_dialled_only_between_its_times(
            start in proptest::option::of(0..100_i64), expires in proptest::option::of(0..100_i64), now in 0..100_i64,
        ) {
            match when(start, expires, now) {
                When::Now => {
                    prop_assert!(start.is_none_or(|start| start <= now));
                    prop_assert!(expires.is_none_or(|expires| now < expires));
                }
                When::Later(at) => prop_assert!(at > now && Some(at) == start),
                When::Expired => prop_assert!(expires.is_some_and(|expires| expires <= now)),
            }
        }
    }
}
