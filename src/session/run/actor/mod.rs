//! One call's task: waits for whatever comes first, feeds the pure call, performs what it wants.

mod filming;
mod launch;
mod sending;
mod unseen;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::amd::Trace;
use callcore::audio::Framer;
use callcore::call::{
    Call, CarrierCdr, Direction, Effect, Ended, Fact, Input, NotificationState, RecordingMute, Summary,
};
use callcore::clock::CallTime;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bus::LiveCalls;
use crate::flows::Stored;
use crate::kore::Envelope;
use crate::media::MediaTime;
use crate::session::books::batch_builder::BatchBuilder;
use crate::session::books::call_writer::CallWriter;
use crate::session::books::closing::Closing;
use crate::session::books::ended::EndedCall;
use crate::session::books::late_record::{OwnEnd, Unrecorded};
use crate::session::clock::Clock;
use crate::session::record::camera_file::CameraFile;
use crate::session::record::message::Message;
use crate::session::record::recording::{Recorded, Recording};
use crate::session::record::sound::{Crowded, Sound};
use crate::session::record::trace::{self, Placement};
use crate::session::request::NotifyTarget;
use crate::session::run::http_requests::HttpRequests;
use crate::session::run::speech::Speech;
use crate::session::run::speech_input::SpeechInput;
use crate::store;
use crate::trunk::{DialError, Leg, LegCommand, LegEvent, Trunk};

pub(in crate::session) use launch::{Launched, UnlessListed, queued};

/// A timer that is this late was held up by a machine that stood still, and with it what had come before it was due.
const HELD_UP: Duration = Duration::from_millis(100);
/// What was held up has so long to come before the timer counts.
const CATCHING_UP: Duration = Duration::from_millis(20);

/// Whose call it is.
pub(in crate::session) struct Identity {
    pub(in crate::session) call_id: String,
    pub(in crate::session) app_id: String,
    /// As dialled: the callee's number, or ours when somebody calls us.
    pub(in crate::session) number: String,
    pub(in crate::session) direction: Direction,
    /// Who called us, for a record of our own.
    pub(in crate::session) source: Option<String>,
    pub(in crate::session) notify: Option<NotifyTarget>,
    /// Notifications that were written before the call began.
    pub(in crate::session) told: u64,
}

/// What a call's task works with.
pub(in crate::session) struct Resources {
    pub(in crate::session) flow: Arc<Stored>,
    pub(in crate::session) speech: Speech,
    pub(in crate::session) speech_input: SpeechInput,
    pub(in crate::session) http_requests: HttpRequests,
    pub(in crate::session) writer: CallWriter,
    pub(in crate::session) live_calls: LiveCalls,
    /// The folder of recordings.
    pub(in crate::session) recordings: PathBuf,
    /// Who can be asked for the record of a call whose end was not seen; `None` for incoming calls.
    pub(in crate::session) trunk: Option<Trunk>,
}

/// Everything one call's task owns.
pub(in crate::session) struct Actor {
    call: Call,
    identity: Identity,
    uses: Resources,
    control: mpsc::Receiver<Control>,
    clock: Clock,
}

/// What others may ask of a running call.
#[derive(Debug)]
pub(in crate::session) enum Control {
    HangUp {
        by: String,
        actor: Option<store::Actor>,
    },
    /// Somebody listens in; before the answer nobody can.
    Listen {
        answer: oneshot::Sender<Result<broadcast::Receiver<Bytes>, Crowded>>,
    },
}

/// What changes while the task runs.
struct Running {
    leg: Option<Leg>,
    jobs: JoinSet<Input>,
    framer: Framer,
    sound: Option<Sound>,
    /// Of a recorded call whose callee shows a camera.
    camera: Option<CameraFile>,
    answered_at: Option<CallTime>,
    /// The message that the callee is leaving.
    message: Option<Message>,
    envelope: Envelope,
    finished: bool,
    /// The session whose record we had to make ourselves.
    unrecorded: Option<Unrecorded>,
    /// Who asked for the end, until it is written down.
    ended_by: Option<store::Actor>,
    /// Audio found no room on its way to the trunk.
    blocked: bool,
    /// A timer was held up, and waits until then for what was held up with it.
    catching_up_until: Option<Instant>,
}

impl Actor {
    /// A call that begins on `clock`, and is asked things through `control`.
    pub(in crate::session) const fn new(
        call: Call,
        identity: Identity,
        uses: Resources,
        control: mpsc::Receiver<Control>,
        clock: Clock,
    ) -> Self {
        Self { call, identity, uses, control, clock }
    }

