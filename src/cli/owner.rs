//! Files of a server belong to the user it runs as, also where root makes them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::bail;

/// Refuses to open a database as root that is somebody else's, or would lie in a folder that is theirs alone: what root makes there, the
/// service could not open. A folder that others may read, such as a checkout that a container mounts, is left to whoever works in it.
///
/// # Errors
/// When it is somebody else's.
pub(super) fn leave_to_owner(database: &Path) -> anyhow::Result<()> {
    let here = Path::new(".");
    let mut above = database.ancestors().map(|path| if path.as_os_str().is_empty() { here } else { path });
    let found = above.find_map(|path| Some((path, path.metadata().ok()?)));
    let Some((place, about)) = found else { return Ok(()) };
    if is_refused(rustix::process::geteuid().as_raw(), &about) {
        let owner = about.uid();
        bail!(
            "{} belongs to another user ({owner}), and what root makes there that user could not open; run the command as that user: \
             `sudo -u '#{owner}' dering …`, where the package was installed `sudo -u dering dering …`",
            place.display()
        );
    }
    Ok(())
}

fn is_refused(runs_as: u32, about: &Metadata) -> bool {
    stranger(runs_as, about.uid()) && (about.is_file() || is_private(about.mode()))
}

const fn stranger(runs_as: u32, owner: u32) -> bool {
    runs_as == 0 && owner != 0
}

/// Whether others may not list a folder of this mode.
const fn is_private(mode: u32) -> bool {
    mode & 0o004 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_leaves_alone_what_is_not_its_own() {
        assert!(stranger(0, 997));
        assert!(!stranger(0, 0) && !stranger(997, 997) && !stranger(997, 0));
        assert!(is_private(0o040_750) && is_private(0o040_700));
        assert!(!is_private(0o040_755), "a checkout in a container is nobody's alone");
        leave_to_owner(&tempfile::tempdir().unwrap().path().join("data/dering.db")).unwrap();
    }
}
