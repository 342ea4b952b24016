//! From a dial request to a call under way: it is checked, written down with its answer, and then dialled,
//! or planned.

use std::sync::Arc;
use std::time::Duration;

use callcore::amd;
use callcore::call::{Call, Direction, Settings, amd_timers};
use callcore::flow::Greet;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use crate::bus::{LiveCall, Message, Phase};
use crate::flows::Stored;
use crate::session::books::late_record::late_record;
use crate::session::clock::Clock;
use crate::session::dialling::check::{Checked, do_not_call, mode};
use crate::session::dialling::first_lines::first_lines;
use crate::session::dialling::not_dialled::{NotDialled, Undialled};
use crate::session::dialling::schedule::{When, when};
use crate::session::dialling::unfollowed::unfollowed;
use crate::session::handle::{Handle, Options, Refusal};
use crate::session::request::{DialRequest, Dialed, Key};
use crate::session::run::actor::{Actor, Control, Identity, Launched, Resources, UnlessListed, queued};
use crate::session::run::prompts::Prompts;
use crate::session::run::speech::Speech;
use crate::session::run::speech_input::SpeechInput;
use crate::store::{Acceptance, CallState, NewDialOut, NewEvent, NewParties, NewPlan, RequestKey};
use crate::telemetry::mask;
use crate::trunk::{Order, Ticket, Trunk};
use crate::wallclock::now_ms;

/// How long an answer is kept for its idempotency key, ms.
pub(in crate::session) const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// A number is dialled at the latest so long after its turn, whatever is missing of what is said first.
const PROMPTS_PATIENCE: Duration = Duration::from_secs(60);

/// A line of the server and a place in the queue of a trunk.
pub(in crate::session) struct Place {
    pub(in crate::session) control: mpsc::Receiver<Control>,
    pub(in crate::session) ticket: Ticket,
}

impl Place {
    /// The line of the timeline of a call that has to wait for `trunk`.
    pub(in crate::session) fn queued(&self, trunk: &Trunk, at_ms: i64) -> Option<NewEvent> {
        Some(NewEvent { at_ms, t_ms: 0, fact: queued(trunk, self.ticket.ahead()?) })
    }
}

impl Handle {
    /// Accepts a call: it is written down, then placed in the background, at once or when its time has come.
    ///
    /// # Errors
    /// When the flow, its variables or the trunk do not fit, all lines are busy, the key stands for another
    /// request, or the database fails.
    pub async fn dial(&self, request: DialRequest) -> Result<Dialed, Refusal> {
        self.dial_then(request, |_| ()).await
    }

