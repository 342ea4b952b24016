//! How much one whole call costs: detection, flow and play-out together, per second of call.
//!
//! `cargo bench -p callcore --bench call`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark needs a clock")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use callcore::audio::{FRAME_MS, FRAME_SAMPLES};
use callcore::call::{Call, DialStatus, Effect, Input, Settings};
use callcore::clock::CallTime;
use callcore::flow::{self, MachineDetection, Run};
use serde_json::Map;

const CALLS: u64 = 50;
const SECONDS: u64 = 60;

/// A bot that talks all the time, marks every sentence, and is not interrupted.
const FLOW: &str = "\
flow: talker
language: en
start: talk
scenes:
  talk:
    - say: { text: [One sentence., {checkpoint: a}, Another one., {checkpoint: b}], barge_in: off }
    - goto: talk
limits: { call: 5m, steps: 2000 }
";

fn run() -> Option<Run> {
    let flow = flow::parse("talker.yaml", FLOW).flow?;
    Run::new(Arc::new(flow), Map::new()).ok()
}

fn drain(call: &mut Call, prompt: &Arc<[i16]>, now: CallTime) {
    while let Some(effect) = call.poll_effect() {
        match effect {
            Effect::Render { play, part, .. } => {
                call.handle(Input::Rendered { play, part, result: Ok(Arc::clone(prompt)) }, now);
            }
            Effect::SendCheckPoint(name) => call.handle(Input::CheckPoint(name), now),
            Effect::SendAudio(chunk) => drop(black_box(chunk)),
            Effect::SendInterruption
            | Effect::SendDigit { .. }
            | Effect::SendHangup
            | Effect::Recognise { .. }
            | Effect::KeepMessage { .. }
            | Effect::EndMessage { .. }
            | Effect::Request { .. }
            | Effect::SendTransfer { .. }
            | Effect::Show(_)
            | Effect::Record(_)
            | Effect::Notify(_)
            | Effect::MuteRecording(_)
            | Effect::SeekRecord
            | Effect::Finish(_) => {}
        }
    }
}

fn main() {
    let prompt: Arc<[i16]> = vec![800; 16_000].into();
    let mut noise = 1_u32;
    let frames: Vec<[i16; FRAME_SAMPLES]> = (0..50)
        .map(|_| {
            std::array::from_fn(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((noise >> 16) as i32 % 2_001 - 1_000) as i16
            })
        })
        .collect();
    let began = Instant::now();
    for _ in 0..CALLS {
        let Some(run) = run() else {
            println!("the benchmark's flow is broken");
            return;
        };
        let settings = Settings { machine_detection: MachineDetection::Detect, ..Settings::default() };
        let mut call = Call::new(settings, run);
        call.handle(Input::Status(DialStatus::Connected), CallTime::ZERO);
        for frame in 0..SECONDS * 1000 / FRAME_MS {
            let now = CallTime::from_ms((frame + 1) * FRAME_MS);
            call.audio(&frames[frame as usize % frames.len()], now);
            if call.poll_timeout().is_some_and(|due| due <= now) {
                call.handle_timeout(now);
            }
            drain(&mut call, &prompt, now);
        }
    }
    let per_second = began.elapsed().as_secs_f64() * 1e6 / (CALLS * SECONDS) as f64;
    println!("{per_second:.0} µs of one core per second of call: {:.0} calls per core", 1e6 / per_second);
}
