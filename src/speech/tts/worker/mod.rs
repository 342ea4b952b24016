//! A speech program that stays: one process speaks sentence after sentence. It is started when it is first needed, started
//! again when it dies, hangs, prints nonsense or grows too large, and left alone for a while when that does not help.
//!
//! It reads requests, each a line of JSON, and answers each with a line of JSON and the audio behind it, 16 bits, mono:
//! `{"id": 1, "rate": 24000, "samples": 48000}`, or `{"id": 1, "error": "…"}`. Its first line says `{"ready": true}`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::engine::TtsError;

/// Sentences that wait; more are refused, and somebody else speaks them.
const WAITING: usize = 64;
/// An answer's first line is no longer.
const LONGEST_LINE: u64 = 64 * 1024;
/// Two minutes at 48 kHz.
const MOST_SAMPLES: usize = 48_000 * 120;
/// Between looks at how much memory it has.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// It is left alone for so long after it failed, twice as long each time.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How to run the program.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// What to do when it is not there.
    pub(super) advice: &'static str,
    /// It says that it is ready within this time.
    pub(super) start: Duration,
    /// It speaks a sentence within this time.
    pub(super) sentence: Duration,
    /// It may have so much memory.
    pub(super) memory_bytes: u64,
}

/// What is to be spoken.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) language: String,
    pub(super) voice: String,
}

/// What was spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) rate: u32,
    pub(super) samples: Vec<i16>,
}

#[derive(Debug)]
struct Job {
    sentence: Sentence,
    reply: oneshot::Sender<Result<Spoken, TtsError>>,
}

/// The door to the program. Clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    options: Arc<Options>,
    jobs: mpsc::Sender<Job>,
    /// Until somebody speaks, nothing runs.
    unstarted: Arc<Mutex<Option<mpsc::Receiver<Job>>>>,
}

impl Worker {
    pub(super) fn new(options: Options) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        Self { options: Arc::new(options), jobs, unstarted: Arc::new(Mutex::new(Some(waiting))) }
    }

    /// Has a sentence spoken; dropping the future gives it up.
    pub(super) async fn speak(&self, sentence: Sentence) -> Result<Spoken, TtsError> {
        if let Some(waiting) = self.unstarted.lock().take() {
            tokio::spawn(keep(Arc::clone(&self.options), waiting));
        }
        let (reply, answer) = oneshot::channel();
        let refused = |_| failed("the voice has too much to say already");
        self.jobs.try_send(Job { sentence, reply }).map_err(refused)?;
        answer.await.unwrap_or_else(|_| Err(failed("the voice was stopped")))
    }
}

fn failed(reason: impl Into<String>) -> TtsError {
    TtsError::Failed { reason: reason.into() }
}

/// Keeps a process for whoever has something to say, until nobody can have any more.
async fn keep(options: Arc<Options>, mut waiting: mpsc::Receiver<Job>) {
    let mut keeper = Keeper { options, process: None, failures: 0, rests_until: None };
    loop {
        let job = tokio::select! {
            job = waiting.recv() => job,
            () = keeper.process_ends() => {
                keeper.fail("it ended by itself");
                continue;
            }
        };
        let Some(Job { sentence, mut reply }) = job else { return };
        if reply.is_closed() {
            continue;
        }
        let outcome = tokio::select! {
            outcome = keeper.speak(&sentence) => Some(outcome),
            () = reply.closed() => None,
        };
        match outcome {
            // Nobody listens any more.
            Some(outcome) => drop(reply.send(outcome)),
            // Half an answer may be on its way, which would be taken for the next one's.
            None => keeper.process = None,
        }
    }
}

struct Keeper {
    options: Arc<Options>,
    process: Option<Process>,
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Keeper {
    /// Ends when the process does; never where there is none.
    async fn process_ends(&mut self) {
        match &mut self.process {
            // However it ended, it is gone.
            Some(process) => drop(process.child.wait().await),
            None => std::future::pending().await,
        }
    }

    /// A process that had spoken well may have died of something else: it has a second chance with the same sentence.
    async fn speak(&mut self, sentence: &Sentence) -> Result<Spoken, TtsError> {
        let had_one = self.process.is_some();
        let first = self.try_once(sentence).await;
        if had_one && self.process.is_none() && first.is_err() {
            return self.try_once(sentence).await;
        }
        first
    }

    async fn try_once(&mut self, sentence: &Sentence) -> Result<Spoken, TtsError> {
        if self.rests_until.is_some_and(|until| until > Instant::now()) {
            return Err(failed("it failed a moment ago and is left alone for now"));
        }
        let mut process = match self.process.take() {
            Some(process) => process,
            None => match Process::start(&self.options).await {
                Ok(process) => process,
                Err(error) => {
                    self.fail(&error.to_string());
                    return Err(error);
                }
            },
        };
        match process.speak(sentence, &self.options).await {
            Ok(answer) => {
                (self.failures, self.rests_until) = (0, None);
                self.process = Some(process);
                answer
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(error)
            }
        }
    }

    /// The first failure is told and mended at once; those that follow it are waited out.
    fn fail(&mut self, why: &str) {
        self.process = None;
        let rest = match self.failures {
            0 => Duration::ZERO,
            before => REST.saturating_mul(1 << (before - 1).min(16)).min(LONGEST_REST),
        };
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(Instant::now() + rest);
        let (program, rest_ms) = (self.options.program.display(), rest.as_millis() as u64);
        tracing::warn!(%program, rest_ms, "the kept voice was stopped and is started again when needed: {why}");
        metrics::counter!("dering_tts_worker_failures_total").increment(1);
    }
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next_id: u64,
}

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    #[serde(flatten)]
    sentence: &'a Sentence,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    ready: bool,
    id: u64,
    rate: u32,
    samples: usize,
    error: Option<String>,
}

