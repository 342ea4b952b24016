//! What the callee hears: a gapless queue, taken 20 ms at a time. Pure: its clock is the number of frames taken.
//!
//! Samples are played in the order in which they came, none twice, none left out, however they were chunked. An
//! empty queue plays silence. A check point is reported once everything queued before it has been played. An
//! interruption empties the queue at once and **drops the check points still waiting**: the audio before them will never
//! be played, so reporting them would be false.

use std::collections::VecDeque;
use std::sync::Arc;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES, Frame, samples_to_ms};
use callcore::audio::tone::{dtmf_pair, tone};

/// Check points that may wait at once.
pub const MAX_CHECK_POINTS: usize = 1_000;
/// Silence between two keys pressed in a row, in samples (50 ms).
const KEY_GAP_SAMPLES: usize = 400;
/// Key presses that may wait at once, in samples (30 s).
const MAX_KEY_SAMPLES: usize = 240_000;
const KEY_DBFS: f32 = -16.0;

/// What happened while playing; `at_ms` counts the audio taken before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Queued audio begins to sound after silence.
    Started { at_ms: u64 },
    /// The queue has run dry, or was emptied.
    Stopped { at_ms: u64 },
    /// Everything queued before this mark has been played.
    CheckPoint { at_ms: u64, name: String },
    /// The queue was emptied on request; `dropped_ms` of audio will never be played.
    Interrupted { at_ms: u64, dropped_ms: u64 },
    /// A key was pressed.
    Pressed { at_ms: u64, key: char },
    /// How far the audio of one label is.
    Sound { label: Arc<str>, stage: Sounding },
}

/// How far audio is that was queued under one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sounding {
    /// Its first sample is being played.
    Started,
    /// Some of it has been heard.
    Playing,
    /// All of it has been heard.
    Completed,
}

/// Audio that was queued under one label without a pause between.
#[derive(Debug)]
struct Labelled {
    label: Arc<str>,
    /// Counts of accepted samples.
    from: u64,
    to: u64,
    told: Option<Sounding>,
}

/// The queue would grow past its limit; nothing of the chunk was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audio queue is full: at most {limit_ms} ms may wait")]
pub struct Full {
    limit_ms: u64,
}

#[derive(Debug)]
struct Mark {
    /// Count of accepted samples that must have been played.
    after: u64,
    name: String,
}

/// The queue of one call.
#[derive(Debug)]
pub struct Playout {
    queue: VecDeque<i16>,
    limit: usize,
    /// Samples taken off the queue or dropped from it since the call was answered.
    gone: u64,
    frames: u64,
    marks: VecDeque<Mark>,
    labelled: VecDeque<Labelled>,
    keys: VecDeque<i16>,
    sounding: bool,
    events: VecDeque<Event>,
}

impl Playout {
    /// An empty queue that holds at most `limit_ms` of audio.
    #[must_use]
    pub fn new(limit_ms: u64) -> Self {
        Self {
            queue: VecDeque::new(),
            limit: callcore::audio::frame::ms_to_samples(limit_ms),
            gone: 0,
            frames: 0,
            marks: VecDeque::new(),
            labelled: VecDeque::new(),
            keys: VecDeque::new(),
            sounding: false,
            events: VecDeque::new(),
        }
    }

    /// Queues 8 kHz samples behind what waits.
    ///
    /// # Errors
    /// When they do not fit; then none of them is queued.
    pub fn push(&mut self, samples: &[i16]) -> Result<(), Full> {
        let from = self.accept(samples)?;
        // What a decoder still held belongs to what it was made of.
        if let Some(last) = self.labelled.back_mut().filter(|last| last.to == from) {
            last.to += samples.len() as u64;
        }
        Ok(())
    }

    /// Takes samples; the count of those accepted before.
    fn accept(&mut self, samples: &[i16]) -> Result<u64, Full> {
        let from = self.gone + self.queue.len() as u64;
        if self.queue.len() + samples.len() > self.limit {
            return Err(Full { limit_ms: samples_to_ms(self.limit) });
        }
        self.queue.extend(samples);
        Ok(from)
    }

