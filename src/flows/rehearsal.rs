//! Flow tests with the recordings they name, run on every core.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callcore::amd;
use callcore::call::{Settings, hear};
use callcore::flow::{
    CaseResult, Diagnostic, Flow, Input, Recording, Recordings, Severity, Tests, parse_tests,
};

use super::{Check, Error, check_file, finding, read_text};
use crate::speech::file;

/// Most failures that are told of one file.
const MOST_FAILURES: usize = 100;

/// A file of flow tests, ready to run.
#[derive(Debug)]
pub struct FileTests {
    tests: Tests,
    recordings: Recordings,
}

/// A file of tests with the flow it is about, or why they cannot be run.
pub type TestsOfFile = Result<(FileTests, Arc<Flow>), Vec<Diagnostic>>;

impl FileTests {
    /// Reads a file of tests for `flow`, whose file is called `flow_file`; `None` when they are about another.
    /// `read` hands out recordings by their path from the tests' own folder.
    #[must_use]
    pub fn read(
        file: &str,
        bytes: &[u8],
        flow_file: &str,
        flow: &Flow,
        check: &Check,
        read: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> Option<Result<Self, Vec<Diagnostic>>> {
        check.effort().take_text(bytes.len());
        if check.effort().is_spent() {
            let what = "the tests are too long for one upload".to_owned();
            let hint = "split them into several uploads, or upload without them (`tests=false`)".to_owned();
            return Some(Err(vec![finding(file.to_owned(), what, hint)]));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            let hint = "save it as UTF-8".to_owned();
            return Some(Err(vec![finding(file.to_owned(), "the file is not UTF-8 text".to_owned(), hint)]));
        };
        let parsed = parse_tests(file, text);
        let Some(tests) = parsed.tests else { return Some(Err(parsed.diagnostics)) };
        (tests.flow_file() == flow_file).then(|| Self::with_recordings(tests, flow, check, read))
    }

    fn with_recordings(
        tests: Tests,
        flow: &Flow,
        check: &Check,
        mut read: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut recordings, mut findings) = (Recordings::new(), Vec::new());
        for (path, place) in tests.recordings() {
            let samples = match read(path) {
                Some(_) if check.is_stopped() => Err("the tests were given up".to_owned()),
                Some(bytes) => {
                    file::samples(Path::new(path), &bytes, &check.sounds).map_err(|error| error.to_string())
                }
                None => Err(format!("there is no recording `{path}`")),
            };
            match samples {
                Ok(samples) => drop(recordings.insert(path.to_owned(), listened(&samples, flow, |_| None))),
                Err(problem) => {
                    let hint = "paths start at the folder of the tests".to_owned();
                    findings.push(tests.finding(place, problem, hint));
                }
            }
        }
        if findings.is_empty() { Ok(Self { tests, recordings }) } else { Err(findings) }
    }

    /// The flow file that they are about, relative to their own folder.
    #[must_use]
    pub fn flow_file(&self) -> &str {
        self.tests.flow_file()
    }

    /// The names of the cases, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tests.names()
    }

    /// Runs one case; `None` when there are fewer.
    #[must_use]
    pub fn run_nth(&self, nth: usize, flow: &Arc<Flow>) -> Option<CaseResult> {
        self.tests.run_nth(nth, flow, &self.recordings)
    }

    /// Runs every case within the bounds of `check`: how many passed, and what did not come true in the others, up
    /// to a hundred of them.
    #[must_use]
    pub fn run(&self, flow: &Arc<Flow>, check: &Check) -> (usize, Vec<Diagnostic>) {
        let (mut passed, mut failures) = (0, Vec::new());
        for nth in 0..self.names().count() {
            let run = self.tests.run_nth_within(nth, flow, &self.recordings, check.effort());
            let Some(result) = run else { break };
            if result.failures.is_empty() {
                passed += 1;
            }
            failures.extend(result.failures);
            if failures.len() >= MOST_FAILURES || check.effort().is_spent() {
                break;
            }
        }
        failures.truncate(MOST_FAILURES);
        (passed, failures)
    }
}

/// The tests in a file and the flow beside it that they are about.
///
/// # Errors
/// A file cannot be read.
pub fn tests_of_file(file: &Path) -> Result<TestsOfFile, Error> {
    let text = match read_text(file)? {
        Ok(text) => text,
        Err(finding) => return Ok(Err(vec![finding])),
    };
    let parsed = parse_tests(&file.display().to_string(), &text);
    let Some(tests) = parsed.tests else { return Ok(Err(parsed.diagnostics)) };
    let folder: PathBuf = file.parent().unwrap_or(Path::new("")).to_owned();
    let checked = check_file(&folder.join(tests.flow_file()))?;
    let Some(stored) = checked.stored else {
        let errors = checked.diagnostics.into_iter().filter(|found| found.severity == Severity::Error);
        return Ok(Err(errors.collect()));
    };
    let tests = FileTests::with_recordings(tests, &stored.flow, &Check::at_home(), |path| {
        std::fs::read(folder.join(path)).ok()
    });
    Ok(tests.map(|tests| (tests, stored.flow)))
}

/// What a call with `flow` would hear in a recording of the callee. `words` recognises an utterance.
#[must_use]
pub fn listened(
    samples: &[i16],
    flow: &Flow,
    mut words: impl FnMut(Arc<[i16]>) -> Option<String>,
) -> Recording {
    let (wanted, mut options) = (flow.amd().timers, amd::Options::default());
    let timers = &mut options.timers;
    for (timer, wanted) in [
        (&mut timers.no_speech_timeout_ms, wanted.no_speech_timeout_ms),
        (&mut timers.decision_timeout_ms, wanted.decision_timeout_ms),
        (&mut timers.tone_timeout_ms, wanted.tone_timeout_ms),
        (&mut timers.greeting_completion_timeout_ms, wanted.greeting_completion_timeout_ms),
    ] {
        *timer = wanted.unwrap_or(*timer);
    }
    let heard = hear(samples, Some(options), Settings::default().end_silence_ms);
    let inputs = heard
        .into_iter()
        .map(|heard| match (heard.input, heard.audio) {
            (input, None) => (heard.at_ms, input),
            (input, Some(audio)) => match words(audio) {
                Some(text) => (heard.at_ms, Input::Utterance { text: Some(text), weighed: None }),
                None => (heard.at_ms, input),
            },
        })
        .collect();
    Recording { length_ms: samples.len() as u64 / 8, inputs }
}

/// Runs `(file, case)` pairs of `files` on every core; the results are in the order of the pairs.
#[must_use]
pub fn rehearse(files: &[&(FileTests, Arc<Flow>)], wanted: &[(usize, usize)]) -> Vec<CaseResult> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(wanted.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, (file, nth))) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            wanted.get(at).map(|pair| (at, *pair))
        } {
            let result = files.get(file).and_then(|(tests, flow)| tests.run_nth(nth, flow));
            done.extend(result.map(|result| (at, result)));
        }
        done
    };
    let mut done: Vec<(usize, CaseResult)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            // A case that panics is a fault of this program; it must not look like a test that passed.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
