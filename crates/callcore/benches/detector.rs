//! How much one call's detection costs: time per second of audio, memory, allocations per frame.
//!
//! `cargo bench -p callcore --bench detector`. The goals are 2,000 times real time on one core, 256 KiB per
//! call, and no allocation per frame once a call has begun.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use callcore::amd::{Amd, Options};
use callcore::audio::tone::tone;
use callcore::audio::{FRAME_SAMPLES, Frame};
use callcore::detect::FrontEnd;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "counting allocations needs an allocator")]
// SAFETY: every call is passed on unchanged to the system's allocator; the counters touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Syllables of a buzzing voice over hiss, with pauses, then a beep: all parts of the detector work.
fn call(seconds: usize) -> Vec<i16> {
    let mut seed = 1_u32;
    let mut samples: Vec<i16> = (0..seconds * 8000)
        .map(|n| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = ((seed >> 16) as i32 % 65 - 32) as f32;
            let t = n as f32 / 8000.0;
            let speaks = (n / 8000) % 4 != 3;
            let syllable = (0.5 + 0.5 * (t * 24.0).sin()) * f32::from(u8::from(speaks));
            let pitch = t * (120.0 + 4.0 * (t * 2.0).sin());
            let buzz: f32 =
                (1..16).map(|h| (std::f32::consts::TAU * pitch * h as f32).sin() / h as f32).sum();
            (buzz * syllable * 3000.0 + hiss) as i16
        })
        .collect();
    samples.extend(tone(&[1000.0], 400, -20.0));
    samples
}

fn main() {
    let audio = call(60);
    let frames: &[Frame] = audio.as_chunks::<FRAME_SAMPLES>().0;
    // The model's weights are shared by all calls: load them before counting.
    listen(&frames[..500], &mut FrontEnd::new(), &mut Amd::new(Options::default()));

    let before = BYTES.load(Ordering::Relaxed);
    let (mut front_end, mut amd) = (FrontEnd::new(), Amd::new(Options::default()));
    let held = BYTES.load(Ordering::Relaxed) - before + size_of::<FrontEnd>() + size_of::<Amd>();
    let calls = CALLS.load(Ordering::Relaxed);
    listen(frames, &mut front_end, &mut amd);
    let allocated = CALLS.load(Ordering::Relaxed) - calls;
    println!("memory: {} KiB per call; the C voice detector's own {} B besides", held / 1024, 736);
    println!("allocations: {allocated} in {} frames", frames.len());
    assert_eq!(allocated, 0, "a call allocates nothing once it has begun");

    let mut best = f64::MAX;
    for _ in 0..10 {
        let (mut front_end, mut amd) = (FrontEnd::new(), Amd::new(Options::default()));
        #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
        let began = Instant::now();
        listen(frames, &mut front_end, &mut amd);
        best = best.min(began.elapsed().as_secs_f64());
    }
    let seconds = frames.len() as f64 * 0.02;
    println!(
        "speed: {:.0} times real time, {:.1} us per frame",
        seconds / best,
        best / frames.len() as f64 * 1e6
    );
}

fn listen(frames: &[Frame], front_end: &mut FrontEnd, amd: &mut Amd) {
    for frame in frames {
        let observation = front_end.push(frame);
        amd.observe(&observation);
        while let Some(heard) = front_end.poll() {
            amd.feed(&heard);
        }
        while let Some(event) = amd.poll_event() {
            black_box(event);
        }
    }
}
