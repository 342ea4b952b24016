//! Files of a server belong to the user it runs as, also where root makes them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::bail;

/// Refuses to open a database as root that is, or would lie, in a folder of somebody else: what root makes there, the service could not
/// open.
///
/// # Errors
/// When it is somebody else's.
pub(super) fn leave_to_owner(database: &Path) -> anyhow::Result<()> {
    let here = Path::new(".");
    let mut above = database.ancestors().map(|path| if path.as_os_str().is_empty() { here } else { path });
    let found = above.find_map(|path| Some((path, path.metadata().ok()?.uid())));
    let Some((place, owner)) = found else { return Ok(()) };
    if stranger(rustix::process::geteuid().as_raw(), owner) {
        bail!(
            "{} belongs to another user ({owner}), and what root makes there that user could not open; run the command as that user: \
             `sudo -u '#{owner}' dering …`, where the package was installed `sudo -u dering dering …`",
            place.display()
        );
    }
    Ok(())
}

const fn stranger(runs_as: u32, owner: u32) -> bool {
    runs_as == 0 && owner != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_leaves_alone_what_is_not_its_own() {
        assert!(stranger(0, 997));
        assert!(!stranger(0, 0) && !stranger(997, 997) && !stranger(997, 0));
        leave_to_owner(&tempfile::tempdir().unwrap().path().join("data/dering.db")).unwrap();
    }
}
