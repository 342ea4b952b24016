//! Why a model is not to be had, as sentences that say what to do.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use super::import::ImportError;

/// A source that did not have a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub from: String,
    pub reason: String,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.from, self.reason)
    }
}

/// Why a model is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("no model is named {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{path} is not the published {name}: its SHA-256 is {found}, it should be {wanted}; \
         delete it and fetch it again",
        path = path.display()
    )]
    Digest { name: String, path: PathBuf, found: String, wanted: String },
    #[error("{name} cannot be fetched: {reasons}; {ways}", reasons = listed(tried))]
    Unreachable { name: String, ways: String, tried: Vec<Missed> },
    #[error("Python cannot be set up with {packages}: {reason}")]
    Python { packages: String, reason: String },
    #[error("these are not the packages that {name} is made of; it takes {known}")]
    Wheels { name: String, known: String },
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("the disk has no room for {name}: {needed} bytes are missing")]
    Full { name: String, needed: u64 },
    #[error("the list of models is wrong: {0}")]
    Manifest(#[from] serde_json::Error),
}

fn listed(tried: &[Missed]) -> String {
    let mut all = String::new();
    for (at, missed) in tried.iter().enumerate() {
        // Writing to a string cannot fail.
        let _written = write!(all, "{}{missed}", if at > 0 { "; " } else { "" });
    }
    all
}
