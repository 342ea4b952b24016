//! Speech models on this machine: which there are, where they come from, whether their bytes are right.

mod fetch;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use fetch::{Fetched, Source, fetch};

/// The models that are known by name.
const MANIFEST: &str = include_str!("../../../models/manifest.json");

/// The list of known models.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The address that a model's `file` is appended to.
    pub source: String,
    pub models: Vec<Model>,
}

/// One published model.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    pub name: String,
    pub file: String,
    pub bytes: u64,
    /// Of the whole file, lower-case hex.
    pub sha256: String,
    /// `many`, or the code of the only one.
    pub languages: String,
    pub licence: String,
}

/// What is known of a model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Absent,
    /// So many bytes of it were fetched; fetching goes on from there.
    Begun(u64),
    /// There, and as long as it should be; its bytes were not read.
    Present,
    /// Its size is not the published one.
    Damaged,
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
    #[error(
        "{url} cannot be fetched: {reason}; use --mirror for another address, or --file for a copy of {file} \
         that you brought here"
    )]
    Unreachable { url: String, reason: String, file: String },
    #[error("the disk has no room for {name}: {needed} bytes are missing")]
    Full { name: String, needed: u64 },
    #[error("the list of models is wrong: {0}")]
    Manifest(#[from] serde_json::Error),
}

impl Manifest {
    /// The list that this build carries.
    ///
    /// # Errors
    /// Never in a build that passes its tests.
    pub fn built_in() -> Result<Self, ModelError> {
        Ok(serde_json::from_str(MANIFEST)?)
    }

    /// The model of this name; its file name is taken too.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn find(&self, name: &str) -> Result<&Model, ModelError> {
        self.models.iter().find(|model| model.name == name || model.file == name).ok_or_else(|| {
            let known: Vec<&str> = self.models.iter().map(|model| model.name.as_str()).collect();
            ModelError::Unknown { name: name.into(), known: known.join(", ") }
        })
    }
}

impl Model {
    /// Where it lies in `folder`.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.file)
    }

    fn part(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.part", self.file))
    }

    /// What can be told without reading it.
    #[must_use]
    pub fn state(&self, folder: &Path) -> State {
        let size = |path: PathBuf| std::fs::metadata(path).ok().map(|found| found.len());
        match (size(self.path(folder)), size(self.part(folder))) {
            (Some(bytes), _) if bytes == self.bytes => State::Present,
            (Some(_), _) => State::Damaged,
            (None, Some(bytes)) => State::Begun(bytes),
            (None, None) => State::Absent,
        }
    }

    /// Reads the whole file and compares its digest; `progress` is told of every block read.
    ///
    /// # Errors
    /// When it cannot be read, or is not the published file.
    pub fn verify(&self, folder: &Path, progress: impl FnMut(u64)) -> Result<(), ModelError> {
        self.verify_file(&self.path(folder), progress)
    }

    fn verify_file(&self, path: &Path, progress: impl FnMut(u64)) -> Result<(), ModelError> {
        let found =
            digest(path, progress).map_err(|source| ModelError::File { path: path.into(), source })?;
        if found == self.sha256 {
            return Ok(());
        }
        Err(ModelError::Digest {
            name: self.name.clone(),
            path: path.into(),
            found,
            wanted: self.sha256.clone(),
        })
    }
}

/// SHA-256 of a file, lower-case hex.
fn digest(path: &Path, mut progress: impl FnMut(u64)) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&block[..read]);
        progress(read as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_model_is_listed_whole() {
        let manifest = Manifest::built_in().expect("a manifest");
        assert!(manifest.source.starts_with("https://") && manifest.source.ends_with('/'));
        for model in &manifest.models {
            assert_eq!(model.sha256.len(), 64, "{}", model.name);
            assert!(model.sha256.bytes().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
            assert!(model.bytes > 1_000_000 && !model.file.contains('/'), "{}", model.name);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Manifest::built_in().expect("a manifest").find("huge").expect_err("unknown").to_string();
        assert!(error.contains("tiny-q5_1"), "{error}");
    }

    #[test]
    fn a_file_of_the_wrong_size_or_content_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = Model {
            name: "m".into(),
            file: "m.bin".into(),
            bytes: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
            languages: "en".into(),
            licence: "MIT".into(),
        };
        let write = |bytes: &str| std::fs::write(folder.path().join("m.bin"), bytes).expect("writable");
        assert_eq!(model.state(folder.path()), State::Absent);
        write("abc");
        assert_eq!(model.state(folder.path()), State::Present);
        model.verify(folder.path(), |_| {}).expect("the published bytes");
        write("abcd");
        assert_eq!(model.state(folder.path()), State::Damaged);
        write("abd");
        let error = model.verify(folder.path(), |_| {}).expect_err("other bytes").to_string();
        assert!(error.contains("fetch it again"), "{error}");
    }
}
