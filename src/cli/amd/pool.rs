//! The same work for every case, on all cores, with a progress bar.

use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget};
use parking_lot::Mutex;

/// The result of `work` for each of `items`, in their order.
pub(super) fn over<T: Sync, R: Send>(
    items: &[T],
    jobs: Option<usize>,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = jobs.unwrap_or(cores).clamp(1, items.len().max(1));
    let bar = ProgressBar::new(items.len() as u64);
    if !super::shows_progress() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, item)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|at| items.get(at).map(|item| (at, item)))
                {
                    let result = work(item);
                    done.lock().push((at, result));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut done = done.into_inner();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_their_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(super::over(&items, Some(4), |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(super::over(&[] as &[usize], None, |n| *n).is_empty());
    }
}