    /// The same, and `accepted` runs once the call is accepted, also when whoever asks has gone away by then. It is dropped when
    /// the call is refused.
    ///
    /// # Errors
    /// As for [`Self::dial`].
    pub async fn dial_then(
        &self,
        request: DialRequest,
        accepted: impl FnOnce(&Dialed) + Send + 'static,
    ) -> Result<Dialed, Refusal> {
        // Whoever asks may go away in the midst of it: a call that has been written down is placed all the same.
        let handle = self.clone();
        let dialling = tokio::spawn(async move { handle.dial_to_the_end(request).await.inspect(accepted) });
        match dialling.await {
            Ok(dialed) => dialed,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is being shut down.
                Err(_) => Err(Refusal::Stopping),
            },
        }
    }

    async fn dial_to_the_end(&self, mut request: DialRequest) -> Result<Dialed, Refusal> {
        if self.inner.tasks.is_closed() {
            return Err(Refusal::Stopping);
        }
        let now = now_ms();
        if let Some(key) = &request.key
            && let Some(dialed) = self.answered_before(&request.app_id, key).await?
        {
            return Ok(dialed);
        }
        let checked = self.check(&request).await?;
        request.number.clone_from(&checked.number);
        match when(request.start_ms, request.expires_ms, now) {
            When::Expired => Err(Refusal::Expired { expires_ms: request.expires_ms.unwrap_or(now) }),
            // On the heap, so that the futures of those who wait for this one stay small.
            When::Later(start_ms) => Box::pin(self.plan(request, &checked, start_ms, now)).await,
            When::Now if request.queue_if_busy => Box::pin(self.plan(request, &checked, now, now)).await,
            When::Now => Box::pin(self.dial_now(request, checked)).await,
        }
    }

    /// What was answered to the same request before.
    ///
    /// # Errors
    /// When the key stands for another request, or the database fails.
    pub async fn answered_before(&self, app_id: &str, key: &Key) -> Result<Option<Dialed>, Refusal> {
        let kept = self.inner.parts.store.kept_answer(app_id, &key.key, now_ms() - KEPT_MS).await?;
        match kept {
            None => Ok(None),
            Some((digest, answer)) if digest == key.digest => Ok(again(&answer)),
            Some(_) => Err(Refusal::KeyReused),
        }
    }

    /// A line of the server and a place in the trunk's queue for call `call_id`.
    pub(in crate::session) fn place(&self, call_id: &str, trunk: &Trunk) -> Result<Place, Refusal> {
        let control = self.reserve(call_id)?;
        match trunk.enter() {
            Ok(ticket) => Ok(Place { control, ticket }),
            Err(full) => {
                self.release(call_id);
                Err(Refusal::Queue { trunk: trunk.name().to_owned(), full })
            }
        }
    }

    async fn dial_now(&self, request: DialRequest, checked: Checked) -> Result<Dialed, Refusal> {
        let dialed = new_names(None, unfollowed(&request, &checked));
        let place = self.place(&dialed.call_id, &checked.trunk)?;
        let clock = Clock::start();
        let mut batch = first_lines(&request, &dialed, &checked, clock.began_ms);
        if let (Some(event), Some(new)) = (place.queued(&checked.trunk, clock.began_ms), &mut batch.new) {
            new.state = CallState::Queued;
            batch.events.push(event);
        }
        let key = request_key(&request, &dialed, clock.began_ms);
        let parties = parties(&request);
        let asked = NewDialOut { batch, plan: None, key, unless_listed: unless_listed(&request), parties };
        match self.write_down(asked).await {
            Ok(None) => {}
            Ok(Some(before)) => {
                self.release(&dialed.call_id);
                return Ok(before);
            }
            Err(refusal) => {
                self.release(&dialed.call_id);
                return Err(refusal);
            }
        }
        tracing::info!(call.id = %dialed.call_id, number = %mask(&request.number), flow = %request.flow, "call accepted");
        if request.link.is_some() {
            self.inner.parts.outbox.wake();
        }
        self.launch(request, &dialed.call_id, checked, place, clock);
        Ok(dialed)
    }

    async fn plan(
        &self,
        request: DialRequest,
        checked: &Checked,
        start_ms: i64,
        now: i64,
    ) -> Result<Dialed, Refusal> {
        let Planned { dialed, dial_out, .. } = planned(request, checked, start_ms, now)?;
        let call_id = dialed.call_id.clone();
        if let Some(before) = self.write_down(dial_out).await? {
            return Ok(before);
        }
        metrics::counter!("dering_calls_planned_total").increment(1);
        tracing::debug!(call.id = %call_id, start_ms, "call planned");
        self.bus().publish(Message::ScheduleChanged);
        Ok(dialed)
    }

    /// Checks a request and makes of it what is to be written down, for a call that waits in the plan from `start_ms` on until a line
    /// is free. The caller writes it, and then calls [`Self::planned_is_written`].
    ///
    /// # Errors
    /// When the flow, its variables or the trunk do not fit.
    pub async fn planned(&self, mut request: DialRequest, start_ms: i64) -> Result<Planned, Refusal> {
        if self.inner.tasks.is_closed() {
            return Err(Refusal::Stopping);
        }
        request.queue_if_busy = true;
        let checked = self.check(&request).await?;
        request.number.clone_from(&checked.number);
        planned(request, &checked, start_ms, now_ms())
    }

    /// Has planned calls that somebody else wrote down looked at.
    pub fn planned_is_written(&self) {
        self.bus().publish(Message::ScheduleChanged);
    }

    /// Writes a call down; the answer of before when its key was used for it.
    async fn write_down(&self, asked: NewDialOut) -> Result<Option<Dialed>, Refusal> {
        match self.inner.parts.store.accept(asked).await? {
            Acceptance::New => Ok(None),
            Acceptance::Again(answer) => again(&answer).map(Some).ok_or(Refusal::KeyReused),
            Acceptance::Reused => Err(Refusal::KeyReused),
            Acceptance::Listed(listed) => Err(do_not_call(&listed)),
        }
    }

    /// Runs a call that has been written down.
    pub(in crate::session) fn launch(
        &self,
        request: DialRequest,
        call_id: &str,
        checked: Checked,
        place: Place,
        clock: Clock,
    ) {
        let inner = &self.inner;
        let Checked { flow, trunk, run, speech_input, number: _ } = checked;
        self.bus().live_calls().add(LiveCall {
            call_id: call_id.to_owned(),
            flow: flow.flow.name().to_owned(),
            number: request.number.clone(),
            phase: Phase::Placing,
            amd: None,
            latest: String::new(),
        });
        if let Some(ahead) = place.ticket.ahead() {
            self.bus().live_calls().note(call_id, &queued(&trunk, ahead));
        }
        let speech = Speech { tts: inner.parts.tts.clone() };
        let prompts = Prompts::of(speech.clone(), Arc::clone(&flow), &run);
        let when = inner.options.prompts_ready;
        let settings = settings(&request, &flow, &inner.options, &speech_input);
        let order = Order {
            number: request.link.as_ref().map_or(&request.number, |link| &link.address).clone(),
            caller: request.caller.clone(),
            ring_timeout: Some(Duration::from_millis(settings.ring_timeout_ms)),
        };
        let expiry = request.expires_ms.map(|expires_ms| {
            let left = Duration::from_millis(u64::try_from(expires_ms - now_ms()).unwrap_or(0));
            (Instant::now() + left, expires_ms)
        });
        let unless_listed =
            UnlessListed { number: unless_listed(&request), store: inner.parts.store.clone() };
        let identity = Identity {
            call_id: call_id.to_owned(),
            app_id: request.app_id,
            number: request.number,
            direction: Direction::Outbound,
            source: None,
            told: u64::from(request.link.is_some() && request.notify.is_some()),
            notify: request.notify,
        };
        let uses = Resources { trunk: Some(trunk.clone()), ..self.resources(flow, speech, speech_input) };
        let mut actor = Actor::new(Call::new(settings, run), identity, uses, place.control, clock);
        let handle = self.clone();
        let (call_id, number) = (call_id.to_owned(), order.number.clone());
        inner.tasks.spawn(async move {
            let prepared = prompts.make(when, PROMPTS_PATIENCE);
            let launching =
                actor.launch(&trunk, place.ticket, order, prepared, &unless_listed, expiry.map(|(at, _)| at));
            let asked = match Box::pin(launching).await {
                Launched::Asked(placed) => Ok(placed),
                Launched::Expired => Err(NotDialled::Expired { expires_ms: expiry.map_or(0, |(_, ms)| ms) }),
                Launched::Listed { since } => Err(NotDialled::DoNotCall { since }),
            };
            let unrecorded = match asked {
                Ok(placed) => Box::pin(actor.run(placed)).await,
                Err(why) => {
                    let Identity { app_id, number, notify, told, .. } = actor.identity();
                    let whose = Undialled { app_id, number, notify: notify.as_ref(), told: *told };
                    let closing = why.closing(&call_id, whose, now_ms());
                    Box::pin(actor.end_undialled(closing)).await;
                    None
                }
            };
            trunk.call_is_over(&number);
            handle.release(&call_id);
            if let Some(unrecorded) = unrecorded {
                let store = handle.inner.parts.store.clone();
                handle.inner.later.spawn(late_record(trunk, store, call_id, unrecorded));
            }
        });
    }
}

