//! Unpacks uploaded archives, with limits before and during unpacking.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::Check;
use super::refused::{Refused, refused};
use crate::speech::file;

/// Most files in a bundle.
const MOST_FILES: usize = 500;
/// Most bytes of all files of a bundle, unpacked.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Faults that are told of one zip.
const MOST_FAULTS: usize = 20;
/// Begins the entry of a file in a zip's directory.
const ENTRY: &[u8] = b"PK\x01\x02";
/// Length of such an entry without its name and what else varies.
const ENTRY_BYTES: usize = 46;

/// The files in a zip by their paths.
pub(super) fn files(bytes: &[u8], check: &Check) -> Result<BTreeMap<String, Vec<u8>>, Refused> {
    let broken = |error: zip::result::ZipError| {
        Refused::Bundle(format!("the zip cannot be read ({error}); pack it again"))
    };
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if zip.len() > MOST_FILES {
        return refused(format!(
            "the zip holds {} files, more than {MOST_FILES}; leave out what the flow does not play",
            zip.len()
        ));
    }
    if let Some(name) = named_twice(bytes, zip.central_directory_start()) {
        return refused(twice(&String::from_utf8_lossy(name)));
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut room = MOST_BYTES;
    // Everything that is wrong is told at once.
    let mut faults: Vec<String> = Vec::new();
    for at in 0..zip.len() {
        if check.is_stopped() {
            return refused("the upload was given up");
        }
        let entry = zip.by_index(at).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        if entry.is_dir() || is_litter(&name) {
            continue;
        }
        let path = match inside(&entry, &name) {
            Ok(path) => path,
            Err(fault) => {
                faults.push(fault.to_string());
                continue;
            }
        };
        let limit = room.min(file::PROMPT.bytes);
        if entry.size() > limit {
            faults.push(too_large(&name, entry.size()));
            continue;
        }
        let mut content = Vec::new();
        entry.take(limit + 1).read_to_end(&mut content).map_err(|error| {
            Refused::Bundle(format!("`{name}` cannot be unpacked ({error}); pack the zip again"))
        })?;
        // The size that the zip states is only a claim.
        if content.len() as u64 > limit {
            // One that lies about its size is not the only one, perhaps; unpacking them all would cost what the limit spares.
            faults.push(too_large(&name, content.len() as u64));
            break;
        }
        room -= content.len() as u64;
        // Two spellings of one name.
        if files.insert(path, content).is_some() {
            faults.push(twice(&name));
        }
    }
    if faults.is_empty() { Ok(files) } else { refused(faults[..faults.len().min(MOST_FAULTS)].join("; ")) }
}

/// A name that stands twice in the zip's directory. The reader keeps the last of them, other programs the first: who
/// looked at the one would run the other.
fn named_twice(bytes: &[u8], directory: u64) -> Option<&[u8]> {
    let mut rest = bytes.get(usize::try_from(directory).ok()?..)?;
    let mut seen = BTreeSet::new();
    while rest.starts_with(ENTRY) {
        let length =
            |at: usize| Some(usize::from(u16::from_le_bytes(rest.get(at..at + 2)?.try_into().ok()?)));
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let name = rest.get(ENTRY_BYTES..ENTRY_BYTES + name)?;
        if !seen.insert(name) {
            return Some(name);
        }
        rest = rest.get(ENTRY_BYTES + name.len() + extra + comment..)?;
    }
    None
}

fn twice(name: &str) -> String {
    format!("the zip holds `{}` twice; pack it again", shown(name))
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// What packers add by themselves.
fn is_litter(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name.ends_with(".DS_Store") || name.ends_with("Thumbs.db")
}

/// An entry's path, if it stays below the folder it is unpacked to and is a file.
fn inside<R: Read>(entry: &zip::read::ZipFile<'_, R>, name: &str) -> Result<String, Refused> {
    if entry.is_symlink() {
        return refused(format!("`{name}` is a link; put the file itself into the zip"));
    }
    if entry.encrypted() {
        return refused(format!("`{name}` is encrypted; pack the zip without a password"));
    }
    let plain = !name.contains(['\\', '\0', ':'])
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && name.len() <= 300;
    if !plain {
        let name = shown(name);
        return refused(format!(
            "the path `{name}` leads out of the bundle; pack the zip in the flow's own folder"
        ));
    }
    Ok(name.to_owned())
}

fn too_large(name: &str, bytes: u64) -> String {
    format!(
        "`{name}` has {} MiB unpacked; a file may have {} MiB and a bundle {} MiB",
        bytes / 1024 / 1024,
        file::PROMPT.bytes / 1024 / 1024,
        MOST_BYTES / 1024 / 1024
    )
}
