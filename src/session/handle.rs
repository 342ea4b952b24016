//! What all calls share: their parts, the list of those that run, the way to end one and to stop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callcore::amd::DecisionThresholds;
use callcore::flow::{Ears, Run, StartError};
use callcore::number::{self, Country};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, LiveCall, Message};
use crate::flows::{self, Catalog, Stored};
use crate::outbox;
use crate::session::books::call_writer::CallWriter;
use crate::session::record::message::message_path;
use crate::session::request::ParamSets;
use crate::session::run::actor::{Control, Resources};
use crate::session::run::http_requests::HttpRequests;
use crate::session::run::prompts::{Prompts, PromptsReady, Readiness};
use crate::session::run::speech::Speech;
use crate::session::run::speech_input::{SpeechInput, UnknownLanguage};
use crate::speech::stt::Recognizers;
use crate::speech::tts::Tts;
use crate::store::{self, Actor, Store};
use crate::trunk::{QueueFull, Trunk};
use crate::wallclock;

/// How calls are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where recordings are written.
    pub recordings: PathBuf,
    /// Calls at the same time; more are refused.
    pub max_calls: usize,
    /// Rings this long when the dial request does not say, ms.
    pub ring_timeout_ms: u64,
    /// Parameters of answering-machine detection.
    pub amd: ParamSets,
    /// The country of numbers that do not name their own.
    pub country: Option<Country>,
    /// Whether a call waits for its first prompt.
    pub prompts_ready: PromptsReady,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            recordings: "data/recordings".into(),
            max_calls: 200,
            ring_timeout_ms: 60_000,
            amd: ParamSets::default(),
            country: None,
            prompts_ready: PromptsReady::default(),
        }
    }
}

/// What calls are made of.
#[derive(Clone, Debug)]
pub struct Parts {
    pub store: Store,
    pub outbox: outbox::Handle,
    /// By name; the first one is the default.
    pub trunks: Vec<Trunk>,
    pub flows: Arc<Catalog>,
    pub tts: Tts,
    pub recognizers: Recognizers,
    pub http_requests: HttpRequests,
}

/// Why a call was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Flow(#[from] flows::Error),
    #[error("the flow cannot start with this metadata: {0}")]
    Variables(#[from] callcore::flow::StartError),
    #[error(transparent)]
    Language(#[from] UnknownLanguage),
    #[error("there is no trunk named \"{name}\"; there are: {known}")]
    UnknownTrunk { name: String, known: String },
    #[error(
        "trunk \"{trunk}\" rings links in browsers and dials no numbers; call a contact by `POST /v1/calls`, or name another trunk"
    )]
    NoLink { trunk: String },
    #[error("trunk \"{trunk}\" has no free line and {}; try again later, or raise its `limits`", .full)]
    Queue { trunk: String, full: QueueFull },
    #[error(
        "this number is on the do-not-call list {since}. \
         Send `ignoreDoNotCall: true` only with a new consent"
    )]
    DoNotCall { since: String },
    #[error("target: {0}")]
    Number(#[from] number::BadNumber),
    #[error("{0}; {1}")]
    Both(Box<Self>, Box<Self>),
    #[error("there are no AMD parameters named \"{name}\"; there are: {known}")]
    UnknownParams { name: String, known: String },
    #[error("all {limit} lines are busy; try again when a call has ended, or raise `calls.max`")]
    Full { limit: usize },
    #[error("the call would begin too late: it expired at {}", wallclock::iso(*.expires_ms))]
    Expired { expires_ms: i64 },
    #[error("this idempotency key was used for another request within the last 24 hours; use a new key")]
    KeyReused,
    #[error("the call cannot be kept for later: {0}")]
    Unwritable(String),
    #[error("the server is stopping and takes no new calls")]
    Stopping,
    #[error("the call could not be written down, so it was not placed: {0}")]
    Store(#[from] store::Error),
}

#[derive(Debug)]
pub(in crate::session) struct Inner {
    pub(in crate::session) parts: Parts,
    pub(in crate::session) options: Options,
    controls: Mutex<HashMap<String, mpsc::Sender<Control>>>,
    pub(in crate::session) tasks: TaskTracker,
    /// Asks carriers for records that they still owe; nothing waits for it.
    pub(in crate::session) later: TaskTracker,
}

/// Cheap to clone; every clone serves the same calls.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(in crate::session) inner: Arc<Inner>,
}

