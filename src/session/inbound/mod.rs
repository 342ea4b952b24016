//! Incoming calls: the dialled number selects a flow, the call is picked up, and runs like any other.

mod refused;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use callcore::amd;
use callcore::call::{Call, Direction, Fact, Settings, amd_timers};
use callcore::flow::{Greet, MachineDetection, Run};
use callcore::playback;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use self::refused::TurnedAway;
pub use self::routes::{BadRoute, Pattern, Route, Routes};
use crate::bus::{LiveCall, Phase};
use crate::flows::Stored;
use crate::session::clock::Clock;
use crate::session::control::CallControl;
use crate::session::handle::{self, Handle, Refusal, one_form};
use crate::session::run::actor::{Actor, Control, Identity};
use crate::session::run::prompts::Prompts;
use crate::session::run::speech::Speech;
use crate::session::run::speech_input::SpeechInput;
use crate::store::{CallBatch, CallState, NewCall, NewEvent};
use crate::telemetry::mask;
use crate::trunk::{IncomingCall, Leg, Offer};

/// Where a call came in that no trunk brought, in records.
const PORT: &str = "inbound";
/// The caller waits at most so long for us to pick up, ms.
const RING_TIMEOUT_MS: u64 = 30_000;
/// They hear it ring for no longer than this because of what is said first.
const PROMPTS_PATIENCE: Duration = Duration::from_secs(12);
/// Small packets and a short lead: a carrier that cannot be interrupted goes on for no longer than this.
const PLAYBACK: playback::Options = playback::Options { chunk_ms: 60, lead_ms: 180, confirm_grace_ms: 500 };

/// A call to take.
#[derive(Debug)]
pub struct InboundCall {
    /// Who calls, as the carrier writes it; may be empty.
    pub caller: String,
    /// The number that was dialled.
    pub called: String,
    pub route: Arc<Route>,
    /// The trunk that brought the call; `None` for the port of the inbound WebSocket.
    pub trunk: Option<String>,
    /// Answers the call.
    pub pickup: oneshot::Sender<()>,
}

/// A call that may begin.
struct Begun {
    call_id: String,
    flow: Arc<Stored>,
    run: Run,
    speech_input: SpeechInput,
    control: mpsc::Receiver<Control>,
    clock: Clock,
}

impl Handle {
    /// Takes calls until the port closes. A call that no flow takes is hung up and written down.
    pub async fn receive(&self, mut offers: mpsc::Receiver<Offer>, routes: Arc<Routes>) {
        if routes.is_empty() {
            tracing::warn!(
                "there is no inbound route and no default_flow: every inbound call will be hung up"
            );
        }
        while let Some(Offer { call, leg, pickup }) = offers.recv().await {
            let Some(route) = routes.find(&call.called) else {
                let why = TurnedAway::no_route(&call.called);
                let mut call = call;
                call.caller = one_form(&call.caller, self.country());
                self.turn_away(call, leg, why);
                continue;
            };
            let handle = self.clone();
            self.inner.tasks.spawn(async move {
                let IncomingCall { caller, called, trunk, .. } = call;
                let call = InboundCall { caller, called, route, trunk, pickup };
                // A refusal has been written down and logged.
                let _taken = handle.accept(call, leg).await;
            });
        }
    }

    /// Takes a call: it is written down, then answered in the background. Returns its id.
    ///
    /// # Errors
    /// When the flow or its variables do not fit, all lines are busy, the server is stopping, or the database
    /// fails. Then the call is hung up, and the refusal is written down.
    pub async fn accept(&self, mut call: InboundCall, mut leg: Leg) -> Result<String, Refusal> {
        match self.begin(&mut call, &mut leg).await {
            Ok(begun) => {
                let call_id = begun.call_id.clone();
                self.run(begun, call, leg);
                Ok(call_id)
            }
            Err(refusal) => {
                let why = TurnedAway::refused(&call.route, &refusal);
                let InboundCall { caller, called, trunk, .. } = call;
                let session_id = leg.session_id.clone();
                self.turn_away(IncomingCall { session_id, caller, called, trunk }, leg, why);
                Err(refusal)
            }
        }
    }

    async fn begin(&self, call: &mut InboundCall, leg: &mut Leg) -> Result<Begun, Refusal> {
        let inner = &self.inner;
        if inner.tasks.is_closed() {
            return Err(Refusal::Stopping);
        }
        let route = Arc::clone(&call.route);
        let flow = inner.parts.flows.find(&route.flow).await?;
        let country = flow.flow.country().or(inner.options.country);
        for number in [&mut call.caller, &mut call.called] {
            *number = one_form(number, country);
        }
        let speech_input = SpeechInput::new(&inner.parts.recognizers, &flow, &CallControl::default())?;
        let run = handle::begin(&flow, route.metadata(&call.caller, &call.called))?;
        let call_id = Uuid::now_v7().to_string();
        // Records are filed under the session: a carrier that names two calls alike must not mix them up.
        if inner.parts.store.call_of_session(&leg.session_id).await?.is_some() {
            leg.session_id = format!("{}~{call_id}", leg.session_id);
        }
        let control = self.reserve(&call_id)?;
        let clock = Clock::start();
        let lines = first_lines(call, &call_id, &flow, &leg.session_id, clock);
        if let Err(error) = inner.parts.store.record(lines).await {
            self.release(&call_id);
            return Err(error.into());
        }
        Ok(Begun { call_id, flow, run, speech_input, control, clock })
    }