/// A call as it is written down to wait for its time or a line.
#[derive(Debug)]
pub struct Planned {
    pub dialed: Dialed,
    /// The version of the flow that it runs.
    pub flow_digest: String,
    pub dial_out: NewDialOut,
}

fn planned(mut request: DialRequest, checked: &Checked, start_ms: i64, now: i64) -> Result<Planned, Refusal> {
    let dialed = new_names(request.start_ms.map(|_| start_ms), unfollowed(&request, checked));
    let key = request_key(&request, &dialed, now);
    // The version that was checked is the one that runs, whatever is uploaded until then.
    request.flow = format!("{}@{}", checked.flow.flow.name(), checked.flow.digest);
    let batch = first_lines(&request, &dialed, checked, now);
    // The call has them, sealed.
    if let Some(target) = &mut request.notify {
        target.headers.clear();
    }
    let kept = serde_json::to_string(&request).map_err(|error| Refusal::Unwritable(error.to_string()))?;
    let plan = NewPlan {
        trunk: checked.trunk.name().to_owned(),
        start_ms,
        expires_ms: request.expires_ms,
        request: kept,
    };
    let parties = parties(&request);
    let unless_listed = unless_listed(&request);
    let dial_out = NewDialOut { batch, plan: Some(plan), key, unless_listed, parties };
    Ok(Planned { dialed, flow_digest: checked.flow.digest.clone(), dial_out })
}