impl Handle {
    #[must_use]
    pub fn new(parts: Parts, options: Options) -> Self {
        let inner = Inner {
            parts,
            options,
            controls: Mutex::default(),
            tasks: TaskTracker::new(),
            later: TaskTracker::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The detector's parameters of this name or purpose, else those that a call of `flow` takes; `None` for a name that is not
    /// known.
    #[must_use]
    pub fn amd_params(&self, name: Option<&str>, flow: &str) -> Option<DecisionThresholds> {
        self.inner.options.amd.choose(name, flow)
    }

    /// The name of the parameters that run in shadow beside every call.
    #[must_use]
    pub fn amd_shadow(&self) -> Option<String> {
        self.inner.options.amd.shadow.clone()
    }

    /// The names of parameters that a request may give.
    #[must_use]
    pub fn amd_sets(&self) -> Vec<String> {
        self.inner.options.amd.named.keys().cloned().collect()
    }

    /// Calls that begin from now on and name no parameters, and whose flow has none of its own, take these; `None`
    /// takes them back.
    pub fn promote_amd(&self, params: Option<DecisionThresholds>) {
        self.inner.options.amd.promoted.put(params);
    }

    pub(in crate::session) fn bus(&self) -> &Bus {
        self.inner.parts.store.bus()
    }

    /// The country of numbers that do not name their own, where nobody says otherwise.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        self.inner.options.country
    }

    /// What the task of a call of `flow` works with; no trunk yet.
    pub(in crate::session) fn resources(
        &self,
        flow: Arc<Stored>,
        speech: Speech,
        speech_input: SpeechInput,
    ) -> Resources {
        let Parts { store, outbox, http_requests, .. } = &self.inner.parts;
        Resources {
            flow,
            speech,
            speech_input,
            http_requests: http_requests.clone(),
            writer: CallWriter::start(store.clone(), outbox.clone()),
            live_calls: self.bus().live_calls().clone(),
            recordings: self.inner.options.recordings.clone(),
            trunk: None,
        }
    }

    /// Asks a running call to end; false when there is none of that id. `act` goes into the audit log.
    pub(in crate::session) fn hang_up(&self, call_id: &str, by: &str, actor: Option<Actor>) -> bool {
        let controls = self.inner.controls.lock();
        controls
            .get(call_id)
            .is_some_and(|control| control.try_send(Control::HangUp { by: by.to_owned(), actor }).is_ok())
    }

    /// The way to a running call.
    pub(in crate::session) fn control(&self, call_id: &str) -> Option<mpsc::Sender<Control>> {
        self.inner.controls.lock().get(call_id).cloned()
    }

    /// What is heard of the words of callees of this flow.
    #[must_use]
    pub fn ears(&self, flow: &str) -> Ears {
        self.inner.parts.recognizers.ears(flow)
    }

    /// Which prompts of a call of `flow` that begins with `metadata` are there already; `None` where it cannot begin with it.
    pub async fn readiness(&self, flow: Arc<Stored>, metadata: Map<String, Value>) -> Option<Readiness> {
        let run = begin(&flow, metadata).ok()?;
        let speech = Speech { tts: self.inner.parts.tts.clone() };
        Some(Prompts::of(speech, flow, &run).readiness().await)
    }

    /// The file of a message that the callee left.
    #[must_use]
    pub fn message_path(&self, call_id: &str, message: u32) -> PathBuf {
        message_path(&self.inner.options.recordings, call_id, message)
    }

    /// The calls that run now.
    #[must_use]
    pub fn live(&self) -> Vec<LiveCall> {
        self.bus().live_calls().all()
    }

    /// Changes whenever [`Self::live`] would.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.bus().live_calls().changes()
    }

