//! The same work for many items, on several threads, counted as it goes on and given up when nobody wants it any more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Threads, and what is told of the work.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'a> {
    /// All cores where nothing is said.
    pub(crate) threads: Option<usize>,
    /// So many items come next.
    pub(crate) begins: &'a (dyn Fn(usize) + Sync),
    /// One more is done; whether to go on.
    pub(crate) step: &'a (dyn Fn() -> bool + Sync),
}

impl Pool<'_> {
    /// The result of `work` for each of `items`, in their order; `None` when it was given up.
    pub(crate) fn over<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Option<Vec<R>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or(cores).clamp(1, items.len().max(1));
        (self.begins)(items.len());
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
        let given_up = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((at, item)) = Some(next.fetch_add(1, Ordering::Relaxed))
                        .filter(|_| !given_up.load(Ordering::Relaxed))
                        .and_then(|at| items.get(at).map(|item| (at, item)))
                    {
                        let result = work(item);
                        done.lock().push((at, result));
                        if !(self.step)() {
                            given_up.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        if given_up.into_inner() {
            return None;
        }
        let mut done = done.into_inner();
        done.sort_by_key(|(at, _)| *at);
        Some(done.into_iter().map(|(_, result)| result).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_their_items() {
        let items: Vec<usize> = (0..100).collect();
        let pool = Pool { threads: Some(4), begins: &|_| {}, step: &|| true };
        assert_eq!(pool.over(&items, |n| n * 2), Some(items.iter().map(|n| n * 2).collect::<Vec<_>>()));
        assert_eq!(pool.over(&[] as &[usize], |n| *n), Some(Vec::new()));
    }

    #[test]
    fn work_that_nobody_wants_ends_before_all_is_done() {
        let items: Vec<usize> = (0..1_000).collect();
        let (done, length) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pool = Pool {
            threads: Some(1),
            begins: &|items| length.store(items, Ordering::Relaxed),
            step: &|| done.fetch_add(1, Ordering::Relaxed) < 9,
        };
        assert_eq!(pool.over(&items, |n| *n), None);
        assert_eq!((length.into_inner(), done.into_inner()), (1_000, 10));
    }
}
