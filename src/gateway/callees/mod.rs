//! Simulated callees: who answers at which number, and what they do then.
//!
//! A callee is a YAML file ([`model`]). Its sound is made ready before the telephone rings ([`prepare`]);
//! from then on it is a pure machine ([`script`]) that hears 20 ms and says 20 ms.

mod cough;
pub mod echo;
pub mod hearing;
pub mod model;
mod music;
pub mod noise;
pub mod prepare;
pub mod script;
pub mod values;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::number;
use serde_saphyr::{DuplicateKeyPolicy, budget, options};
use tokio::sync::OnceCell;

use self::model::{CalleeFile, Outcome, Step};
pub use self::prepare::PrepareError;
use self::prepare::Prepared;
use crate::speech::tts::Tts;

/// The JSON Schema (draft 7) of a callee file.
pub const JSON_SCHEMA: &str = include_str!("schema.json");

/// Largest callee file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// One callee: its file, and its sound once somebody dialled it.
#[derive(Debug)]
pub struct Callee {
    /// The file's name without its ending.
    pub name: String,
    pub file: CalleeFile,
    folder: PathBuf,
    prepared: OnceCell<Arc<Prepared>>,
}

impl Callee {
    /// How long it rings, in milliseconds.
    #[must_use]
    pub fn ring_ms(&self) -> u64 {
        self.file.ring.map_or_else(|| default_ring_ms(self.file.outcome), |ring| ring.0)
    }

    /// Its sound, made on the first call and kept.
    ///
    /// # Errors
    /// When a file cannot be read or a text not be spoken.
    pub async fn prepared(&self, tts: &Tts) -> Result<Arc<Prepared>, PrepareError> {
        self.prepared
            .get_or_try_init(async || prepare::prepare(&self.file, &self.folder, tts).await.map(Arc::new))
            .await
            .cloned()
    }
}

const fn default_ring_ms(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Answer => 2_000,
        Outcome::NoAnswer => 40_000,
        Outcome::Busy | Outcome::Reject | Outcome::BadNumber | Outcome::Congestion => 600,
    }
}

/// A mistake in one callee file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    /// Line and column, from 1.
    pub place: Option<(u64, u64)>,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why a folder of callees cannot be used; names every bad file.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(.0))]
pub struct LoadError(pub Vec<Problem>);

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// The callees a gateway can reach, by dialled number.
#[derive(Clone, Debug, Default)]
pub struct Callees {
    all: Vec<Arc<Callee>>,
    exact: HashMap<String, Arc<Callee>>,
    /// Longest first.
    prefixes: Vec<(String, Arc<Callee>)>,
}

impl Callees {
    /// Who answers at `number`; an exact number before the longest prefix. `None`: it is not allocated.
    #[must_use]
    pub fn find(&self, number: &str) -> Option<Arc<Callee>> {
        let digits = number::key(number, None);
        let by_prefix = || self.prefixes.iter().find(|(p, _)| digits.starts_with(p)).map(|(_, c)| c);
        self.exact.get(&digits).or_else(by_prefix).cloned()
    }

    /// The callee whose file has this name, or is at this path.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<Callee>> {
        let stem = Path::new(name).file_stem()?.to_str()?;
        self.all.iter().find(|callee| callee.name == name || callee.name == stem).cloned()
    }

    /// All callees in the order of their file names.
    #[must_use]
    pub fn all(&self) -> &[Arc<Callee>] {
        &self.all
    }

    fn add(&mut self, path: &Path, callee: Callee) -> Result<(), Problem> {
        let callee = Arc::new(callee);
        for number in &callee.file.numbers {
            let taken = if number.prefix {
                let other = self.prefixes.iter().find(|(p, _)| *p == number.digits).map(|(_, c)| c);
                let other = other.cloned();
                self.prefixes.push((number.digits.clone(), Arc::clone(&callee)));
                other
            } else {
                self.exact.insert(number.digits.clone(), Arc::clone(&callee))
            };
            if let Some(other) = taken {
                let message =
                    format!("the number {} already belongs to the callee {}", number.text, other.name);
                return Err(Problem { path: path.into(), place: None, message });
            }
        }
        self.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        self.all.push(callee);
        Ok(())
    }
}

/// Reads every `*.yaml` and `*.yml` of a folder. Blocks; call it before the runtime is busy or off it.
///
/// # Errors
/// When the folder cannot be read, and when any file is wrong: then all mistakes are listed, each with
/// its place.
pub fn load_dir(folder: &Path) -> Result<Callees, LoadError> {
    let problem = |path: &Path, message: String| Problem { path: path.into(), place: None, message };
    let entries = std::fs::read_dir(folder)
        .map_err(|e| LoadError(vec![problem(folder, format!("cannot read this folder: {e}"))]))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml"))
        .collect();
    paths.sort();
    let (mut callees, mut problems) = (Callees::default(), Vec::new());
    for path in &paths {
        match load_file(path) {
            Ok(callee) => problems.extend(callees.add(path, callee).err()),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(callees) } else { Err(LoadError(problems)) }
}

/// Reads one callee file. Blocks, as [`load_dir`] does.
///
/// # Errors
/// When it cannot be read, or is wrong: then all mistakes are listed, each with its place.
pub fn load_one(path: &Path) -> Result<Callee, LoadError> {
    load_file(path).map_err(LoadError)
}

fn load_file(path: &Path) -> Result<Callee, Vec<Problem>> {
    let problem = |message: String| vec![Problem { path: path.into(), place: None, message }];
    let size = std::fs::metadata(path).map_err(|e| problem(format!("cannot read this file: {e}")))?.len();
    if size > MAX_FILE_BYTES {
        return Err(problem(format!("a callee file has at most {} KiB", MAX_FILE_BYTES / 1024)));
    }
    let text = std::fs::read_to_string(path).map_err(|e| problem(format!("cannot read this file: {e}")))?;
    let file = parse(&text).map_err(|mut found| {
        found.path = path.into();
        vec![found]
    })?;
    let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
    let missing = missing_files(&file, &folder);
    if !missing.is_empty() {
        return Err(missing.into_iter().flat_map(problem).collect());
    }
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Callee { name, file, folder, prepared: OnceCell::new() })
}

/// The callee file `text`; the problem's path is left empty.
fn parse(text: &str) -> Result<CalleeFile, Problem> {
    let limits = options! {
        budget: budget! { max_nodes: 5_000, max_depth: 32, max_aliases: 50 },
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
    };
    let problem = |place, message| Problem { path: PathBuf::new(), place, message };
    let file: CalleeFile = serde_saphyr::from_str_with_options(text, limits).map_err(|error| {
        let place = error.location().map(|at| (at.line(), at.column()));
        problem(place, error.without_snippet().to_string())
    })?;
    if file.numbers.is_empty() {
        return Err(problem(None, "`numbers` is empty: nobody could dial this callee".into()));
    }
    if file.outcome != Outcome::Answer && !file.script.is_empty() {
        return Err(problem(None, "only a callee whose outcome is `answer` has a script".into()));
    }
    Ok(file)
}

fn missing_files(file: &CalleeFile, folder: &Path) -> Vec<String> {
    file.script
        .iter()
        .filter_map(|step| if let Step::Play(recording) = step { Some(&recording.file) } else { None })
        .filter(|name| !folder.join(name).is_file())
        .map(|name| format!("there is no audio file {}", folder.join(name).display()))
        .collect()
}

#[cfg(test)]
mod tests;
