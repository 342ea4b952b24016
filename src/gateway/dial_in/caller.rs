//! The answered call at the caller's end: 20 ms of both directions at a time, on the clock.

use std::sync::Arc;
use std::time::Duration;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame, samples_to_ms, to_pcm16le};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::options::Error;
use super::report::Entry;
use super::wire::{Heard, Wire};
use crate::gateway::callees::prepare::Prepared;
use crate::gateway::callees::script::{self, Script};
use crate::gateway::codec::{Decoder, Format};
use crate::gateway::playout::{self, Playout};
use crate::gateway::record::{Happening, Party, Recorder};

/// Audio of the server's that may wait to be played.
const QUEUE_LIMIT_MS: u64 = 60_000;
/// A caller that falls behind by more than this skips the time instead of rushing.
const MAX_LAG: Duration = Duration::from_secs(2);

/// The caller in an answered call.
pub(super) struct Caller {
    script: Script,
    playout: Playout,
    decoder: Decoder,
    recorder: Option<Recorder>,
    heard: Frame,
    said: Frame,
    events: Vec<Entry>,
    at_ms: u64,
    heard_samples: usize,
    most_waiting_ms: u64,
}

/// The answered part of a call, over.
pub(super) struct Answered {
    pub(super) ended: Result<Party, Error>,
    pub(super) events: Vec<Entry>,
    pub(super) heard_ms: u64,
    pub(super) most_waiting_ms: u64,
    pub(super) recorder: Option<Recorder>,
}

impl Caller {
    pub(super) fn new(prepared: Arc<Prepared>, seed: u64, recorder: Option<Recorder>) -> Self {
        Self {
            script: Script::new(prepared, seed),
            playout: Playout::new(QUEUE_LIMIT_MS),
            decoder: Decoder::default(),
            recorder,
            heard: [0; FRAME_SAMPLES],
            said: [0; FRAME_SAMPLES],
            events: Vec::new(),
            at_ms: 0,
            heard_samples: 0,
            most_waiting_ms: 0,
        }
    }

    /// Talks until somebody hangs up.
    pub(super) async fn talk(
        mut self,
        wire: &mut Wire,
        since: Instant,
        ignores_interrupt: bool,
        stop: &CancellationToken,
    ) -> Answered {
        let ended = self.converse(wire, since, ignores_interrupt, stop).await;
        let by = ended.as_ref().copied().unwrap_or(Party::Gateway);
        // A server may interrupt and hang up within one frame.
        self.note_played();
        self.note(self.at_ms, Happening::Hangup { by });
        // What was heard and what was said come from two machines that are drained one after the other.
        self.events.sort_by_key(|entry| entry.at_ms);
        Answered {
            ended,
            events: self.events,
            heard_ms: samples_to_ms(self.heard_samples),
            most_waiting_ms: self.most_waiting_ms,
            recorder: self.recorder,
        }
    }

    async fn converse(
        &mut self,
        wire: &mut Wire,
        since: Instant,
        ignores_interrupt: bool,
        stop: &CancellationToken,
    ) -> Result<Party, Error> {
        let mut due = since;
        loop {
            due += Duration::from_millis(FRAME_MS);
            if due.elapsed() > MAX_LAG {
                due = Instant::now();
            }
            loop {
                tokio::select! {
                    // A server that sends without pause must not stop the clock.
                    biased;
                    () = sleep_until(due) => break,
                    () = stop.cancelled() => return Ok(Party::Callee),
                    heard = wire.next() => {
                        let heard = heard?;
                        if heard == Heard::Hangup {
                            return Ok(Party::Bot);
                        }
                        if heard != Heard::Interrupt || !ignores_interrupt {
                            self.take(heard);
                        }
                    }
                }
            }
            if !self.frame(wire).await? {
                return Ok(Party::Callee);
            }
        }
    }

    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Audio(bytes) => {
                // What does not fit the queue is lost, as at a real carrier; pcm16 itself cannot be wrong.
                if let Ok(samples) = self.decoder.decode(Format::PCM16, &bytes) {
                    self.heard_samples += samples.len();
                    let _fits = self.playout.push(samples).is_ok();
                }
                self.most_waiting_ms = self.most_waiting_ms.max(self.playout.queued_ms());
            }
            Heard::Key { key, length_ms } => drop(self.playout.press(key, length_ms)),
            Heard::Interrupt => self.playout.interrupt(),
            Heard::Answer | Heard::Hangup => {}
        }
    }

    /// Plays, hears, says and records 20 ms; false when the caller has hung up.
    async fn frame(&mut self, wire: &mut Wire) -> Result<bool, Error> {
        self.playout.next_frame(&mut self.heard);
        self.script.exchange(&self.heard, &mut self.said);
        self.at_ms += FRAME_MS;
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(&self.said, &self.heard);
        }
        wire.audio(to_pcm16le(&self.said)).await?;
        self.note_played();
        let mut goes_on = true;
        while let Some(event) = self.script.poll_event() {
            match event {
                script::Event::Began { at_ms, sound } => {
                    self.note(at_ms, Happening::CalleeStarted { sound: sound.into() });
                }
                script::Event::Ended { at_ms, sound } => {
                    self.note(at_ms, Happening::CalleeStopped { sound: sound.into() });
                }
                script::Event::Key { at_ms, key } => {
                    wire.key(key).await?;
                    self.note(at_ms, Happening::CalleeKey { key });
                }
                script::Event::HungUp { .. } => goes_on = false,
            }
        }
        Ok(goes_on)
    }

    fn note_played(&mut self) {
        while let Some(event) = self.playout.poll_event() {
            if let Some((at_ms, happening)) = played(event) {
                self.note(at_ms, happening);
            }
        }
    }

    fn note(&mut self, at_ms: u64, happening: Happening) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(at_ms, happening.clone());
        }
        self.events.push(Entry { at_ms, happening });
    }
}

fn played(event: playout::Event) -> Option<(u64, Happening)> {
    Some(match event {
        playout::Event::Started { at_ms } => (at_ms, Happening::BotStarted),
        playout::Event::Stopped { at_ms } => (at_ms, Happening::BotStopped),
        playout::Event::Interrupted { at_ms, dropped_ms } => (at_ms, Happening::Interruption { dropped_ms }),
        playout::Event::Pressed { at_ms, key } => (at_ms, Happening::BotKey { key }),
        playout::Event::CheckPoint { at_ms, name } => (at_ms, Happening::CheckPoint { name }),
        // This wire knows no labels.
        playout::Event::Sound { .. } => return None,
    })
}
