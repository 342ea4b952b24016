//! A speech program as a subprocess: text in by stdin, audio out by stdout, killed when it takes too long.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::engine::TtsError;

/// A program and its limits; clones share the limit of processes at once.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Looked up in `PATH` when it is a bare name.
    path: PathBuf,
    /// What to do when it is not there.
    advice: &'static str,
    timeout: Duration,
    running: Arc<Semaphore>,
}

impl Program {
    pub(super) fn new(path: PathBuf, advice: &'static str, at_once: usize) -> Self {
        let running = Arc::new(Semaphore::new(at_once));
        Self { path, advice, timeout: Duration::from_secs(20), running }
    }

    /// Runs it on `text`; what it printed, and how it ended.
    pub(super) async fn run<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        text: &str,
    ) -> Result<Output, TtsError> {
        let failed = |reason: String| TtsError::Failed { reason };
        let _turn = self.running.acquire().await.map_err(|e| failed(e.to_string()))?;
        let child = self.spawn(args)?;
        match tokio::time::timeout(self.timeout, exchange(child, text)).await {
            Ok(output) => output.map_err(|e| failed(e.to_string())),
            Err(_) => Err(TtsError::Timeout { seconds: self.timeout.as_secs() }),
        }
    }

    fn spawn<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Child, TtsError> {
        Command::new(&self.path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let program = self.path.display();
                if error.kind() == std::io::ErrorKind::NotFound {
                    TtsError::Missing { program: program.to_string(), advice: self.advice }
                } else {
                    TtsError::Failed { reason: format!("cannot start {program}: {error}") }
                }
            })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes while it reads: a long text and a long answer cannot block each other.
async fn exchange(mut child: Child, text: &str) -> std::io::Result<Output> {
    let stdin = child.stdin.take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A program that ends early closes the pipe; its exit status tells why.
            if let Err(error) = stdin.write_all(text.as_bytes()).await {
                tracing::debug!(%error, "the speech synthesiser did not read the whole text");
            }
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    output
}

/// What the program complained of first.
pub(super) fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_program_says_what_to_do() {
        let program = Program::new("/nowhere/speak".into(), "install it", 1);
        let error = program.run(["-x"], "hello").await.expect_err("missing").to_string();
        assert!(error.contains("/nowhere/speak") && error.contains("install it"), "{error}");
    }

    #[tokio::test]
    async fn a_long_text_and_a_long_answer_do_not_block_each_other() {
        let program = Program::new("cat".into(), "", 1);
        let text = "word ".repeat(100_000);
        let output = program.run(["-"], &text).await.expect("an answer");
        assert_eq!(output.stdout.len(), text.len());
    }
}
