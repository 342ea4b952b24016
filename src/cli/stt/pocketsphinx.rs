//! PocketSphinx as a yardstick: what a recogniser of before neural networks makes of the same recordings. It is a program of
//! Debian (`pocketsphinx`, `pocketsphinx-en-us`) that nothing but the bench runs, for English alone.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use callcore::audio::{SAMPLE_RATE, resample};

const PROGRAM: &str = "pocketsphinx_batch";
const MODEL: &str = "/usr/share/pocketsphinx/model/en-us";
/// What its model hears, Hz.
const MODEL_RATE: u32 = 16_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The program with its model and its vocabulary.
#[derive(Debug)]
pub(super) struct PocketSphinx {
    vocabulary: HashSet<String>,
}

/// What came of some recordings.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// One for each recording; empty where nothing was heard.
    pub(super) texts: Vec<String>,
    /// For each of them, ms: the mean, loading included.
    pub(super) took_ms: u64,
    /// The most memory that was seen, MiB.
    pub(super) mib: u64,
}

impl PocketSphinx {
    /// # Errors
    /// When it is not installed.
    pub(super) fn here() -> anyhow::Result<Self> {
        let missing =
            "--pocketsphinx needs a program and a model: apt-get install pocketsphinx pocketsphinx-en-us";
        let dictionary = std::fs::read_to_string(dictionary()).context(missing)?;
        let found = Command::new(PROGRAM).stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.context(missing)?;
        let word = |line: &str| line.split_whitespace().next().map(str::to_owned);
        Ok(Self { vocabulary: dictionary.lines().filter_map(word).collect() })
    }

    /// Hears recordings (8 kHz): one of `phrases` in each, where there are any, else whatever is said. Phrases with words that it does not
    /// know are left out.
    ///
    /// # Errors
    /// When it cannot be run or prints what is no answer.
    pub(super) fn hear(&self, recordings: &[Arc<[i16]>], phrases: &[&str]) -> anyhow::Result<Heard> {
        if recordings.is_empty() {
            return Ok(Heard::default());
        }
        let folder = Folder::new().context("a folder for PocketSphinx's recordings")?;
        let mut list = String::new();
        for (at, recording) in recordings.iter().enumerate() {
            let wide = resample::convert(recording, SAMPLE_RATE, MODEL_RATE)?;
            let bytes: Vec<u8> = wide.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            std::fs::write(folder.0.join(format!("{at}.raw")), bytes)?;
            writeln!(list, "{at}").unwrap_or_default();
        }
        std::fs::write(folder.0.join("list"), list)?;
        let begun = Instant::now();
        let mib = finish(self.command(&folder.0, phrases)?.spawn()?)?;
        let took = begun.elapsed();
        let hypotheses = std::fs::read_to_string(folder.0.join("heard"))?;
        let texts: Vec<String> = hypotheses.lines().map(words).collect();
        ensure!(
            texts.len() == recordings.len(),
            "{PROGRAM} answered {} of {}",
            texts.len(),
            recordings.len()
        );
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX) / recordings.len() as u64;
        Ok(Heard { texts, took_ms, mib })
    }

    fn command(&self, folder: &Path, phrases: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(PROGRAM);
        command.args(["-adcin", "yes", "-cepext", ".raw", "-logfn", "/dev/null", "-hmm"]);
        command.arg(Path::new(MODEL).join("en-us")).arg("-dict").arg(dictionary());
        command
            .arg("-cepdir")
            .arg(folder)
            .arg("-ctl")
            .arg(folder.join("list"))
            .arg("-hyp")
            .arg(folder.join("heard"));
        if phrases.is_empty() {
            command.arg("-lm").arg(Path::new(MODEL).join("en-us.lm.bin"));
        } else {
            let grammar = folder.join("answers.gram");
            std::fs::write(&grammar, self.grammar(phrases)?)?;
            command.arg("-jsgf").arg(grammar);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// One of the phrases that its vocabulary has.
    fn grammar(&self, phrases: &[&str]) -> anyhow::Result<String> {
        let phrases = phrases.iter().map(|phrase| phrase.to_lowercase());
        let known: Vec<String> = phrases
            .filter(|phrase| {
                !phrase.is_empty() && phrase.split(' ').all(|word| self.vocabulary.contains(word))
            })
            .collect();
        ensure!(!known.is_empty(), "{PROGRAM} knows none of the words");
        Ok(format!("#JSGF V1.0;\ngrammar answers;\npublic <answer> = {};\n", known.join(" | ")))
    }
}

/// A folder that is gone with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dering-bench-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "a folder of the bench is left behind");
        }
    }
}

fn dictionary() -> PathBuf {
    Path::new(MODEL).join("cmudict-en-us.dict")
}

/// The words of a line such as `seven (12 -4711)`.
fn words(line: &str) -> String {
    line.rsplit_once('(').map_or(line, |(words, _)| words).trim().to_owned()
}

/// Waits for the end; the most memory that was seen, MiB.
fn finish(mut child: Child) -> anyhow::Result<u64> {
    let mut most = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0_u64);
        most = most.max(kib >> 10);
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "{PROGRAM} failed: {status}");
            return Ok(most);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_has_the_phrases_that_it_knows_and_an_answer_is_read_without_its_score() {
        let sphinx =
            PocketSphinx { vocabulary: ["two", "seven", "an", "operator"].map(str::to_owned).into() };
        let grammar = sphinx.grammar(&["two", "2", "An operator", "jam buka"]).unwrap();
        assert!(grammar.ends_with("public <answer> = two | an operator;\n"), "{grammar}");
        assert!(sphinx.grammar(&["satu"]).is_err());
        assert_eq!(words("an operator (3 -20145)"), "an operator");
        assert_eq!(words("(4 -1)"), "");
    }
}
