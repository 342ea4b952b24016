//! Tables for people: as wide as the terminal, 80 columns elsewhere, broken between words and never inside one. Colours are for
//! terminals.

use std::io::IsTerminal as _;

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::out::one_line;

/// Where there is no terminal that says how wide it is.
const USUAL_WIDTH: u16 = 80;
/// Longest word in a cell, characters; longer ones are cut.
const LONGEST_WORD: usize = 36;

/// How something is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    /// Not over yet.
    Open,
}

/// Whether standard output shows colours.
pub(super) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Columns of the terminal.
pub(super) fn width() -> u16 {
    Table::new().width().unwrap_or(USUAL_WIDTH).max(40)
}

/// A table.
pub(super) struct Grid {
    table: Table,
    /// The longest word of each column.
    words: Vec<usize>,
}

impl Grid {
    pub(super) fn new(head: &[&str]) -> Self {
        Self::of_width(head, width(), colours())
    }

    fn of_width(head: &[&str], width: u16, colours: bool) -> Self {
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width)
            .set_header(head);
        if colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Self { table, words: head.iter().map(|title| title.len()).collect() }
    }

    /// A row of texts that others may have written.
    pub(super) fn row<T: AsRef<str>, const N: usize>(&mut self, cells: [T; N]) {
        self.toned(cells.each_ref().map(|text| (text.as_ref(), Tone::Plain)));
    }

    pub(super) fn toned<const N: usize>(&mut self, cells: [(&str, Tone); N]) {
        let cells = cells.map(|(text, tone)| (cut(&one_line(text)), tone));
        for (longest, (text, _)) in self.words.iter_mut().zip(&cells) {
            let words = text.split_whitespace().map(|word| word.chars().count());
            *longest = words.chain([*longest]).max().unwrap_or_default();
        }
        self.table.add_row(cells.map(|(text, tone)| {
            let cell = Cell::new(text);
            match tone {
                Tone::Plain => cell,
                Tone::Good => cell.fg(Color::Green),
                Tone::Bad => cell.fg(Color::Red),
                Tone::Open => cell.fg(Color::Yellow),
            }
        }));
    }

    /// The table as text.
    pub(super) fn shown(mut self) -> String {
        for (column, longest) in self.table.column_iter_mut().zip(&self.words) {
            column.set_padding((0, 2));
            let least = u16::try_from(longest + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
        self.table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// The same with words of a bounded length.
fn cut(text: &str) -> String {
    let word = |word: &str| {
        if word.chars().count() <= LONGEST_WORD {
            return word.to_owned();
        }
        word.chars().take(LONGEST_WORD - 1).chain(['…']).collect()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_and_breaks_between_words_only() {
        let mut grid = Grid::of_width(&["id", "number", "what happened"], 50, false);
        let long = "nobody answered although it rang for as long as it may, twice";
        grid.row(["01234567", "+6281234567890", long]);
        grid.row(["1".to_owned(), "2".to_owned(), "x".repeat(60)]);
        let shown = grid.shown();
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 64, "{shown}");
        for word in long.split(' ').chain(["+6281234567890", "01234567"]) {
            assert!(shown.split_whitespace().any(|found| found == word), "{word}: {shown}");
        }
        assert!(shown.contains('…') && !shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn colours_are_for_terminals_and_text_of_others_has_none() {
        let shown = |colours| {
            let mut grid = Grid::of_width(&["a"], 80, colours);
            grid.toned([("good\u{1b}[31m", Tone::Good)]);
            grid.shown()
        };
        assert!(shown(true).contains("\u{1b}["));
        assert!(!shown(false).contains('\u{1b}'));
    }
}
