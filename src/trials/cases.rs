//! Recordings with what is known of them: from a labels file, a folder, or the server's database.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use callcore::amd::{EventKind, Piece, Trace};
use serde::Deserialize;
use serde_json::Value;

use super::verdict::Verdict;
use crate::session::read_trace;
use crate::store::{CallFilter, Progress, Store, Visibility};

/// Calls of one page of the database.
const PAGE: u32 = 500;
/// Words of a label come as from a recogniser that waits for this pause and takes this long, ms.
const UTTERANCE_PAUSE_MS: u64 = 700;
const RECOGNITION_MS: u64 = 300;

/// One recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) file: PathBuf,
    /// Take the left channel alone: the callee in our own recordings.
    pub(crate) left: bool,
    /// What it is, when somebody has said so.
    pub(crate) label: Option<Verdict>,
    /// What the detector said when the call was made.
    pub(crate) before: Option<Verdict>,
    pub(crate) language: Option<String>,
    pub(crate) subtype: Option<String>,
    pub(crate) degradations: Vec<String>,
    /// Whom a cross-validation keeps together.
    pub(crate) group: Option<String>,
    pub(crate) first_utterance_end_ms: Option<u64>,
    pub(crate) words: Vec<Piece>,
    /// The same with what a recogniser says while somebody still speaks.
    pub(crate) interim: Vec<Piece>,
    /// What the detector of the call was fed besides the recording.
    pub(crate) trace: Option<Trace>,
}

/// A line of a labels file; everything but the file is optional.
#[derive(Debug, Deserialize)]
struct Label {
    id: Option<String>,
    file: PathBuf,
    label: Option<String>,
    language: Option<String>,
    subtype: Option<String>,
    #[serde(default)]
    degradations: Vec<String>,
    #[serde(default)]
    speakers: Vec<String>,
    first_utterance_end_ms: Option<u64>,
    #[serde(default)]
    words: Vec<(String, u64, u64)>,
}

/// The cases of a labels file (JSON lines); paths are relative to it.
pub(crate) fn of_labels(path: &Path, with_words: bool) -> anyhow::Result<Vec<Case>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut cases = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {}: not a label", path.display(), number + 1);
        let label: Label = serde_json::from_str(&line).with_context(place)?;
        let verdict = label.label.as_deref().map(str::parse).transpose();
        cases.push(Case {
            id: label.id.unwrap_or_else(|| label.file.display().to_string()),
            file: folder.join(label.file),
            label: verdict.map_err(anyhow::Error::msg).with_context(place)?,
            language: label.language,
            subtype: label.subtype,
            degradations: label.degradations,
            group: label.speakers.into_iter().next(),
            first_utterance_end_ms: label.first_utterance_end_ms,
            words: if with_words { recognised(&label.words) } else { Vec::new() },
            interim: if with_words { as_they_come(&label.words) } else { Vec::new() },
            ..Case::default()
        });
    }
    if cases.is_empty() {
        bail!("{} holds no labels", path.display());
    }
    Ok(cases)
}

/// Labelled words as a recogniser would bring them: one final text per utterance, some time after its end.
fn recognised(words: &[(String, u64, u64)]) -> Vec<Piece> {
    as_they_come(words).into_iter().filter(|piece| piece.is_final).collect()
}

/// The same, with the text so far after each word.
fn as_they_come(words: &[(String, u64, u64)]) -> Vec<Piece> {
    let known: Vec<_> = words.iter().filter(|(word, _, _)| word != "[unk]").collect();
    let mut pieces = Vec::new();
    for utterance in known.chunk_by(|a, b| b.1 < a.2 + UTTERANCE_PAUSE_MS) {
        let mut text = String::new();
        let piece =
            |at_ms, text: &str, is_final| Piece { at_ms, text: text.to_owned(), is_final, log_odds: 0.0 };
        for (word, _, end_ms) in utterance {
            text = if text.is_empty() { word.clone() } else { format!("{text} {word}") };
            pieces.push(piece(end_ms + RECOGNITION_MS, &text, false));
        }
        let end_ms = utterance.last().map_or(0, |last| last.2);
        pieces.push(piece(end_ms + UTTERANCE_PAUSE_MS + RECOGNITION_MS, &text, true));
    }
    pieces
}