    /// Whose call it is.
    pub(in crate::session) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Runs the call to its end. `placed` is the carrier's answer to the dial request. When the carrier took the
    /// call but gave no record of it, its session is handed back: the record may come later.
    pub(in crate::session) async fn run(mut self, placed: Result<Leg, DialError>) -> Option<Unrecorded> {
        let mut running = Running {
            leg: None,
            jobs: JoinSet::new(),
            framer: Framer::default(),
            sound: None,
            camera: None,
            answered_at: None,
            message: None,
            envelope: self.identity.envelope(self.clock.began_ms),
            finished: false,
            unrecorded: None,
            ended_by: None,
            blocked: false,
            catching_up_until: None,
        };
        match placed {
            Ok(leg) => {
                let session_id = leg.session_id.clone();
                self.call.allow_transfer(leg.abilities.transfer);
                running.leg = Some(leg);
                running.envelope.session_id = Some(session_id.clone());
                self.call.handle(Input::Placed { session_id }, self.clock.now());
            }
            Err(error) => {
                let (cause, why) = (refusal_cause(&error), error.to_string());
                self.call.handle(Input::Refused { cause, why }, self.clock.now());
            }
        }
        loop {
            self.perform(&mut running).await;
            if running.finished {
                break;
            }
            self.wait(&mut running).await;
        }
        let unrecorded = running.unrecorded.take();
        drop(running);
        self.uses.writer.finish().await;
        self.uses.live_calls.remove(&self.identity.call_id);
        unrecorded
    }

    /// Waits for the next thing that happens and tells the call.
    async fn wait(&mut self, running: &mut Running) {
        let deadline = self.call.deadline();
        let wanted = deadline.map(|deadline| self.clock.instant(deadline.at));
        let due = wanted.max(wanted.and(running.catching_up_until));
        tokio::select! {
            Some(control) = self.control.recv() => match control {
                Control::HangUp { by, actor } => {
                    running.ended_by = actor;
                    self.call.handle(Input::HangupRequested { by }, self.clock.now());
                }
                Control::Listen { answer } => {
                    if let Some(sound) = &mut running.sound {
                        // Who asked may have gone.
                        let _gone = answer.send(sound.listen(self.clock.now()));
                    }
                }
            },
            event = next_event(&mut running.leg) => self.leg_event(event, running),
            Some(done) = running.jobs.join_next() => {
                if let Ok(input) = done {
                    self.call.handle(input, self.clock.now());
                }
            }
            () = sleep_until(due) => {
                let now = Instant::now();
                let is_late = wanted.is_some_and(|wanted| now.saturating_duration_since(wanted) >= HELD_UP);
                if is_late && running.catching_up_until.is_none() {
                    running.catching_up_until = Some(now + CATCHING_UP);
                    return;
                }
                running.catching_up_until = None;
                tracing::trace!(call.id = %self.identity.call_id, due = ?deadline.map(|deadline| deadline.due), "due");
                self.call.handle_timeout(self.clock.now());
            }
        }
    }

    fn leg_event(&mut self, event: Option<LegEvent>, running: &mut Running) {
        let now = self.clock.now();
        self.unblock(running, now);
        let input = match event {
            Some(LegEvent::Audio { at, pcm }) => {
                let Running { framer, sound, message, .. } = running;
                // What waits for its frame to be complete was spoken before.
                let mut spoken = at.samples().saturating_sub(framer.pending() as u64);
                framer.push(&pcm, |frame| {
                    if let Some(message) = message {
                        message.callee(frame);
                    }
                    self.call.audio(frame, now);
                    if let Some(sound) = sound {
                        sound.callee(frame, MediaTime::from_samples(spoken), now);
                    }
                    spoken += frame.len() as u64;
                });
                return;
            }
            Some(LegEvent::Camera(frame)) => {
                self.film(frame, running, now);
                Input::CameraSeen
            }
            Some(LegEvent::Status(status)) => Input::Status(status),
            Some(LegEvent::Digit(digit)) => Input::Digit(digit),
            Some(LegEvent::CheckPoint(name)) => Input::CheckPoint(name),
            Some(LegEvent::RoundTrip(time)) => Input::RoundTrip(time.as_millis() as u64),
            Some(LegEvent::Link { link, why }) => Input::Link { link, why },
            Some(LegEvent::Delivered { sent_by }) => Input::Delivered { sent_by: self.clock.at(sent_by) },
            Some(LegEvent::Transfer { id, end }) => Input::ExternalStepEnded { id, end },
            Some(LegEvent::Sight { shows, has_camera }) => Input::Sight { shows, has_camera },
            Some(LegEvent::Alive) => Input::Alive,
            Some(LegEvent::Hangup) => Input::RemoteHangup,
            Some(LegEvent::Cdr(mut cdr)) => {
                // A record is filed under its session: which one that is, is not for the peer to say.
                if let Some(leg) = &running.leg {
                    cdr.session_id.clone_from(&leg.session_id);
                }
                Input::Cdr(cdr)
            }
            Some(LegEvent::AudioUnreadable { is_ours, why }) => {
                tracing::warn!(call.id = %self.identity.call_id, is_ours, why, "audio of a call cannot be read");
                Input::AudioUnreadable { is_ours, why }
            }
            Some(LegEvent::Lost { reason }) => Input::Lost { why: reason },
            None => {
                running.leg = None;
                Input::Lost { why: "the connection to the carrier has ended".into() }
            }
        };
        self.call.handle(input, now);
    }

