//! Moments on the command line: as the server reads them, or how long ago they were.

use crate::wallclock::{iso, now_ms};

/// A time as the server reads it: what is not a time ago goes as it is.
pub(super) fn time(text: &str) -> Result<String, String> {
    if let Some(ago) = ago_ms(text) {
        return Ok(iso(now_ms().saturating_sub(ago)));
    }
    if !text.contains('-') {
        return Err(
            "write how long ago it was, such as 30m, 12h or 2d, or a time such as 2026-11-21T08:00:00Z"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

fn ago_ms(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u32>().ok().map(|count| i64::from(count) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_told_by_how_long_ago_it_was() {
        assert_eq!((ago_ms("30m"), ago_ms("2d")), (Some(1_800_000), Some(172_800_000)));
        assert_eq!((ago_ms("2026-11-21"), ago_ms(""), ago_ms("é")), (None, None, None));
        assert_eq!(time("2026-11-21").unwrap(), "2026-11-21");
        assert!(time("5x").unwrap_err().contains("30m, 12h or 2d"));
        assert!(time("12h").unwrap().ends_with('Z'));
    }
}
