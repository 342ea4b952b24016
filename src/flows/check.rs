//! What the check of one upload may cost, however its files are made.

use std::sync::Arc;

use callcore::flow::Effort;

use crate::speech::file::Allowance;

/// Minutes of audio that are decoded of an upload, its tests' recordings included.
const MINUTES: usize = 60;
/// Steps that its tests may take together: 3,000 cases of ordinary length are a fifth.
const STEPS: u64 = 500_000;

/// The bounds of one check. It can be told to end from elsewhere.
#[derive(Clone, Debug)]
pub struct Check {
    pub(super) sounds: Arc<Allowance>,
    effort: Arc<Effort>,
}

impl Default for Check {
    fn default() -> Self {
        Self { sounds: Arc::new(Allowance::minutes(MINUTES)), effort: Arc::new(Effort::steps(STEPS)) }
    }
}

impl Check {
    /// For files of somebody's own: as much audio, and any number of steps.
    #[must_use]
    pub fn at_home() -> Self {
        Self { effort: Arc::new(Effort::unbounded()), ..Self::default() }
    }

    /// Ends it, soon.
    pub fn stop(&self) {
        self.effort.stop();
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.effort.is_stopped()
    }

    pub(super) fn effort(&self) -> &Arc<Effort> {
        &self.effort
    }
}
