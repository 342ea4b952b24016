//! What is wrong with a file and where: positions, severities, and how a finding is printed.

use std::fmt;

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can be used, but probably does not do what its author wanted.
    Warning,
}

impl Severity {
    /// The word printed before the message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding about a file.
///
/// Its `Display` is meant for a terminal: `file:line:column: error: message`, the source line with a
/// caret below the place, and a line of help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, counted in characters.
    pub column: u32,
    /// Characters marked from `column` on, at least 1.
    pub width: u32,
    pub severity: Severity,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The text of the line, as it stands in the file.
    pub source_line: String,
}

/// Longest stretch of a source line that is printed; longer lines are cut around the caret.
const SHOWN_COLUMNS: usize = 120;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

/// A finding with colours for a terminal.
#[derive(Debug)]
pub struct Coloured<'d>(&'d Diagnostic);

impl fmt::Display for Coloured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, true)
    }
}

impl Diagnostic {
    /// The same text with ANSI colours: red for errors, yellow for warnings.
    #[must_use]
    pub const fn coloured(&self) -> Coloured<'_> {
        Coloured(self)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, colours: bool) -> fmt::Result {
        let Self { file, line, column, message, .. } = self;
        let (bold, dim, off) = if colours { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let severe = match (colours, self.severity) {
            (false, _) => "",
            (true, Severity::Error) => "\x1b[1;31m",
            (true, Severity::Warning) => "\x1b[1;33m",
        };
        let word = self.severity.as_str();
        writeln!(f, "{bold}{file}:{line}:{column}: {off}{severe}{word}{off}: {bold}{message}{off}")?;

        let before = (*column as usize).saturating_sub(1);
        let skipped = if before + 20 > SHOWN_COLUMNS { before - SHOWN_COLUMNS / 2 } else { 0 };
        let shown: String =
            self.source_line.chars().skip(skipped).take(SHOWN_COLUMNS).map(printable).collect();
        let carets = (self.width as usize).min(shown.chars().count().saturating_sub(before - skipped)).max(1);
        let pad = " ".repeat(before - skipped);
        writeln!(f, "{dim}{line:>5} |{off} {shown}")?;
        write!(f, "{dim}      |{off} {pad}{severe}{}{off}", "^".repeat(carets))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{dim}      = {off}help: {hint}")?;
        }
        Ok(())
    }
}

/// A tab or a control character would move the caret away from its place.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// In characters; a span over several lines keeps the width of its first.
    pub width: u32,
    /// Byte offsets into the text.
    pub start: usize,
    pub end: usize,
}

/// A file's name and text, as findings quote them.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: String,
    pub text: String,
}

impl Source {
    /// The text of the file called `file`, without a byte order mark.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { file: file.to_owned(), text: text.to_owned() }
    }

    /// A finding at `span`.
    #[must_use]
    pub fn diagnostic(
        &self,
        severity: Severity,
        span: Span,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let source_line = self.text.split('\n').nth(span.line.saturating_sub(1) as usize).unwrap_or_default();
        Diagnostic {
            file: self.file.clone(),
            line: span.line,
            column: span.column,
            width: span.width.max(1),
            severity,
            message: shown(&message, MAX_MESSAGE),
            hint: hint.map(|hint| shown(&hint, MAX_MESSAGE)),
            source_line: source_line.trim_end_matches('\r').chars().take(MAX_SOURCE_LINE).collect(),
        }
    }

    /// The YAML comment behind a plain scalar on the same line, unless it is set apart from it as in
    /// `key: value  # remark`.
    pub(crate) fn remark_behind(&self, scalar: Span) -> Option<Span> {
        let behind = self.text.get(scalar.end..)?.split('\n').next()?;
        let comment = behind.trim_start();
        let remark = comment.strip_prefix('#')?;
        let apart = behind.len() - comment.len();
        if apart >= 2 && remark.starts_with([' ', '#', '-', '=']) {
            return None;
        }
        let start = scalar.end + apart;
        Some(self.span(start, start + comment.trim_end().len()))
    }

    /// The warning about a text that goes on in a comment.
    pub(crate) fn cut_by_comment(&self, remark: Span) -> Diagnostic {
        let hint = "put the whole text in quotes; a remark goes on a line of its own, or two spaces away: `  # remark`";
        let message = "the text ends before this: ` #` begins a comment".to_owned();
        self.diagnostic(Severity::Warning, remark, message, Some(hint.to_owned()))
    }

    /// The span of `start..end` (byte offsets into the text), which must lie on character boundaries.
    #[must_use]
    pub fn span(&self, start: usize, end: usize) -> Span {
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let marked = self.text.get(start..end).unwrap_or_default();
        let first_line = marked.split('\n').next().unwrap_or_default();
        Span {
            line: narrow(before.matches('\n').count() + 1),
            column: narrow(before.get(line_start..).unwrap_or_default().chars().count() + 1),
            width: narrow(first_line.chars().count().max(1)),
            start,
            end,
        }
    }
}

/// Longest message and hint, in characters: they quote what the file says.
const MAX_MESSAGE: usize = 500;

/// Text from a file made fit for a terminal: no control characters, no endless words.
fn shown(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters of a source line kept with a finding.
const MAX_SOURCE_LINE: usize = 4_000;

pub(crate) fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_nothing_but_the_colours() {
        let source = Source { file: "a.yaml".into(), text: "key: x".into() };
        let finding = source.diagnostic(Severity::Error, source.span(5, 6), "here".into(), Some("do".into()));
        let coloured = finding.coloured().to_string();
        assert!(coloured.contains("\x1b[1;31merror"));
        let mut bare = String::new();
        for (at, part) in coloured.split("\x1b[").enumerate() {
            bare.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        assert_eq!(bare, finding.to_string());
    }

    #[test]
    fn the_caret_stands_below_its_place_even_after_tabs_and_in_long_lines() {
        let source = Source { file: "a.yaml".into(), text: format!("\tkey: {}x", "é".repeat(300)) };
        let at = source.text.len() - 1;
        let shown =
            source.diagnostic(Severity::Error, source.span(at, at + 1), "here".into(), None).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[2].chars().position(|c| c == '^');
        assert_eq!(caret.and_then(|at| lines[1].chars().nth(at)), Some('x'));
        assert!(lines[1].chars().count() < 140);
    }
}
