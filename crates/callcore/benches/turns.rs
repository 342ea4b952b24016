//! Barge-in and the echo guard on recordings: how soon a voice is noticed over the bot's, how often the bot's own
//! echo is taken for one, and what the guard costs. Reads `../shared/amd-corpus` beside the repository.
//!
//! `cargo bench -p callcore --bench turns`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::expect_used, reason = "recordings that are there can be read")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use callcore::audio::{FRAME_SAMPLES, wav};
use callcore::call::{Call, DialStatus, Input, Settings};
use callcore::clock::CallTime;
use callcore::detect::{EchoGuard, FrontEnd};
use callcore::flow::{self, MachineDetection, Run};
use serde_json::{Map, Value};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "counting allocations needs an allocator")]
// SAFETY: every call is passed on unchanged to the system's allocator; the counter touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
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

fn load(corpus: &Path, labels: &str, pick: impl Fn(&Value) -> bool) -> Vec<(Value, Vec<i16>)> {
    let cases = labels.lines().map(|line| serde_json::from_str::<Value>(line).expect("a label")).filter(pick);
    cases
        .map(|case| {
            let file = std::fs::read(corpus.join(case["file"].as_str().expect("a file"))).expect("audio");
            (case, wav::read_8k(&file).expect("a WAV file"))
        })
        .collect()
}

/// Frames of speech, as the ear hears them without the guard and with it.
struct Heard {
    plain: Vec<bool>,
    guarded: Vec<bool>,
}

/// Hears `heard` while `bot` is sent in packets of 160 ms.
fn hear(bot: &[i16], heard: &[i16]) -> Heard {
    let (mut plain, mut front_end, mut guard) = (FrontEnd::new(), FrontEnd::new(), EchoGuard::new());
    let mut out = Heard { plain: Vec::new(), guarded: Vec::new() };
    let mut sent = 0;
    for (frame, now) in heard.as_chunks::<FRAME_SAMPLES>().0.iter().zip((20_u64..).step_by(20)) {
        while sent < bot.len() && (sent as u64 / 8) < now + 160 {
            let to = (sent + 1_280).min(bot.len());
            guard.sent(&bot[sent..to], sent as u64 / 8);
            sent = to;
        }
        out.plain.push(plain.push(frame).speech);
        let observed =
            front_end.push_beside(frame, |o| guard.is_echo(&o.bands_dbfs, o.level_dbfs, o.noise_dbfs, now));
        out.guarded.push(observed.speech);
    }
    out
}

/// The last seven frames at each one, a bit each, with its end in ms.
fn recent(speech: &[bool]) -> impl Iterator<Item = (u32, u64)> {
    speech.iter().zip((20_u64..).step_by(20)).scan(0_u32, |recent, (speech, end_ms)| {
        *recent = ((*recent << 1) | u32::from(*speech)) & 127;
        Some((*recent, end_ms))
    })
}

/// How often a call would speak of talking over: five of seven frames are speech.
fn talk_overs(speech: &[bool]) -> usize {
    let (mut on, mut found) = (false, 0);
    for (recent, _) in recent(speech) {
        let over = recent.count_ones() >= 5;
        found += usize::from(over && !on);
        on = over || (on && recent != 0);
    }
    found
}

/// When it first would, from `from_ms` on.
fn first_talk_over(speech: &[bool], from_ms: u64) -> Option<u64> {
    recent(speech)
        .find(|(recent, end_ms)| *end_ms >= from_ms && recent.count_ones() >= 5)
        .map(|found| found.1)
}

fn quantile(values: &mut [u64], share: f64) -> u64 {
    values.sort_unstable();
    values.get((values.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0)
}

/// `bot`, fainter and later, over noise; as long as `samples`.
fn echo(bot: &[i16], loss_db: f32, delay_ms: usize, noise: f32, samples: usize, seed: &mut u32) -> Vec<i16> {
    let gain = 10_f32.powf(-loss_db / 20.0);
    let back = |n: usize| n.checked_sub(delay_ms * 8).and_then(|at| bot.get(at)).copied().unwrap_or(0);
    (0..samples)
        .map(|n| {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from(back(n)) * gain + ((*seed >> 16) as f32 / 32_768.0 - 1.0) * noise) as i16
        })
        .collect()
}

fn echoes(bots: &[Vec<i16>], seed: &mut u32) {
    for (loss_db, delay_ms, noise) in [
        (6.0, 0, 30.0),
        (10.0, 60, 30.0),
        (20.0, 130, 30.0),
        (20.0, 333, 30.0),
        (26.0, 600, 30.0),
        (10.0, 205, 300.0),
    ] {
        let (mut guarded, mut plain, mut ms) = (0, 0, 0);
        for bot in bots {
            let audio = echo(bot, loss_db, delay_ms, noise, bot.len() + 8_000, seed);
            let heard = hear(bot, &audio);
            guarded += talk_overs(&heard.guarded);
            plain += talk_overs(&heard.plain);
            ms += audio.len() / 8;
        }
        let hour = 3_600_000.0 / ms as f64;
        println!(
            "echo -{loss_db} dB after {delay_ms} ms, noise {noise}: {:.0} false interruptions per hour, {:.0} without the guard",
            f64::from(guarded as u32) * hour,
            f64::from(plain as u32) * hour
        );
    }
}