    /// Performs every effect that is waiting. What is sent goes out first, what is kept follows.
    async fn perform(&mut self, running: &mut Running) {
        let now = self.clock.now();
        let mut builder = BatchBuilder::new(&self.identity.call_id, self.clock);
        if let Some(at) = running.answered_at {
            builder.answered(at);
        }
        if let Some(actor) = running.ended_by.take() {
            builder.asked_to_end(actor);
        }
        let mut summary = None;
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::SendAudio(chunk) => {
                    if let Some(sound) = &mut running.sound {
                        sound.bot(&chunk);
                    }
                    self.send_audio(running, &chunk);
                }
                Effect::SendCheckPoint(name) => self.send(running, LegCommand::CheckPoint(name)).await,
                Effect::SendInterruption => {
                    if let Some(sound) = &mut running.sound {
                        sound.cut(now);
                    }
                    self.send(running, LegCommand::Interruption).await;
                }
                Effect::SendDigit { digit, duration_ms } => {
                    self.send(running, LegCommand::Digit { digit, duration_ms }).await;
                }
                Effect::SendHangup => self.send(running, LegCommand::Hangup).await,
                Effect::Render { play, part, what, keep } => {
                    running.jobs.spawn(self.uses.speech.clone().rendered(
                        Arc::clone(&self.uses.flow),
                        play,
                        part,
                        what,
                        keep,
                    ));
                }
                Effect::Recognise { utterance, interim, audio, expected } => {
                    running.jobs.spawn(self.uses.speech_input.words(utterance, interim, audio, expected));
                }
                Effect::KeepMessage { id } => {
                    running.message = Some(Message::start(&self.uses.recordings, &self.identity.call_id, id));
                }
                Effect::EndMessage { keep, .. } => match running.message.take() {
                    Some(message) if keep => drop(running.jobs.spawn(message.keep())),
                    Some(message) => drop(tokio::spawn(message.discard())),
                    None => {}
                },
                Effect::Request { id, request } => {
                    running.jobs.spawn(self.uses.http_requests.clone().make(id, request));
                }
                Effect::Show(picture) => {
                    // The flow was checked with every picture it names.
                    let clip = picture.and_then(|name| self.uses.flow.pictures.get(&name).cloned());
                    self.send(running, LegCommand::Show(clip)).await;
                }
                Effect::SendTransfer { id, to, timeout_ms } => {
                    let patience = Duration::from_millis(timeout_ms);
                    self.send(running, LegCommand::Transfer { id, to, patience }).await;
                }
                Effect::MuteRecording(silence) => {
                    if let Some(sound) = &mut running.sound {
                        sound.silence(silence);
                    }
                    let hides = silence != RecordingMute::None;
                    if let Some(camera) = &mut running.camera {
                        camera.silence(hides);
                    }
                    self.send(running, LegCommand::HideCamera(hides)).await;
                }
                Effect::SeekRecord => {
                    if let (Some(trunk), Some(session_id)) = (&self.uses.trunk, &running.envelope.session_id)
                        && trunk.keeps_records()
                    {
                        running.jobs.spawn(unseen::record_of(trunk.clone(), session_id.clone()));
                    }
                }
                Effect::Record(fact) => {
                    self.uses.live_calls.note(&self.identity.call_id, &fact);
                    let at = if matches!(fact, Fact::Ended { .. }) { self.call.ended_at() } else { None };
                    builder.fact(fact, at.unwrap_or(now));
                }
                Effect::Notify(notice) => {
                    if notice.state == NotificationState::Answered {
                        let sound = Sound::new(now, self.start_recording());
                        builder.answered(now);
                        if let Some(recorded) = sound.recording_begun() {
                            builder.recording_begun(&recorded);
                        }
                        running.sound = Some(sound);
                        running.answered_at = Some(now);
                    }
                    if let Some(target) = &self.identity.notify {
                        running.envelope.sequence +=
                            u64::from(builder.notice(&notice, target, &running.envelope));
                    } else if let NotificationState::Event { event, .. } = &notice.state {
                        builder.notification_skipped(event, now);
                    }
                }
                Effect::Finish(finished) => summary = Some(finished),
            }
        }
        if let Some(summary) = &summary {
            // Once the end is known, nobody can ask for it any more.
            self.control.close();
            if let Some(camera) = running.camera.take() {
                filming::keep_camera(&self.identity.call_id, camera).await;
            }
            self.close_books(&mut builder, summary, running.sound.take()).await;
        }
        if let Some(batch) = builder.into_batch() {
            self.uses.writer.write(batch);
        }
        if let Some(summary) = summary {
            running.finished = true;
            let end = match (summary.ended, summary.answered_at) {
                (Ended::ByFault, Some(_)) => OwnEnd::Lost,
                (Ended::ByFault, None) => OwnEnd::Missed,
                (Ended::ByCallee | Ended::ByBot | Ended::Unanswered, _) => OwnEnd::Seen,
            };
            let session_id = summary.session_id.filter(|_| summary.cdr.is_none());
            running.unrecorded = session_id.map(|session_id| Unrecorded { session_id, end });
        }
    }

    fn start_recording(&self) -> Option<Recording> {
        let policy = self.uses.flow.flow.recording_policy();
        policy
            .records
            .then(|| Recording::start(&self.uses.recordings, &self.identity.call_id, policy.keep_days))
    }

    /// Which call ends, for whoever is told.
    fn ended(&self) -> EndedCall<'_> {
        let Identity { call_id, number, direction, source, .. } = &self.identity;
        EndedCall {
            call_id,
            direction: *direction,
            number: source.as_deref().unwrap_or(number),
            flow: self.uses.flow.flow.name(),
            trunk: self.uses.trunk.as_ref().map(Trunk::name),
            began_ms: self.clock.began_ms,
        }
    }

    /// Writes the call's last lines: CDR, evidence, recording, final state.
    async fn close_books(&mut self, builder: &mut BatchBuilder, summary: &Summary, sound: Option<Sound>) {
        let cdr = summary.cdr.clone().unwrap_or_else(|| self.own_cdr(summary));
        builder.finish(summary, cdr);
        self.ended().tell(summary);
        let Some(sound) = sound else { return };
        let Some(finished) = sound.finish().await else { return };
        match finished {
            Ok((recorded, placement)) => {
                if let Some(trace) = summary.trace.clone().filter(|_| recorded.lost.is_none()) {
                    keep_trace(&recorded, trace, placement).await;
                }
                builder.recording(&recorded, self.clock.now());
            }
            Err(error) => {
                tracing::error!(call.id = %self.identity.call_id, %error, "the call was not recorded");
                builder.fact(Fact::RecordingFailed { why: error.to_string() }, self.clock.now());
            }
        }
    }

    /// A record from our own times, for a carrier that never sent one.
    fn own_cdr(&self, summary: &Summary) -> CarrierCdr {
        Closing {
            call_id: &self.identity.call_id,
            session_id: summary.session_id.as_deref(),
            destination: &self.identity.number,
            source: self.identity.source.as_deref(),
            began_ms: self.clock.began_ms,
            answered_ms: summary.answered_at.map(|at| self.clock.epoch_ms(at)),
            ended_ms: self.clock.epoch_ms(summary.ended_at),
            disposition: summary.disposition,
            hangup_by: Some(summary.ended.hangup_by(self.identity.direction)),
            cause: summary.cause,
        }
        .cdr()
    }
}

/// Writes the detector's trace beside the recording. Without one a replay is only less exact.
async fn keep_trace(recorded: &Recorded, trace: Trace, placement: Placement) {
    let path = recorded.path.clone();
    let written = tokio::task::spawn_blocking(move || trace::write(&path, trace, placement)).await;
    if let Err(error) = written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        tracing::warn!(%error, path = %recorded.path.display(), "the trace of a call was not kept");
    }
}

/// The hang-up cause of a call that the carrier did not take.
const fn refusal_cause(error: &DialError) -> u16 {
    match error {
        DialError::BadNumber { .. } => 28,
        DialError::Unauthorized { .. } => 29,
        DialError::Unavailable { .. } => 38,
        DialError::Protocol { .. } => 127,
        DialError::NoLine { .. } | DialError::Busy { .. } => 34,
        DialError::Cancelled { .. } => 16,
    }
}

async fn next_event(leg: &mut Option<Leg>) -> Option<LegEvent> {
    match leg {
        Some(leg) => leg.events.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
