//! `dering stt bench`: what models make of folders of recordings, as text and as answers of a question, and of sounds that answer
//! nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;

use super::Bench;
use super::bench_report::{self, Row};
use super::labels::{self, Labelled};
use super::pocketsphinx::{Heard, PocketSphinx};
use super::question::Question;
use crate::config::Recogniser;
use crate::speech::file;
use crate::speech::models::{Manifest, built_in};
use crate::speech::stt::word_errors::WordErrors;
use crate::speech::stt::{Recognizer, Request, SttError, Transcript};

/// Longer than any recording takes; what is measured is the time, not the patience.
const PATIENCE: Duration = Duration::from_secs(120);
/// A call hands over so much of what comes before the speech and behind it, samples.
const BEFORE: usize = 300 * 8;
const BEHIND: usize = 700 * 8;

/// Recordings of one folder in one language, and the question that they answer.
struct Group {
    name: String,
    language: String,
    recordings: Vec<(String, Arc<[i16]>)>,
    question: Option<Question>,
}

/// Sounds that answer no question.
struct Strangers {
    name: String,
    sounds: Vec<Arc<[i16]>>,
}

pub(super) async fn run(bench: Bench) -> anyhow::Result<ExitCode> {
    let (mut groups, mut strangers) = (Vec::new(), Vec::new());
    for folder in bench.folder.iter().flat_map(|folder| inside(folder, false)) {
        groups.extend(read(&folder, bench.limit).await?);
    }
    let whole_sets = bench.folder.iter().flat_map(|folder| inside(folder, true));
    for folder in whole_sets.chain(bench.strangers.iter().cloned()) {
        strangers.push(strange(&folder, bench.limit).await?);
    }
    ensure!(!groups.is_empty(), "there are no recordings with their words");
    let asked: Vec<&Group> = groups.iter().filter(|group| group.question.is_some()).collect();
    ensure!(
        strangers.is_empty() || !asked.is_empty(),
        "--strangers are held against questions, but no folder is one: it needs recordings of 2 to 32 different short answers"
    );
    let models = models(&bench)?;
    let one_round: usize = groups.iter().map(|group| group.recordings.len()).sum::<usize>()
        + strangers.iter().map(|strangers| strangers.sounds.len()).sum::<usize>();
    let bar = super::eval::bar(one_round * models.len(), bench.json);
    let mut rows = Vec::new();
    for model in &models {
        let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bar.set_message(name.clone());
        let before = memory_kib();
        let settings = Recogniser { model: Some(model.clone()), workers: Some(1), ..Recogniser::default() };
        let recogniser = crate::app::recognizer(&settings)?.context("no recogniser")?;
        let first = rows.len();
        for group in &groups {
            rows.push(heard(&name, group, &recogniser, &bar).await?);
        }
        for strangers in &strangers {
            rows.push(refused(&name, strangers, &asked, &recogniser, &bar).await?);
        }
        let mib = memory_kib().saturating_sub(before) >> 10;
        rows[first..].iter_mut().for_each(|row| row.mib = mib);
    }
    if bench.pocketsphinx {
        bar.set_message("pocketsphinx");
        rows.extend(tokio::task::spawn_blocking(move || yardstick(&groups, &strangers)).await??);
    }
    bar.finish_and_clear();
    super::super::print(&if bench.json {
        bench_report::json(&rows).to_string()
    } else {
        bench_report::table(&rows)
    });
    Ok(ExitCode::SUCCESS)
}

/// The models named, or the one that a server would use.
fn models(bench: &Bench) -> anyhow::Result<Vec<PathBuf>> {
    if !bench.model.is_empty() {
        return Ok(bench.model.clone());
    }
    let here = Manifest::built_in()?.here(&super::super::models_folder());
    let built_in = built_in::is_here().then(|| built_in::NAME.into());
    let first = here.into_iter().next().or(built_in);
    Ok(vec![
        first
            .context("there is no model here: `dering models fetch base` brings one; or give --model FILE")?,
    ])
}

