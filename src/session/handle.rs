//! The way in: place a call, end one, watch them all, stop.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callcore::amd;
use callcore::call::{Call, Direction, Settings, amd_timers};
use callcore::flow::{LocalTime, Part, Run, StartError};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::actor::{Actor, Clock, Control};
use super::effects::Speech;
use super::late_record::late_record;
use super::live::{Board, LiveCall, Phase};
use super::message::message_path;
use super::request::{DialRequest, Dialed, ParamSets};
use super::requests::Requests;
use super::scribe::Scribe;
use crate::flows::{self, Catalog, Stored};
use crate::outbox;
use crate::speech::stt::Recognizer;
use crate::speech::tts::Tts;
use crate::store::{self, CallBatch, NewCall, NewEvent, Store};
use crate::telemetry::mask;
use crate::trunk::{Full, Line, Order};
use crate::wallclock;

/// Prompts whose text is known are made before the number is dialled, for at most this long.
const PREPARE_PATIENCE: Duration = Duration::from_secs(5);

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            recordings: "data/recordings".into(),
            max_calls: 200,
            ring_timeout_ms: 60_000,
            amd: ParamSets::default(),
        }
    }
}

/// What calls are made of.
#[derive(Clone, Debug)]
pub struct Parts {
    pub store: Store,
    pub outbox: outbox::Handle,
    /// By name; the first one is the default.
    pub trunks: Vec<Line>,
    pub flows: Arc<Catalog>,
    pub tts: Tts,
    pub recognizer: Option<Recognizer>,
    pub requests: Requests,
}

/// Why a call was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Flow(#[from] flows::Error),
    #[error("the flow cannot start with this metadata: {0}")]
    Variables(#[from] callcore::flow::StartError),
    #[error("there is no trunk named \"{name}\"; there are: {known}")]
    UnknownTrunk { name: String, known: String },
    #[error("trunk \"{trunk}\" has no free line and {}; try again later, or raise its `limits`", .full)]
    Queue { trunk: String, full: Full },
    #[error(
        "this number is on the do-not-call list since call {call}; its owner asked not to be called again. \
         Send `ignoreDoNotCall: true` only with a new consent"
    )]
    DoNotCall { call: String },
    #[error("there are no AMD parameters named \"{name}\"; there are: {known}")]
    UnknownParams { name: String, known: String },
    #[error("all {limit} lines are busy; try again when a call has ended, or raise `max_calls`")]
    Full { limit: usize },
    #[error("the server is stopping and takes no new calls")]
    Stopping,
    #[error("the call could not be written down, so it was not placed: {0}")]
    Store(#[from] store::Error),
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) options: Options,
    pub(super) board: Board,
    controls: Mutex<HashMap<String, mpsc::Sender<Control>>>,
    pub(super) tasks: TaskTracker,
    /// Asks carriers for records that they still owe; nothing waits for it.
    pub(super) later: TaskTracker,
}

/// Cheap to clone; every clone serves the same calls.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) inner: Arc<Inner>,
}

