//! Trials and parameters as programs get them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::accuracy::{Percentile, Share};
use crate::api::Api;
use crate::trials::{Changed, Figures, Job, Learned, Line, Looked, Made, Promoted, Tuned, WhatIf};
use crate::wallclock::iso;

/// How things stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trials)]
pub(super) struct TrialsShown {
    /// The trial that runs.
    running: Option<JobShown>,
    /// What came of the last replay.
    what_if: Option<WhatIfShown>,
    /// What the last search found.
    tuned: Option<TunedShown>,
    /// Why the last trial came to nothing.
    failed: Option<String>,
}

/// A trial under way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrialUnderWay)]
pub(super) struct JobShown {
    /// `what_if`, `tune` or `learn`.
    kind: &'static str,
    author: String,
    #[schema(format = DateTime)]
    began_at: String,
    /// Steps begun, of `steps`: a search listens first, then tries; learning listens twice, then fits, then tries.
    step: usize,
    steps: usize,
    /// Of the step: recordings, weights, or sets of parameters.
    done: usize,
    of: usize,
}

impl From<Job> for JobShown {
    fn from(job: Job) -> Self {
        Self {
            kind: job.kind.as_str(),
            steps: job.steps(),
            began_at: iso(job.began_ms),
            step: job.step,
            done: job.done,
            of: job.of,
            author: job.author,
        }
    }
}

/// A share with its 95 % bounds (Clopper-Pearson).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Share)]
pub(super) struct ShareShown {
    count: usize,
    of: usize,
    share: f64,
    low: f64,
    high: f64,
}

impl From<Share> for ShareShown {
    fn from(Share { of, count, share, low, high }: Share) -> Self {
        Self { count, of, share, low, high }
    }
}

/// A percentile with its 95 % bounds, ms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Percentile)]
pub(super) struct PercentileShown {
    value: i64,
    low: i64,
    high: i64,
}

impl From<Percentile> for PercentileShown {
    fn from(Percentile { value, low, high }: Percentile) -> Self {
        Self { value, low, high }
    }
}

/// How good verdicts are, and how soon they come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VerdictFigures)]
pub(super) struct FiguresShown {
    people_called_machines: ShareShown,
    machines_called_people: ShareShown,
    undecided: ShareShown,
    /// From the answer to the verdict; of a search from the first speech.
    p50: Option<PercentileShown>,
    p95: Option<PercentileShown>,
}

impl From<&Figures> for FiguresShown {
    fn from(figures: &Figures) -> Self {
        let accuracy = figures.accuracy;
        Self {
            people_called_machines: accuracy.people_called_machines.into(),
            machines_called_people: accuracy.machines_called_people.into(),
            undecided: accuracy.undecided.into(),
            p50: figures.p50.map(Into::into),
            p95: figures.p95.map(Into::into),
        }
    }
}

impl From<&Line> for FiguresShown {
    fn from(line: &Line) -> Self {
        Self {
            people_called_machines: line.person_called_machine.into(),
            machines_called_people: line.machine_called_person.into(),
            undecided: line.undecided.into(),
            p50: line.p50.map(Into::into),
            p95: line.p95.map(Into::into),
        }
    }
}

/// What came of a replay.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WhatIfResult)]
pub(super) struct WhatIfShown {
    id: u64,
    author: String,
    #[schema(format = DateTime)]
    at: String,
    /// What was otherwise.
    #[schema(value_type = Object)]
    change: Value,
    /// `drawn` or `all`.
    which: &'static str,
    /// Calls that were replayed.
    calls: usize,
    /// There are more labelled calls, labelled earlier.
    more: bool,
    before: FiguresShown,
    after: FiguresShown,
    /// Calls whose verdict a replay with their own settings does not reach.
    otherwise: usize,
    /// Calls that would have another verdict; the first 500 of them are in `changed`.
    differ: usize,
    changed: Vec<ChangedShown>,
    left_out: Vec<LeftOut>,
    /// Labelled calls whose recording was deleted.
    gone: usize,
}

/// A call that would have another verdict.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangedCall)]
pub(super) struct ChangedShown {
    id: String,
    /// What people say: `human`, `machine`, `fax` or `no_speech`.
    label: &'static str,
    before: &'static str,
    after: &'static str,
    /// When, ms since the answer.
    after_ms: Option<u64>,
}

impl From<&Changed> for ChangedShown {
    fn from(changed: &Changed) -> Self {
        Self {
            id: changed.id.clone(),
            label: changed.label.as_str(),
            before: changed.before.as_str(),
            after: changed.after.as_str(),
            after_ms: changed.after_ms,
        }
    }
}

