//! Flows: read from files and bundles, checked with their audio, kept as versions, found by name.
//!
//! A version is what its digest says and never changes; a call under way keeps the [`Stored`] version it
//! began with, whatever is uploaded meanwhile.

mod audio;
mod author;
mod bundle;
mod catalog;
mod check;
mod keeping;
mod picture;
mod refused;
mod rehearsal;
mod unpack;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::flow::{self, Diagnostic, Flow, Severity};

use self::audio::{Sounds, judged};
pub use self::author::Author;
pub use self::bundle::{Bundle, Usable, bundle_of_file, draft_of_file};
pub use self::catalog::{Added, Catalog, Described, Running};
pub use self::check::Check;
use self::picture::Picture;
pub use self::picture::Pictures;
pub use self::refused::Refused;
pub use self::rehearsal::{FileTests, TestsOfFile, listened, rehearse, tests_of_file};
use crate::store;

/// The label that points at the newest version of every flow.
pub const LATEST: &str = "latest";
/// The label that a plain name runs where it is set.
pub const PRODUCTION: &str = "production";

/// Why a folder or a flow cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("there is no flow `{name}`; {known}")]
    Unknown { name: String, known: String },
    #[error("the flow `{name}` has errors; `dering flow check {}` shows them", file.display())]
    Broken { name: String, file: PathBuf },
    #[error("the flow `{name}` has no version or label `{wanted}`; {known}")]
    UnknownVersion { name: String, wanted: String, known: String },
    #[error("`{wanted}` is the beginning of several versions of `{name}`; give more of the digest")]
    Ambiguous { name: String, wanted: String },
    #[error("`{label}` cannot be a label: {reason}")]
    Label { label: String, reason: &'static str },
    #[error("the flow `{name}` has no version before the one that runs; name the one you want")]
    NothingBefore { name: String },
    #[error("the version {digest} of the flow `{name}` cannot be used ({reason}); upload it again")]
    Damaged { name: String, digest: String, reason: String },
    #[error("the version cannot be kept in {}: {source}", path.display())]
    Keep { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A flow as it lies on disk.
#[derive(Debug)]
pub struct Stored {
    pub flow: Arc<Flow>,
    /// SHA-256 of what the flow says and plays in lower-case hexadecimal: the version a call ran.
    pub digest: String,
    pub file: PathBuf,
    /// Where the audio files that the flow names begin.
    pub folder: PathBuf,
    /// What it shows, and the flows that it calls.
    pub pictures: Pictures,
}

/// What is wrong with a file: how bad, what, and what to do.
type Finding = (Severity, String, String);

/// One flow file and what was found in it.
#[derive(Debug)]
pub struct Checked {
    pub file: PathBuf,
    /// The flow, unless there are errors.
    pub stored: Option<Stored>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The usable flows of one folder, and what is wrong with the rest.
#[derive(Debug, Default)]
pub struct Folder {
    flows: Vec<Usable>,
    /// Files with errors, by their name without the ending.
    broken: Vec<(String, PathBuf)>,
    findings: Vec<Diagnostic>,
}

impl Folder {
    /// Reads every flow file directly in `folder`. A broken file costs only itself: it is left out and
    /// its findings are handed back with the rest.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut read = Self::default();
        let mut names = Names::default();
        for file in flow_files(folder)? {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let (usable, mut findings) = bundle_of_file(&file)?;
            read.findings.append(&mut findings);
            let Some(usable) = usable else {
                read.broken.push((stem, file));
                continue;
            };
            match names.claim(&usable) {
                Some(taken) => {
                    read.findings.push(taken);
                    read.broken.push((stem, file));
                }
                None => read.flows.push(usable),
            }
        }
        Ok(read)
    }

    /// The flows that can be used.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.flows.iter().map(|usable| usable.flow.as_ref())
    }

    /// The files with errors, by their name without the ending.
    pub fn broken(&self) -> impl Iterator<Item = &str> {
        self.broken.iter().map(|(stem, _)| stem.as_str())
    }

    /// What is wrong with the files, and what may be.
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }
}

