//! The step limit that rehearsals share, and the request that they stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes of text that weigh as much as a step.
const BYTES_PER_STEP: usize = 100;

/// Shared by the cases of an upload: a budget of steps, and a flag that ends them early.
#[derive(Debug)]
pub struct Effort {
    most: u64,
    left: AtomicU64,
    stopped: AtomicBool,
}

impl Effort {
    /// At most so many steps; a hundred bytes of text are one.
    #[must_use]
    pub const fn steps(most: u64) -> Self {
        Self { most, left: AtomicU64::new(most), stopped: AtomicBool::new(false) }
    }

    /// As many steps as it takes: for tests that somebody runs for himself.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self::steps(u64::MAX)
    }

    /// Ends what goes on, soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether nothing more may be done.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.is_stopped() || self.left.load(Ordering::Relaxed) == 0
    }

    /// Takes the steps that a text of so many bytes is.
    pub fn take_text(&self, bytes: usize) {
        self.take(text_steps(bytes));
    }

    pub(super) fn take(&self, steps: u64) {
        let less = |left: u64| Some(left.saturating_sub(steps));
        let _always_less = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Why a case was not run to its end.
    pub(super) fn told(&self) -> String {
        if self.is_stopped() {
            return "the tests were given up".to_owned();
        }
        format!("the tests take more than {} steps together", self.most)
    }
}

pub(super) fn text_steps(bytes: usize) -> u64 {
    (bytes / BYTES_PER_STEP) as u64
}
