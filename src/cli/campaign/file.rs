//! Campaigns as files, so that they can live in a repository.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::campaigns::{ClosedDays, LARGEST_CALENDAR, NoCalendar, coming_closed_days};
use crate::wallclock::now_ms;

/// Largest file, bytes.
const LARGEST: u64 = 256 * 1024;

/// A campaign as a file describes it.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    pub(super) name: String,
    /// The revision that the file was written from, or that its author saw.
    pub(super) revision: Option<i64>,
    pub(super) settings: Map<String, Value>,
}

/// What a file says.
///
/// # Errors
/// When it cannot be read, is no YAML, or names no campaign.
pub(super) fn read(file: &Path) -> anyhow::Result<Described> {
    let shown = file.display();
    let length = std::fs::metadata(file).with_context(|| format!("cannot read {shown}"))?.len();
    if length > LARGEST {
        bail!("{shown} is larger than 256 KiB; is it a campaign?");
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    parse(&text).with_context(|| format!("{shown} is no campaign"))
}

fn parse(text: &str) -> anyhow::Result<Described> {
    let mut settings: Map<String, Value> =
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{}", plain(&error.to_string())))?;
    let revision = settings.remove("revision").and_then(|revision| revision.as_i64());
    match settings.remove("campaign") {
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(Described { name, revision, settings }),
        _ => bail!("its first line must be `campaign: NAME`"),
    }
}

/// Adds the whole-day events of a calendar to the closed days of a campaign; what was taken, in words, and which events were not, and why.
///
/// # Errors
/// When the file cannot be read, or is no calendar.
pub(super) fn close_days(settings: &mut Map<String, Value>, calendar: &Path) -> anyhow::Result<String> {
    let shown = calendar.display();
    let length = std::fs::metadata(calendar).with_context(|| format!("cannot read {shown}"))?.len();
    if length > LARGEST_CALENDAR as u64 {
        bail!("{shown}: {}", NoCalendar::TooLarge);
    }
    let text = std::fs::read_to_string(calendar).with_context(|| format!("cannot read {shown}"))?;
    let ClosedDays { days, left_out } = coming_closed_days(&text, now_ms())
        .with_context(|| format!("cannot take closed days from {shown}"))?;
    let closed_on = settings.entry("closed_on").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(own) = closed_on else { bail!("`closed_on` must be a list of days") };
    let mut told = match (days.first(), days.last()) {
        (Some(first), Some(last)) => {
            format!("Closed on {} days from {shown}, {first} to {last}.\n", days.len())
        }
        _ => format!("No closed days in {shown}: it has no whole-day events in the next three years.\n"),
    };
    for event in left_out {
        told.push_str(&format!("Not taken from the calendar: {event}\n"));
    }
    for day in days {
        let day = Value::String(day.to_string());
        if !own.contains(&day) {
            own.push(day);
        }
    }
    Ok(told)
}

/// The first line of what the reader says, which has the place.
fn plain(error: &str) -> &str {
    error.lines().next().unwrap_or(error)
}

/// A campaign of the server as a file.
///
/// # Errors
/// When it cannot be written as YAML.
pub(super) fn written(shown: &Value) -> anyhow::Result<String> {
    let mut file = Map::new();
    file.insert("campaign".to_owned(), shown["name"].clone());
    file.insert("revision".to_owned(), shown["revision"].clone());
    file.extend(shown["settings"].as_object().cloned().unwrap_or_default());
    Ok(serde_saphyr::to_string(&file)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_campaign_is_a_file_and_the_other_way_round() {
        let read = parse("campaign: May\nflow: reminder\nlists: [may]\nring_timeout: 30s\n").unwrap();
        assert_eq!((read.name.as_str(), read.revision), ("May", None));
        assert_eq!(
            (&read.settings["lists"], &read.settings["ring_timeout"]),
            (&json!(["may"]), &json!("30s"))
        );
        let again = written(&json!({ "name": "May", "revision": 7, "settings": read.settings })).unwrap();
        assert_eq!(parse(&again).unwrap(), Described { revision: Some(7), ..read });
        let nameless = parse("flow: reminder\n").unwrap_err();
        assert!(nameless.to_string().contains("campaign: NAME"), "{nameless}");
        assert!(parse("campaign: [\n").is_err());
    }
}