/// The flow files directly in `folder`, in order of their names.
///
/// # Errors
/// The folder cannot be read.
pub fn flow_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = yaml_files(folder)?;
    files.retain(|file| !is_test_file(file));
    Ok(files)
}

/// The files of flow tests directly in `folder`, in order of their names.
///
/// # Errors
/// The folder cannot be read.
pub fn test_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = yaml_files(folder)?;
    files.retain(|file| is_test_file(file));
    Ok(files)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file holds flow tests and no flow: its name ends in `.test.yaml`.
#[must_use]
pub fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| Path::new(stem).extension().is_some_and(|ending| ending == "test"))
}

/// Reads and checks one flow file, the audio files it names included.
///
/// # Errors
/// The file cannot be read.
pub fn check_file(file: &Path) -> Result<Checked, Error> {
    let (usable, diagnostics) = bundle_of_file(file)?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let stored = usable.map(|usable| Stored {
        pictures: usable.pictures(),
        flow: usable.flow,
        digest: usable.digest,
        file: file.to_owned(),
        folder,
    });
    Ok(Checked { file: file.to_owned(), stored, diagnostics })
}

/// What a version is made of beside its own text, by paths from the flow's folder.
#[derive(Clone, Debug, Default)]
struct Around {
    sounds: Sounds,
    pictures: BTreeMap<String, Picture>,
    /// The texts of the flows it calls.
    called: BTreeMap<String, String>,
}

/// A flow's text, checked with the audio and the pictures it names and the flows it calls; `read` hands out the bytes of a
/// file, `None` when it is not there, and `others` names those that lie around such a one.
fn check_text(
    name: &str,
    text: &str,
    check: &Check,
    read: impl FnMut(&str) -> Result<Option<Vec<u8>>, String>,
    others: impl Fn(&str) -> Vec<String>,
) -> (Option<Flow>, Around, Vec<Diagnostic>) {
    let read = RefCell::new(read);
    let called = RefCell::new(BTreeMap::new());
    let find = |stem: &str| {
        let path = format!("{stem}.yaml");
        let bytes = (read.borrow_mut())(&path).ok()?.filter(|bytes| bytes.len() <= flow::MAX_BYTES)?;
        let text = String::from_utf8(bytes).ok()?;
        called.borrow_mut().insert(path, text.clone());
        Some(text)
    };
    let mut parsed = flow::parse_with(name, text, &find);
    let mut sounds = Sounds::new();
    // A file that is played in several places is decoded once, and told of in each.
    let mut told = BTreeMap::new();
    let mut judge = |path: &str| {
        if check.is_stopped() {
            return None;
        }
        if let Some(known) = told.get(path) {
            return Option::clone(known);
        }
        let (sound, finding) = judged(path, (read.borrow_mut())(path), &check.sounds);
        if let Some(sound) = sound {
            sounds.insert(path.to_owned(), sound);
        }
        told.insert(path.to_owned(), finding.clone());
        finding
    };
    let mut pictures = BTreeMap::new();
    let mut seen: BTreeMap<String, Option<Finding>> = BTreeMap::new();
    let mut judge_picture = |path: &str| {
        if check.is_stopped() {
            return None;
        }
        if let Some(known) = seen.get(path) {
            return known.clone();
        }
        let finding = match picture::judged(path, (read.borrow_mut())(path), || others(path)) {
            Ok(picture) => {
                pictures.insert(path.to_owned(), picture);
                None
            }
            Err(finding) => Some(finding),
        };
        seen.insert(path.to_owned(), finding.clone());
        finding
    };
    let called_flows: Vec<Arc<Flow>> =
        parsed.flow.iter().flat_map(Flow::called_flows).map(Arc::clone).collect();
    parsed.check_audio(|audio| judge(&audio.path));
    parsed.check_pictures(|picture| judge_picture(&picture.path));
    for flow in called_flows {
        let heard = flow.audio_files().iter().filter_map(|audio| Some((judge(&audio.path)?, "plays")));
        let heard: Vec<_> = heard.collect();
        let seen = flow.picture_files().iter().filter_map(|file| Some((judge_picture(&file.path)?, "shows")));
        for ((severity, message, hint), does) in heard.into_iter().chain(seen) {
            let message = format!("{message}, which the called flow `{}` {does}", flow.name());
            parsed.diagnostics.push(Diagnostic { severity, ..finding(name.to_owned(), message, hint) });
            if severity == Severity::Error {
                parsed.flow = None;
            }
        }
    }
    (parsed.flow, Around { sounds, pictures, called: called.into_inner() }, parsed.diagnostics)
}

