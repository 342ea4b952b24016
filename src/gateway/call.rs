//! One call at the gateway: dialling, the conversation at the pace of the clock, the record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame};
use callcore::call::{CarrierCdr, DialStatus, Disposition, HangupBy, cause};
use tokio::time::{Instant, sleep, sleep_until};

use super::callees::Callee;
use super::callees::model::Outcome;
use super::callees::prepare::Prepared;
use super::callees::script::{self, Script};
use super::messages::{AudioOut, CheckPoint, DtmfOut, HangupOut};
use super::playout::{self, Playout};
use super::record::{Happening, Party, Recorder};
use super::room::Room;
use super::shared::Shared;
use crate::wallclock;

/// How long a dial request travels before the far end reacts.
const DIAL_DELAY: Duration = Duration::from_millis(200);
/// A call that falls behind by more than this (a suspended machine) skips the time instead of rushing.
const MAX_LAG: Duration = Duration::from_secs(2);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    disposition: Disposition,
    by: Option<HangupBy>,
    /// Hang-up cause code, see [`cause`].
    cause: u16,
}

impl End {
    const fn failed(cause: u16) -> Self {
        Self { disposition: Disposition::Failed, by: Some(HangupBy::Callee), cause }
    }

    const CANCELLED: Self = Self { disposition: Disposition::Cancel, by: Some(HangupBy::Caller), cause: 16 };
}

/// A call about to be placed.
pub(super) struct Call {
    pub shared: Arc<Shared>,
    pub room: Arc<Room>,
    /// As dialled.
    pub number: String,
    pub callee: Option<Arc<Callee>>,
    /// In ms since 1970.
    pub started: i64,
    /// Seed of the line's noise.
    pub seed: u64,
}

impl Drop for Call {
    /// Whatever ends the task of a call, its room does not outlive it.
    fn drop(&mut self) {
        self.shared.rooms.remove(&self.room.session_id);
    }
}

/// Interrupts a wait: the client hangs up, or the gateway stops.
enum Broken {
    ByClient,
    ByGateway,
}

impl Call {
    /// Runs the call to its end and files its record.
    pub(super) async fn run(self) {
        let begun = Instant::now();
        let mut answered = None;
        let end = self.place(&mut answered).await;
        self.room.close();
        let (ended, finished) = (wallclock::now_ms(), Instant::now());
        let session_id = &self.room.session_id;
        self.room.emit("hangup", &HangupOut { session_id });
        let billable = answered.as_ref().map_or(0, |a: &Answer| finished.duration_since(a.at).as_secs());
        let cdr = CarrierCdr {
            session_id: session_id.clone(),
            destination: self.number.clone(),
            start_time: wallclock::iso(self.started),
            answer_time: answered.as_ref().map(|a| wallclock::iso(a.time)),
            end_time: wallclock::iso(ended),
            duration: finished.duration_since(begun).as_secs(),
            billable_seconds: billable,
            disposition: end.disposition,
            hangup_by: end.by,
            hangup_cause_code: end.cause,
            hangup_cause_text: cause(end.cause).text.into(),
            source: None,
        };
        if let Some(recorder) = answered.and_then(|a| a.recorder)
            && let Err(error) = recorder.finish().await
        {
            tracing::error!(session = %session_id, %error, "the recording could not be written");
        }
        self.shared.records.add(self.room.account, cdr.clone());
        self.shared.rooms.remove(session_id);
        self.room.emit("cdr", &cdr);
        tracing::info!(session = %session_id, disposition = %cdr.disposition, cause = cdr.hangup_cause_code,
            seconds = cdr.duration, "a call has ended");
    }

    async fn place(&self, answered: &mut Option<Answer>) -> End {
        match self.dial(answered).await {
            Ok(end) => end,
            Err(Broken::ByClient) => End::CANCELLED,
            Err(Broken::ByGateway) => End { by: None, ..End::failed(38) },
        }
    }

    async fn dial(&self, answered: &mut Option<Answer>) -> Result<End, Broken> {
        // A client joins when it hears of the session; the first it should see is `Dialing`.
        let joined = async {
            tokio::select! {
                () = self.room.joined.notified() => {}
                () = sleep(self.shared.options.join_wait) => {}
            }
        };
        self.unless_broken(joined).await?;
        self.room.status(DialStatus::Dialing);
        self.unless_broken(sleep(DIAL_DELAY)).await?;
        let Some(callee) = &self.callee else {
            return Ok(self.fail(End::failed(1)));
        };
        let ring = Duration::from_millis(callee.ring_ms());
        match callee.file.outcome {
            Outcome::Answer => {
                match self.unless_broken(Box::pin(callee.prepared(&self.shared.options.tts))).await? {
                    Ok(prepared) => {
                        self.ring(ring).await?;
                        Ok(self.converse(callee, prepared, answered).await)
                    }
                    Err(error) => {
                        tracing::error!(callee = %callee.name, %error, "a callee cannot take calls");
                        Ok(self.fail(End::failed(44)))
                    }
                }
            }
            Outcome::Busy => {
                self.unless_broken(sleep(ring)).await?;
                self.room.status(DialStatus::Busy);
                Ok(End { disposition: Disposition::Busy, ..End::failed(17) })
            }
            Outcome::Reject => {
                self.ring(ring).await?;
                Ok(self.fail(End::failed(21)))
            }
            Outcome::NoAnswer => {
                self.ring(ring).await?;
                Ok(self.fail(End { disposition: Disposition::NoAnswer, ..End::failed(19) }))
            }
            Outcome::BadNumber => {
                self.unless_broken(sleep(ring)).await?;
                Ok(self.fail(End::failed(1)))
            }
            Outcome::Congestion => {
                self.unless_broken(sleep(ring)).await?;
                Ok(self.fail(End::failed(34)))
            }
        }
    }

