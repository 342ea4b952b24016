//! Runs one part of a call's work once, for `tools/instructions` to count what it takes.
//!
//! `cargo run -p callcore --example parts NAME`; without a name it prints the names.

#![expect(clippy::print_stdout, reason = "the names are for whoever runs it")]

use std::hint::black_box;
use std::sync::Arc;

use callcore::amd::{Amd, Options};
use callcore::audio::{FRAME_MS, FRAME_SAMPLES, Frame, Framer, frame};
use callcore::call::{Call, DialStatus, Effect, Input, Settings};
use callcore::clock::CallTime;
use callcore::detect::{EchoGuard, FrontEnd};
use callcore::flow::{self, Flow, MachineDetection, Run};
use serde_json::Map;

/// Seconds of audio that each part works on.
const SECONDS: usize = 5;

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

/// A part's name, and its preparation, which gives the work itself.
type Part = (&'static str, fn() -> Box<dyn FnOnce()>);

const PARTS: [Part; 6] = [
    ("framer", framer),
    ("front_end", front_end),
    ("detector", detector),
    ("echo_guard", echo_guard),
    ("flow_check", flow_check),
    ("call", call),
];

fn main() {
    let wanted = std::env::args().nth(1);
    match PARTS.iter().find(|(name, _)| Some(*name) == wanted.as_deref()) {
        Some((_, prepare)) => counted(prepare()),
        None => PARTS.iter().for_each(|(name, _)| println!("{name}")),
    }
}

/// What happens in here is counted.
#[inline(never)]
fn counted(work: Box<dyn FnOnce()>) {
    work();
}

fn framer() -> Box<dyn FnOnce()> {
    let bytes = frame::to_pcm16le(&speech());
    let mut framer = Framer::default();
    Box::new(move || {
        for packet in bytes.chunks(333) {
            framer.push(packet, |frame| {
                black_box(frame);
            });
        }
    })
}

fn front_end() -> Box<dyn FnOnce()> {
    let (audio, mut front_end) = (speech(), FrontEnd::new());
    Box::new(move || {
        for frame in frames(&audio) {
            black_box(front_end.push(frame));
            while let Some(heard) = front_end.poll() {
                black_box(heard);
            }
        }
    })
}

fn detector() -> Box<dyn FnOnce()> {
    let audio = speech();
    // The weights of the model are shared by all calls: they are loaded before anything is counted.
    listen(&frames(&audio)[..50], &mut FrontEnd::new(), &mut Amd::new(Options::default()));
    let (mut front_end, mut amd) = (FrontEnd::new(), Amd::new(Options::default()));
    Box::new(move || listen(frames(&audio), &mut front_end, &mut amd))
}

fn listen(frames: &[Frame], front_end: &mut FrontEnd, amd: &mut Amd) {
    for frame in frames {
        amd.observe(&front_end.push(frame));
        while let Some(heard) = front_end.poll() {
            amd.feed(&heard);
        }
        while let Some(event) = amd.poll_event() {
            black_box(event);
        }
    }
}

fn echo_guard() -> Box<dyn FnOnce()> {
    let (audio, mut guard, mut front_end) = (speech(), EchoGuard::new(), FrontEnd::new());
    let heard: Vec<_> = frames(&audio).iter().map(|frame| front_end.push(frame)).collect();
    Box::new(move || {
        for (n, (frame, heard)) in frames(&audio).iter().zip(&heard).enumerate() {
            let now_ms = (n as u64 + 1) * FRAME_MS;
            guard.sent(frame, now_ms + 60);
            black_box(guard.is_echo(&heard.bands_dbfs, heard.level_dbfs, heard.noise_dbfs, now_ms));
        }
    })
}

fn flow_check() -> Box<dyn FnOnce()> {
    Box::new(|| drop(black_box(flow::parse("talker.yaml", FLOW))))
}

fn call() -> Box<dyn FnOnce()> {
    let audio = speech();
    let flow = flow::parse("talker.yaml", FLOW).flow.map(Arc::new);
    // Models and phrases are shared by all calls: they are loaded before anything is counted.
    talk(flow.clone(), &audio);
    Box::new(move || talk(flow, &audio))
}

fn talk(flow: Option<Arc<Flow>>, audio: &[i16]) {
    let prompt: Arc<[i16]> = audio[..16_000].into();
    let Some(run) = flow.and_then(|flow| Run::new(flow, Map::new()).ok()) else { return };
    let settings = Settings { machine_detection: MachineDetection::Detect, ..Settings::default() };
    let mut call = Call::new(settings, run);
    call.handle(Input::Status(DialStatus::Connected), CallTime::ZERO);
    for (n, frame) in frames(audio).iter().enumerate() {
        let now = CallTime::from_ms((n as u64 + 1) * FRAME_MS);
        call.audio(frame, now);
        if call.poll_timeout().is_some_and(|due| due <= now) {
            call.handle_timeout(now);
        }
        drain(&mut call, &prompt, now);
    }
}

fn drain(call: &mut Call, prompt: &Arc<[i16]>, now: CallTime) {
    while let Some(effect) = call.poll_effect() {
        if let Effect::Render { play, part, .. } = effect {
            call.handle(Input::Rendered { play, part, result: Ok(Arc::clone(prompt)) }, now);
        } else if let Effect::SendCheckPoint(name) = effect {
            call.handle(Input::CheckPoint(name), now);
        } else {
            black_box(effect);
        }
    }
}

fn frames(audio: &[i16]) -> &[Frame] {
    audio.as_chunks::<FRAME_SAMPLES>().0
}

/// Syllables of a buzzing voice over hiss, with pauses.
fn speech() -> Vec<i16> {
    let mut seed = 1_u32;
    let sample = |n: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = ((seed >> 16) as i32 % 65 - 32) as f32;
        let t = n as f32 / 8000.0;
        let speaks = if (n / 8000) % 4 == 3 { 0.0 } else { 1.0 };
        let pitch = t * (120.0 + 4.0 * (t * 2.0).sin());
        let buzz: f32 = (1..16).map(|h| (std::f32::consts::TAU * pitch * h as f32).sin() / h as f32).sum();
        (buzz * (0.5 + 0.5 * (t * 24.0).sin()) * speaks * 3000.0 + hiss) as i16
    };
    (0..SECONDS * 8000).map(sample).collect()
}
