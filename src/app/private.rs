//! Keeps the files of calls private on this machine. New files get their mode from the process's umask; those of earlier
//! versions are corrected at start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// From now on this process makes files and folders for their owner only.
pub(super) fn keep_new_files_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Takes everybody else's rights to these folders and all that is in them away.
pub(super) fn keep_private(folders: &[PathBuf]) {
    let mut changed = 0;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let mut waiting = vec![folder.clone()];
        while let Some(path) = waiting.pop() {
            match keep_one(&path, &mut waiting) {
                Ok(was_open) => changed += usize::from(was_open),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "others on this machine may read this; chmod it");
                }
            }
        }
    }
    if changed > 0 {
        tracing::info!(changed, "recordings, speech and versions that others could read are private now");
    }
}

/// Whether it was open to others. What is in it, if it is a folder, is added to `waiting`.
fn keep_one(path: &Path, waiting: &mut Vec<PathBuf>) -> std::io::Result<bool> {
    let about = fs::symlink_metadata(path)?;
    let mode = if about.is_dir() {
        for entry in fs::read_dir(path)? {
            waiting.push(entry?.path());
        }
        FOLDER
    } else if about.is_file() {
        FILE
    } else {
        return Ok(false);
    };
    let open = about.permissions().mode() & 0o077 != 0;
    if open {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_open_to_others_is_private_afterwards_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("recordings"), folder.path().join("elsewhere.wav"));
        fs::create_dir_all(inside.join("deeper")).unwrap();
        for path in [inside.join("a.wav"), inside.join("deeper/b.wav"), outside.clone()] {
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(&inside, Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link.wav")).unwrap();
        keep_private(&[inside.clone(), folder.path().join("none")]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inside), mode(&inside.join("deeper"))), (0o700, 0o700));
        assert_eq!((mode(&inside.join("a.wav")), mode(&inside.join("deeper/b.wav"))), (0o600, 0o600));
        assert_eq!(mode(&outside), 0o644);
    }
}