/// The WAV files of a folder. `NAME.json` beside `NAME.wav` may hold the evidence as the API gives it, or a label.
pub(crate) fn of_folder(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if !file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav")) {
            continue;
        }
        let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut case = Case { id, left: true, ..Case::default() };
        let beside = file.with_extension("json");
        if beside.exists() {
            let text = std::fs::read_to_string(&beside)
                .with_context(|| format!("cannot read {}", beside.display()))?;
            let known: Value =
                serde_json::from_str(&text).with_context(|| format!("{} is not JSON", beside.display()))?;
            case.learn(&known);
            let label = known["label"].as_str().map(str::parse).transpose();
            case.label = label.map_err(anyhow::Error::msg).with_context(|| beside.display().to_string())?;
        }
        case.trace = read_trace(&file);
        case.file = file;
        cases.push(case);
    }
    if cases.is_empty() {
        bail!("{} holds no WAV file", folder.display());
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}

/// The recorded calls of the server's database, with the verdicts that they had.
pub(crate) fn of_database(path: &Path) -> anyhow::Result<Vec<Case>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cases = runtime.block_on(recorded(path))?;
    if cases.is_empty() {
        bail!("{} knows no recorded call", path.display());
    }
    Ok(cases)
}

async fn recorded(path: &Path) -> anyhow::Result<Vec<Case>> {
    let store = Store::open_read_only(path).await?;
    let filter = CallFilter { progress: Progress::Ended, ..CallFilter::within(Visibility::all()) };
    let (mut cases, mut after) = (Vec::new(), None);
    loop {
        let page = store.calls(&filter, after.as_ref(), PAGE).await?;
        for call in page.items {
            let Some(recording) = store.recording(&call.id).await? else { continue };
            let file = PathBuf::from(recording.path);
            let trace = read_trace(&file);
            let mut case = Case { id: call.id, left: true, file, trace, ..Case::default() };
            if let Some(evidence) = store.evidence(&case.id).await? {
                case.learn(&evidence);
            }
            cases.push(case);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    store.close().await;
    Ok(cases)
}

impl Case {
    /// Takes over what stored evidence says: the verdict of then, and the words as they came.
    pub(super) fn learn(&mut self, evidence: &Value) {
        let event = serde_json::from_value::<EventKind>(evidence["decision"]["event"].clone()).ok();
        let fax = evidence["decision"]["subtype"] == "fax";
        self.before = event.map(|event| Verdict::of(event, fax));
        for piece in evidence["words"].as_array().into_iter().flatten() {
            let Some(text) = piece["text"].as_str() else { continue };
            self.words.push(Piece {
                at_ms: piece["at_ms"].as_u64().unwrap_or(0),
                text: text.to_owned(),
                is_final: piece["final"].as_bool().unwrap_or(true),
                log_odds: 0.0,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_label_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.jsonl");
        std::fs::write(&path, "{\"id\":\"a\",\"file\":\"a.wav\"}\n\nnonsense\n").unwrap();
        let error = of_labels(&path, false).expect_err("line 3 is bad");
        assert!(format!("{error:#}").contains("labels.jsonl, line 3"), "{error:#}");
        std::fs::write(&path, "{\"file\":\"a.wav\",\"label\":\"robot\"}\n").unwrap();
        assert!(format!("{:#}", of_labels(&path, false).unwrap_err()).contains("robot"));
    }

    #[test]
    fn labelled_words_come_as_utterances_after_their_end() {
        let word = |word: &str, start, end| (word.to_owned(), start, end);
        let pieces =
            recognised(&[word("hello", 100, 500), word("there", 600, 900), word("hello", 3000, 3400)]);
        assert_eq!(pieces.len(), 2);
        assert_eq!((pieces[0].text.as_str(), pieces[0].at_ms), ("hello there", 1_900));
    }

    #[test]
    fn a_folder_has_its_verdicts_beside_the_recordings() {
        let folder = tempfile::tempdir().unwrap();
        let wav = callcore::audio::wav::write_8k(&[&[0; 800], &[0; 800]]);
        std::fs::write(folder.path().join("c1.wav"), wav).unwrap();
        let evidence = r#"{"decision": {"event": "amd_human_detected"}, "label": "machine",
                           "words": [{"at_ms": 900, "text": "leave a message", "final": true}]}"#;
        std::fs::write(folder.path().join("c1.json"), evidence).unwrap();
        let cases = of_folder(folder.path()).unwrap();
        assert_eq!((cases[0].before, cases[0].label), (Some(Verdict::Human), Some(Verdict::Machine)));
        assert_eq!(cases[0].words[0].text, "leave a message");
        assert!(of_folder(&folder.path().join("none")).is_err());
    }
}
