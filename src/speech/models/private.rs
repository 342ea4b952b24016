//! Files that nobody but their owner reads.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Readable and writable for the owner alone, as everything is that the server keeps.
pub(in crate::speech) const MODE: u32 = 0o600;

/// An empty file at `path`, whatever was there.
pub(in crate::speech) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(MODE).open(path)
}
