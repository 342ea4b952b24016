//! Regular expressions in flows: an engine that takes linear time, and a bound on their size.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 500;

/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// Something wrong in a pattern; `at` is a byte range of its text.
#[derive(Debug, PartialEq)]
pub(crate) struct PatternError {
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
}

/// Compiles a pattern that does not mind capital letters.
pub(crate) fn compile(source: &str) -> Result<Regex, PatternError> {
    let whole = 0..source.len();
    let wrong = |at, message: String, hint: &str| PatternError { at, message, hint: hint.to_owned() };
    if source.is_empty() {
        return Err(wrong(whole, "the pattern is empty".into(), "write one, such as `[0-9]{4}`"));
    }
    if source.len() > MAX_PATTERN {
        let message = format!("the pattern has {} characters, more than {MAX_PATTERN}", source.len());
        return Err(wrong(whole, message, "use phrases, or several steps"));
    }
    let built = RegexBuilder::new(source)
        .case_insensitive(true)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(24)
        .build();
    built.map_err(|error| match error {
        regex::Error::Syntax(report) => {
            let (at, reason) = place(&report, source);
            wrong(
                at,
                format!("the pattern is wrong: {reason}"),
                "a sign such as `(` or `.` meant as itself needs `\\` before it",
            )
        }
        regex::Error::CompiledTooBig(_) => {
            wrong(whole, "the pattern is too large".into(), "use smaller counts in `{…}`")
        }
        other => wrong(whole, format!("the pattern is wrong: {other}"), "simplify it"),
    })
}

/// The engine reports the pattern, a line of carets below the place, and the reason.
fn place(report: &str, source: &str) -> (Range<usize>, String) {
    let reason = report.rsplit("error: ").next().unwrap_or(report).trim().to_owned();
    let mut lines = report.lines();
    let indent = lines.find_map(|line| line.find(source)).unwrap_or_default();
    let carets = lines.next().filter(|line| line.trim_start().starts_with('^'));
    let Some(carets) = carets else { return (0..source.len(), reason) };
    let start = carets.find('^').unwrap_or_default().saturating_sub(indent);
    let length = carets.trim().chars().count();
    let byte = |at: usize| source.char_indices().nth(at).map_or(source.len(), |(byte, _)| byte);
    (byte(start)..byte(start + length), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pattern_is_told_where_and_why() {
        let wrong = compile("order (abc").unwrap_err();
        assert_eq!((wrong.at, wrong.message.as_str()), (6..7, "the pattern is wrong: unclosed group"));
        assert!(compile("").is_err());
        assert!(compile(&"a".repeat(501)).is_err());
        assert!(compile("(?:a{1000}){1000}").unwrap_err().message.contains("too large"));
        assert!(compile("(a)\\1").is_err());
    }

    #[test]
    fn capital_letters_do_not_matter_and_no_pattern_runs_long() {
        assert!(compile("^order [0-9]+$").unwrap().is_match("Order 12"));
        let slow_elsewhere = compile("(a+)+b").unwrap();
        assert!(!slow_elsewhere.is_match(&"a".repeat(6_000)));
    }
}