    /// As [`Self::push`], and tells how far these samples are by their label.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_as(&mut self, samples: &[i16], label: &str) -> Result<(), Full> {
        let from = self.accept(samples)?;
        let to = from + samples.len() as u64;
        match self.labelled.back_mut().filter(|last| last.to == from && &*last.label == label) {
            Some(last) => last.to = to,
            None if to > from => {
                self.labelled.push_back(Labelled { label: label.into(), from, to, told: None });
            }
            None => {}
        }
        Ok(())
    }

    /// Marks the end of what is queued now. Returns `false`, and marks nothing, when
    /// [`MAX_CHECK_POINTS`] already wait.
    pub fn mark(&mut self, name: String) -> bool {
        if self.marks.len() >= MAX_CHECK_POINTS {
            return false;
        }
        self.marks.push_back(Mark { after: self.gone + self.queue.len() as u64, name });
        true
    }

    /// Forgets everything that waits, check points included.
    pub fn interrupt(&mut self) {
        let at_ms = self.position_ms();
        let dropped = self.queue.len();
        // What has not been played to its end is never completed.
        self.labelled.retain(|sound| sound.to <= self.gone);
        self.gone += dropped as u64;
        self.queue.clear();
        // Marks that are due already stood behind audio that was played in full.
        self.marks.retain(|mark| mark.after + dropped as u64 <= self.gone);
        self.events.push_back(Event::Interrupted { at_ms, dropped_ms: samples_to_ms(dropped) });
        self.settle(at_ms);
    }

    /// Presses a key for `length_ms` (kept within 40 to 5,000), sounding over whatever plays, after keys
    /// that still sound. Returns `false` for what is no key, and when too many wait.
    pub fn press(&mut self, key: char, length_ms: u64) -> bool {
        let Some(pair) = dtmf_pair(key) else { return false };
        if self.keys.len() > MAX_KEY_SAMPLES {
            return false;
        }
        self.keys.extend(tone(&pair, length_ms.clamp(40, 5_000), KEY_DBFS));
        self.keys.extend(std::iter::repeat_n(0, KEY_GAP_SAMPLES));
        self.events.push_back(Event::Pressed { at_ms: self.position_ms(), key });
        true
    }

    /// Takes the next 20 ms. What was taken before counts as played from here on.
    pub fn next_frame(&mut self, out: &mut Frame) {
        let now = self.position_ms();
        self.settle(now);
        let take = self.queue.len().min(FRAME_SAMPLES);
        for (slot, sample) in out.iter_mut().zip(self.queue.drain(..take)) {
            *slot = sample;
        }
        out[take..].fill(0);
        self.gone += take as u64;
        for sound in self.labelled.iter_mut().take_while(|sound| sound.from < self.gone) {
            if sound.told.is_none() {
                sound.told = Some(Sounding::Started);
                self.events.push_back(sounds(sound, Sounding::Started));
            }
        }
        let pressed = self.keys.len().min(FRAME_SAMPLES);
        for (slot, key) in out.iter_mut().zip(self.keys.drain(..pressed)) {
            *slot = slot.saturating_add(key);
        }
        if take > 0 && !self.sounding {
            self.sounding = true;
            self.events.push_back(Event::Started { at_ms: now });
        }
        self.frames += 1;
    }

    /// The next thing that happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Milliseconds of audio taken so far.
    #[must_use]
    pub const fn position_ms(&self) -> u64 {
        self.frames * FRAME_MS
    }

    /// Milliseconds that wait to be played.
    #[must_use]
    pub fn queued_ms(&self) -> u64 {
        samples_to_ms(self.queue.len())
    }

    fn settle(&mut self, at_ms: u64) {
        while self.marks.front().is_some_and(|mark| mark.after <= self.gone) {
            if let Some(mark) = self.marks.pop_front() {
                self.events.push_back(Event::CheckPoint { at_ms, name: mark.name });
            }
        }
        while let Some(sound) = self.labelled.front_mut().filter(|sound| sound.told.is_some()) {
            if sound.told == Some(Sounding::Started) {
                sound.told = Some(Sounding::Playing);
                self.events.push_back(sounds(sound, Sounding::Playing));
            }
            if sound.to > self.gone {
                break;
            }
            self.events.push_back(sounds(sound, Sounding::Completed));
            self.labelled.pop_front();
        }
        if self.sounding && self.queue.is_empty() {
            self.sounding = false;
            self.events.push_back(Event::Stopped { at_ms });
        }
    }
}

