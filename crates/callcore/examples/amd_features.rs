//! Measures recordings for training with the detector's own code.
//!
//! `amd_features SAMPLES LENGTHS OUT`: SAMPLES holds 8 kHz 16-bit little-endian audio of many calls one
//! after the other, LENGTHS one number of samples per line. OUT gets, for every call in turn, its feature
//! steps as 32-bit floats; standard output one number of steps per line.

use std::io::{BufWriter, Write};

use callcore::amd::features::Features;
use callcore::audio::FRAME_SAMPLES;
use callcore::audio::frame::from_pcm16le;
use callcore::detect::FrontEnd;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next =
        || args.next().ok_or_else(|| std::io::Error::other("usage: amd_features SAMPLES LENGTHS OUT"));
    let samples = from_pcm16le(&std::fs::read(next()?)?);
    let lengths = std::fs::read_to_string(next()?)?;
    let mut out = BufWriter::new(std::fs::File::create(next()?)?);
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let mut rest = &samples[..];
    for length in lengths.lines() {
        let length: usize = length.trim().parse().map_err(std::io::Error::other)?;
        let (call, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let (mut front_end, mut features, mut steps) = (FrontEnd::new(), Features::default(), 0_u32);
        for frame in call.as_chunks::<FRAME_SAMPLES>().0 {
            let observation = front_end.push(frame);
            if let Some(values) = features.observe(&observation) {
                steps += 1;
                for value in values {
                    out.write_all(&value.to_le_bytes())?;
                }
            }
            while let Some(heard) = front_end.poll() {
                features.feed(&heard);
            }
        }
        writeln!(stdout, "{steps}")?;
    }
    out.flush()
}
