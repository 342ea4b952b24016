//! The table of word errors, one row for each recogniser and language.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::speech::stt::word_errors::WordErrors;

/// What a recogniser made of one recording.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) recogniser: String,
    pub(super) file: String,
    pub(super) language: String,
    pub(super) said: String,
    /// The words, or why there are none.
    pub(super) understood: Result<String, String>,
    pub(super) audio_ms: u64,
    pub(super) took_ms: u64,
}

impl Heard {
    fn errors(&self) -> WordErrors {
        WordErrors::between(&self.said, self.understood.as_deref().unwrap_or_default())
    }
}

/// The sum of a row.
#[derive(Clone, Debug, Default)]
struct Sum {
    errors: WordErrors,
    recordings: usize,
    right: usize,
    failed: usize,
    audio_ms: u64,
    took_ms: Vec<u64>,
}

impl Sum {
    fn add(&mut self, heard: &Heard) {
        let errors = heard.errors();
        self.recordings += 1;
        self.right += usize::from(errors.errors() == 0);
        self.failed += usize::from(heard.understood.is_err());
        self.errors += errors;
        self.audio_ms += heard.audio_ms;
        self.took_ms.push(heard.took_ms);
    }

    /// Time of work for each second of audio.
    fn real_time_factor(&self) -> f64 {
        self.took_ms.iter().sum::<u64>() as f64 / self.audio_ms.max(1) as f64
    }

    /// The time that 95 of 100 recordings did not exceed.
    fn slow_ms(&self) -> u64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * 95).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or(0)
    }
}

/// By recogniser, in the order they were asked, then by language; a recogniser with several languages ends with `all`.
fn sums(all: &[Heard]) -> Vec<(String, String, Sum)> {
    let mut recognisers: Vec<&str> = Vec::new();
    for heard in all {
        if !recognisers.contains(&heard.recogniser.as_str()) {
            recognisers.push(&heard.recogniser);
        }
    }
    let mut rows = Vec::new();
    for recogniser in recognisers {
        let (mut by_language, mut together) = (BTreeMap::<&str, Sum>::new(), Sum::default());
        for heard in all.iter().filter(|heard| heard.recogniser == recogniser) {
            by_language.entry(&heard.language).or_default().add(heard);
            together.add(heard);
        }
        let several = by_language.len() > 1;
        rows.extend(by_language.into_iter().map(|(language, sum)| (recogniser.into(), language.into(), sum)));
        if several {
            rows.push((recogniser.into(), "all".into(), together));
        }
    }
    rows
}

pub(super) fn table(all: &[Heard]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "recogniser",
        "language",
        "files",
        "words",
        "WER %",
        "sub",
        "ins",
        "del",
        "failed",
        "x real time",
        "p95 ms",
    ]);
    for (recogniser, language, sum) in sums(all) {
        table.add_row([
            recogniser,
            language,
            sum.recordings.to_string(),
            sum.errors.words.to_string(),
            format!("{:.1}", sum.errors.rate() * 100.0),
            sum.errors.substitutions.to_string(),
            sum.errors.insertions.to_string(),
            sum.errors.deletions.to_string(),
            sum.failed.to_string(),
            format!("{:.2}", sum.real_time_factor()),
            sum.slow_ms().to_string(),
        ]);
    }
    for column in 2..11 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// What was misunderstood, a line each.
pub(super) fn misunderstood(all: &[Heard]) -> String {
    let wrong = all.iter().filter(|heard| heard.errors().errors() > 0);
    wrong
        .map(|heard| {
            let understood = match &heard.understood {
                Ok(text) => format!("{text:?}"),
                Err(why) => why.clone(),
            };
            format!("{}: {}: {:?} was heard as {understood}\n", heard.recogniser, heard.file, heard.said)
        })
        .collect()
}

pub(super) fn json(all: &[Heard]) -> Value {
    let rows: Vec<Value> = sums(all)
        .into_iter()
        .map(|(recogniser, language, sum)| {
            json!({
                "recogniser": recogniser,
                "language": language,
                "recordings": sum.recordings,
                "right": sum.right,
                "failed": sum.failed,
                "words": sum.errors.words,
                "substitutions": sum.errors.substitutions,
                "insertions": sum.errors.insertions,
                "deletions": sum.errors.deletions,
                "wordErrorRate": rounded(sum.errors.rate()),
                "realTimeFactor": rounded(sum.real_time_factor()),
                "p95Ms": sum.slow_ms(),
            })
        })
        .collect();
    let recordings: Vec<Value> = all
        .iter()
        .map(|heard| {
            json!({
                "recogniser": heard.recogniser,
                "file": heard.file,
                "language": heard.language,
                "said": heard.said,
                "understood": heard.understood.as_deref().ok(),
                "error": heard.understood.as_ref().err(),
                "errors": heard.errors().errors(),
                "tookMs": heard.took_ms,
            })
        })
        .collect();
    json!({ "summary": rows, "recordings": recordings })
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(recogniser: &str, language: &str, said: &str, understood: Result<&str, &str>) -> Heard {
        Heard {
            recogniser: recogniser.into(),
            file: "a.wav".into(),
            language: language.into(),
            said: said.into(),
            understood: understood.map(str::to_owned).map_err(str::to_owned),
            audio_ms: 1_000,
            took_ms: 250,
        }
    }

    #[test]
    fn each_recogniser_has_a_row_for_each_language_and_one_for_all() {
        let all = [
            heard("tiny", "id", "dua puluh", Ok("20")),
            heard("tiny", "en", "two tickets", Ok("two")),
            heard("base", "en", "two tickets", Err("it was late")),
        ];
        let shown = table(&all);
        let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["tiny", "en", "1", "2", "50.0", "0", "0", "1", "0", "0.25", "250"]);
        assert_eq!(rows[3], ["tiny", "all", "2", "4", "25.0", "0", "0", "1", "0", "0.25", "250"]);
        assert_eq!(rows[4], ["base", "en", "1", "2", "100.0", "0", "0", "2", "1", "0.25", "250"]);
        let listed = misunderstood(&all);
        assert!(
            listed.contains("\"two tickets\" was heard as \"two\"") && listed.contains("it was late"),
            "{listed}"
        );
        assert_eq!(listed.lines().count(), 2);
        let report = json(&all);
        assert_eq!(
            (&report["summary"][2]["wordErrorRate"], &report["summary"][2]["right"]),
            (&json!(0.25), &json!(1))
        );
        assert_eq!(report["recordings"][2]["error"], "it was late");
    }
}
