//! Recordings and the words in them: pairs of files, or a table.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// Tables that are looked for in the folder.
const TABLES: [&str; 3] = ["labels.csv", "labels.tsv", "labels.jsonl"];
const AUDIO: [&str; 2] = ["wav", "mp3"];

/// One recording and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) language: Option<String>,
}

/// All of `folder`, in the order of the table or of the files' names.
pub(super) fn read(folder: &Path, table: Option<&Path>) -> anyhow::Result<Vec<Labelled>> {
    let found = TABLES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let labelled = match table.map(Path::to_path_buf).or(found) {
        Some(table) => {
            let text = std::fs::read_to_string(&table)
                .with_context(|| format!("the labels {} cannot be read", table.display()))?;
            let kind = table.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            rows(kind, &text, folder).with_context(|| format!("the labels {}", table.display()))?
        }
        None => pairs(folder).with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    ensure!(
        !labelled.is_empty(),
        "{} has no labelled recording: put a.txt with the words beside each a.wav, or a labels.csv with the columns \
         file and text",
        folder.display()
    );
    Ok(labelled)
}

/// Every recording in `folder`, whatever is in it.
pub(super) fn sounds(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).with_context(unreadable)? {
            let file = entry?.path();
            if file.is_dir() {
                folders.push(file);
            } else if is_audio(&file) {
                found.push(file);
            }
        }
    }
    ensure!(!found.is_empty(), "{} has no recording", folder.display());
    found.sort();
    Ok(found)
}

fn is_audio(file: &Path) -> bool {
    file.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| AUDIO.contains(&kind))
}

fn pairs(folder: &Path) -> std::io::Result<Vec<Labelled>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let file = entry?.path();
            let words = file.with_extension("txt");
            if file.is_dir() {
                folders.push(file);
            } else if is_audio(&file) && words.is_file() {
                let text = std::fs::read_to_string(words)?.trim().to_owned();
                found.push(Labelled { file, text, language: None });
            }
        }
    }
    found.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(alias = "path", alias = "audio", alias = "filename")]
    file: String,
    #[serde(alias = "transcript", alias = "sentence", alias = "words")]
    text: String,
    #[serde(default, alias = "lang", alias = "locale")]
    language: Option<String>,
}

fn rows(kind: &str, text: &str, folder: &Path) -> anyhow::Result<Vec<Labelled>> {
    if kind == "jsonl" {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        return lines
            .map(|(at, line)| {
                let row: Row = serde_json::from_str(line).with_context(|| format!("line {}", at + 1))?;
                Ok(Labelled { file: folder.join(row.file), text: row.text, language: row.language })
            })
            .collect();
    }
    let separator = match kind {
        "tsv" => '\t',
        "csv" => ',',
        _ => bail!("its name must end in .csv, .tsv or .jsonl"),
    };
    let mut table = records(text, separator)?.into_iter();
    let head: Vec<String> =
        table.next().unwrap_or_default().into_iter().map(|name| name.trim().to_lowercase()).collect();
    let column = |names: &[&str]| head.iter().position(|name| names.contains(&name.as_str()));
    let file = column(&["file", "path", "audio", "filename"]).context("no column is named \"file\"")?;
    let words =
        column(&["text", "transcript", "sentence", "words"]).context("no column is named \"text\"")?;
    let language = column(&["language", "lang", "locale"]);
    table
        .enumerate()
        .map(|(at, row)| {
            let cell = |column: usize| row.get(column).map(|cell| cell.trim().to_owned());
            let (Some(name), Some(text)) = (cell(file), cell(words)) else {
                bail!("row {} has fewer columns than the first", at + 2);
            };
            let language = language.and_then(cell).filter(|language| !language.is_empty());
            Ok(Labelled { file: folder.join(name), text, language })
        })
        .collect()
}

/// Cells of a table; a cell in double quotes may hold the separator, line ends, and quotes written twice.
fn records(text: &str, separator: char) -> anyhow::Result<Vec<Vec<String>>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => cell.extend(rest.next()),
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c if c == separator && !quoted => record.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    ensure!(!quoted, "a quote is never closed");
    record.push(cell);
    records.push(record);
    records.retain(|record| record.iter().any(|cell| !cell.is_empty()));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labelled(folder: &Path, file: &str, text: &str, language: Option<&str>) -> Labelled {
        Labelled { file: folder.join(file), text: text.into(), language: language.map(str::to_owned) }
    }

    #[test]
    fn every_kind_of_table_says_the_same() {
        let folder = Path::new("calls");
        let expected = vec![
            labelled(folder, "a.wav", "yes, \"please\"", Some("en")),
            labelled(folder, "b.wav", "tidak", None),
        ];
        for (kind, table) in [
            ("csv", "\u{feff}file,text,language\r\na.wav,\"yes, \"\"please\"\"\",en\r\nb.wav,tidak,\r\n"),
            ("tsv", "lang\tpath\tsentence\nen\ta.wav\t\"yes, \"\"please\"\"\"\n\n\tb.wav\ttidak"),
            (
                "jsonl",
                "{\"file\":\"a.wav\",\"text\":\"yes, \\\"please\\\"\",\"lang\":\"en\"}\n\n{\"audio\":\"b.wav\",\"transcript\":\"tidak\"}\n",
            ),
        ] {
            assert_eq!(rows(kind, table, folder).unwrap(), expected, "{kind}");
        }
    }

    #[test]
    fn pairs_are_found_in_folders_within() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("id")).unwrap();
        for (name, content) in
            [("id/b.mp3", ""), ("id/b.txt", " ya\n"), ("a.wav", ""), ("a.txt", "yes"), ("c.wav", "")]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let found = read(folder.path(), None).unwrap();
        let expected =
            [labelled(folder.path(), "a.wav", "yes", None), labelled(folder.path(), "id/b.mp3", "ya", None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("labels.csv"), "{error}");
        for (kind, table, told) in [
            ("csv", "name,text\na,b", "\"file\""),
            ("csv", "file,text\na", "row 2"),
            ("csv", "file,text\n\"a", "never closed"),
            ("jsonl", "{}", "line 1"),
            ("xlsx", "", ".csv"),
        ] {
            let error = format!("{:#}", rows(kind, table, folder.path()).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(text in "[\"a,\\n\\r\\t\u{feff}]{0,40}") {
            for kind in ["csv", "tsv", "jsonl"] {
                drop(rows(kind, &text, Path::new("x")));
            }
        }

        #[test]
        fn what_is_quoted_comes_back_as_it_was(cells in proptest::collection::vec("[a\", \\n]{1,6}", 1..4)) {
            let line: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            prop_assert_eq!(records(&line.join(","), ',').unwrap(), vec![cells]);
        }
    }
}