    fn fail(&self, end: End) -> End {
        self.room.status(DialStatus::Failed);
        end
    }

    async fn ring(&self, length: Duration) -> Result<(), Broken> {
        self.room.status(DialStatus::Ringing);
        self.unless_broken(sleep(length)).await
    }

    async fn unless_broken<T>(&self, work: impl Future<Output = T>) -> Result<T, Broken> {
        tokio::select! {
            biased;
            () = self.room.hangup.notified() => Err(Broken::ByClient),
            () = self.shared.stopping.cancelled() => Err(Broken::ByGateway),
            done = work => Ok(done),
        }
    }

    async fn converse(&self, callee: &Callee, prepared: Arc<Prepared>, answered: &mut Option<Answer>) -> End {
        let time = wallclock::now_ms();
        let recorder =
            self.shared.options.recordings.as_deref().map(|folder| {
                Recorder::start(folder, &self.room.session_id, &callee.name, wallclock::iso(time))
            });
        let answer = answered.insert(Answer { at: Instant::now(), time, recorder });
        self.room.open(Playout::new(self.shared.options.queue_limit_ms));
        self.room.status(DialStatus::Connected);
        let mut conversation =
            Conversation::new(&self.room, Script::new(prepared, self.seed), answer.recorder.as_mut());
        let mut due = answer.at;
        loop {
            due += Duration::from_millis(FRAME_MS);
            if due.elapsed() > MAX_LAG {
                metrics::counter!("dering_gateway_clock_skips_total").increment(1);
                due = Instant::now();
            }
            let by = match self.unless_broken(sleep_until(due)).await {
                Ok(()) if conversation.frame() => continue,
                Ok(()) => Party::Callee,
                Err(Broken::ByClient) => Party::Bot,
                Err(Broken::ByGateway) => Party::Gateway,
            };
            conversation.note(Happening::Hangup { by });
            let end = End { disposition: Disposition::Answered, by: None, cause: 16 };
            return match by {
                Party::Bot => End { by: Some(HangupBy::Caller), ..end },
                Party::Callee => End { by: Some(HangupBy::Callee), ..end },
                Party::Gateway => End { cause: 38, ..end },
            };
        }
    }
}

struct Answer {
    at: Instant,
    /// In ms since 1970.
    time: i64,
    recorder: Option<Recorder>,
}

/// Both directions of an answered call, 20 ms at a time.
struct Conversation<'a> {
    room: &'a Room,
    script: Script,
    recorder: Option<&'a mut Recorder>,
    heard: Frame,
    said: Frame,
    played: Vec<playout::Event>,
    at_ms: u64,
}

impl<'a> Conversation<'a> {
    fn new(room: &'a Room, script: Script, recorder: Option<&'a mut Recorder>) -> Self {
        let (heard, said) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        Self { room, script, recorder, heard, said, played: Vec::new(), at_ms: 0 }
    }

    /// Plays, hears and records 20 ms; `false` when the callee has hung up.
    fn frame(&mut self) -> bool {
        let (heard, played) = (&mut self.heard, &mut self.played);
        self.room.playout(|playout| {
            playout.next_frame(heard);
            played.extend(std::iter::from_fn(|| playout.poll_event()));
        });
        self.script.exchange(&self.heard, &mut self.said);
        self.at_ms += FRAME_MS;
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(&self.said, &self.heard);
        }
        let mut bytes = Vec::with_capacity(size_of::<Frame>());
        bytes.extend(self.said.iter().flat_map(|s| s.to_le_bytes()));
        self.room.emit(
            "audio",
            &AudioOut {
                session_id: &self.room.session_id,
                audio_data: Bytes::from(bytes),
                audio_format: "pcm16",
            },
        );
        self.tell_played();
        self.tell_said()
    }

    fn tell_played(&mut self) {
        for event in self.played.drain(..) {
            let (at_ms, happening) = match event {
                playout::Event::Started { at_ms } => (at_ms, Happening::BotStarted),
                playout::Event::Stopped { at_ms } => (at_ms, Happening::BotStopped),
                playout::Event::Interrupted { at_ms, dropped_ms } => {
                    (at_ms, Happening::Interruption { dropped_ms })
                }
                playout::Event::Pressed { at_ms, key } => (at_ms, Happening::BotKey { key }),
                playout::Event::CheckPoint { at_ms, name } => {
                    let point = CheckPoint { session_id: self.room.session_id.clone(), name };
                    self.room.emit("checkPoint", &point);
                    (at_ms, Happening::CheckPoint { name: point.name })
                }
            };
            if let Some(recorder) = &mut self.recorder {
                recorder.note(at_ms, happening);
            }
        }
    }

    fn tell_said(&mut self) -> bool {
        let mut goes_on = true;
        while let Some(event) = self.script.poll_event() {
            let (at_ms, happening) = match event {
                script::Event::Began { at_ms, sound } => {
                    (at_ms, Happening::CalleeStarted { sound: sound.into() })
                }
                script::Event::Ended { at_ms, sound } => {
                    (at_ms, Happening::CalleeStopped { sound: sound.into() })
                }
                script::Event::Key { at_ms, key } => {
                    self.room.emit("dtmf", &DtmfOut { session_id: &self.room.session_id, digit: key });
                    (at_ms, Happening::CalleeKey { key })
                }
                script::Event::HungUp { .. } => {
                    goes_on = false;
                    continue;
                }
            };
            if let Some(recorder) = &mut self.recorder {
                recorder.note(at_ms, happening);
            }
        }
        goes_on
    }

    fn note(&mut self, happening: Happening) {
        let at_ms = self.at_ms;
        if let Some(recorder) = &mut self.recorder {
            recorder.note(at_ms, happening);
        }
    }
}
