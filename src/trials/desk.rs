//! Trials of a server: one at a time, beside the calls, given up when the server stops. What came of the last ones is kept in
//! memory; parameters that somebody promoted are kept in the database, and new calls take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use callcore::amd::DecisionThresholds;
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::change::Change;
use super::found::Tuned;
use super::labelled::{Labelled, Which, labelled};
use super::learn::learn;
use super::pool::Pool;
use super::search::{self, Fit, TooFew, Wanted};
use super::what_if::{WhatIf, what_if};
use crate::session;
use crate::store::{Actor, AmdParamsRow, Error, NewAmdParams, Store};
use crate::wallclock::now_ms;

/// Labelled calls of one replay, and of one search, which keeps what is heard of each in memory.
const MOST_REPLAYED: u32 = 2_000;
const MOST_SEARCHED: u32 = 1_000;
/// Sets of parameters that a search tries.
const DRAWS: usize = 200;
/// The same for each of the sets of weights that learning compares, one for each fold and one for all calls.
const DRAWS_WITH_WEIGHTS: usize = 60;
/// How far behind the calls a trial stands for the processor.
const NICE: i32 = 15;
/// The name by which a replay takes the parameters that the last search found.
pub(super) const TUNED: &str = "tuned";

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    WhatIf,
    Tune,
    Learn,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WhatIf => "what_if",
            Self::Tune => "tune",
            Self::Learn => "learn",
        }
    }
}

/// A trial under way.
#[derive(Clone, Debug)]
pub struct Job {
    pub kind: Kind,
    pub author: String,
    pub began_ms: i64,
    /// Which of its [`Self::steps`] it is at, from 1 on; 0 before the first.
    pub step: usize,
    pub done: usize,
    pub of: usize,
}

impl Job {
    /// Steps there are: a search first listens, then tries; learning listens twice and fits before it tries.
    #[must_use]
    pub const fn steps(&self) -> usize {
        match self.kind {
            Kind::WhatIf => 1,
            Kind::Tune => 2,
            Kind::Learn => 4,
        }
    }
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Made<T> {
    pub id: u64,
    pub author: String,
    pub at_ms: i64,
    pub which: Which,
    /// There are more labelled calls, labelled earlier than these.
    pub more: bool,
    /// Labelled calls whose recording was deleted.
    pub gone: usize,
    pub result: T,
}

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    pub running: Option<Job>,
    pub what_if: Option<Arc<Made<(Change, WhatIf)>>>,
    pub tuned: Option<Arc<Made<Tuned>>>,
    /// Why the last trial came to nothing, as a sentence.
    pub failed: Option<(Kind, String)>,
}

/// The parameters that hold.
#[derive(Clone, Debug)]
pub struct Promoted {
    /// 0 as long as nobody promoted any.
    pub revision: i64,
    /// `None`: those of the configuration, or the built-in ones.
    pub params: Option<DecisionThresholds>,
    pub last: Option<AmdParamsRow>,
}

/// Why a trial does not begin, or parameters do not change.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("another trial runs since {}; wait for it, or cancel it", crate::wallclock::iso(.0.began_ms))]
    Busy(Box<Job>),
    #[error("no call is labelled yet; listen to some, or say on the pages of calls who answered")]
    NoLabels,
    #[error(
        "the recordings of all labelled calls are gone, so nothing can be replayed; label calls that have one"
    )]
    NoRecordings,
    #[error(transparent)]
    TooFew(#[from] TooFew),
    #[error("the server is shutting down; try again later")]
    Stopping,
    #[error("that result is not there any more; run the search again and promote what it finds")]
    NoResult,
    #[error("somebody else changed the parameters meanwhile; look at them, then decide again")]
    Changed,
    #[error("no parameters were promoted, so there are none to take back")]
    NothingPromoted,
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Runs trials.
#[derive(Clone, Debug)]
pub struct Trials {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    calls: session::Handle,
    stop: CancellationToken,
    state: Mutex<State>,
    /// One at a time changes what holds, so that memory says what the database says.
    promoting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    running: Option<(Job, Arc<Watch>)>,
    looked: Looked,
}

/// How far a trial is, and whether it is wanted any more.
#[derive(Debug, Default)]
struct Watch {
    step: AtomicUsize,
    done: AtomicUsize,
    of: AtomicUsize,
    cancelled: AtomicBool,
}

impl Watch {
    fn begins(&self, items: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.of.store(items, Ordering::Relaxed);
        self.step.fetch_add(1, Ordering::Relaxed);
    }
}

/// The one place for a trial; free again when it is dropped.
struct Place {
    inner: Arc<Inner>,
    watch: Arc<Watch>,
    author: String,
    which: Which,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.state.lock().running = None;
    }
}