/// The text of a flow file or a file of flow tests, or why it cannot be one.
///
/// # Errors
/// The file cannot be read.
pub fn read_text(file: &Path) -> Result<Result<String, Diagnostic>, Error> {
    let failed = |source| Error::Read { path: file.to_owned(), source };
    let name = file.display().to_string();
    let size = std::fs::metadata(file).map_err(failed)?.len();
    if size > flow::MAX_BYTES as u64 {
        let message = format!("the file has {} KiB, more than a flow may have", size / 1024);
        let hint = format!("a flow has at most {} KiB: is this a flow at all?", flow::MAX_BYTES / 1024);
        return Ok(Err(finding(name, message, hint)));
    }
    Ok(String::from_utf8(std::fs::read(file).map_err(failed)?).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        let mut finding = finding(
            name,
            "the file is not UTF-8 text from this line on".to_owned(),
            "save it as UTF-8".to_owned(),
        );
        finding.line = u32::try_from(line).unwrap_or(u32::MAX);
        finding
    }))
}

/// The names of flows that files have taken.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, PathBuf>);

impl Names {
    /// Takes the name of a flow for its file, or tells which other file has it.
    pub fn claim(&mut self, usable: &Usable) -> Option<Diagnostic> {
        self.claim_for(&usable.flow, &usable.file, &usable.text)
    }

    /// The same for a flow that may have errors.
    pub fn claim_for(&mut self, flow: &Flow, path: &Path, text: &str) -> Option<Diagnostic> {
        let name = flow.name();
        let first = match self.0.get(name) {
            Some(first) if *first != path => first,
            Some(_) => return None,
            None if name.is_empty() => return None,
            None => {
                self.0.insert(name.to_owned(), path.to_owned());
                return None;
            }
        };
        let file = path.display().to_string();
        let message = format!("the flow `{name}` is already in {}", first.display());
        let taken = finding(file, message, "give one of them another name".to_owned());
        let Some((line, text)) = text.lines().enumerate().find(|(_, line)| line.starts_with("flow:")) else {
            return Some(taken);
        };
        let at = text.find(name).map_or(0, |at| text[..at].chars().count());
        let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (line, column, width) = (place(line + 1), place(at + 1), place(name.chars().count()));
        Some(Diagnostic { line, column, width, source_line: text.to_owned(), ..taken })
    }
}

