//! A telephone line in virtual time: real recordings of people talk into a whole call, what the bot says comes
//! back as an echo, noise lies under it, and everything goes through G.711.

#![expect(clippy::expect_used, reason = "recordings that are there can be read")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::audio::{FRAME_MS, FRAME_SAMPLES, Frame, g711, level, wav};
use callcore::call::{Call, DialStatus, Effect, Fact, Hypothesis, Input, Settings, Summary};
use callcore::clock::CallTime;
use callcore::flow::{self, MachineDetection, Run};
use serde_json::{Map, Value};

/// How what the bot says comes back to us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) delay_ms: usize,
    /// How much fainter it is, dB.
    pub(crate) loss_db: f32,
}

/// One call. All times are ms since the answer.
pub(crate) struct Line {
    pub(crate) call: Call,
    now: u64,
    /// What every part of a prompt sounds like.
    pub(crate) prompt: Arc<[i16]>,
    pub(crate) echo: Option<Echo>,
    /// RMS of white noise on the line, dBFS.
    pub(crate) noise_dbfs: Option<f32>,
    /// What the callee says, sample 0 at the answer.
    pub(crate) person: Vec<i16>,
    /// What a recogniser hears in it, with beginning and end; it takes `decodes_ms`.
    pub(crate) words: Vec<(u64, u64, &'static str)>,
    pub(crate) decodes_ms: u64,
    replies: VecDeque<(u64, Input)>,
    /// What the callee hears.
    pub(crate) plays: Vec<i16>,
    busy_until: u64,
    marks: Vec<(u64, String)>,
    seed: u32,
    coded: Vec<u8>,
    decoded: Vec<i16>,
    pub(crate) facts: Vec<(u64, Fact)>,
    /// When the carrier was told to fall silent.
    pub(crate) silenced: Vec<u64>,
    /// Requests for words: when, and whether the callee still talked.
    pub(crate) asked: Vec<(u64, bool)>,
    pub(crate) finished: bool,
    pub(crate) summary: Option<Summary>,
}

impl Line {
    /// A call that has just been answered and runs `steps`, one per line.
    pub(crate) fn new(language: &str, steps: &str, settings: Settings) -> Self {
        let steps: String = steps.trim_matches('\n').lines().map(|line| format!("    {line}\n")).collect();
        let text = format!(
            "flow: f\nlanguage: {language}\nstart: main\nvariables: {{ kept: {{ default: none }} }}\nscenes:\n  \
             main:\n{steps}    - hangup: done\n  other:\n    - wait: 2s\n    - hangup: other\n"
        );
        Self::of_flow(&text, Settings { machine_detection: MachineDetection::Disabled, ..settings })
    }

    /// A call that has just been answered and runs this flow.
    pub(crate) fn of_flow(text: &str, settings: Settings) -> Self {
        let parsed = flow::parse("f.yaml", text);
        let flow = parsed.flow.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
        let run = Run::new(Arc::new(flow), Map::new()).expect("a flow without variables");
        Self {
            call: Call::new(settings, run),
            now: 0,
            prompt: Arc::from([]),
            echo: None,
            noise_dbfs: None,
            person: Vec::new(),
            words: Vec::new(),
            decodes_ms: 150,
            replies: VecDeque::new(),
            plays: Vec::new(),
            busy_until: 0,
            marks: Vec::new(),
            seed: 1,
            coded: Vec::new(),
            decoded: Vec::new(),
            facts: Vec::new(),
            silenced: Vec::new(),
            asked: Vec::new(),
            finished: false,
            summary: None,
        }
    }

    /// Puts `audio` where the callee says it.
    pub(crate) fn says(&mut self, at_ms: u64, audio: &[i16]) {
        let from = at_ms as usize * 8;
        self.person.resize(self.person.len().max(from + audio.len()), 0);
        for (slot, sample) in self.person[from..].iter_mut().zip(audio) {
            *slot = slot.saturating_add(*sample);
        }
    }