impl Place {
    /// Does `work` on a thread of its own, behind everything else.
    fn run(self, work: impl FnOnce(&Self, &Pool<'_>) + Send + 'static) -> Result<(), Refused> {
        let beside = move || {
            if let Err(error) = rustix::process::nice(NICE) {
                tracing::debug!(%error, "a trial runs as eagerly as the calls");
            }
            let (watch, stop) = (Arc::clone(&self.watch), self.inner.stop.clone());
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let pool = Pool {
                threads: Some((cores / 2).max(1)),
                begins: &|items| watch.begins(items),
                step: &|| {
                    watch.done.fetch_add(1, Ordering::Relaxed);
                    !watch.cancelled.load(Ordering::Relaxed) && !stop.is_cancelled()
                },
            };
            work(&self, &pool);
        };
        std::thread::Builder::new().name("trial".to_owned()).spawn(beside).map_err(Refused::Thread)?;
        Ok(())
    }

    fn made<T>(&self, found: &Labelled, result: T) -> Arc<Made<T>> {
        let mut state = self.inner.state.lock();
        // No id of before a restart comes again.
        state.last_id = (state.last_id + 1).max(now_ms().unsigned_abs());
        Arc::new(Made {
            id: state.last_id,
            author: self.author.clone(),
            at_ms: now_ms(),
            which: self.which,
            more: found.more,
            gone: found.gone.len(),
            result,
        })
    }

    fn keep(&self, keep: impl FnOnce(&mut Looked)) {
        keep(&mut self.inner.state.lock().looked);
    }
}

impl Trials {
    /// Trials end when `stop` is cancelled. New calls take what was promoted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(store: Store, calls: session::Handle, stop: CancellationToken) -> Result<Self, Error> {
        let inner =
            Inner { store, calls, stop, state: Mutex::default(), promoting: tokio::sync::Mutex::default() };
        let trials = Self { inner: Arc::new(inner) };
        let promoted = trials.promoted().await?;
        trials.inner.calls.promote_amd(promoted.params);
        Ok(trials)
    }

    /// How things stand.
    #[must_use]
    pub fn look(&self) -> Looked {
        let state = self.inner.state.lock();
        let running = state.running.as_ref().map(|(job, watch)| Job {
            step: watch.step.load(Ordering::Relaxed),
            done: watch.done.load(Ordering::Relaxed),
            of: watch.of.load(Ordering::Relaxed),
            ..job.clone()
        });
        Looked { running, ..state.looked.clone() }
    }