/// An error about a file as a whole.
fn finding(file: String, message: String, hint: String) -> Diagnostic {
    Diagnostic {
        file,
        line: 1,
        column: 1,
        width: 1,
        severity: Severity::Error,
        message,
        hint: Some(hint),
        source_line: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use callcore::audio::tone::tone;
    use callcore::audio::wav;

    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    const GOOD: &[u8] = b"flow: good\nstart: a\nscenes: { a: [ { say: Hello } ] }\n";
    const PLAYS: &[u8] = b"flow: plays\nstart: a\nscenes: { a: [ { play: audio/a.wav } ] }\n";

    #[test]
    fn every_flow_the_project_ships_is_usable() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        let read = Folder::read(&shipped).unwrap();
        // The tour shows a transfer, which no trunk can make yet.
        let found: Vec<_> = read.findings().iter().filter(|f| !f.message.contains("transfer")).collect();
        assert!(found.is_empty(), "{found:?}");
        assert!(read.flows.iter().any(|usable| usable.flow.name() == "payment-reminder"));
        for usable in &read.flows {
            let first = usable.text.lines().next().unwrap_or_default();
            assert!(first.starts_with("# yaml-language-server: $schema="), "{}: {first}", usable.flow.name());
        }
    }

    #[test]
    fn a_broken_file_is_left_out_and_named() {
        let folder = folder(&[("good.yaml", GOOD), ("bad.yaml", b"flow: bad\n"), ("notes.txt", b"x")]);
        let read = Folder::read(folder.path()).unwrap();
        assert_eq!(read.flows.len(), 1);
        assert_eq!(read.broken[0].0, "bad");
        assert!(read.findings()[0].file.ends_with("bad.yaml"));
    }

    #[test]
    fn two_files_with_one_name_are_reported_and_the_first_stays() {
        let folder = folder(&[("a.yaml", GOOD), ("b.yaml", GOOD)]);
        let read = Folder::read(folder.path()).unwrap();
        let found = &read.findings()[0];
        assert!(found.message.contains("already in"), "{found:?}");
        assert_eq!((found.line, found.column, found.severity), (1, 7, Severity::Error));
        assert!(read.flows[0].file.ends_with("a.yaml"));
    }

    #[test]
    fn missing_audio_is_found_where_it_is_named() {
        let missing = folder(&[("plays.yaml", PLAYS)]);
        let checked = check_file(&missing.path().join("plays.yaml")).unwrap();
        assert!(checked.stored.is_none());
        assert_eq!((checked.diagnostics[0].line, checked.diagnostics[0].column), (3, 24));
        let beep = wav::write_8k(&[&tone(&[440.0], 300, -20.0)]);
        let there = folder(&[("plays.yaml", PLAYS), ("audio/a.wav", &beep)]);
        let checked = check_file(&there.path().join("plays.yaml")).unwrap();
        assert!(checked.stored.is_some() && checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    }

    #[test]
    fn audio_that_is_none_is_an_error_and_audio_that_sounds_bad_a_warning() {
        let told = |bytes: &[u8]| {
            let folder = folder(&[("plays.yaml", PLAYS), ("audio/a.wav", bytes)]);
            let checked = check_file(&folder.path().join("plays.yaml")).unwrap();
            (checked.stored.is_some(), checked.diagnostics[0].message.clone())
        };
        let (usable, message) = told(b"<html>not found</html>");
        assert!(!usable && message.contains("is not an audio file"), "{message}");
        let (usable, message) = told(&wav::write_8k(&[&[0; 8_000]]));
        assert!(usable && message.contains("is silent"), "{message}");
        let (usable, message) = told(&wav::write_8k(&[&tone(&[440.0], 300, -60.0)]));
        assert!(usable && message.contains("very quiet"), "{message}");
        let clipped: Vec<i16> = (0..8_000).map(|n| if n % 20 < 10 { i16::MAX } else { i16::MIN }).collect();
        let (usable, message) = told(&wav::write_8k(&[&clipped]));
        assert!(usable && message.contains("is clipped"), "{message}");
    }

    #[test]
    fn what_is_no_text_or_far_too_large_is_refused() {
        let folder = folder(&[("big.yaml", &vec![b'#'; 10 << 20]), ("bytes.yaml", b"flow: x\n\xff\xfe")]);
        let big = check_file(&folder.path().join("big.yaml")).unwrap();
        assert!(big.diagnostics[0].message.contains("KiB"));
        let bytes = check_file(&folder.path().join("bytes.yaml")).unwrap();
        assert_eq!(bytes.diagnostics[0].line, 2);
        assert!(check_file(&folder.path().join("none.yaml")).is_err());
    }
}
