//! `dering amd bench`: this detector and those of others on the same recordings.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use callcore::amd::{Options, Profile};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::published::WordCounter;
use crate::accuracy::{Percentile, Share};
use crate::trials::Verdict;
use crate::trials::analyse::{audio_of, listen};
use crate::trials::cases::{self, Case};

/// Measure this detector and those of others on labelled recordings: who is taken for what, with bounds, and how soon
///
/// Asterisk's and FreeSWITCH's detectors are written anew from their documentation, with their usual settings, and hear energy alone. jambonz's
/// rules read words, so they are measured where the labels have words, and take them as a perfect recogniser would bring them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder with labels.jsonl (JSON lines with `file` and `label`: human, machine, fax, no_speech), or with NAME.json
    /// ({"label": "human"}) beside each NAME.wav; or a labels file
    path: PathBuf,
    /// Draw the errors with their bounds
    #[arg(long, value_name = "OUT.svg")]
    svg: Option<PathBuf>,
    /// Threads; all cores unless said
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A detector that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detector {
    Dering,
    DeringWithWords,
    Asterisk,
    FreeSwitch,
    Jambonz,
}

impl Detector {
    const ALL: [Self; 5] =
        [Self::Dering, Self::DeringWithWords, Self::Asterisk, Self::FreeSwitch, Self::Jambonz];

    const fn name(self) -> &'static str {
        match self {
            Self::Dering => "dering",
            Self::DeringWithWords => "dering, words",
            Self::Asterisk => "Asterisk app_amd",
            Self::FreeSwitch => "FreeSWITCH mod_amd",
            Self::Jambonz => "jambonz rules, words",
        }
    }

    const fn reads_words(self) -> bool {
        matches!(self, Self::DeringWithWords | Self::Jambonz)
    }

    fn verdict(self, case: &Case, audio: &[i16]) -> (Verdict, Option<u64>) {
        let words: &[_] = match self {
            Self::DeringWithWords => &case.words,
            Self::Jambonz if case.interim.is_empty() => &case.words,
            Self::Jambonz => &case.interim,
            Self::Dering | Self::Asterisk | Self::FreeSwitch => &[],
        };
        let profile = match self {
            Self::Asterisk => return WordCounter::ASTERISK.verdict(audio),
            Self::FreeSwitch => return WordCounter::FREESWITCH.verdict(audio),
            Self::Jambonz => Profile::JambonzStrict,
            Self::Dering | Self::DeringWithWords => Profile::Evidence,
        };
        let options = Options { profile, locale: case.language.clone(), ..Options::default() };
        Verdict::of_events(&listen(audio, options, words).events)
    }
}

/// What one detector made of the recordings.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    detector: &'static str,
    person_called_machine: Share,
    machine_called_person: Share,
    /// People and machines that are taken for neither.
    neither: Share,
    /// Of all verdicts, from the answer.
    decided_ms: [Option<Percentile>; 2],
}

