//! Calls by hour as bars.

use serde::Serialize;

use crate::api::campaigns::HourCount;
use crate::console::frame::Frame;

/// Hours that are drawn, the latest ones.
const HOURS: usize = 48;
/// Of the picture.
const WIDTH: i64 = 960;
const HEIGHT: i64 = 120;
const HOUR_MS: i64 = 3_600_000;

/// An hour: bars of those who answered within all attempts.
#[derive(Serialize)]
pub(super) struct Bar {
    x: i64,
    width: i64,
    all_y: i64,
    all: i64,
    people_y: i64,
    people: i64,
    /// For who hovers, and the table beneath.
    hour: String,
    attempts: i64,
    answered: i64,
    reached: i64,
}

/// The bars of the latest hours, gaps in between as hours without attempts.
pub(super) fn bars(frame: &Frame, hours: &[HourCount]) -> Vec<Bar> {
    let Some(last) = hours.last().map(|hour| hour.hour_ms) else { return Vec::new() };
    let first = hours.first().map_or(last, |hour| hour.hour_ms).max(last - HOUR_MS * (HOURS as i64 - 1));
    let count = (last - first) / HOUR_MS + 1;
    let most = hours.iter().map(|hour| hour.funnel.attempts).max().unwrap_or(1).max(1);
    let width = (WIDTH / count.max(6)).max(2);
    let tall = |n: i64| n * HEIGHT / most;
    let drawn = hours.iter().filter(|hour| hour.hour_ms >= first);
    drawn
        .map(|hour| {
            let (all, people) = (tall(hour.funnel.attempts), tall(hour.funnel.people));
            Bar {
                x: (hour.hour_ms - first) / HOUR_MS * width,
                width: (width - 2).max(1),
                all_y: HEIGHT - all,
                all,
                people_y: HEIGHT - people,
                people,
                hour: frame.zone.at(hour.hour_ms).text().to_owned(),
                attempts: hour.funnel.attempts,
                answered: hour.funnel.answered,
                reached: hour.funnel.people,
            }
        })
        .collect()
}