    /// Whether no new calls are taken any more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.tasks.is_closed()
    }

    /// Trunks that dial numbers and whose carrier is within reach, and all that dial numbers.
    #[must_use]
    pub fn carriers(&self) -> (usize, usize) {
        let within_reach = self.dialling_trunks().filter(|trunk| trunk.is_reachable());
        (within_reach.count(), self.dialling_trunks().count())
    }

    /// How many planned calls may begin on a trunk now, the first one where `name` is absent; `None` when there is no such trunk. And
    /// whether its carrier is within reach.
    #[must_use]
    pub fn room_for_planned(&self, name: Option<&str>) -> Option<(usize, bool)> {
        let trunk = self.trunk(name).ok()?;
        Some((self.load(&trunk).room(), trunk.is_reachable()))
    }

    /// The name of a trunk: the first one where `name` is absent.
    #[must_use]
    pub fn trunk_name(&self, name: Option<&str>) -> Option<String> {
        self.trunk(name).ok().map(|trunk| trunk.name().to_owned())
    }

    /// The ways to carriers.
    #[must_use]
    pub fn trunks(&self) -> &[Trunk] {
        &self.inner.parts.trunks
    }

    /// Those that dial numbers.
    pub fn dialling_trunks(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks().iter().filter(|trunk| !trunk.rings_links())
    }

    /// Takes no new calls, lets those that run end within `patience`, then hangs them up.
    pub async fn shutdown(&self, patience: Duration) {
        self.inner.tasks.close();
        self.bus().publish(Message::ScheduleChanged);
        if tokio::time::timeout(patience, self.inner.tasks.wait()).await.is_ok() {
            return;
        }
        let running: Vec<String> = self.inner.controls.lock().keys().cloned().collect();
        for call_id in &running {
            let _asked = self.hang_up(call_id, "shutdown", None);
        }
        // Ending takes as long as the carrier's record, which the call itself limits.
        if tokio::time::timeout(Duration::from_secs(10), self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                calls = running.len(),
                "calls were still ending at shutdown; they are closed at the next start"
            );
        }
    }

    /// Calls that run now, those in the queues of trunks among them.
    pub(in crate::session) fn running(&self) -> usize {
        self.inner.controls.lock().len()
    }

    pub(in crate::session) fn trunk(&self, name: Option<&str>) -> Result<Trunk, Refusal> {
        let trunks = &self.inner.parts.trunks;
        let found = match name {
            None => trunks.first(),
            Some(name) => trunks.iter().find(|trunk| trunk.name() == name),
        };
        found.cloned().ok_or_else(|| Refusal::UnknownTrunk {
            name: name.unwrap_or_default().to_owned(),
            known: trunks.iter().map(Trunk::name).collect::<Vec<_>>().join(", "),
        })
    }

    pub(in crate::session) fn reserve(&self, call_id: &str) -> Result<mpsc::Receiver<Control>, Refusal> {
        let limit = self.inner.options.max_calls;
        let mut controls = self.inner.controls.lock();
        if controls.len() >= limit {
            metrics::counter!("dering_calls_refused_total").increment(1);
            return Err(Refusal::Full { limit });
        }
        let (sender, receiver) = mpsc::channel(8);
        controls.insert(call_id.to_owned(), sender);
        metrics::gauge!("dering_calls_running").set(controls.len() as f64);
        Ok(receiver)
    }

    pub(in crate::session) fn release(&self, call_id: &str) {
        let mut controls = self.inner.controls.lock();
        controls.remove(call_id);
        metrics::gauge!("dering_calls_running").set(controls.len() as f64);
        drop(controls);
        self.bus().publish(Message::ScheduleChanged);
    }
}

/// A number in its one form; a name, or a number that is withheld, as it came.
pub(in crate::session) fn one_form(number: &str, country: Option<Country>) -> String {
    number::read(number, country).map_or_else(|_| number.to_owned(), |number| number.as_str().to_owned())
}

/// The flow at its beginning, with the day and the hour where the callee is.
pub(in crate::session) fn begin(flow: &Stored, metadata: Map<String, Value>) -> Result<Run, StartError> {
    let mut run = Run::new(Arc::clone(&flow.flow), metadata)?;
    if let Some(now) = flow.flow.local_time(wallclock::now_ms()) {
        run.begin_at(now);
    }
    Ok(run)
}