fn onsets(bots: &[Vec<i16>], people: &[(Value, Vec<i16>)], seed: &mut u32) {
    const BEFORE_MS: u64 = 3_000;
    for loss_db in [200.0, 26.0, 20.0, 10.0] {
        let (mut late, mut missed) = (Vec::new(), 0);
        for (nth, (case, person)) in people.iter().enumerate() {
            let Some(onset) = case["segments"][0]["start_ms"].as_u64().map(|ms| ms + BEFORE_MS) else {
                continue;
            };
            let bot: Vec<i16> = (0..3)
                .flat_map(|n| bots.get((nth * 7 + n) % bots.len()).cloned().unwrap_or_default())
                .collect();
            let from = BEFORE_MS as usize * 8;
            let mut audio = echo(&bot, loss_db, 140, 20.0, from + person.len(), seed);
            for (slot, sample) in audio.iter_mut().skip(from).zip(person) {
                *slot = slot.saturating_add(*sample);
            }
            let heard = hear(&bot, &audio);
            let first = first_talk_over(&heard.guarded, onset);
            match first.map(|at| at.saturating_sub(onset)).filter(|late| *late <= 1_000) {
                Some(ms) => late.push(ms),
                None => missed += 1,
            }
        }
        println!(
            "onset to interruption, echo -{loss_db} dB: p50 {} ms, p95 {} ms of {}; {missed} not within a second",
            quantile(&mut late, 0.5),
            quantile(&mut late, 0.95),
            late.len()
        );
    }
}

fn cost(bot: &[i16]) {
    let frames = bot.as_chunks::<FRAME_SAMPLES>().0;
    let mut best = [f64::MAX; 2];
    for _ in 0..5 {
        for (guards, best) in [false, true].into_iter().zip(&mut best) {
            let (mut front_end, mut guard) = (FrontEnd::new(), EchoGuard::new());
            #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
            let began = Instant::now();
            for (frame, now) in frames.iter().zip((20_u64..).step_by(20)) {
                if guards {
                    guard.sent(frame, now - 20);
                }
                front_end.push_beside(frame, |o| {
                    guards && guard.is_echo(&o.bands_dbfs, o.level_dbfs, o.noise_dbfs, now)
                });
            }
            *best = best.min(began.elapsed().as_secs_f64() * 1e6 / frames.len() as f64);
        }
    }
    println!(
        "echo guard while the bot speaks: {:.1} us per frame beside {:.1} us of the ear",
        best[1] - best[0],
        best[0]
    );
}

fn memory() {
    const CALLS: usize = 100;
    let text = "flow: f\nstart: a\nscenes:\n  a:\n    - wait: 9m\n    - hangup: done\n";
    let Some(flow) = flow::parse("f.yaml", text).flow.map(Arc::new) else { return };
    let mut calls = Vec::with_capacity(CALLS);
    let mut before = 0;
    for nth in 0..=CALLS {
        // What all calls share is there after the first.
        if nth == 1 {
            before = BYTES.load(Ordering::Relaxed);
        }
        let Ok(run) = Run::new(Arc::clone(&flow), Map::new()) else { return };
        let settings = Settings {
            machine_detection: MachineDetection::Detect,
            recognises: true,
            interim: true,
            ..Settings::default()
        };
        let mut call = Call::new(settings, run);
        call.handle(Input::Status(DialStatus::Connected), CallTime::ZERO);
        for frame in 1..100_u64 {
            call.audio(&[0; FRAME_SAMPLES], CallTime::from_ms(frame * 20));
            while call.poll_effect().is_some() {}
        }
        if nth > 0 {
            calls.push(Box::new(call));
        }
    }
    let held = BYTES.load(Ordering::Relaxed) - before;
    println!("an idle call with detection and interim words: {} KiB", held / CALLS / 1_024);
}

fn main() {
    memory();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/amd-corpus");
    let Ok(labels) = std::fs::read_to_string(corpus.join("labels.jsonl")) else {
        println!("no labelled corpus beside the repository: nothing more measured");
        return;
    };
    let plain = |case: &Value, key: &str| case[key].as_array().is_some_and(Vec::is_empty);
    let bots = load(&corpus, &labels, |c| c["label"] == "machine" && plain(c, "beeps") && plain(c, "tones"));
    let bots: Vec<Vec<i16>> = bots.into_iter().map(|(_, audio)| audio).collect();
    let people = load(&corpus, &labels, |c| c["label"] == "human");
    let mut seed = 7;
    cost(&bots.concat());
    onsets(&bots, &people, &mut seed);
    echoes(&bots, &mut seed);
}
