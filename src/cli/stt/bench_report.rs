//! The table of `dering stt bench`.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::question::Question;
use crate::speech::stt::word_errors::WordErrors;

/// What became of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) right: usize,
    pub(super) wrong: usize,
    pub(super) asked_again: usize,
}

/// One folder in one language, heard by one model.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) model: String,
    pub(super) folder: String,
    pub(super) language: String,
    /// Nothing in it answers anything: an answer that is taken is wrong, and its words are not known.
    pub(super) is_strange: bool,
    pub(super) errors: WordErrors,
    /// By the words alone.
    pub(super) by_words: Option<Answers>,
    /// With the answers weighed where words do not tell: what a call does.
    pub(super) weighed: Option<Answers>,
    pub(super) took_ms: Vec<u64>,
    /// Memory that the model and its work took.
    pub(super) mib: u64,
}

impl Row {
    pub(super) fn new(model: &str, folder: &str, language: &str) -> Self {
        Self {
            model: model.into(),
            folder: folder.into(),
            language: language.into(),
            is_strange: false,
            errors: WordErrors::default(),
            by_words: None,
            weighed: None,
            took_ms: Vec::new(),
            mib: 0,
        }
    }

    fn median_ms(&self) -> u64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    }
}

impl Answers {
    /// One more: what was `said` (none: nothing that answers anything), and what it was taken for, if anything.
    pub(super) fn count(&mut self, said: Option<&str>, taken: Option<&str>) {
        match (said, taken) {
            (Some(said), Some(taken)) if Question::is(said, taken) => self.right += 1,
            (_, Some(_)) => self.wrong += 1,
            (_, None) => self.asked_again += 1,
        }
    }

    const fn all(self) -> usize {
        self.right + self.wrong + self.asked_again
    }
}

/// The bounds within which a share lies with a confidence of 95 % (Wilson), %.
fn bounds(of: usize, all: usize) -> (f64, f64) {
    if all == 0 {
        return (0.0, 100.0);
    }
    let (n, share, z) = (all as f64, of as f64 / all as f64, 1.96_f64);
    let middle = share + z * z / (2.0 * n);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let bound = |value: f64| (value / (1.0 + z * z / n) * 100.0).clamp(0.0, 100.0);
    (bound(middle - spread), bound(middle + spread))
}

fn share(of: usize, all: usize) -> String {
    format!("{:.0}", of as f64 * 100.0 / all.max(1) as f64)
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "model", "folder", "lang", "n", "WER", "words", "right", "95 %", "wrong", "again", "ms", "MB",
    ]);
    for row in rows {
        let rate = if row.is_strange { "-".into() } else { format!("{:.0}", row.errors.rate() * 100.0) };
        let mut cells = vec![
            row.model.clone(),
            row.folder.clone(),
            row.language.clone(),
            row.took_ms.len().to_string(),
            rate,
        ];
        match (row.by_words, row.weighed) {
            (Some(by_words), Some(weighed)) => {
                let (of, right) = if row.is_strange {
                    (weighed.wrong, "-".into())
                } else {
                    (weighed.right, share(weighed.right, weighed.all()))
                };
                let (low, high) = bounds(of, weighed.all());
                let words = if row.is_strange { by_words.wrong } else { by_words.right };
                cells.extend([
                    share(words, by_words.all()),
                    right,
                    format!("{low:.0}-{high:.0}"),
                    share(weighed.wrong, weighed.all()),
                    share(weighed.asked_again, weighed.all()),
                ]);
            }
            _ => cells.extend(["-"; 5].map(str::to_owned)),
        }
        cells.extend([row.median_ms().to_string(), row.mib.to_string()]);
        table.add_row(cells);
    }
    for column in 3..12 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_padding((0, 1));
        }
    }
    format!(
        "{table}\n\nIn %: WER is word errors; words: right by the words alone; right, wrong and\n\
         again: as a call takes them, with the answers weighed. Of folders that answer\nnothing, words and wrong are \
         answers taken all the same. 95 %: bounds of right,\nor of wrong there. ms: median; MB: of memory.\n"
    )
}

pub(super) fn json(rows: &[Row]) -> Value {
    let answers = |answers: Option<Answers>| {
        answers.map(|answers| {
            let bounds = |of: usize| {
                let (low, high) = bounds(of, answers.all());
                json!([(low * 10.0).round() / 10.0, (high * 10.0).round() / 10.0])
            };
            json!({
                "right": answers.right, "wrong": answers.wrong, "askedAgain": answers.asked_again,
                "rightBounds": bounds(answers.right), "wrongBounds": bounds(answers.wrong),
            })
        })
    };
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "model": row.model, "folder": row.folder, "language": row.language, "recordings": row.took_ms.len(),
                "answersNothing": row.is_strange,
                "wordErrorRate": if row.is_strange { None } else { Some((row.errors.rate() * 10_000.0).round() / 10_000.0) },
                "byWords": answers(row.by_words), "weighed": answers(row.weighed),
                "medianMs": row.median_ms(), "memoryMiB": row.mib,
            })
        })
        .collect();
    json!({ "rows": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_eighty_columns_and_says_what_was_taken() {
        let mut digits = Row::new("ggml-base", "digits", "en");
        digits.took_ms = vec![700, 650, 900];
        digits.by_words = Some(Answers { right: 58, wrong: 0, asked_again: 42 });
        digits.weighed = Some(Answers { right: 91, wrong: 1, asked_again: 8 });
        let mut music = Row { is_strange: true, ..Row::new("ggml-base", "music", "-") };
        music.by_words = Some(Answers { right: 0, wrong: 1, asked_again: 99 });
        music.weighed = Some(Answers { right: 0, wrong: 2, asked_again: 98 });
        let table = table(&[digits.clone(), music]);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let row: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(row, ["ggml-base", "digits", "en", "3", "0", "58", "91", "84-95", "1", "8", "700", "0"]);
        let row: Vec<&str> = table.lines().nth(2).unwrap_or_default().split_whitespace().collect();
        assert_eq!(row[4..10], ["-", "1", "-", "1-7", "2", "98"]);
        let json = json(&[digits]);
        assert_eq!(json["rows"][0]["weighed"]["right"], 91);
    }

    #[test]
    fn bounds_are_wide_for_few_and_never_beyond_the_possible() {
        let (low, high) = bounds(0, 0);
        assert!(low == 0.0 && high == 100.0);
        let ((low, high), (close, near)) = (bounds(5, 5), bounds(500, 500));
        assert!(high > 99.9 && low < 60.0 && close > 99.0 && near > 99.9, "{low} {high} {close} {near}");
    }
}
