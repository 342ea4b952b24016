//! The callee as a machine: hears 20 ms, says 20 ms. Its clock is the frames it has heard.

use std::collections::VecDeque;
use std::sync::Arc;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame, samples_to_ms};

use super::echo::EchoPath;
use super::hearing::Hearing;
use super::noise::LineNoise;
use super::prepare::{Prepared, ReadyStep, Sound, SoundKind};

/// What the callee did; `at_ms` counts from the answer, exact to the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Began { at_ms: u64, sound: SoundKind },
    Ended { at_ms: u64, sound: SoundKind },
    Key { at_ms: u64, key: char },
    HungUp { at_ms: u64 },
}

/// One callee in one call.
#[derive(Debug)]
pub struct Script {
    prepared: Arc<Prepared>,
    step: usize,
    /// Samples of the current step that are done.
    done: usize,
    waited_ms: u64,
    bot_was_heard: bool,
    hearing: Hearing,
    noise: LineNoise,
    echo: Option<EchoPath>,
    frames: u64,
    hung_up: bool,
    events: VecDeque<Event>,
}

impl Script {
    /// A callee that answers now. The same `seed` makes the same noise.
    #[must_use]
    pub fn new(prepared: Arc<Prepared>, seed: u64) -> Self {
        let noise = LineNoise::new(prepared.noise_dbfs, seed);
        let echo = prepared.echo.clone();
        Self {
            prepared,
            step: 0,
            done: 0,
            waited_ms: 0,
            bot_was_heard: false,
            hearing: Hearing::default(),
            noise,
            echo,
            frames: 0,
            hung_up: false,
            events: VecDeque::new(),
        }
    }

    /// Hears the next frame and fills `said` with what it says meanwhile.
    pub fn exchange(&mut self, heard: &Frame, said: &mut Frame) {
        self.hearing.hear(heard);
        said.fill(0);
        let prepared = Arc::clone(&self.prepared);
        let mut filled = 0;
        while filled < FRAME_SAMPLES && !self.hung_up {
            let Some(step) = prepared.steps.get(self.step) else { break };
            let finished = match step {
                ReadyStep::Sound(sound) => self.sound(sound, said, &mut filled),
                ReadyStep::Silence(length) => self.silence(*length, &mut filled),
                ReadyStep::Key { key, tone } => {
                    if self.done == 0 {
                        self.events.push_back(Event::Key { at_ms: self.at_ms(filled), key: *key });
                    }
                    self.say(tone, said, &mut filled)
                }
                ReadyStep::WaitForBot { spoken_ms, timeout_ms } => {
                    let spoken = self.hearing.speaking_ms().is_some_and(|ms| ms >= *spoken_ms);
                    spoken || self.wait(*timeout_ms, &mut filled)
                }
                ReadyStep::WaitUntilBotStops { silence_ms, timeout_ms } => {
                    self.bot_was_heard |= self.hearing.speaking_ms().is_some();
                    let stopped = self.bot_was_heard && self.hearing.quiet_ms() >= *silence_ms;
                    stopped || self.wait(*timeout_ms, &mut filled)
                }
                ReadyStep::HangUp => {
                    self.hang_up(filled);
                    true
                }
            };
            if finished {
                self.step += 1;
                self.done = 0;
                self.waited_ms = 0;
                self.bot_was_heard = false;
            }
        }
        if let Some(echo) = &mut self.echo {
            echo.add_to(heard, said);
        }
        self.noise.add_to(said);
        self.frames += 1;
        if !self.hung_up && self.frames * FRAME_MS >= self.prepared.cap_ms {
            self.hang_up(0);
        }
    }

    /// The next thing the callee did, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn at_ms(&self, offset: usize) -> u64 {
        self.frames * FRAME_MS + samples_to_ms(offset)
    }

    fn hang_up(&mut self, filled: usize) {
        self.hung_up = true;
        self.events.push_back(Event::HungUp { at_ms: self.at_ms(filled) });
    }

    /// Each step below returns whether it is finished, and moves `filled` by what it used of the frame.
    fn sound(&mut self, sound: &Sound, said: &mut Frame, filled: &mut usize) -> bool {
        let take = (FRAME_SAMPLES - *filled).min(sound.samples.len() - self.done);
        let until = self.done + take;
        said[*filled..*filled + take].copy_from_slice(&sound.samples[self.done..until]);
        if (self.done..until).contains(&sound.first) {
            let at_ms = self.at_ms(*filled + sound.first - self.done);
            self.events.push_back(Event::Began { at_ms, sound: sound.kind });
        }
        if self.done < sound.end && sound.end <= until {
            let at_ms = self.at_ms(*filled + sound.end - self.done);
            self.events.push_back(Event::Ended { at_ms, sound: sound.kind });
        }
        self.done = until;
        *filled += take;
        self.done == sound.samples.len()
    }

    fn say(&mut self, samples: &[i16], said: &mut Frame, filled: &mut usize) -> bool {
        let take = (FRAME_SAMPLES - *filled).min(samples.len() - self.done);
        said[*filled..*filled + take].copy_from_slice(&samples[self.done..self.done + take]);
        self.done += take;
        *filled += take;
        self.done == samples.len()
    }

    fn silence(&mut self, length: usize, filled: &mut usize) -> bool {
        let take = (FRAME_SAMPLES - *filled).min(length - self.done);
        self.done += take;
        *filled += take;
        self.done == length
    }

    fn wait(&mut self, timeout_ms: u64, filled: &mut usize) -> bool {
        if self.waited_ms >= timeout_ms {
            return true;
        }
        self.waited_ms += FRAME_MS;
        *filled = FRAME_SAMPLES;
        false
    }
}