/// A call that could not be used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LeftOutCall)]
pub(super) struct LeftOut {
    id: String,
    why: String,
}

fn left_out(calls: &[(String, String)]) -> Vec<LeftOut> {
    calls.iter().map(|(id, why)| LeftOut { id: id.clone(), why: why.clone() }).collect()
}

impl From<&Made<(crate::trials::Change, WhatIf)>> for WhatIfShown {
    fn from(made: &Made<(crate::trials::Change, WhatIf)>) -> Self {
        let (change, result) = &made.result;
        Self {
            id: made.id,
            author: made.author.clone(),
            at: iso(made.at_ms),
            change: json!(change),
            which: made.which.as_str(),
            calls: result.calls,
            more: made.more,
            before: (&result.before).into(),
            after: (&result.after).into(),
            otherwise: result.otherwise,
            differ: result.differ,
            changed: result.changed.iter().map(Into::into).collect(),
            left_out: left_out(&result.left_out),
            gone: made.gone,
        }
    }
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TunedResult)]
pub(super) struct TunedShown {
    /// To promote it by.
    id: u64,
    author: String,
    #[schema(format = DateTime)]
    at: String,
    which: &'static str,
    more: bool,
    people: usize,
    machines: usize,
    tried: usize,
    cost_ratio: f64,
    /// The parameters that held.
    today: FiguresShown,
    /// Each call by parameters that were searched without it and its number: the figures to believe.
    unseen: FiguresShown,
    /// The parameters found, over the calls they were found on.
    all: FiguresShown,
    #[schema(value_type = Object)]
    params: Value,
    /// The same as a file for `amd.params` in `dering.yaml`.
    file: String,
    /// What fitting the weights came to; `null` where only times and costs were searched.
    learned: Option<LearnedShown>,
    left_out: Vec<LeftOut>,
    gone: usize,
}

/// What fitting the weights came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LearnedWeights)]
pub(super) struct LearnedShown {
    /// So many calls the weights of before counted as; `null` when they stayed as they are.
    trust: Option<f64>,
    /// What the costs fall by on calls not seen, with 95 % bounds.
    gain: f64,
    gain_low: f64,
    gain_high: f64,
    /// Whether that is beyond chance.
    proven: bool,
}

impl From<Learned> for LearnedShown {
    fn from(learned: Learned) -> Self {
        let Learned { trust, gain, gain_low, gain_high } = learned;
        Self { trust, gain, gain_low, gain_high, proven: learned.is_proven() }
    }
}

impl From<&Made<Tuned>> for TunedShown {
    fn from(made: &Made<Tuned>) -> Self {
        let tuned = &made.result;
        Self {
            id: made.id,
            author: made.author.clone(),
            at: iso(made.at_ms),
            which: made.which.as_str(),
            more: made.more,
            people: tuned.people,
            machines: tuned.machines,
            tried: tuned.tried,
            cost_ratio: tuned.cost_ratio,
            today: (&tuned.today).into(),
            unseen: (&tuned.unseen).into(),
            all: (&tuned.all).into(),
            params: json!(tuned.params),
            file: tuned.file_text(),
            learned: tuned.learned.map(Into::into),
            left_out: left_out(&tuned.left_out),
            gone: made.gone,
        }
    }
}

impl From<Looked> for TrialsShown {
    fn from(looked: Looked) -> Self {
        Self {
            running: looked.running.map(Into::into),
            what_if: looked.what_if.as_deref().map(Into::into),
            tuned: looked.tuned.as_deref().map(Into::into),
            failed: looked.failed.map(|(_, why)| why),
        }
    }
}

/// The parameters of the verdict that new calls take.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VerdictParameters)]
pub(super) struct Parameters {
    /// What was decided last; 0 as long as nobody promoted any.
    revision: i64,
    /// Somebody promoted them; otherwise they are those of the configuration, or the built-in ones.
    promoted: bool,
    #[schema(value_type = Object)]
    params: Value,
    /// What it was decided on: labelled calls, and figures.
    #[schema(value_type = Option<Object>)]
    basis: Option<Value>,
    author: Option<String>,
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl Parameters {
    pub(super) fn of(api: &Api, promoted: Promoted) -> Self {
        let holds = promoted.params.or_else(|| api.calls.amd_params(None, "")).unwrap_or_default();
        let last = promoted.last.as_ref();
        Self {
            revision: promoted.revision,
            promoted: promoted.params.is_some(),
            params: json!(holds),
            basis: last.map(|row| row.basis.clone()),
            author: last.map(|row| row.author.clone()),
            at: last.map(|row| iso(row.at_ms)),
        }
    }
}
