//! Versions on disk: a folder per digest, written once and never changed.

use std::fs;
use std::path::{Path, PathBuf};

use callcore::audio::wav;

use super::{Error, Stored, Usable, bundle_of_file};

/// The flow's text in its folder.
/// No flow that it calls can have this name.
const FLOW_FILE: &str = "+flow.yaml";

/// Writes a version into its folder below `root`, unless it is there. A half-written one never has the name
/// of a version: it is written beside and then renamed.
pub(super) fn keep(root: &Path, usable: &Usable) -> Result<(), Error> {
    let folder = root.join(&usable.digest);
    if folder.join(FLOW_FILE).is_file() {
        return Ok(());
    }
    let beside = root.join(format!(".{}-{}", usable.digest, std::process::id()));
    let failed = |source| Error::Keep { path: root.to_owned(), source };
    write(&beside, usable).and_then(|()| fs::rename(&beside, &folder)).or_else(|error| {
        drop(fs::remove_dir_all(&beside));
        // Somebody else has just written the same version.
        if folder.join(FLOW_FILE).is_file() { Ok(()) } else { Err(failed(error)) }
    })
}

fn write(folder: &Path, usable: &Usable) -> std::io::Result<()> {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder)?;
    for (path, text) in &usable.around.called {
        fs::write(folder.join(path), text)?;
    }
    let below = |path: &String, bytes: &[u8]| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)
    };
    for (path, samples) in &usable.around.sounds {
        below(path, &wav::write_8k(&[samples]))?;
    }
    for (path, picture) in &usable.around.pictures {
        below(path, &picture.file)?;
    }
    let text = folder.join(FLOW_FILE);
    fs::write(&text, &usable.text)?;
    fs::File::open(text)?.sync_all()
}

/// Where the text of a version lies.
pub(super) fn text_file(root: &Path, digest: &str) -> PathBuf {
    root.join(digest).join(FLOW_FILE)
}

/// Reads a version and makes sure that it still says what its digest says.
pub(super) fn load(root: &Path, name: &str, wanted: &str) -> Result<Stored, Error> {
    let damaged =
        |reason: String| Error::Damaged { name: name.to_owned(), digest: wanted.to_owned(), reason };
    let file = text_file(root, wanted);
    let (usable, findings) = bundle_of_file(&file).map_err(|error| damaged(error.to_string()))?;
    let Some(usable) = usable else {
        let first = findings.first().map(|finding| finding.message.clone());
        return Err(damaged(first.unwrap_or_else(|| "it has errors".to_owned())));
    };
    if usable.digest != wanted {
        return Err(damaged("its files were changed".to_owned()));
    }
    let pictures = usable.pictures();
    Ok(Stored { flow: usable.flow, digest: usable.digest, file, folder: root.join(wanted), pictures })
}

#[cfg(test)]
mod tests {
    use super::super::{Bundle, Check};
    use super::*;

    #[test]
    fn a_version_that_was_changed_on_disk_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let text = "flow: a\nstart: s\nscenes: { s: [ hangup ] }\n";
        let usable =
            Bundle::read(text.as_bytes(), &Check::default()).unwrap().check(&Check::default()).unwrap();
        keep(root.path(), &usable).unwrap();
        keep(root.path(), &usable).unwrap();
        assert_eq!(load(root.path(), "a", &usable.digest).unwrap().flow.name(), "a");
        fs::write(text_file(root.path(), &usable.digest), text.replace("hangup", "hangup: x")).unwrap();
        let error = load(root.path(), "a", &usable.digest).unwrap_err().to_string();
        assert!(error.contains("its files were changed") && error.contains("upload it again"), "{error}");
    }
}