impl Handle {
    #[must_use]
    pub fn new(parts: Parts, options: Options) -> Self {
        let inner = Inner {
            parts,
            options,
            board: Board::default(),
            controls: Mutex::default(),
            tasks: TaskTracker::new(),
            later: TaskTracker::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Accepts a call: it is written down, then placed in the background.
    ///
    /// # Errors
    /// When the flow, its variables or the trunk do not fit, all lines are busy, or the database fails.
    pub async fn dial(&self, request: DialRequest) -> Result<Dialed, Refusal> {
        let inner = &self.inner;
        if inner.tasks.is_closed() {
            return Err(Refusal::Stopping);
        }
        let flow = inner.parts.flows.find(&request.flow).await?;
        let trunk = self.trunk(request.trunk.as_deref())?;
        if inner.options.amd.choose(request.amd_params.as_deref(), &request.flow).is_none() {
            let known = inner.options.amd.named.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Refusal::UnknownParams { name: request.amd_params.unwrap_or_default(), known });
        }
        let run = begin(&flow, request.metadata.clone())?;
        if !request.ignore_do_not_call
            && let Some(listed) = inner.parts.store.do_not_call(&request.number).await?
        {
            metrics::counter!("dering_calls_do_not_call_total").increment(1);
            return Err(Refusal::DoNotCall { call: listed.call_id.unwrap_or_default() });
        }
        let dialed = Dialed { sid: Uuid::now_v7().to_string(), call_id: Uuid::now_v7().to_string() };
        let control = self.reserve(&dialed.call_id)?;
        let ticket = trunk.enter().map_err(|full| {
            self.release(&dialed.call_id);
            Refusal::Queue { trunk: trunk.name().to_owned(), full }
        })?;
        let clock = Clock::start();
        if let Err(error) =
            inner.parts.store.record(first_lines(&request, &dialed, &flow, trunk.name(), clock)).await
        {
            self.release(&dialed.call_id);
            return Err(error.into());
        }
        inner.board.add(LiveCall {
            call_id: dialed.call_id.clone(),
            flow: flow.flow.name().to_owned(),
            number: request.number.clone(),
            phase: Phase::Placing,
            amd: None,
            latest: String::new(),
        });
        tracing::info!(call.id = %dialed.call_id, number = %mask(&request.number), flow = %request.flow, "call accepted");
        let speech = Speech { tts: inner.parts.tts.clone(), recognizer: inner.parts.recognizer.clone() };
        let prompts = run.known_prompts();
        let settings = settings(&request, &flow, &inner.options, speech.recognizer.is_some());
        let order = Order {
            number: request.number.clone(),
            caller: request.caller.clone(),
            ring_timeout: Some(Duration::from_millis(settings.ring_timeout_ms)),
        };
        let mut actor = Actor {
            call: Call::new(settings, run),
            call_id: dialed.call_id.clone(),
            app_id: request.app_id,
            number: request.number,
            direction: Direction::Outbound,
            source: None,
            notify: request.notify,
            flow: Arc::clone(&flow),
            speech: speech.clone(),
            requests: inner.parts.requests.clone(),
            scribe: Scribe::start(inner.parts.store.clone(), inner.parts.outbox.clone()),
            board: inner.board.clone(),
            recordings: inner.options.recordings.clone(),
            control,
            clock,
        };
        let handle = self.clone();
        let call_id = dialed.call_id.clone();
        inner.tasks.spawn(async move {
            let placed =
                Box::pin(actor.launch(&trunk, ticket, order, prepare(&speech, &flow, &prompts))).await;
            let estimated = Box::pin(actor.run(placed)).await;
            handle.release(&call_id);
            if let Some(session_id) = estimated {
                handle.inner.later.spawn(late_record(
                    trunk,
                    handle.inner.parts.store.clone(),
                    call_id,
                    session_id,
                ));
            }
        });
        Ok(dialed)
    }

    /// Asks a running call to end; false when there is none of that id.
    #[must_use]
    pub fn hang_up(&self, call_id: &str, by: &str) -> bool {
        let controls = self.inner.controls.lock().unwrap_or_else(PoisonError::into_inner);
        controls
            .get(call_id)
            .is_some_and(|control| control.try_send(Control::HangUp { by: by.to_owned() }).is_ok())
    }

    /// The file of a message that the callee left.
    #[must_use]
    pub fn message_path(&self, call_id: &str, message: u32) -> PathBuf {
        message_path(&self.inner.options.recordings, call_id, message)
    }

    /// The calls that run now.
    #[must_use]
    pub fn live(&self) -> Vec<LiveCall> {
        self.inner.board.all()
    }

    /// Changes whenever [`Self::live`] would.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.board.changes()
    }