/// The number, if the list decides whether it is dialled.
fn unless_listed(request: &DialRequest) -> Option<String> {
    (!request.ignore_do_not_call).then(|| request.number.clone())
}

/// Whose call it is.
fn parties(request: &DialRequest) -> Option<NewParties> {
    request.contact.as_ref().map(|contact| NewParties {
        contact_id: contact.id.clone(),
        user_id: contact.user_id.clone(),
        contact_data: contact.data.clone().into(),
    })
}

fn new_names(start_ms: Option<i64>, ignored: Vec<String>) -> Dialed {
    let name = || Uuid::now_v7().to_string();
    Dialed { sid: name(), call_id: name(), start_ms, again: false, ignored }
}

/// The answer of before.
fn again(answer: &str) -> Option<Dialed> {
    let dialed: Dialed = serde_json::from_str(answer).ok()?;
    Some(Dialed { again: true, ..dialed })
}

fn request_key(request: &DialRequest, dialed: &Dialed, now: i64) -> Option<RequestKey> {
    let key = request.key.as_ref()?;
    Some(RequestKey {
        app_id: request.app_id.clone(),
        key: key.key.clone(),
        digest: key.digest.clone(),
        answer: serde_json::to_string(dialed).ok()?,
        kept_since_ms: now - KEPT_MS,
        now_ms: now,
    })
}

