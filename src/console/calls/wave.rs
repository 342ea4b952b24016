//! The recording of a call to look at: how loud the callee (above) and the bot (below) were, and what happened when.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use callcore::amd::EventKind;
use callcore::call::FactKind;
use serde::Serialize;

use crate::console::frame::Frame;
use crate::store::{EventRow, RecordingRow};

/// Bytes of the header that our recordings have, and of one moment in them: two samples of 16 bits.
const HEADER: u64 = 44;
const MOMENT: u64 = 4;
/// Largest recording that is drawn, bytes: more than two hours.
const LARGEST: u64 = 256 << 20;
/// Columns of the picture; its width and height in its own units.
const COLUMNS: u64 = 400;
const WIDTH: f64 = 1_000.0;
const HALF: f64 = 50.0;

/// What is shown.
#[derive(Debug, Serialize)]
pub(super) struct Wave {
    /// Outlines, as the `d` of a path.
    them: String,
    bot: String,
    marks: Vec<Mark>,
    ms: i64,
    length: String,
}

/// Something that happened.
#[derive(Debug, Serialize)]
struct Mark {
    x: String,
    /// `verdict`, `bot` or `them`: for the colour.
    class: &'static str,
    words: String,
}

/// The loudest sample of each column, 0 to 1: of the callee and of the bot.
#[derive(Debug, PartialEq)]
struct Peaks {
    them: Vec<f64>,
    bot: Vec<f64>,
    moments: u64,
}

/// The picture of a recording, with what `events` tell of it; `None` when it cannot be read or holds nothing.
pub(super) async fn wave(frame: &Frame, recording: &RecordingRow, events: &[EventRow]) -> Option<Wave> {
    let path = PathBuf::from(&recording.path);
    let peaks = tokio::task::spawn_blocking(move || peaks(&path)).await.ok()?;
    let peaks = match peaks {
        Ok(peaks) => peaks.filter(|peaks| peaks.moments > 0)?,
        Err(error) => {
            tracing::debug!(%error, "a recording cannot be drawn");
            return None;
        }
    };
    let rate = u64::try_from(recording.sample_rate_hz).ok().filter(|rate| *rate > 0)?;
    let ms = i64::try_from(peaks.moments * 1_000 / rate).ok().filter(|ms| *ms > 0)?;
    let marks = events.iter().filter_map(|row| {
        let at_ms = row.at_ms - recording.started_ms;
        let class = class(row).filter(|_| (0..=ms).contains(&at_ms))?;
        let words = frame.say(&format!("fact_{}", row.kind));
        let seconds = at_ms as f64 / 1_000.0;
        Some(Mark {
            x: place(at_ms as f64 / ms as f64 * WIDTH),
            class,
            words: format!("{seconds:.1} s: {words}"),
        })
    });
    let seconds = ms / 1_000;
    Some(Wave {
        them: outline(&peaks.them, HALF, -1.0),
        bot: outline(&peaks.bot, HALF, 1.0),
        marks: marks.collect(),
        ms,
        length: format!("{}:{:02}", seconds / 60, seconds % 60),
    })
}

/// Whose doing it is; `None`: it is not marked.
fn class(row: &EventRow) -> Option<&'static str> {
    if [FactKind::LikelyHuman, FactKind::FalseStart].iter().any(|kind| kind.as_str() == row.kind) {
        return Some("verdict");
    }
    match row.kind.as_str() {
        "amd" => {
            let event: EventKind = serde_json::from_value(row.detail.get("event")?.clone()).ok()?;
            let decides = !matches!(event, EventKind::Stopped | EventKind::ToneDetected);
            decides.then_some("verdict")
        }
        "beep" => Some("verdict"),
        "prompt" | "checkpoint" => Some("bot"),
        "interruption" | "digit" | "message" => Some("them"),
        _ => None,
    }
}

/// Of a file as our recordings are: a header, then two interleaved channels. What was not written yet is left out.
fn peaks(path: &Path) -> io::Result<Option<Peaks>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len().saturating_sub(HEADER);
    let moments = bytes / MOMENT;
    if moments == 0 || bytes > LARGEST {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(HEADER))?;
    let of_a_column = moments.div_ceil(COLUMNS);
    let columns = usize::try_from(moments.div_ceil(of_a_column)).unwrap_or_default();
    let (mut them, mut bot) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
    let mut block = vec![0; usize::try_from(of_a_column * MOMENT).unwrap_or_default()];
    for column in 0..columns as u64 {
        let here = (moments - column * of_a_column).min(of_a_column) * MOMENT;
        let block = &mut block[..usize::try_from(here).unwrap_or_default()];
        file.read_exact(block)?;
        let (mut loudest_them, mut loudest_bot) = (0, 0);
        for moment in block.chunks_exact(4) {
            if let [a, b, c, d] = *moment {
                loudest_them = loudest_them.max(i16::from_le_bytes([a, b]).unsigned_abs());
                loudest_bot = loudest_bot.max(i16::from_le_bytes([c, d]).unsigned_abs());
            }
        }
        them.push(height(loudest_them));
        bot.push(height(loudest_bot));
    }
    Ok(Some(Peaks { them, bot, moments }))
}

/// Quiet voices are seen, too.
fn height(loudest: u16) -> f64 {
    (f64::from(loudest) / 32_768.0).sqrt()
}

fn place(at: f64) -> String {
    format!("{at:.1}")
}

/// From the middle up (`side` −1) or down (1), and back along the middle.
fn outline(peaks: &[f64], middle: f64, side: f64) -> String {
    let step = WIDTH / peaks.len().max(1) as f64;
    let mut path = format!("M0 {middle}");
    for (column, peak) in peaks.iter().enumerate() {
        let y = middle + side * (1.0 + peak * (HALF - 2.0));
        // Writing into a String does not fail.
        write!(path, "L{} {}", place((column as f64 + 0.5) * step), place(y)).ok();
    }
    write!(path, "L{WIDTH} {middle}Z").ok();
    path
}

#[cfg(test)]
mod tests {
    use callcore::audio::wav;

    use super::*;

    #[test]
    fn each_side_is_as_loud_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c1.wav");
        let (mut callee, mut bot) = (vec![0; 8_000], vec![0; 8_000]);
        callee[4_000] = i16::MIN;
        bot[0] = 8_192;
        std::fs::write(&path, wav::write_8k(&[&callee, &bot])).unwrap();
        let peaks = peaks(&path).unwrap().unwrap();
        assert_eq!((peaks.moments, peaks.them.len()), (8_000, 400));
        assert_eq!((peaks.them[200], peaks.them[199], peaks.bot[0], peaks.bot[1]), (1.0, 0.0, 0.5, 0.0));
    }

    #[test]
    fn a_recording_without_audio_and_one_that_is_not_there_are_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c1.wav");
        assert!(peaks(&path).is_err());
        std::fs::write(&path, wav::write_8k(&[&[], &[]])).unwrap();
        assert_eq!(peaks(&path).unwrap(), None);
        std::fs::write(&path, b"RIFF").unwrap();
        assert_eq!(peaks(&path).unwrap(), None);
    }

    #[test]
    fn an_outline_goes_out_and_comes_back() {
        let path = outline(&[0.0, 1.0], 50.0, -1.0);
        assert_eq!(path, "M0 50L250.0 49.0L750.0 1.0L1000 50Z");
    }
}