impl Line {
    fn of(detector: Detector, judged: &[(Verdict, Verdict, Option<u64>)]) -> Self {
        let share = |label: Verdict, said: Verdict| {
            let of: Vec<_> = judged.iter().filter(|(is, ..)| *is == label).collect();
            Share::new(of.iter().filter(|(_, verdict, _)| *verdict == said).count(), of.len())
        };
        let either = |verdict: Verdict| matches!(verdict, Verdict::Human | Verdict::Machine);
        let voices: Vec<_> = judged.iter().filter(|(is, ..)| either(*is)).collect();
        let neither = Share::new(voices.iter().filter(|(_, said, _)| !either(*said)).count(), voices.len());
        let mut times: Vec<i64> =
            judged.iter().filter_map(|(_, _, at_ms)| i64::try_from((*at_ms)?).ok()).collect();
        times.sort_unstable();
        Self {
            detector: detector.name(),
            person_called_machine: share(Verdict::Human, Verdict::Machine),
            machine_called_person: share(Verdict::Machine, Verdict::Human),
            neither,
            decided_ms: [0.5, 0.95].map(|p| Percentile::of(&times, p)),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When nothing is labelled, or a file cannot be read; the rest is still measured.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let cases = labelled(&args.path)?;
    let detectors: Vec<Detector> = Detector::ALL
        .into_iter()
        .filter(|detector| !detector.reads_words() || cases.iter().any(|case| !case.words.is_empty()))
        .collect();
    let results = super::pool::over(&cases, args.jobs, |case| -> anyhow::Result<Vec<_>> {
        let audio = audio_of(&case.file, case.left)?;
        Ok(detectors.iter().map(|detector| detector.verdict(case, &audio)).collect())
    });
    let (mut judged, mut failed) = (vec![Vec::new(); detectors.len()], 0);
    for (case, result) in cases.iter().zip(results) {
        let Some(label) = case.label else { continue };
        match result {
            Ok(verdicts) => {
                for (of, (verdict, at_ms)) in judged.iter_mut().zip(verdicts) {
                    of.push((label, verdict, at_ms));
                }
            }
            Err(error) => {
                failed += 1;
                super::tell_error(&error);
            }
        }
    }
    let lines: Vec<Line> =
        detectors.iter().zip(&judged).map(|(detector, judged)| Line::of(*detector, judged)).collect();
    if let Some(path) = &args.svg {
        std::fs::write(path, drawn(&lines)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let told = if args.json {
        format!(
            "{}\n",
            serde_json::json!({ "recordings": judged.first().map_or(0, Vec::len), "detectors": lines })
        )
    } else {
        table(&lines)
    };
    super::super::print(&told);
    if failed > 0 {
        bail!("{failed} of {} recordings could not be read; they are in no figure", cases.len());
    }
    Ok(())
}

fn labelled(path: &Path) -> anyhow::Result<Vec<Case>> {
    let labels = path.join("labels.jsonl");
    let mut cases = if path.is_file() {
        cases::of_labels(path, true)?
    } else if labels.is_file() {
        cases::of_labels(&labels, true)?
    } else {
        cases::of_folder(path)?
    };
    cases.retain(|case| case.label.is_some());
    if cases.is_empty() {
        bail!(
            "no recording of {} is labelled; write {{\"label\": \"human\"}} or \"machine\" into NAME.json beside NAME.wav",
            path.display()
        );
    }
    Ok(cases)
}

fn table(lines: &[Line]) -> String {
    let percent = |share: &Share| {
        if share.of == 0 {
            return "-".to_owned();
        }
        let [share, low, high] = [share.share, share.low, share.high].map(|part| part * 100.0);
        format!("{share:.1} ({low:.0}-{high:.0})")
    };
    let ms = |time: &Option<Percentile>| time.as_ref().map_or("-".to_owned(), |time| time.value.to_string());
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["detector", "people wrong", "machines wrong", "neither", "p50", "p95"]);
    for line in lines {
        let [p50, p95] = &line.decided_ms;
        table.add_row([
            line.detector.to_owned(),
            percent(&line.person_called_machine),
            percent(&line.machine_called_person),
            format!("{:.1}", line.neither.share * 100.0),
            ms(p50),
            ms(p95),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let (people, machines) =
        lines.first().map_or((0, 0), |line| (line.person_called_machine.of, line.machine_called_person.of));
    format!(
        "{table}\n{people} people (wrong: called machines), {machines} machines (wrong: called people);\n\
         percent with 95 % bounds (Clopper-Pearson).\n\
         p50, p95: when half and 95 % were decided, ms after the answer.\n"
    )
}

const ROW: usize = 44;
const LEFT: usize = 170;
const WIDTH: usize = 420;

/// Both errors of each detector as bars, with their bounds; it follows a dark page.
fn drawn(lines: &[Line]) -> String {
    let highest = lines
        .iter()
        .flat_map(|line| [&line.person_called_machine, &line.machine_called_person])
        .filter(|share| share.of > 0)
        .map(|share| share.high)
        .fold(0.1, f64::max);
    let x = |share: f64| LEFT as f64 + share / highest * WIDTH as f64;
    let height = 40 + lines.len() * ROW + 30;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" \
         aria-label=\"Errors of detectors\"><style>text{{fill:#222}}.p{{fill:#b3261e}}.m{{fill:#8a6d00}}line{{stroke:#222}}\
         @media(prefers-color-scheme:dark){{text{{fill:#eee}}.p{{fill:#f2b8b5}}.m{{fill:#e6c84b}}line{{stroke:#eee}}}}</style>\
         <rect class=\"p\" x=\"{LEFT}\" y=\"12\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"21\">person called machine</text>\
         <rect class=\"m\" x=\"{}\" y=\"12\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"21\">machine called person</text>",
        LEFT + WIDTH + 70,
        LEFT + 14,
        LEFT + 170,
        LEFT + 184,
    );
    for (at, line) in lines.iter().enumerate() {
        let top = 40 + at * ROW;
        svg.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 8,
            top + 20,
            line.detector
        ));
        for (share, class, y) in
            [(&line.person_called_machine, "p", top), (&line.machine_called_person, "m", top + 16)]
        {
            if share.of == 0 {
                continue;
            }
            let (begin, end, low, high) = (x(0.0), x(share.share), x(share.low), x(share.high));
            svg.push_str(&format!(
                "<rect class=\"{class}\" x=\"{begin:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"12\"/>\
                 <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{middle}\" y2=\"{middle}\"/><text x=\"{:.1}\" y=\"{}\">{:.1} %</text>",
                end - begin,
                high + 6.0,
                y + 10,
                share.share * 100.0,
                middle = y + 6,
            ));
        }
    }
    svg.push_str(&format!(
        "<text x=\"{LEFT}\" y=\"{}\">thin lines: 95 % bounds (Clopper-Pearson)</text></svg>\n",
        height - 10
    ));
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_measured_and_one_without_labels_says_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let said: Vec<i16> =
            (0..16_000).map(|at| if (4_000..8_000).contains(&at) { 4_000 } else { 0 }).collect();
        let wav = callcore::audio::wav::write_8k(&[&said]);
        std::fs::write(folder.path().join("a.wav"), wav).unwrap();
        let error = labelled(folder.path()).unwrap_err().to_string();
        assert!(error.contains("NAME.json beside NAME.wav"), "{error}");
        std::fs::write(folder.path().join("a.json"), r#"{"label": "human"}"#).unwrap();
        let cases = labelled(folder.path()).unwrap();
        let audio = audio_of(&cases[0].file, cases[0].left).unwrap();
        let judged = [(Verdict::Human, Detector::Asterisk.verdict(&cases[0], &audio).0, Some(1_800))];
        let line = Line::of(Detector::Asterisk, &judged);
        assert_eq!((line.person_called_machine.count, line.person_called_machine.of), (0, 1));
        assert_eq!(line.machine_called_person.of, 0);
        let shown = table(&[line]);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(shown.contains("1 people (wrong: called machines), 0 machines"), "{shown}");
    }

    #[test]
    fn the_picture_has_a_bar_for_each_error() {
        let judged =
            [(Verdict::Human, Verdict::Machine, Some(900)), (Verdict::Machine, Verdict::Machine, Some(900))];
        let svg = drawn(&[Line::of(Detector::Dering, &judged)]);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("100.0 %") && svg.contains("0.0 %"), "{svg}");
    }
}
