//! What each voice consists of, with digests.

use serde::Deserialize;

use crate::speech::models::{ModelError, PackageSet};

const MANIFEST: &str = include_str!("../../../models/voices.json");

/// The voices that can be fetched.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    pub kokoro: Kokoro,
    pub joe: Joe,
}

/// One model that speaks with the voice of many.
#[derive(Clone, Debug, Deserialize)]
pub struct Kokoro {
    /// Packages of Python that hold the network together.
    pub model: PackageSet,
    pub voices: Tarball,
    /// What its process needs of Python, as pip is asked for it.
    pub python: Vec<String>,
    pub licence: String,
}

/// A package of npm with the voices in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Tarball {
    /// Behind the registry's address.
    pub path: String,
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    /// The folder of voices in it.
    pub folder: String,
    /// Of each voice, bytes.
    pub size: u64,
}

/// A voice for piper in one package of Python.
#[derive(Clone, Debug, Deserialize)]
pub struct Joe {
    pub package: String,
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    /// The voice's files in it.
    pub files: Vec<String>,
}

impl Manifest {
    /// The list that this build carries.
    ///
    /// # Errors
    /// Never in a build that passes its tests.
    pub fn built_in() -> Result<Self, ModelError> {
        Ok(serde_json::from_str(MANIFEST)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_voice_has_its_digest() {
        let manifest = Manifest::built_in().expect("a manifest");
        let parts = manifest.kokoro.model.parts.iter().map(|part| &part.sha256);
        let others = [&manifest.kokoro.model.sha256, &manifest.kokoro.voices.sha256, &manifest.joe.sha256];
        for digest in parts.chain(others) {
            assert!(digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit()), "{digest}");
        }
    }
}
