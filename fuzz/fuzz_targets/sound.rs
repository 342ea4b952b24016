//! Any bytes as a sound file: what is read is within what was allowed.
#![no_main]

use callcore::audio::wav::Side;
use libfuzzer_sys::fuzz_target;
use sound::Limits;

// The module itself: the whole server would take a quarter of an hour to build with a sanitizer.
#[allow(dead_code)]
#[path = "../../src/speech/sound/mod.rs"]
mod sound;

const SAMPLES: usize = 60 * 8_000;

fuzz_target!(|bytes: &[u8]| {
    for side in [Side::Mixed, Side::Left] {
        let limits = Limits { bytes: 1 << 20, samples: SAMPLES };
        if let Ok(samples) = sound::read(bytes, side, limits) {
            assert!((1..=SAMPLES).contains(&samples.len()));
        }
    }
});
