//! Work over recordings with a progress bar.

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::trials::Pool;

/// The result of `work` for each of `items`, in their order.
pub(super) fn over<T: Sync, R: Send>(
    items: &[T],
    jobs: Option<usize>,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    with_bar(jobs, |pool| pool.over(items, work)).unwrap_or_default()
}

/// Does `work`, and shows how far it is.
pub(super) fn with_bar<R>(jobs: Option<usize>, work: impl FnOnce(&Pool<'_>) -> R) -> R {
    let bar = ProgressBar::new(0);
    if !super::shows_progress() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let begins = |items: usize| {
        bar.set_length(items as u64);
        bar.set_position(0);
    };
    let step = || {
        bar.inc(1);
        true
    };
    let result = work(&Pool { threads: jobs, begins: &begins, step: &step });
    bar.finish_and_clear();
    result
}
