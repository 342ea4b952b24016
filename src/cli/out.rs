//! Standard output of every command. The reader may stop reading early, as `head` does: that is not an error and is not
//! reported.

use std::fs::File;
use std::io::{Error, ErrorKind, Result, StdoutLock, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Standard output is a pipe that nobody reads any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
struct ReaderGone;

/// Standard output.
#[derive(Debug)]
pub(super) struct Out(StdoutLock<'static>);

/// Standard output, for as long as it is held.
pub(super) fn out() -> Out {
    Out(std::io::stdout().lock())
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write(bytes).map_err(told_apart)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(told_apart)
    }
}

/// The broken pipe of our output is another thing than that of a connection.
fn told_apart(error: Error) -> Error {
    if error.kind() == ErrorKind::BrokenPipe { Error::new(ErrorKind::BrokenPipe, ReaderGone) } else { error }
}

/// Whether a command ended because nobody reads what it prints.
pub(super) fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<Error>().and_then(Error::get_ref);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.is_some_and(|inner| inner.is::<ReaderGone>()) || json == Some(ErrorKind::BrokenPipe)
    })
}

/// A file that only its owner reads: what was said on telephones, and to whom, is nobody else's business.
pub(super) fn private_file(path: &Path) -> Result<File> {
    // One that was left behind may be open to others.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    File::options().create_new(true).write(true).mode(0o600).open(path)
}

/// Refuses to write over a file, unless `force` says to.
///
/// # Errors
/// When it is there.
pub(super) fn spare(path: &Path, force: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        force || !path.is_file(),
        "{} is there already; name another file, or add --force",
        one_line(&path.display().to_string())
    );
    Ok(())
}

/// A text that somebody else wrote, on one line and without its power over the terminal: what moves the cursor, ends the
/// line or turns the direction of writing is shown as an escape.
pub(super) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same, with the lines it has.
pub(super) fn lines(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if moves(c) && !kept(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Controls, ends of lines, and what turns the direction of writing.
fn moves(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn what_others_wrote_moves_nothing() {
        let forged = "fix\u{1b}[2J\r\n* abc\u{9b}1m\u{202e}\u{2028}é 日本";
        assert_eq!(one_line(forged), "fix\\u{1b}[2J\\r\\n* abc\\u{9b}1m\\u{202e}\\u{2028}é 日本");
        assert_eq!(lines("a\nb\r"), "a\nb\\r");
    }

    #[test]
    fn a_reader_that_left_is_told_from_a_connection_that_broke() {
        let broken = || Error::from(ErrorKind::BrokenPipe);
        let of = |error: Error| Err::<(), _>(error).context("cannot write to standard output").unwrap_err();
        assert!(reader_is_gone(&of(told_apart(broken()))));
        assert!(!reader_is_gone(&of(broken())));
        assert!(!reader_is_gone(&of(told_apart(Error::from(ErrorKind::StorageFull)))));
    }
}
