//! What the detector makes of recordings: `hear FILE.wav …` prints one line of JSON per file;
//! `hear SAMPLES.raw LENGTHS.txt` does so for many calls in one file of 16-bit samples.
//!
//! `speech` and `tones` are what the ear heard (`told_ms`: when it said so), `events` what detection said, in
//! the form that a scorer of labelled recordings reads.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use callcore::amd::{Amd, EventKind, Options, Reason};
use callcore::audio::frame::from_pcm16le;
use callcore::audio::{FRAME_SAMPLES, wav};
use callcore::detect::{FrontEnd, Heard};
use serde_json::{Value, json};

fn listen(id: &str, audio: &[i16]) -> Value {
    let (mut front_end, mut amd) = (FrontEnd::new(), Amd::new(Options::default()));
    let (mut speech, mut tones, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for frame in audio.as_chunks::<FRAME_SAMPLES>().0 {
        let observation = front_end.push(frame);
        amd.observe(&observation);
        while let Some(heard) = front_end.poll() {
            amd.feed(&heard);
            let told = observation.end_ms;
            match heard {
                Heard::SpeechStarted { at_ms } => speech.push(json!([at_ms])),
                Heard::SpeechEnded { at_ms } => {
                    if let Some(Value::Array(last)) = speech.last_mut() {
                        last.push(at_ms.into());
                    }
                }
                Heard::ToneStarted(tone) => tones.push(json!({ "tone": tone, "told_ms": told })),
                Heard::ToneEnded(tone) => {
                    if let Some(last) = tones.last_mut() {
                        *last = json!({ "tone": tone, "told_ms": last["told_ms"], "ended_ms": told });
                    }
                }
            }
        }
        while let Some(event) = amd.poll_event() {
            let fax = event.kind == EventKind::MachineDetected && event.reason == Some(Reason::Fax);
            let name = if fax { "amd_fax_detected" } else { event.kind.as_str() };
            events.push(json!({ "event": name, "t_ms": event.at_ms, "confidence": event.confidence }));
        }
    }
    json!({ "id": id, "speech": speech, "tones": tones, "events": events })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if let [samples, lengths] = &paths[..]
        && samples.ends_with(".raw")
    {
        let samples = from_pcm16le(&std::fs::read(samples)?);
        let mut rest = &samples[..];
        for (n, length) in std::fs::read_to_string(lengths)?.lines().enumerate() {
            let (call, after) = rest.split_at(length.trim().parse::<usize>()?.min(rest.len()));
            rest = after;
            println!("{}", listen(&n.to_string(), call));
        }
        return Ok(());
    }
    for path in paths {
        let audio = wav::read_8k(&std::fs::read(&path)?)?;
        let id = std::path::Path::new(&path).file_stem().unwrap_or_default().to_string_lossy();
        println!("{}", listen(&id, &audio));
    }
    Ok(())
}