    /// Takes no new calls, lets those that run end within `patience`, then hangs them up.
    pub async fn shutdown(&self, patience: Duration) {
        self.inner.tasks.close();
        if tokio::time::timeout(patience, self.inner.tasks.wait()).await.is_ok() {
            return;
        }
        let running: Vec<String> =
            self.inner.controls.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for call_id in &running {
            let _asked = self.hang_up(call_id, "shutdown");
        }
        // Ending takes as long as the carrier's record, which the call itself limits.
        if tokio::time::timeout(Duration::from_secs(10), self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                calls = running.len(),
                "calls were still ending at shutdown; they are closed at the next start"
            );
        }
    }

    fn trunk(&self, name: Option<&str>) -> Result<Line, Refusal> {
        let trunks = &self.inner.parts.trunks;
        let found = match name {
            None => trunks.first(),
            Some(name) => trunks.iter().find(|line| line.name() == name),
        };
        found.cloned().ok_or_else(|| Refusal::UnknownTrunk {
            name: name.unwrap_or_default().to_owned(),
            known: trunks.iter().map(Line::name).collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn reserve(&self, call_id: &str) -> Result<mpsc::Receiver<Control>, Refusal> {
        let limit = self.inner.options.max_calls;
        let mut controls = self.inner.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if controls.len() >= limit {
            metrics::counter!("dering_calls_refused_total").increment(1);
            return Err(Refusal::Full { limit });
        }
        let (sender, receiver) = mpsc::channel(4);
        controls.insert(call_id.to_owned(), sender);
        metrics::gauge!("dering_calls_running").set(controls.len() as f64);
        Ok(receiver)
    }

    pub(super) fn release(&self, call_id: &str) {
        let mut controls = self.inner.controls.lock().unwrap_or_else(PoisonError::into_inner);
        controls.remove(call_id);
        metrics::gauge!("dering_calls_running").set(controls.len() as f64);
    }
}

/// The flow at its beginning, with the day and the hour where the callee is.
pub(super) fn begin(flow: &Stored, metadata: Map<String, Value>) -> Result<Run, StartError> {
    let mut run = Run::new(Arc::clone(&flow.flow), metadata)?;
    if let Some(now) = LocalTime::of_unix_ms(wallclock::now_ms(), flow.flow.minutes_ahead_of_utc()) {
        run.begin_at(now);
    }
    Ok(run)
}

/// Makes the audio that is known to be needed, so that the callee never waits for it.
pub(super) async fn prepare(speech: &Speech, flow: &Stored, prompts: &[Part]) {
    let all = futures_util::future::join_all(prompts.iter().map(|part| speech.make_ready(flow, part)));
    match tokio::time::timeout(PREPARE_PATIENCE, all).await {
        Ok(results) => {
            for error in results.into_iter().filter_map(Result::err) {
                tracing::warn!(flow = flow.flow.name(), %error, "a prompt could not be made before the call");
            }
        }
        Err(_) => tracing::warn!(
            flow = flow.flow.name(),
            "the prompts were not ready in time; the call begins without"
        ),
    }
}

fn settings(request: &DialRequest, flow: &Stored, options: &Options, recognises: bool) -> Settings {
    let wanted = flow.flow.amd();
    Settings {
        // The flow ends the call by its own limit; this one is for a flow that cannot.
        max_call_ms: flow.flow.limits().call_ms + 5_000,
        machine_detection: request.machine_detection.unwrap_or(wanted.mode),
        amd: amd::Options {
            timers: amd_timers(request.timers.or(wanted.timers)),
            threshold_word_count: request.threshold_word_count,
            params: options.amd.choose(request.amd_params.as_deref(), &request.flow).unwrap_or_default(),
            locale: request.language.clone().or_else(|| Some(flow.flow.language().to_owned())),
            ..amd::Options::default()
        },
        ring_timeout_ms: request.ring_timeout_ms.unwrap_or(options.ring_timeout_ms),
        recognises,
        ..Settings::default()
    }
}

fn first_lines(
    request: &DialRequest,
    dialed: &Dialed,
    flow: &Stored,
    trunk: &str,
    clock: Clock,
) -> CallBatch {
    let mut batch = CallBatch { call_id: dialed.call_id.clone(), ..CallBatch::default() };
    let (notify_url, notify_headers) = match &request.notify {
        Some(target) => (Some(target.url.clone()), target.headers.clone()),
        None => (None, BTreeMap::new()),
    };
    batch.new = Some(NewCall {
        app_id: request.app_id.clone(),
        bot_id: request.bot_id.clone(),
        trunk: trunk.to_owned(),
        target: request.number.clone(),
        caller: request.caller.clone().unwrap_or_default(),
        state: "placing".into(),
        flow: flow.flow.name().to_owned(),
        flow_digest: flow.digest.clone(),
        metadata: request.metadata.clone().into(),
        notify_url,
        notify_headers,
        direction: "outbound".into(),
        created_ms: clock.began_ms,
    });
    batch.events.push(NewEvent {
        at_ms: clock.began_ms,
        t_ms: 0,
        kind: "dialled".into(),
        detail: json!({ "flow": request.flow, "digest": flow.digest, "trunk": trunk, "sid": dialed.sid }),
    });
    batch
}