impl Process {
    async fn start(options: &Options) -> Result<Self, TtsError> {
        let program = options.program.display();
        let mut child = Command::new(&options.program)
            .args(&options.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                if error.kind() == std::io::ErrorKind::NotFound {
                    return TtsError::Missing { program: program.to_string(), advice: options.advice };
                }
                failed(format!("cannot start {program}: {error}"))
            })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("it has no input or no output"));
        };
        let complaint = complaints(&mut child);
        let mut process = Self { child, input, output: BufReader::new(output), next_id: 1 };
        let ready = timeout(options.start, process.answer()).await;
        match ready {
            Ok(Ok(Answer { ready: true, .. })) => Ok(process),
            Ok(Ok(_)) => Err(failed("it did not say that it is ready")),
            Ok(Err(error)) => {
                // It has time for its last words.
                let said = timeout(Duration::from_millis(200), complaint).await;
                let said = said.ok().and_then(Result::ok).flatten();
                Err(said.map_or(error, |said| failed(format!("it did not start: {said}"))))
            }
            Err(_) => Err(TtsError::Timeout { seconds: options.start.as_secs() }),
        }
    }

    /// An error of the process; that of the sentence alone is within.
    async fn speak(
        &mut self,
        sentence: &Sentence,
        options: &Options,
    ) -> Result<Result<Spoken, TtsError>, TtsError> {
        let pid = self.child.id();
        let work = self.exchange(sentence);
        tokio::pin!(work);
        let due = tokio::time::sleep(options.sentence);
        tokio::pin!(due);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome?,
                () = &mut due => return Err(TtsError::Timeout { seconds: options.sentence.as_secs() }),
                _ = look.tick() => within_memory(pid, options.memory_bytes)?,
            }
        };
        Ok(outcome)
    }

    async fn exchange(&mut self, sentence: &Sentence) -> Result<Result<Spoken, TtsError>, TtsError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut line =
            serde_json::to_vec(&Request { id, sentence }).map_err(|error| failed(error.to_string()))?;
        line.push(b'\n');
        let broken = |error: std::io::Error| failed(format!("it takes no more text: {error}"));
        self.input.write_all(&line).await.map_err(broken)?;
        self.input.flush().await.map_err(broken)?;
        let answer = self.answer().await?;
        if answer.id != id {
            return Err(failed("it answered something else"));
        }
        if let Some(error) = answer.error {
            return Ok(Err(failed(error.chars().take(200).collect::<String>())));
        }
        if answer.samples > MOST_SAMPLES || !(8_000..=96_000).contains(&answer.rate) {
            return Err(failed(format!("{} samples at {} Hz are no sentence", answer.samples, answer.rate)));
        }
        let mut bytes = vec![0; answer.samples * 2];
        let cut = |error: std::io::Error| failed(format!("its audio was cut off: {error}"));
        self.output.read_exact(&mut bytes).await.map_err(cut)?;
        let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Ok(Ok(Spoken { rate: answer.rate, samples }))
    }

    async fn answer(&mut self) -> Result<Answer, TtsError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.output).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut line).await;
        match read.map_err(|error| failed(error.to_string()))? {
            0 => Err(failed("it has ended")),
            _ => serde_json::from_slice(&line).map_err(|_| failed("it answers with what is no answer")),
        }
    }
}

/// What it complains of goes to the log; the last line is kept for whoever wants to know why it ended.
fn complaints(child: &mut Child) -> tokio::task::JoinHandle<Option<String>> {
    let errors = child.stderr.take();
    tokio::spawn(async move {
        let mut errors = BufReader::new(errors?);
        let (mut line, mut last) = (Vec::new(), None);
        while (&mut errors).take(LONGEST_LINE).read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            let said: String = String::from_utf8_lossy(&line).trim().chars().take(200).collect();
            line.clear();
            if !said.is_empty() {
                tracing::debug!("the kept voice says: {said}");
                last = Some(said);
            }
        }
        last
    })
}

/// How much of the machine's memory it has, where the system tells.
fn within_memory(pid: Option<u32>, most: u64) -> Result<(), TtsError> {
    let Some(pid) = pid else { return Ok(()) };
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return Ok(()) };
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0);
    if kib << 10 > most {
        return Err(failed(format!("it has {} MiB of memory, {} are allowed", kib >> 10, most >> 20)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