/// The folders that this one stands for: itself, or those of a whole set that has `answers`, `speech` and `strangers`.
fn inside(folder: &Path, strange: bool) -> Vec<PathBuf> {
    let parts = ["answers", "speech", "strangers"].map(|part| folder.join(part));
    if !parts.iter().any(|part| part.is_dir()) {
        return if strange { Vec::new() } else { vec![folder.to_path_buf()] };
    }
    let wanted = if strange { &parts[2..] } else { &parts[..2] };
    let entries = wanted.iter().filter_map(|part| std::fs::read_dir(part).ok()).flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What PocketSphinx makes of the English ones, each answer by its words.
fn yardstick(groups: &[Group], strangers: &[Strangers]) -> anyhow::Result<Vec<Row>> {
    const NAME: &str = "pocketsphinx";
    let sphinx = PocketSphinx::here()?;
    let english: Vec<&Group> = groups.iter().filter(|group| group.language == "en").collect();
    let mut rows = Vec::new();
    let put = |row: &mut Row, heard: &Heard, said: Option<&str>, text: &str, question: &Question| {
        row.took_ms.push(heard.took_ms);
        let taken = question.taken(text, None)?;
        row.by_words.get_or_insert_default().count(said, taken);
        row.weighed.get_or_insert_default().count(said, taken);
        anyhow::Ok(())
    };
    for group in &english {
        let mut row = Row::new(NAME, &group.name, &group.language);
        let audio: Vec<Arc<[i16]>> = group.recordings.iter().map(|(_, audio)| Arc::clone(audio)).collect();
        let phrases = group.question.as_ref().map(Question::phrases).unwrap_or_default();
        let heard = sphinx.hear(&audio, &phrases)?;
        for ((said, _), text) in group.recordings.iter().zip(&heard.texts) {
            row.errors += WordErrors::between(said, text);
            match &group.question {
                Some(question) => put(&mut row, &heard, Some(said), text, question)?,
                None => row.took_ms.push(heard.took_ms),
            }
        }
        row.mib = heard.mib;
        rows.push(row);
    }
    let asked: Vec<&Question> = english.iter().filter_map(|group| group.question.as_ref()).collect();
    for strangers in strangers {
        let mut row = Row { is_strange: true, ..Row::new(NAME, &strangers.name, "-") };
        for (at, question) in asked.iter().enumerate() {
            let audio: Vec<Arc<[i16]>> =
                strangers.sounds.iter().skip(at).step_by(asked.len()).map(Arc::clone).collect();
            let heard = sphinx.hear(&audio, &question.phrases())?;
            for text in &heard.texts {
                put(&mut row, &heard, None, text, question)?;
            }
            row.mib = row.mib.max(heard.mib);
        }
        rows.push(row);
    }
    Ok(rows)
}

async fn read(folder: &Path, limit: Option<usize>) -> anyhow::Result<Vec<Group>> {
    let labelled = super::eval::spread(labels::read(folder, None)?, limit);
    let mut groups: Vec<Group> = Vec::new();
    for Labelled { file, text, language } in labelled {
        let language = language.unwrap_or_else(|| "en".into());
        let audio = as_in_a_call(&file::load(&file).await?);
        let at = groups.iter().position(|group| group.language == language);
        let at = at.unwrap_or_else(|| {
            groups.push(Group { name: named(folder), language, recordings: Vec::new(), question: None });
            groups.len() - 1
        });
        groups[at].recordings.push((text, audio));
    }
    for group in &mut groups {
        let said = group.recordings.iter().map(|(text, _)| text.as_str());
        group.question = Question::of(said, &group.language)?;
    }
    Ok(groups)
}

async fn strange(folder: &Path, limit: Option<usize>) -> anyhow::Result<Strangers> {
    let files = super::eval::spread(labels::sounds(folder)?, limit);
    let mut sounds = Vec::with_capacity(files.len());
    for file in files {
        sounds.push(as_in_a_call(&file::load(&file).await?));
    }
    Ok(Strangers { name: named(folder), sounds })
}

fn named(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

/// With the quiet around it that a call hands over, too. A longer one than a recogniser takes is cut.
fn as_in_a_call(audio: &[i16]) -> Arc<[i16]> {
    let longest = 29_000 * 8 - BEFORE - BEHIND;
    let audio = audio.get(..longest).unwrap_or(audio);
    [&[0; BEFORE][..], audio, &[0; BEHIND][..]].concat().into()
}

async fn ask(
    recogniser: &Recognizer,
    audio: &Arc<[i16]>,
    language: &str,
    question: Option<&Question>,
) -> anyhow::Result<(Transcript, u64)> {
    let mut request = Request::new(Arc::clone(audio), PATIENCE);
    request.language = Some(language.to_owned());
    if let Some(question) = question {
        request.expected = Arc::clone(&question.expected().phrases);
        request.answers = Arc::clone(&question.expected().answers);
    }
    let begun = Instant::now();
    let heard = match recogniser.transcribe(request).await {
        // A call takes it for nothing that was understood, too.
        Err(SttError::TooLong { .. }) => {
            Transcript { text: String::new(), confidence: 0.0, no_speech: 0.0, took_ms: 0, weighed: None }
        }
        heard => heard?,
    };
    Ok((heard, u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)))
}

async fn heard(
    model: &str,
    group: &Group,
    recogniser: &Recognizer,
    bar: &ProgressBar,
) -> anyhow::Result<Row> {
    let mut row = Row::new(model, &group.name, &group.language);
    for (said, audio) in &group.recordings {
        let (heard, took_ms) = ask(recogniser, audio, &group.language, group.question.as_ref()).await?;
        row.took_ms.push(took_ms);
        row.errors += WordErrors::between(said, &heard.text);
        if let Some(question) = &group.question {
            let said = Some(said.as_str());
            row.by_words.get_or_insert_default().count(said, question.taken(&heard.text, None)?);
            row.weighed.get_or_insert_default().count(said, question.taken(&heard.text, heard.weighed)?);
        }
        bar.inc(1);
    }
    Ok(row)
}

/// Sounds that answer nothing, each to one of the questions in turn.
async fn refused(
    model: &str,
    strangers: &Strangers,
    asked: &[&Group],
    recogniser: &Recognizer,
    bar: &ProgressBar,
) -> anyhow::Result<Row> {
    let mut row = Row::new(model, &strangers.name, "-");
    row.is_strange = true;
    for (audio, group) in strangers.sounds.iter().zip(asked.iter().cycle()) {
        let Some(question) = &group.question else { continue };
        let (heard, took_ms) = ask(recogniser, audio, &group.language, Some(question)).await?;
        row.took_ms.push(took_ms);
        row.by_words.get_or_insert_default().count(None, question.taken(&heard.text, None)?);
        row.weighed.get_or_insert_default().count(None, question.taken(&heard.text, heard.weighed)?);
        bar.inc(1);
    }
    Ok(row)
}

/// What this process has of the machine's memory; 0 where the system does not tell.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