    fn run(&self, begun: Begun, call: InboundCall, leg: Leg) {
        let inner = &self.inner;
        let Begun { call_id, flow, run, speech_input, control, clock } = begun;
        let InboundCall { caller, called, route, trunk, pickup } = call;
        tracing::info!(call.id = %call_id, caller = %mask(&caller), called = %mask(&called), flow = %route.flow,
            trunk = trunk.as_deref().unwrap_or(PORT), "inbound call accepted");
        self.bus().live_calls().add(LiveCall {
            call_id: call_id.clone(),
            flow: flow.flow.name().to_owned(),
            number: caller.clone(),
            phase: Phase::Ringing,
            amd: None,
            latest: "calls us".into(),
        });
        let speech = Speech { tts: inner.parts.tts.clone() };
        let prompts = Prompts::of(speech.clone(), Arc::clone(&flow), &run);
        let when = inner.options.prompts_ready;
        let mut settings = settings(&route, &flow, &speech_input, playback(trunk.as_deref()));
        settings.amd.params = inner.options.amd.choose(None, flow.flow.name()).unwrap_or_default();
        settings.amd.shadow = inner.options.amd.in_shadow();
        let core = Call::new(settings, run);
        let identity = Identity {
            call_id: call_id.clone(),
            app_id: route.app_id.clone(),
            number: called,
            direction: Direction::Inbound,
            source: Some(caller).filter(|caller| !caller.is_empty()),
            told: 0,
            notify: route.notify.clone(),
        };
        let uses = self.resources(flow, speech, speech_input);
        let actor = Actor::new(core, identity, uses, control, clock);
        let handle = self.clone();
        inner.tasks.spawn(async move {
            prompts.make(when, PROMPTS_PATIENCE).await;
            // A caller who has given up by now cannot be picked up any more; the leg says so.
            let _gone = pickup.send(());
            Box::pin(actor.run(Ok(leg))).await;
            handle.release(&call_id);
        });
    }
}

/// How to speak on the wire that brought the call: a trunk tells how far it has played.
fn playback(trunk: Option<&str>) -> playback::Options {
    if trunk.is_some() { playback::Options::default() } else { PLAYBACK }
}

fn settings(
    route: &Route,
    flow: &Stored,
    speech_input: &SpeechInput,
    playback: playback::Options,
) -> Settings {
    Settings {
        direction: Direction::Inbound,
        // The flow ends the call by its own limit; this one is for a flow that cannot.
        max_call_ms: flow.flow.limits().call_ms + 5_000,
        machine_detection: route.machine_detection,
        greet: flow.flow.amd().greet.unwrap_or_else(|| Greet::usual(route.machine_detection)),
        amd: amd::Options {
            timers: amd_timers(flow.flow.amd().timers),
            awaits_words: speech_input.recognises() && !speech_input.hears_answers_only(),
            ..amd::Options::default()
        },
        playback,
        ring_timeout_ms: RING_TIMEOUT_MS,
        recognises: speech_input.recognises(),
        hears_answers_only: speech_input.hears_answers_only(),
        interim: speech_input.gives_interims(),
        words_wait_ms: speech_input.limit_ms(),
        ..Settings::default()
    }
}

fn first_lines(
    call: &InboundCall,
    call_id: &str,
    flow: &Stored,
    session_id: &str,
    clock: Clock,
) -> CallBatch {
    let route = &call.route;
    let detect = route.machine_detection != MachineDetection::Disabled;
    let mut batch = CallBatch { call_id: call_id.to_owned(), ..CallBatch::default() };
    batch.new = Some(NewCall {
        app_id: route.app_id.clone(),
        bot_id: flow.flow.name().to_owned(),
        trunk: call.trunk.clone().unwrap_or_else(|| PORT.into()),
        target: call.called.clone(),
        caller: call.caller.clone(),
        state: CallState::Ringing,
        flow: flow.flow.name().to_owned(),
        flow_digest: flow.digest.clone(),
        metadata: route.metadata(&call.caller, &call.called).into(),
        notify_url: route.notify.as_ref().map(|target| target.url.clone()),
        notify_headers: route.notify.as_ref().map(|target| target.headers.clone()).unwrap_or_default(),
        direction: Direction::Inbound,
        created_ms: clock.began_ms,
        ..NewCall::default()
    });
    batch.update.get_or_insert_default().session_id = Some(session_id.to_owned());
    batch.events.push(NewEvent {
        at_ms: clock.began_ms,
        t_ms: 0,
        fact: Fact::Incoming {
            flow: flow.flow.name().to_owned(),
            digest: flow.digest.clone(),
            machine_detection: detect,
        },
    });
    batch
}