    /// The set of parameters of this name, that of the last search included.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<DecisionThresholds> {
        let known = self.inner.calls.amd_params(Some(name), "");
        let tuned = || self.inner.state.lock().looked.tuned.as_ref().map(|made| made.result.params);
        known.or_else(|| tuned().filter(|_| name == TUNED))
    }

    /// The names of all sets.
    #[must_use]
    pub fn sets(&self) -> Vec<String> {
        let tuned = self.inner.state.lock().looked.tuned.is_some().then(|| TUNED.to_owned());
        let mut names = self.inner.calls.amd_sets();
        names.extend(tuned);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Begins to replay labelled calls with other settings.
    ///
    /// # Errors
    /// When another trial runs, or no call can be replayed.
    pub async fn what_if(&self, change: Change, which: Which, author: String) -> Result<(), Refused> {
        let set = change.amd_params.as_deref().and_then(|name| self.set(name));
        let place = self.place(Kind::WhatIf, which, author)?;
        let mut found = self.found(which, MOST_REPLAYED).await?;
        place.run(move |place, pool| {
            let cases = std::mem::take(&mut found.cases);
            if let Some(result) = what_if(&cases, (&change, set), pool) {
                let made = place.made(&found, (change, result));
                place.keep(|looked| looked.what_if = Some(made));
            }
        })
    }

    /// Begins to search parameters on labelled calls.
    ///
    /// # Errors
    /// When another trial runs, or too few people or machines are labelled.
    pub async fn tune(&self, cost_ratio: f64, fit: Fit, which: Which, author: String) -> Result<(), Refused> {
        let kind = match fit {
            Fit::Times => Kind::Tune,
            Fit::Weights => Kind::Learn,
        };
        let place = self.place(kind, which, author)?;
        let mut found = self.found(which, MOST_SEARCHED).await?;
        search::enough(&mut found.cases)?;
        let today = self.inner.calls.amd_params(None, "").unwrap_or_default();
        let draws = match fit {
            Fit::Times => DRAWS,
            Fit::Weights => DRAWS_WITH_WEIGHTS,
        };
        let wanted = Wanted { cost_ratio, draws, today };
        place.run(move |place, pool| {
            let cases = std::mem::take(&mut found.cases);
            let tuned = match fit {
                Fit::Times => search::search(cases, &wanted, pool).map_err(|few| few.to_string()),
                Fit::Weights => learn(cases, &wanted, pool).map_err(|why| why.to_string()),
            };
            match tuned {
                Ok(Some(tuned)) => {
                    let made = place.made(&found, tuned);
                    place.keep(|looked| looked.tuned = Some(made));
                }
                Ok(None) => {}
                Err(why) => place.keep(|looked| looked.failed = Some((kind, why))),
            }
        })
    }

    async fn found(&self, which: Which, most: u32) -> Result<Labelled, Refused> {
        let found = labelled(&self.inner.store, which, most).await?;
        match (found.cases.is_empty(), found.gone.is_empty()) {
            (true, true) => Err(Refused::NoLabels),
            (true, false) => Err(Refused::NoRecordings),
            (false, _) => Ok(found),
        }
    }

    fn place(&self, kind: Kind, which: Which, author: String) -> Result<Place, Refused> {
        if self.inner.stop.is_cancelled() {
            return Err(Refused::Stopping);
        }
        let mut state = self.inner.state.lock();
        if let Some((job, _)) = &state.running {
            return Err(Refused::Busy(Box::new(job.clone())));
        }
        let watch = Arc::new(Watch::default());
        let job = Job { kind, author: author.clone(), began_ms: now_ms(), step: 0, done: 0, of: 0 };
        state.running = Some((job, Arc::clone(&watch)));
        state.looked.failed = None;
        Ok(Place { inner: Arc::clone(&self.inner), watch, author, which })
    }

    /// Gives up the trial that runs, if one does; whether one did.
    #[must_use]
    pub fn cancel(&self) -> bool {
        let state = self.inner.state.lock();
        let running = state.running.as_ref();
        running.inspect(|(_, watch)| watch.cancelled.store(true, Ordering::Relaxed)).is_some()
    }

    /// What holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn promoted(&self) -> Result<Promoted, Error> {
        let last = self.inner.store.amd_params().await?;
        let params = last.as_ref().and_then(|row| row.params.as_ref()).and_then(|params| {
            serde_json::from_value(params.clone())
                .inspect_err(|error| {
                    tracing::warn!(%error, "promoted parameters are of another version; they are left out");
                })
                .ok()
        });
        Ok(Promoted { revision: last.as_ref().map_or(0, |row| row.seq), params, last })
    }

    /// Lets new calls take what the search `result` found. `revision` is what the one who decides saw.
    ///
    /// # Errors
    /// When that result is not there any more, or somebody else was first.
    pub async fn promote(&self, result: u64, revision: i64, actor: Actor) -> Result<Promoted, Refused> {
        let made = self.inner.state.lock().looked.tuned.clone().filter(|made| made.id == result);
        let made = made.ok_or(Refused::NoResult)?;
        let tuned = &made.result;
        let basis = json!({
            "people": tuned.people,
            "machines": tuned.machines,
            "costRatio": tuned.cost_ratio,
            "calls": made.which.as_str(),
            "learned": tuned.learned,
            "today": tuned.today,
            "unseen": tuned.unseen,
        });
        self.put(Some(tuned.params), basis, revision, actor).await
    }

    /// Lets new calls take those of the configuration again.
    ///
    /// # Errors
    /// When none were promoted, or somebody else was first.
    pub async fn take_back(&self, revision: i64, actor: Actor) -> Result<Promoted, Refused> {
        let holds = self.promoted().await?;
        if holds.revision == revision && holds.last.is_none_or(|row| row.params.is_none()) {
            return Err(Refused::NothingPromoted);
        }
        self.put(None, json!({}), revision, actor).await
    }

    async fn put(
        &self,
        params: Option<DecisionThresholds>,
        basis: serde_json::Value,
        revision: i64,
        actor: Actor,
    ) -> Result<Promoted, Refused> {
        let _alone = self.inner.promoting.lock().await;
        let written = params
            .map(serde_json::to_value)
            .transpose()
            .map_err(|error| Error::Conflict(error.to_string()))?;
        let new = NewAmdParams { after: revision, params: written, basis, actor };
        let Some(last) = self.inner.store.put_amd_params(new).await? else { return Err(Refused::Changed) };
        self.inner.calls.promote_amd(params);
        Ok(Promoted { revision: last.seq, params, last: Some(last) })
    }
}
