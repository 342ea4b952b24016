//! What the pages of trials have in common: the one that runs, figures beside each other, why one does not begin.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Figure;
use crate::access::TryVerdicts;
use crate::api::Api;
use crate::api::error::Problem;
use crate::console::faults::sentence;
use crate::console::frame::{Frame, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::trials::{Job, Kind, Made, Refused, Verdict, Which};

/// Calls that could not be used, and are named.
const MOST_LEFT_OUT: usize = 20;

/// The trial that runs.
#[derive(Serialize)]
pub(super) struct Running {
    said: String,
    author: String,
    began: At,
    percent: usize,
}

impl Running {
    pub(super) async fn of(api: &Api, frame: &Frame, job: Job) -> Result<Self, Problem> {
        let key = match job.kind {
            Kind::WhatIf => "trial_replays",
            Kind::Tune | Kind::Learn if job.step == job.steps() => "trial_tries",
            Kind::Learn if job.step + 1 == job.steps() => "trial_fits",
            Kind::Tune | Kind::Learn => "trial_listens",
        };
        let (done, of) = (job.done.to_string(), job.of.to_string());
        let percent = (job.done * 100).checked_div(job.of).unwrap_or_default();
        let steps = job.steps();
        Ok(Self {
            said: frame.tell(key, &[("done", &done), ("of", &of)]),
            author: Names::of(api).name(&job.author).await?,
            began: frame.zone.at(job.began_ms),
            percent: (job.step.saturating_sub(1) * 100 + percent) / steps,
        })
    }
}

/// A line of figures: what it is, and each run's.
#[derive(Serialize)]
pub(super) struct Row {
    label: &'static str,
    cells: Vec<Figure>,
}

impl Row {
    pub(super) fn new(frame: &Frame, key: &str, cells: Vec<Figure>) -> Self {
        Self { label: frame.say(key), cells }
    }
}

/// What a trial was made of.
#[derive(Serialize)]
pub(super) struct Basis {
    author: String,
    at: At,
    /// Sentences: which calls, those left out and why.
    notes: Vec<String>,
    left_out: Vec<(String, String)>,
}

impl Basis {
    pub(super) async fn of<T: Sync>(
        api: &Api,
        frame: &Frame,
        made: &Made<T>,
        left_out: &[(String, String)],
    ) -> Result<Self, Problem> {
        let mut notes = vec![frame.say(which_key(made.which)).to_owned()];
        if made.more {
            notes.push(frame.say("trial_more").to_owned());
        }
        let counted = |key: &str, n: usize| (n > 0).then(|| frame.tell(key, &[("n", &n.to_string())]));
        notes.extend(counted("trial_gone", made.gone));
        notes.extend(counted("trial_left_out", left_out.len()));
        Ok(Self {
            author: Names::of(api).name(&made.author).await?,
            at: frame.zone.at(made.at_ms),
            notes,
            left_out: left_out
                .iter()
                .take(MOST_LEFT_OUT)
                .map(|(id, why)| (id.clone(), sentence(&frame.language.reason(why))))
                .collect(),
        })
    }
}

const fn which_key(which: Which) -> &'static str {
    match which {
        Which::Drawn => "trial_of_drawn",
        Which::All => "trial_of_all",
    }
}

/// The form of a trial: what was written, and what is wrong with it.
#[derive(Default, Serialize)]
pub(super) struct Form {
    pub(super) may: bool,
    pub(super) written: BTreeMap<&'static str, String>,
    pub(super) wrong: BTreeMap<String, String>,
    /// Why nothing begins.
    pub(super) fault: String,
}

impl Form {
    pub(super) fn of<R: crate::access::Right>(sees: &Sees<R>) -> Self {
        Self { may: may::<TryVerdicts>(&sees.who), ..Self::default() }
    }

    /// The same with what is wrong.
    pub(super) fn with(mut self, frame: &Frame, problem: &Problem) -> Self {
        for error in problem.errors() {
            let name = error.field.rsplit('.').next().unwrap_or_default().to_owned();
            self.wrong.insert(name, sentence(&frame.language.reason(&error.problem)));
        }
        if self.wrong.is_empty() {
            self.fault = sentence(&frame.language.reason(problem.detail()));
        }
        self
    }
}

/// Why a trial does not begin, or parameters do not change, in the words of who reads it; `None` for what is no matter of theirs.
pub(super) fn said(frame: &Frame, refused: &Refused) -> Option<String> {
    let key = match refused {
        Refused::Busy(job) => {
            let began = frame.zone.at(job.began_ms);
            return Some(frame.tell("trial_busy", &[("at", began.text())]));
        }
        Refused::TooFew(few) => {
            let parts = [("people", few.people.to_string()), ("machines", few.machines.to_string())];
            let parts = [("people", parts[0].1.as_str()), ("machines", parts[1].1.as_str())];
            return Some(frame.tell("trial_too_few", &parts));
        }
        Refused::NoLabels => "trial_no_labels",
        Refused::NoRecordings => "trial_no_recordings",
        Refused::NoResult => "tune_no_result",
        Refused::Changed => "tune_changed_meanwhile",
        Refused::NothingPromoted => "tune_nothing_promoted",
        Refused::Stopping | Refused::Thread(_) | Refused::Store(_) => return None,
    };
    Some(frame.say(key).to_owned())
}

/// A verdict as people see it: a kind for the colour, a shape, and words.
pub(super) fn shown(frame: &Frame, verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    let (class, sign, key) = match verdict {
        Verdict::Human => ("human", "●", "who_human"),
        Verdict::Machine => ("machine", "▲", "who_machine"),
        Verdict::Fax => ("machine", "▲", "who_fax"),
        Verdict::NoSpeech => ("nobody", "○", "who_nobody"),
        Verdict::Undecided => ("unsure", "◐", "who_unsure"),
    };
    (class, sign, frame.say(key))
}
