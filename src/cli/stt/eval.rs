//! `dering stt eval`: word errors of recognisers on a labelled folder.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use callcore::audio::frame::samples_to_ms;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Eval;
use super::labels::{self, Labelled};
use super::report::{self, Heard};
use crate::config::Recogniser;
use crate::speech::file;
use crate::speech::stt::{Named, Request};

/// Longer than any recording takes; what is measured is the time, not the patience.
const PATIENCE: Duration = Duration::from_secs(120);
const UNKNOWN: &str = "-";

/// A recording that was read.
struct Recording {
    labelled: Labelled,
    audio: Arc<[i16]>,
}

pub(super) async fn run(eval: Eval) -> anyhow::Result<ExitCode> {
    let labelled = spread(labels::read(&eval.folder, eval.labels.as_deref())?, eval.limit);
    let recognisers = recognisers(&eval)?;
    let mut recordings = Vec::with_capacity(labelled.len());
    for labelled in labelled {
        let audio = file::load(&labelled.file).await?;
        recordings.push(Recording { labelled, audio });
    }
    let bar = bar(recordings.len() * recognisers.len(), eval.json);
    let mut all = Vec::with_capacity(recordings.len() * recognisers.len());
    for recogniser in &recognisers {
        bar.set_message(recogniser.name.clone());
        let heard = futures_util::stream::iter(&recordings)
            .map(|recording| hear(recogniser, recording, &eval))
            .buffered(eval.jobs.max(1))
            .inspect(|_| bar.inc(1));
        all.extend(heard.collect::<Vec<_>>().await);
    }
    bar.finish_and_clear();
    if eval.verbose && !eval.json {
        super::super::print(&report::misunderstood(&all));
    }
    super::super::print(&if eval.json { report::json(&all).to_string() } else { report::table(&all) });
    Ok(ExitCode::SUCCESS)
}

async fn hear(recogniser: &Named, recording: &Recording, eval: &Eval) -> Heard {
    let Recording { labelled, audio } = recording;
    let language = labelled.language.clone().or_else(|| eval.language.clone());
    let request = Request {
        language: language.clone(),
        expected: eval.expect.clone().into(),
        ..Request::new(Arc::clone(audio), PATIENCE)
    };
    let begun = std::time::Instant::now();
    let heard = recogniser.recognizer.transcribe(request).await;
    let file = labelled.file.strip_prefix(&eval.folder).unwrap_or(&labelled.file);
    Heard {
        recogniser: recogniser.name.clone(),
        file: file.display().to_string(),
        language: language.unwrap_or_else(|| UNKNOWN.into()),
        said: labelled.text.clone(),
        understood: heard.map(|heard| heard.text).map_err(|error| error.to_string()),
        audio_ms: samples_to_ms(audio.len()),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Those that were named; without a name, the usual one of the configuration.
fn recognisers(eval: &Eval) -> anyhow::Result<Vec<Named>> {
    let mut all = Vec::new();
    for model in &eval.model {
        let settings =
            Recogniser { model: Some(model.clone()), window: eval.window, ..Recogniser::default() };
        let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let recognizer = crate::app::recognizer(&settings)?.context("no recogniser")?;
        all.push(Named::new(name, recognizer, None));
    }
    if !eval.engine.is_empty() || all.is_empty() {
        let configured =
            crate::app::recognizers(&super::super::configuration(eval.config.as_deref())?.speech_to_text)?;
        ensure!(
            !configured.is_empty(),
            "there is no recogniser to try: `dering models fetch base` brings one; or give --model FILE, or set \
             speech_to_text in dering.yaml"
        );
        let known: Vec<&str> = configured.all().iter().map(|one| one.name.as_str()).collect();
        let usual = [configured.all()[0].name.clone()];
        for name in if eval.engine.is_empty() { &usual[..] } else { &eval.engine } {
            let found = configured.all().iter().find(|one| one.name == *name);
            all.push(
                found
                    .with_context(|| {
                        format!("no recogniser is named {name:?}; there are: {}", known.join(", "))
                    })?
                    .clone(),
            );
        }
    }
    Ok(all)
}

/// At most `limit` of them, from the whole length of the list.
pub(super) fn spread<T>(all: Vec<T>, limit: Option<usize>) -> Vec<T> {
    let (count, limit) = (all.len(), limit.unwrap_or(usize::MAX));
    if limit >= count {
        return all;
    }
    let chosen = |at: usize| (at + 1) * limit / count > at * limit / count;
    all.into_iter().enumerate().filter(|(at, _)| chosen(*at)).map(|(_, one)| one).collect()
}

pub(super) fn bar(length: usize, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    if quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos} of {len}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_recordings_from_the_whole_list() {
        let one = |at: usize| Labelled { file: at.to_string().into(), text: String::new(), language: None };
        let names = |limit| {
            let chosen = spread((0..10).map(one).collect(), limit);
            chosen.iter().map(|one| one.file.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(Some(2)), ["4", "9"]);
        assert_eq!((names(None).len(), names(Some(3)).len(), names(Some(99)).len()), (10, 3, 10));
        assert!(names(Some(0)).is_empty());
    }
}
