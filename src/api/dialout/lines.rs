//! Lines of a body that comes in chunks of any size.

use axum::body::Bytes;

/// Cuts chunks into lines. Holds no more than one unfinished line of at most `longest` bytes.
#[derive(Debug)]
pub(super) struct Lines {
    longest: usize,
    chunk: Bytes,
    partial: Vec<u8>,
    too_long: bool,
    number: u32,
}

/// One line: its number from 1, and its bytes, or that it is longer than may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BatchLine {
    pub(super) number: u32,
    pub(super) text: Result<Vec<u8>, TooLong>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) const fn new(longest: usize) -> Self {
        Self { longest, chunk: Bytes::new(), partial: Vec::new(), too_long: false, number: 0 }
    }

    /// The next chunk; the one before must have been used up.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next line that is whole and not empty.
    pub(super) fn next(&mut self) -> Option<BatchLine> {
        loop {
            let Some(end) = self.chunk.iter().position(|byte| *byte == b'\n') else {
                let rest = std::mem::take(&mut self.chunk);
                self.keep(&rest);
                return None;
            };
            let piece = self.chunk.split_to(end + 1);
            self.keep(&piece[..end]);
            if let Some(line) = self.finish() {
                return Some(line);
            }
        }
    }

    /// The last line, when nothing more comes and it had no end of its own.
    pub(super) fn last(&mut self) -> Option<BatchLine> {
        self.finish()
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.too_long || self.partial.len() + piece.len() > self.longest {
            self.too_long = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(piece);
        }
    }

    /// Empty lines are counted and left out.
    fn finish(&mut self) -> Option<BatchLine> {
        self.number = self.number.saturating_add(1);
        let text = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.too_long) {
            return Some(BatchLine { number: self.number, text: Err(TooLong) });
        }
        let blank = text.iter().all(u8::is_ascii_whitespace);
        (!blank).then_some(BatchLine { number: self.number, text: Ok(text) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &[u8], size: usize, longest: usize) -> Vec<BatchLine> {
        let mut lines = Lines::new(longest);
        let mut all = Vec::new();
        for chunk in text.chunks(size.max(1)) {
            lines.push(Bytes::copy_from_slice(chunk));
            while let Some(line) = lines.next() {
                all.push(line);
            }
        }
        all.extend(lines.last());
        all
    }

    fn line(number: u32, text: &str) -> BatchLine {
        BatchLine { number, text: Ok(text.as_bytes().to_vec()) }
    }

    #[test]
    fn lines_keep_their_numbers_and_empty_ones_count() {
        let expected = vec![line(1, "one"), line(3, "three\r"), line(5, "five")];
        assert_eq!(cut(b"one\n\nthree\r\n  \nfive", 4, 100), expected);
        assert_eq!(cut(b"", 4, 100), []);
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let expected = vec![line(1, "a"), BatchLine { number: 2, text: Err(TooLong) }, line(3, "b")];
        assert_eq!(cut(b"a\nxxxxxxxxxxxx\nb\n", 3, 8), expected);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_into_chunks_does_not_matter(
            text in "[ab\n\r ]{0,200}", size in 1..50_usize, longest in 1..20_usize,
        ) {
            prop_assert_eq!(cut(text.as_bytes(), size, longest), cut(text.as_bytes(), usize::MAX, longest));
        }
    }
}