fn sounds(sound: &Labelled, stage: Sounding) -> Event {
    Event::Sound { label: Arc::clone(&sound.label), stage }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(playout: &mut Playout) -> Vec<Event> {
        std::iter::from_fn(|| playout.poll_event()).collect()
    }

    fn frame(playout: &mut Playout) -> Frame {
        let mut out = [1; FRAME_SAMPLES];
        playout.next_frame(&mut out);
        out
    }

    #[test]
    fn an_interruption_stops_the_sound_and_drops_what_waited_behind_it() {
        let mut playout = Playout::new(10_000);
        playout.push(&[5; 1600]).expect("room");
        assert!(playout.mark("end".into()));
        frame(&mut playout);
        playout.interrupt();
        assert_eq!(frame(&mut playout), [0; FRAME_SAMPLES]);
        assert_eq!(
            drain(&mut playout),
            [
                Event::Started { at_ms: 0 },
                Event::Interrupted { at_ms: 20, dropped_ms: 180 },
                Event::Stopped { at_ms: 20 },
            ]
        );
    }

    #[test]
    fn a_check_point_whose_audio_was_played_survives_an_interruption() {
        let mut playout = Playout::new(10_000);
        playout.push(&[5; 160]).expect("room");
        playout.mark("heard".into());
        playout.push(&[6; 160]).expect("room");
        playout.mark("unheard".into());
        frame(&mut playout);
        playout.interrupt();
        let points: Vec<Event> =
            drain(&mut playout).into_iter().filter(|e| matches!(e, Event::CheckPoint { .. })).collect();
        assert_eq!(points, [Event::CheckPoint { at_ms: 20, name: "heard".into() }]);
    }

    #[test]
    fn a_check_point_on_an_empty_queue_is_reported_with_the_next_frame() {
        let mut playout = Playout::new(1_000);
        playout.mark("now".into());
        frame(&mut playout);
        assert_eq!(drain(&mut playout), [Event::CheckPoint { at_ms: 0, name: "now".into() }]);
    }

    #[test]
    fn keys_sound_over_the_audio_and_only_keys_are_pressed() {
        let mut playout = Playout::new(1_000);
        assert!(playout.press('5', 100) && playout.press('#', 0) && !playout.press('x', 100));
        let heard: Vec<i16> = (0..20).flat_map(|_| frame(&mut playout)).collect();
        assert!(heard[..800].iter().any(|s| *s != 0), "100 ms of the first key");
        assert!(heard[800..1200].iter().all(|s| *s == 0), "a pause of 50 ms");
        assert!(heard[1200..1520].iter().any(|s| *s != 0), "40 ms of the second");
        let pressed = |key| Event::Pressed { at_ms: 0, key };
        assert_eq!(drain(&mut playout), [pressed('5'), pressed('#')], "keys are not queued audio");
    }

    #[test]
    fn audio_is_told_by_its_label_when_it_starts_while_it_plays_and_when_all_of_it_was_heard() {
        let mut playout = Playout::new(10_000);
        for (samples, label) in [(100, "greeting"), (100, "greeting"), (10, "menu")] {
            playout.push_as(&vec![5; samples], label).expect("room");
        }
        let told = |playout: &mut Playout| {
            frame(playout);
            let sounds = drain(playout).into_iter().filter_map(|event| {
                if let Event::Sound { label, stage } = event {
                    Some(format!("{label} {stage:?}"))
                } else {
                    None
                }
            });
            sounds.collect::<Vec<_>>()
        };
        assert_eq!(told(&mut playout), ["greeting Started"]);
        assert_eq!(told(&mut playout), ["greeting Playing", "menu Started"]);
        assert_eq!(told(&mut playout), ["greeting Completed", "menu Playing", "menu Completed"]);
        playout.push_as(&[5; 400], "cut").expect("room");
        assert_eq!(told(&mut playout), ["cut Started"]);
        playout.interrupt();
        assert_eq!(told(&mut playout), [""; 0], "what was cut is never completed");
    }

    #[test]
    fn a_chunk_that_does_not_fit_is_refused_whole() {
        let mut playout = Playout::new(100);
        playout.push(&[1; 700]).expect("room");
        let error = playout.push(&[1; 101]).expect_err("full").to_string();
        assert!(error.contains("100 ms"), "{error}");
        assert_eq!(playout.queued_ms(), 87);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Mark,
        Take,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(
            prop_oneof![(0_usize..900).prop_map(Step::Push), Just(Step::Mark), Just(Step::Take)],
            1..200,
        )
    }

    proptest! {
        #[test]
        fn every_sample_is_played_once_in_order_and_marks_come_exactly_when_due(script in steps()) {
            let mut playout = Playout::new(1_000_000);
            let (mut next, mut pushed, mut heard) = (1_i16, Vec::new(), Vec::new());
            // For each mark, how many samples stood before it.
            let mut due: VecDeque<(String, usize)> = VecDeque::new();
            let mut marks = 0;
            let check = |playout: &mut Playout, heard: &mut Vec<i16>, due: &mut VecDeque<(String, usize)>| {
                let before = heard.len();
                let frame = frame(playout);
                heard.extend(frame.iter().filter(|s| **s != 0));
                let reported: Vec<String> = drain(playout)
                    .into_iter()
                    .filter_map(|e| if let Event::CheckPoint { name, .. } = e { Some(name) } else { None })
                    .collect();
                let mut expected = Vec::new();
                while due.front().is_some_and(|(_, after)| *after <= before) {
                    expected.extend(due.pop_front().map(|(name, _)| name));
                }
                assert_eq!(reported, expected);
            };
            for step in script {
                match step {
                    Step::Push(count) => {
                        let chunk: Vec<i16> = (0..count)
                            .map(|_| { let s = next; next = next % 30_000 + 1; s })
                            .collect();
                        pushed.extend_from_slice(&chunk);
                        playout.push(&chunk).expect("room");
                    }
                    Step::Mark => {
                        marks += 1;
                        due.push_back((format!("m{marks}"), pushed.len()));
                        playout.mark(format!("m{marks}"));
                    }
                    Step::Take => check(&mut playout, &mut heard, &mut due),
                }
            }
            while playout.queued_ms() > 0 || !due.is_empty() {
                check(&mut playout, &mut heard, &mut due);
            }
            check(&mut playout, &mut heard, &mut due);
            prop_assert_eq!(heard, pushed);
        }
    }
}