fn settings(request: &DialRequest, flow: &Stored, options: &Options, speech_input: &SpeechInput) -> Settings {
    let wanted = flow.flow.amd();
    let usual = Settings::default();
    Settings {
        // The flow ends the call by its own limit; this one is for a flow that cannot.
        max_call_ms: flow.flow.limits().call_ms + 5_000,
        machine_detection: mode(request, flow),
        greet: request.greet.or(wanted.greet).unwrap_or_else(|| Greet::usual(mode(request, flow))),
        amd: amd::Options {
            timers: amd_timers(request.timers.or(wanted.timers)),
            threshold_word_count: request.threshold_word_count,
            params: options.amd.choose(request.amd_params.as_deref(), &request.flow).unwrap_or_default(),
            locale: request.control.language.clone().or_else(|| Some(flow.flow.language().to_owned())),
            awaits_words: speech_input.recognises() && !speech_input.hears_answers_only(),
            shadow: options.amd.in_shadow(),
            ..amd::Options::default()
        },
        ring_timeout_ms: request.ring_timeout_ms.unwrap_or(options.ring_timeout_ms),
        end_silence_ms: request.control.end_silence_ms().unwrap_or(usual.end_silence_ms),
        recognises: speech_input.recognises(),
        hears_answers_only: speech_input.hears_answers_only(),
        interim: speech_input.gives_interims(),
        words_wait_ms: speech_input.limit_ms(),
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use callcore::flow::{self, Greet, MachineDetection};
    use serde_json::json;

    use super::*;
    use crate::session::control::CallControl;
    use crate::speech::stt::Recognizers;

    fn stored(amd: &str) -> Stored {
        let text = format!("flow: f\nlanguage: id-ID\n{amd}start: a\nscenes: {{ a: [ {{ hangup: x }} ] }}\n");
        let flow = Arc::new(flow::parse("f.yaml", &text).flow.unwrap());
        Stored {
            flow,
            digest: "d".into(),
            file: "f.yaml".into(),
            folder: ".".into(),
            pictures: Default::default(),
        }
    }

    fn of(request: &DialRequest, amd: &str) -> Settings {
        let stored = stored(amd);
        let speech_input = SpeechInput::new(&Recognizers::default(), &stored, &request.control).unwrap();
        settings(request, &stored, &Options::default(), &speech_input)
    }

    #[test]
    fn what_the_request_says_goes_before_the_flow() {
        let request = DialRequest {
            machine_detection: Some(MachineDetection::Disconnect),
            timers: flow::TimerOverrides {
                no_speech_timeout_ms: Some(12_000),
                greeting_completion_timeout_ms: Some(10_000),
                ..flow::TimerOverrides::default()
            },
            threshold_word_count: Some(4),
            control: CallControl { language: Some("en-AU".into()), ..CallControl::default() },
            ring_timeout_ms: Some(30_000),
            ..DialRequest::default()
        };
        let settings = of(&request, "amd: { mode: detect, timers: { no_speech: 3s, tone: 7s } }\n");
        assert_eq!(settings.machine_detection, MachineDetection::Disconnect);
        let timers = settings.amd.timers;
        assert_eq!((timers.no_speech_timeout_ms, timers.tone_timeout_ms), (12_000, 7_000));
        assert_eq!((timers.decision_timeout_ms, timers.greeting_completion_timeout_ms), (15_000, 10_000));
        assert_eq!(settings.amd.threshold_word_count, Some(4));
        assert_eq!(settings.amd.locale.as_deref(), Some("en-AU"));
        assert_eq!(settings.ring_timeout_ms, 30_000);
    }

    #[test]
    fn what_it_leaves_out_is_as_documented() {
        let settings = of(&DialRequest::default(), "");
        assert_eq!(settings.machine_detection, MachineDetection::Disabled);
        let timers = settings.amd.timers;
        assert_eq!((timers.no_speech_timeout_ms, timers.decision_timeout_ms), (5_000, 15_000));
        assert_eq!((timers.tone_timeout_ms, timers.greeting_completion_timeout_ms), (20_000, 2_000));
        assert_eq!((settings.ring_timeout_ms, settings.amd.locale.as_deref()), (60_000, Some("id-ID")));
    }

    #[test]
    fn the_bot_greets_early_where_detection_is_on_unless_the_flow_or_above_it_the_request_says_otherwise() {
        let with = |mode, greet| DialRequest { machine_detection: mode, greet, ..DialRequest::default() };
        let early = |request: &DialRequest, amd: &str| of(request, amd).greet == Greet::Early;
        assert!(!early(&with(None, None), ""), "nothing is detected");
        assert!(early(&with(Some(MachineDetection::Detect), None), ""));
        assert!(early(&with(None, None), "amd: { mode: disconnect }\n"));
        assert!(!early(&with(None, None), "amd: { mode: detect, greet: sure }\n"));
        assert!(early(&with(None, Some(Greet::Early)), "amd: { mode: detect, greet: sure }\n"));
        assert!(!early(&with(None, Some(Greet::Sure)), "amd: { mode: detect }\n"));
    }

    #[test]
    fn what_is_kept_for_later_is_the_whole_request() {
        let request = DialRequest {
            number: "+62812".into(),
            metadata: [("name".to_owned(), json!("Ani"))].into_iter().collect(),
            start_ms: Some(7),
            timers: flow::TimerOverrides { tone_timeout_ms: Some(1), ..flow::TimerOverrides::default() },
            ..DialRequest::default()
        };
        let kept = serde_json::to_string(&request).unwrap();
        let read: DialRequest = serde_json::from_str(&kept).unwrap();
        assert_eq!(format!("{read:?}"), format!("{request:?}"));
    }
}
