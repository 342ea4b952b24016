//! What a recording holds against what was heard: whole calls in virtual time, with a callee who notes down every
//! sample it hears.

use std::collections::VecDeque;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES};
use callcore::call::{DialStatus, Effect, Input, Settings};
use callcore::clock::CallTime;
use callcore::flow::MachineDetection;
use callcore::ids::PlayId;
use callcore::testing::{VirtualCall, World};

use crate::media::MediaTime;
use crate::session::record::recording::Recording;
use crate::session::record::sound::Sound;

/// The call was dialled this long before it was answered.
const ANSWERED_MS: u64 = 700;
/// Sound begins and ends within this of where it was heard, ms.
const TOLERANCE_MS: u64 = 20;

struct Phone {
    sound: Sound,
    /// Sent to the callee and not heard yet.
    queue: VecDeque<i16>,
    /// What the callee said and heard, from the answer on.
    said: Vec<i16>,
    heard: Vec<i16>,
    marks: VecDeque<(usize, String)>,
    making: VecDeque<(u64, PlayId, u16)>,
}

impl World for Phone {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else can be heard")]
    fn perform(&mut self, effect: Effect, now: CallTime) -> Option<Input> {
        match effect {
            Effect::Render { play, part, .. } => self.making.push_back((now.as_ms() + 230, play, part)),
            Effect::SendAudio(chunk) => {
                self.sound.bot(&chunk);
                self.queue.extend(chunk.samples());
                self.queue.extend(std::iter::repeat_n(0, chunk.padding()));
            }
            Effect::SendCheckPoint(name) => {
                self.marks.push_back((self.heard.len() + self.queue.len(), name));
            }
            Effect::SendInterruption => {
                self.sound.cut(now);
                self.queue.clear();
                self.marks.clear();
            }
            _ => {}
        }
        None
    }
}

/// A call that is answered and recorded.
struct Recorded(VirtualCall<Phone>);

impl Recorded {
    fn answer(steps: &str, folder: &std::path::Path) -> Self {
        let text =
            format!("flow: f\nstart: main\nscenes:\n  main:\n{steps}\n    - wait: 60s\n    - hangup: done\n");
        let settings = Settings { machine_detection: MachineDetection::Disabled, ..Settings::default() };
        let answered = CallTime::from_ms(ANSWERED_MS);
        let phone = Phone {
            sound: Sound::new(answered, Some(Recording::start(folder, "c1", None))),
            queue: VecDeque::new(),
            said: Vec::new(),
            heard: Vec::new(),
            marks: VecDeque::new(),
            making: VecDeque::new(),
        };
        let mut call = VirtualCall::new(&text, settings, phone).unwrap();
        call.set_clock(answered);
        call.tell(Input::Status(DialStatus::Connected));
        Self(call)
    }

    /// 20 ms pass; the callee says something loud or nothing.
    fn frame(&mut self, loud: bool) {
        let Self(call) = self;
        let ms = call.now().as_ms() + FRAME_MS;
        let now = CallTime::from_ms(ms);
        call.set_clock(now);
        let frame: [i16; FRAME_SAMPLES] =
            std::array::from_fn(|n| if loud { [9_000, -7_000, 4_000][n % 3] } else { 0 });
        for _ in 0..FRAME_SAMPLES {
            let heard = call.world.queue.pop_front().unwrap_or(0);
            call.world.heard.push(heard);
        }
        call.world.said.extend(frame);
        while let Some((_, play, part)) = call.world.making.pop_front_if(|(due, ..)| *due <= ms) {
            // Speech without a silent sample, longer than the pauses between sentences.
            call.tell(Input::Rendered { play, part, result: Ok(vec![3_000; 8_000 + 37].into()) });
        }
        let heard = call.world.heard.len();
        while let Some((_, name)) = call.world.marks.pop_front_if(|(due, _)| *due <= heard) {
            call.tell(Input::CheckPoint(name));
        }
        let spoken = MediaTime::from_samples((ms - ANSWERED_MS - FRAME_MS) * 8);
        call.world.sound.callee(&frame, spoken, now);
        call.hear(&frame);
        call.wake();
    }

    fn run(&mut self, until_ms: u64, loud: impl Fn(u64) -> bool) {
        while self.0.now().as_ms() < ANSWERED_MS + until_ms {
            let at = self.0.now().as_ms() - ANSWERED_MS;
            self.frame(loud(at));
        }
    }

    /// Both sides as recorded.
    async fn recorded(self) -> ([Vec<i16>; 2], [Vec<i16>; 2]) {
        let Phone { sound, said, heard, .. } = self.0.world;
        let (recorded, _) = sound.finish().await.unwrap().unwrap();
        let bytes = std::fs::read(recorded.path).unwrap();
        let samples: Vec<i16> =
            bytes[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        let side = |nth: usize| samples.iter().skip(nth).step_by(2).copied().collect();
        ([said, heard], [side(0), side(1)])
    }
}

/// Where sound begins and ends, ms.
fn edges(samples: &[i16]) -> Vec<u64> {
    let loud: Vec<bool> = samples.iter().map(|s| s.unsigned_abs() > 500).collect();
    loud.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]).map(|(at, _)| at as u64 / 8).collect()
}

fn assert_aligned(happened: &[Vec<i16>; 2], recorded: &[Vec<i16>; 2]) {
    for (side, (one, other)) in happened.iter().zip(recorded).enumerate() {
        let (one, other) = (edges(one), edges(other));
        assert_eq!(one.len(), other.len(), "side {side}: {one:?} {other:?}");
        assert!(!one.is_empty(), "side {side}");
        let off = one.iter().zip(&other).map(|(one, other)| one.abs_diff(*other)).max().unwrap();
        assert!(off <= TOLERANCE_MS, "side {side} is off by {off} ms: {one:?} {other:?}");
    }
}

#[tokio::test]
async fn both_sides_stand_where_the_callee_said_and_heard_them() {
    let folder = tempfile::tempdir().unwrap();
    let say = "    - say: { text: \"One is here. Two comes. Three follows.\", barge_in: off }";
    let mut phone = Recorded::answer(say, folder.path());
    phone.run(8_000, |at| (3_000..3_600).contains(&at) || (6_100..6_500).contains(&at));
    let (happened, recorded) = phone.recorded().await;
    assert_eq!(edges(&happened[1]).len(), 6, "three sentences");
    assert_aligned(&happened, &recorded);
}

#[tokio::test]
async fn a_pause_and_an_interruption_are_recorded_as_they_were_heard() {
    let folder = tempfile::tempdir().unwrap();
    let say = "    - say: { text: \"One is here. Two comes. Three follows. Four.\", barge_in: { min_speech: 600ms, \
               resume: true } }";
    let mut phone = Recorded::answer(say, folder.path());
    // A cough, and then an interruption.
    phone.run(9_000, |at| (900..1_100).contains(&at) || (4_000..5_500).contains(&at));
    let (happened, recorded) = phone.recorded().await;
    assert_aligned(&happened, &recorded);
}
