//! The audio of a flow: decoded, brought to 8 kHz mono, and listened to before a callee does.

use std::collections::BTreeMap;
use std::path::Path;

use callcore::audio::level::rms_dbfs;
use callcore::flow::Severity;

use super::Finding;
use crate::speech::file::{self, Allowance};

/// 8 kHz mono samples by the path that the flow names.
pub(super) type Sounds = BTreeMap<String, Vec<i16>>;

/// Prompts are made at −20 dBFS; this far below, a callee turns the telephone up.
const QUIET_DBFS: f32 = -45.0;
const SILENT_DBFS: f32 = -80.0;
/// A sample this near to full scale is cut off when several follow one another.
const FULL_SCALE: u16 = 32_700;
const CLIPPED_RUN: usize = 4;
/// Share of cut-off samples that is heard as distortion.
const CLIPPED_SHARE: f32 = 0.001;
/// A prompt longer than this is probably another file than was meant, ms.
const LONG_MS: usize = 120_000;

/// The samples of a file and what there is to say about it.
pub(super) fn judged(
    path: &str,
    bytes: Result<Option<Vec<u8>>, String>,
    allowance: &Allowance,
) -> (Option<Vec<i16>>, Option<Finding>) {
    let error = |message: String, hint: &str| (None, Some((Severity::Error, message, hint.to_owned())));
    let bytes = match bytes {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return error(
                format!("there is no audio file `{path}`"),
                "paths start at the folder the flow lies in",
            );
        }
        Err(reason) => return error(reason, "make the file readable, or name another"),
    };
    match file::samples(Path::new(path), &bytes, allowance) {
        Ok(samples) => {
            let finding = remark(&samples).map(|(what, hint)| {
                (Severity::Warning, format!("the audio file `{path}` {what}"), hint.to_owned())
            });
            (Some(samples), finding)
        }
        Err(problem) => error(problem.to_string(), "record it as a WAV file of speech, any rate"),
    }
}

/// What a callee would complain about.
fn remark(samples: &[i16]) -> Option<(String, &'static str)> {
    let level = rms_dbfs(samples);
    let seconds = samples.len() / 8_000;
    if level < SILENT_DBFS {
        return Some(("is silent".to_owned(), "is it the right file?"));
    }
    if level < QUIET_DBFS {
        return Some((format!("is very quiet ({level:.0} dBFS)"), "raise it to about -20 dBFS"));
    }
    if clipped(samples) > CLIPPED_SHARE {
        return Some(("is clipped: its loudest parts are cut off".to_owned(), "record it at a lower level"));
    }
    if samples.len() / 8 > LONG_MS {
        return Some((
            format!("takes {seconds} s"),
            "is it the right file? Callees hang up on long messages",
        ));
    }
    None
}

/// The share of samples that are part of a run at full scale.
fn clipped(samples: &[i16]) -> f32 {
    let (mut run, mut cut) = (0_usize, 0_usize);
    for sample in samples {
        run = if sample.unsigned_abs() >= FULL_SCALE { run + 1 } else { 0 };
        if run >= CLIPPED_RUN {
            cut += 1;
        }
    }
    cut as f32 / samples.len().max(1) as f32
}