    pub(crate) fn answer(&mut self) {
        self.tell(Input::Status(DialStatus::Connected));
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.call.handle(input, CallTime::from_ms(self.now));
        self.drain();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "this line does not do everything")]
    fn drain(&mut self) {
        let now = CallTime::from_ms(self.now);
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::Render { play, part, .. } => {
                    self.call
                        .handle(Input::Rendered { play, part, result: Ok(Arc::clone(&self.prompt)) }, now);
                }
                Effect::SendAudio(chunk) => {
                    let from = self.busy_until.max(self.now);
                    self.plays.resize(from as usize * 8, 0);
                    self.plays.extend(chunk.samples());
                    self.busy_until = from + (chunk.samples().len() + chunk.padding()) as u64 / 8;
                }
                Effect::SendCheckPoint(name) => self.marks.push((self.busy_until.max(self.now), name)),
                Effect::SendInterruption => {
                    self.plays.truncate(self.now as usize * 8);
                    self.busy_until = self.now;
                    self.marks.retain(|(due, _)| *due <= self.now);
                    self.silenced.push(self.now);
                }
                Effect::Recognise { utterance, interim, audio, .. } => {
                    self.asked.push((self.now, interim));
                    // A word's soft beginning may lie before what was noticed of it.
                    let since = self.now.saturating_sub(audio.len() as u64 / 8 + 250);
                    let in_it = |(from, to, _): &&(u64, u64, &str)| *from >= since && *to <= self.now;
                    let text: Vec<&str> = self.words.iter().filter(in_it).map(|(_, _, word)| *word).collect();
                    let heard = (!text.is_empty()).then(|| Hypothesis {
                        text: text.join(" "),
                        confidence: 0.9,
                        weighed: None,
                    });
                    let reply = Input::Recognised { utterance, interim, heard };
                    self.replies.push_back((self.now + self.decodes_ms, reply));
                }
                Effect::Record(fact) => self.facts.push((self.now, fact)),
                Effect::Finish(summary) => {
                    self.finished = true;
                    self.summary = Some(*summary);
                }
                _ => {}
            }
        }
    }

    /// The frame that ends now.
    fn frame(&mut self) -> Frame {
        let from = (self.now as usize - FRAME_MS as usize) * 8;
        let noise = self.noise_dbfs.map_or(0.0, |dbfs| 32_768.0 * 3_f32.sqrt() * 10_f32.powf(dbfs / 20.0));
        let mut samples = [0; FRAME_SAMPLES];
        for (n, sample) in samples.iter_mut().enumerate() {
            let at = from + n;
            let echo = self.echo.map_or(0.0, |echo| {
                let played = at.checked_sub(echo.delay_ms * 8).and_then(|at| self.plays.get(at));
                f32::from(played.copied().unwrap_or(0)) * 10_f32.powf(-echo.loss_db / 20.0)
            });
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = ((self.seed >> 16) as f32 / 32_768.0 - 1.0) * noise;
            let person = f32::from(self.person.get(at).copied().unwrap_or(0));
            *sample = (person + echo + hiss).clamp(-32_768.0, 32_767.0) as i16;
        }
        self.coded.clear();
        self.decoded.clear();
        g711::to_alaw(&samples, &mut self.coded);
        g711::alaw(&self.coded, &mut self.decoded);
        samples.copy_from_slice(&self.decoded);
        samples
    }

    /// Lets the call go on until `until_ms`.
    pub(crate) fn run(&mut self, until_ms: u64) {
        while self.now < until_ms && !self.finished {
            self.now += FRAME_MS;
            let now = CallTime::from_ms(self.now);
            while let Some(at) = self.marks.iter().position(|(due, _)| *due <= self.now) {
                let (_, name) = self.marks.remove(at);
                self.tell(Input::CheckPoint(name));
            }
            while let Some((_, reply)) = self.replies.pop_front_if(|(due, _)| *due <= self.now) {
                self.tell(reply);
            }
            let frame = self.frame();
            self.call.audio(&frame, now);
            self.drain();
            if self.call.poll_timeout().is_some_and(|due| due <= now) {
                self.call.handle_timeout(now);
                self.drain();
            }
        }
    }

    /// When facts of this kind were noted.
    pub(crate) fn when(&self, kind: &str) -> Vec<u64> {
        self.facts.iter().filter(|(_, fact)| fact.kind() == kind).map(|(at, _)| *at).collect()
    }

    /// The first fact of this kind.
    pub(crate) fn detail(&self, kind: &str) -> Option<Value> {
        self.facts.iter().find(|(_, fact)| fact.kind() == kind).map(|(_, fact)| fact.detail())
    }
}

/// The folder beside the project that holds recordings; `None` when it is absent.
pub(crate) fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    shared.join("amd-corpus/labels.jsonl").exists().then_some(shared)
}

/// A recording from that folder.
pub(crate) fn recording(path: &Path) -> Vec<i16> {
    let file = std::fs::read(path).expect("a recording");
    wav::read_8k(&file).expect("a WAV file")
}

/// The labelled calls that `pick` wants, with their audio.
pub(crate) fn cases(shared: &Path, pick: impl Fn(&Value) -> bool) -> Vec<(Value, Vec<i16>)> {
    let corpus = shared.join("amd-corpus");
    let labels = std::fs::read_to_string(corpus.join("labels.jsonl")).expect("labels");
    let cases = labels.lines().map(|line| serde_json::from_str::<Value>(line).expect("a label")).filter(pick);
    cases
        .map(|case| {
            let audio = recording(&corpus.join(case["file"].as_str().expect("a file")));
            (case, audio)
        })
        .collect()
}

/// Long announcements without tones, as loud as a bot's prompts: what bots of the tests say.
pub(crate) fn prompts(shared: &Path) -> Vec<Arc<[i16]>> {
    let plain = |case: &Value, key: &str| case[key].as_array().is_some_and(Vec::is_empty);
    cases(shared, |case| case["label"] == "machine" && plain(case, "beeps") && plain(case, "tones"))
        .into_iter()
        .map(|(_, mut audio)| {
            level::normalise(&mut audio, -20.0);
            audio.into()
        })
        .collect()
}

/// A spoken digit of somebody, such as `("seven", "theo", 3)`; `None` when the folder has none.
pub(crate) fn digit(shared: &Path, digit: u32, speaker: &str, index: u32) -> Vec<i16> {
    let mut audio = recording(&shared.join(format!("speech/digits/{digit}_{speaker}_{index}.wav")));
    level::normalise(&mut audio, -22.0);
    audio
}

/// A cough: two bursts of noise that dies away, as it sounds through a telephone.
pub(crate) fn cough() -> Vec<i16> {
    let mut seed = 9_u32;
    let mut before = 0.0;
    (0..260 * 8)
        .map(|n| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = (seed >> 16) as f32 / 32_768.0 - 1.0;
            // A throat is a resonance: the noise is not white.
            before = 0.75 * before + white;
            let burst = (n % (130 * 8)) as f32 / (130.0 * 8.0);
            (before * 7_000.0 * (1.0 - burst).powi(2)) as i16
        })
        .collect()
}
