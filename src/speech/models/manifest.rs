//! The models that are known by name, and what can be told of their files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::import::Weights;

/// The models that are known by name.
const MANIFEST: &str = include_str!("../../../models/manifest.json");

/// The list of known models.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The address that a model's `file` is appended to.
    pub source: String,
    pub models: Vec<Model>,
    /// Sets of packages that hold the same CTranslate2 model, by its name.
    #[serde(default)]
    pub packages: BTreeMap<String, Vec<PackageSet>>,
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
    /// The same weights, made here of a CTranslate2 model.
    #[serde(default)]
    pub converted: Option<Converted>,
}

/// What a model is made of, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Converted {
    /// A name in the manifest's `packages`.
    pub from: String,
    #[serde(default)]
    pub weights: Weights,
    /// Of the file that is made, lower-case hex. It differs from the published one in the last bits of one table.
    pub sha256: String,
}

/// Packages that hold one CTranslate2 model together.
#[derive(Clone, Debug, Deserialize)]
pub struct PackageSet {
    /// SHA-256 of the model that the parts make, lower-case hex.
    pub sha256: String,
    pub bytes: u64,
    /// The file of the vocabulary in one of the packages, where the model needs one.
    pub vocabulary: Option<String>,
    /// In the order in which they are joined.
    pub parts: Vec<PackagePart>,
}

/// A package, and the piece of the model in it.
#[derive(Clone, Debug, Deserialize)]
pub struct PackagePart {
    pub package: String,
    /// The wheel.
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    /// The piece's path in the wheel.
    pub piece: String,
}

/// Of several that are here, the one to use: what understands telephone speech best in the time there is. Those that are
/// not named take longer than most machines have, and come last.
const TAKEN_FIRST: [&str; 8] =
    ["base", "base-q5_1", "tiny", "tiny-q5_1", "base.en", "base.en-q5_1", "tiny.en", "tiny.en-q5_1"];

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

impl Manifest {
    /// The models that lie in `folder`, the one to use first: the known ones whose length is right, and then, by
    /// name, every other `ggml-NAME.bin`.
    #[must_use]
    pub fn here(&self, folder: &Path) -> Vec<PathBuf> {
        let mut known: Vec<&Model> =
            self.models.iter().filter(|model| model.state(folder) == State::Present).collect();
        let rank = |name: &str| TAKEN_FIRST.iter().position(|first| *first == name);
        known.sort_by_key(|model| rank(&model.name).unwrap_or(TAKEN_FIRST.len()));
        let mut here: Vec<PathBuf> = known.into_iter().map(|model| model.path(folder)).collect();
        here.extend(self.strangers(folder));
        here
    }

    /// The models in `folder` that the manifest does not name: imported, or brought by hand.
    #[must_use]
    pub fn strangers(&self, folder: &Path) -> Vec<PathBuf> {
        let is_model = |name: &str| name.starts_with("ggml-") && name.ends_with(".bin");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                is_model(name) && self.models.iter().all(|model| model.file != name) && path.is_file()
            })
            .collect();
        found.sort();
        found
    }

    /// The sets of packages that `model` can be made of.
    #[must_use]
    pub fn sets(&self, model: &Model) -> &[PackageSet] {
        model.converted.as_ref().and_then(|made| self.packages.get(&made.from)).map_or(&[], Vec::as_slice)
    }
}

impl Model {
    /// Where it lies in `folder`.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.file)
    }

    pub(super) fn part(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.part", self.file))
    }

    /// Where packages are kept until the model is made of them.
    pub(super) fn workplace(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.packages", self.file))
    }

    /// What can be told without reading it.
    #[must_use]
    pub fn state(&self, folder: &Path) -> State {
        let size = |path: PathBuf| std::fs::metadata(path).ok().map(|found| found.len());
        match (size(self.path(folder)), size(self.part(folder))) {
            (Some(bytes), _) if bytes == self.bytes => State::Present,
            (Some(_), _) => State::Damaged,
            (None, Some(bytes)) => State::Begun(bytes),
            (None, None) => self.packages_begun(folder).map_or(State::Absent, State::Begun),
        }
    }

    /// How many bytes of packages wait to be made into the model.
    fn packages_begun(&self, folder: &Path) -> Option<u64> {
        let entries = std::fs::read_dir(self.workplace(folder)).ok()?;
        let sizes = entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|found| found.len());
        Some(sizes.sum()).filter(|bytes| *bytes > 0)
    }

    /// Reads the whole file and compares its digest; `progress` is told of every block read.
    ///
    /// # Errors
    /// When it cannot be read, or is not the published file.
    pub fn verify(&self, folder: &Path, progress: impl FnMut(u64)) -> Result<(), ModelError> {
        self.verify_file(&self.path(folder), progress)
    }

    pub(super) fn verify_file(&self, path: &Path, progress: impl FnMut(u64)) -> Result<(), ModelError> {
        let found =
            digest(path, progress).map_err(|source| ModelError::File { path: path.into(), source })?;
        if found == self.sha256 || self.converted.as_ref().is_some_and(|made| made.sha256 == found) {
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
pub(in crate::speech) fn digest(path: &Path, mut progress: impl FnMut(u64)) -> io::Result<String> {
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
            let digests = model.converted.iter().map(|made| &made.sha256);
            let sets = manifest.sets(model);
            assert_eq!(sets.is_empty(), model.converted.is_none(), "{}", model.name);
            let parts = sets.iter().flat_map(|set| &set.parts).map(|part| &part.sha256);
            for digest in digests.chain(sets.iter().map(|set| &set.sha256)).chain(parts) {
                assert_eq!(digest.len(), 64, "{}", model.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Manifest::built_in().expect("a manifest").find("huge").expect_err("unknown").to_string();
        assert!(error.contains("tiny-q5_1"), "{error}");
    }

    #[test]
    fn of_several_models_the_one_that_understands_best_in_time_is_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = Manifest::built_in().expect("a manifest");
        assert!(manifest.here(folder.path()).is_empty());
        let make = |name: &str, bytes: u64| {
            let file = File::create(folder.path().join(name)).expect("writable");
            file.set_len(bytes).expect("room");
        };
        make("ggml-mine.bin", 5);
        make("notes.txt", 5);
        make("ggml-tiny.bin.part", 5);
        for name in ["small", "tiny", "base"] {
            let model = manifest.find(name).expect("known");
            // A hole takes no room on the disk.
            make(&model.file, if name == "base" { model.bytes - 1 } else { model.bytes });
        }
        let names = || -> Vec<String> {
            let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
            manifest.here(folder.path()).iter().map(name).collect()
        };
        assert_eq!(names(), ["ggml-tiny.bin", "ggml-small.bin", "ggml-mine.bin"]);
        make("ggml-base.bin", manifest.find("base").expect("known").bytes);
        assert_eq!(names()[0], "ggml-base.bin");
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
            converted: None,
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
