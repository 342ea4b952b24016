//! What a configuration names outside itself: files, variables of the environment, flows.

use std::path::{Path, PathBuf};

/// Where the file stands and what there is around it.
pub(in crate::config) struct World<'w> {
    /// Paths are relative to it.
    pub(in crate::config) folder: &'w Path,
    pub(in crate::config) environment: &'w dyn Fn(&str) -> Option<String>,
}

impl World<'_> {
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    pub(super) fn is_set(&self, variable: &str) -> bool {
        (self.environment)(variable).is_some_and(|value| !value.trim().is_empty())
    }
}
