//! The catalog of flows: a folder of YAML files, found by name, each with the digest of its text.
//!
//! A catalog is a snapshot. Whoever reloads the folder makes a new one; a call under way keeps the
//! [`Stored`] flow it began with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::flow::{self, Diagnostic, Flow, Severity};
use sha2::{Digest as _, Sha256};

/// Why a folder or a flow cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("there is no flow `{name}`; {known}")]
    Unknown { name: String, known: String },
    #[error("the flow `{name}` has errors; `dering flow check {}` shows them", file.display())]
    Broken { name: String, file: PathBuf },
}

/// A flow as it lies on disk.
#[derive(Debug)]
pub struct Stored {
    pub flow: Arc<Flow>,
    /// SHA-256 of the file's bytes in lower-case hexadecimal: the version a call ran.
    pub digest: String,
    pub file: PathBuf,
    /// Where the audio files that the flow names begin.
    pub folder: PathBuf,
}

/// One flow file and what was found in it.
#[derive(Debug)]
pub struct Checked {
    pub file: PathBuf,
    /// The flow, unless there are errors.
    pub stored: Option<Stored>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The flows of one folder.
#[derive(Debug, Default)]
pub struct Catalog {
    flows: BTreeMap<String, Arc<Stored>>,
    /// Files with errors, by their name without the ending.
    broken: BTreeMap<String, PathBuf>,
}

impl Catalog {
    /// Reads every flow file directly in `folder`. A broken file costs only itself: it is left out and
    /// its findings are handed back with the rest.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Error> {
        let mut catalog = Self::default();
        let mut findings = Vec::new();
        for file in flow_files(folder)? {
            let mut checked = check_file(&file)?;
            findings.append(&mut checked.diagnostics);
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Some(stored) = checked.stored else {
                catalog.broken.insert(stem, file);
                continue;
            };
            let name = stored.flow.name().to_owned();
            match catalog.flows.get(&name) {
                Some(first) => {
                    findings.push(same_name(&file, &name, &first.file));
                    catalog.broken.insert(stem, file);
                }
                None => {
                    catalog.flows.insert(name, Arc::new(stored));
                }
            }
        }
        Ok((catalog, findings))
    }

    /// The flow called `name`.
    ///
    /// # Errors
    /// There is none, or its file has errors.
    pub fn find(&self, name: &str) -> Result<Arc<Stored>, Error> {
        if let Some(stored) = self.flows.get(name) {
            return Ok(Arc::clone(stored));
        }
        if let Some(file) = self.broken.get(name) {
            return Err(Error::Broken { name: name.to_owned(), file: file.clone() });
        }
        let names: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        let known = if names.is_empty() {
            "the catalog is empty".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        Err(Error::Unknown { name: name.to_owned(), known })
    }

    /// The names of the usable flows, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flows.keys().map(String::as_str)
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
    let name = file.display().to_string();
    let text = match read_text(file)? {
        Ok(text) => text,
        Err(finding) => {
            return Ok(Checked { file: file.to_owned(), stored: None, diagnostics: vec![finding] });
        }
    };
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let beside = |name: &str| read_text(&folder.join(format!("{name}.yaml"))).ok()?.ok();
    let mut parsed = flow::parse_with(&name, &text, &beside);
    parsed.check_audio(|path| folder.join(path).is_file());
    let stored = parsed.flow.map(|flow| Stored {
        flow: Arc::new(flow),
        digest: digest(&text),
        file: file.to_owned(),
        folder,
    });
    Ok(Checked { file: file.to_owned(), stored, diagnostics: parsed.diagnostics })
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
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

fn same_name(file: &Path, name: &str, first: &Path) -> Diagnostic {
    finding(
        file.display().to_string(),
        format!("the flow `{name}` is already in {}", first.display()),
        "give one of them another name".to_owned(),
    )
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
        let (catalog, findings) = Catalog::load(&shipped).unwrap();
        assert_eq!(findings, []);
        assert!(catalog.names().any(|name| name == "payment-reminder"));
        for name in catalog.names() {
            assert_eq!(catalog.find(name).unwrap().flow.name(), name);
        }
    }

    #[test]
    fn a_flow_is_found_by_its_name_with_the_digest_of_its_text() {
        let folder = folder(&[("some-file.yaml", GOOD)]);
        let (catalog, _) = Catalog::load(folder.path()).unwrap();
        let stored = catalog.find("good").unwrap();
        assert_eq!(stored.digest.len(), 64);
        assert_eq!(stored.digest, digest(std::str::from_utf8(GOOD).unwrap()));
        let missing = catalog.find("god").unwrap_err().to_string();
        assert_eq!(missing, "there is no flow `god`; there are `good`");
    }

    #[test]
    fn a_broken_file_is_left_out_and_named() {
        let folder = folder(&[("good.yaml", GOOD), ("bad.yaml", b"flow: bad\n"), ("notes.txt", b"x")]);
        let (catalog, findings) = Catalog::load(folder.path()).unwrap();
        assert_eq!(catalog.names().collect::<Vec<_>>(), ["good"]);
        assert!(findings[0].file.ends_with("bad.yaml"));
        assert!(catalog.find("bad").unwrap_err().to_string().contains("has errors"));
    }

    #[test]
    fn two_files_with_one_name_are_reported_and_the_first_stays() {
        let folder = folder(&[("a.yaml", GOOD), ("b.yaml", GOOD)]);
        let (catalog, findings) = Catalog::load(folder.path()).unwrap();
        assert!(findings[0].message.contains("already in"), "{findings:?}");
        assert!(catalog.find("good").unwrap().file.ends_with("a.yaml"));
    }

    #[test]
    fn missing_audio_is_found_where_it_is_named() {
        let missing = folder(&[("plays.yaml", PLAYS)]);
        let checked = check_file(&missing.path().join("plays.yaml")).unwrap();
        assert!(checked.stored.is_none());
        assert_eq!((checked.diagnostics[0].line, checked.diagnostics[0].column), (3, 24));
        let there = folder(&[("plays.yaml", PLAYS), ("audio/a.wav", b"RIFF")]);
        assert!(check_file(&there.path().join("plays.yaml")).unwrap().stored.is_some());
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
