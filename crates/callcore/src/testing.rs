//! A call in virtual time, for tests and benchmarks: the call, its clock, and a world that performs what the call wants.

use std::sync::Arc;

use serde_json::Map;

use crate::audio::Frame;
use crate::audio::frame::ms_to_samples;
use crate::call::{Call, Effect, Input, Settings};
use crate::clock::CallTime;
use crate::flow::{self, Run};

/// What surrounds a call: its carrier, voices, recogniser and books.
pub trait World {
    /// Performs an effect. What is returned is told the call at once.
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input>;
}

/// A call and its world. After every input the effects are drained, as the task of a call does it.
#[derive(Debug)]
pub struct VirtualCall<W> {
    call: Call,
    now: CallTime,
    pub world: W,
}

impl<W: World> VirtualCall<W> {
    /// A call at [`CallTime::ZERO`] that runs the flow `text`, which needs no variables. Nothing was told it yet.
    ///
    /// # Errors
    /// What is wrong with the flow.
    pub fn new(text: &str, settings: Settings, world: W) -> Result<Self, String> {
        let parsed = flow::parse("test.yaml", text);
        let flow = parsed.flow.ok_or_else(|| format!("{:?}", parsed.diagnostics))?;
        let run = Run::new(Arc::new(flow), Map::new()).map_err(|error| error.to_string())?;
        Ok(Self { call: Call::new(settings, run), now: CallTime::ZERO, world })
    }

    #[must_use]
    pub const fn now(&self) -> CallTime {
        self.now
    }

    /// When the call wants to be woken.
    #[must_use]
    pub fn due(&self) -> Option<CallTime> {
        self.call.poll_timeout()
    }

    /// Tells the call something, and performs what comes of it.
    pub fn tell(&mut self, input: Input) {
        self.call.handle(input, self.now);
        self.drain();
    }

    /// The callee is heard for the 20 ms that end now.
    pub fn hear(&mut self, frame: &Frame) {
        self.call.audio(frame, self.now);
        self.drain();
    }

    /// It is `at` now. The call is not woken by it.
    pub const fn set_clock(&mut self, at: CallTime) {
        self.now = at;
    }

    /// Wakes the call if it wanted to be by now.
    pub fn wake(&mut self) {
        while self.call.poll_timeout().is_some_and(|due| due <= self.now) {
            self.call.handle_timeout(self.now);
            self.drain();
        }
    }

    /// Lets time pass up to `at`, and wakes the call whenever it wants to be.
    pub fn pass(&mut self, at: CallTime) {
        while let Some(due) = self.call.poll_timeout().filter(|due| *due <= at) {
            self.set_clock(due.max(self.now));
            self.wake();
        }
        self.set_clock(at);
    }

    fn drain(&mut self) {
        while let Some(effect) = self.call.poll_effect() {
            if let Some(input) = self.world.perform(effect, self.now) {
                self.call.handle(input, self.now);
            }
        }
    }
}

/// Something like a voice: harmonics of a moving `pitch` (Hz), four syllables a second; `ms` of it at 8 kHz.
#[must_use]
pub fn voice(ms: u64, pitch: f32) -> Vec<i16> {
    let mut phase = 0.0_f32;
    (0..ms_to_samples(ms))
        .map(|n| {
            let t = n as f32 / 8_000.0;
            phase += (pitch + 25.0 * (t * 2.1).sin() + 8.0 * (t * 31.0).sin()) / 8_000.0;
            let sum: f32 = (1_u8..14)
                .map(|h| (std::f32::consts::TAU * phase * f32::from(h)).sin() / (1.0 + f32::from(h) * 0.4))
                .sum();
            (sum * (0.55 + 0.45 * (t * 25.0).sin()).max(0.03) * 3_500.0) as i16
        })
        .collect()
}
