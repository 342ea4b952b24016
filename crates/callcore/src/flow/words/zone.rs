//! Time zones that do not change their clocks, and distances from UTC.

use super::calendar::TimeOfDay;

/// Zones of the IANA data base that keep one distance from UTC all year, in minutes ahead of it.
const ZONES: [(&str, i32); 20] = [
    ("UTC", 0),
    ("Asia/Jakarta", 420),
    ("Asia/Pontianak", 420),
    ("Asia/Makassar", 480),
    ("Asia/Jayapura", 540),
    ("Asia/Bangkok", 420),
    ("Asia/Ho_Chi_Minh", 420),
    ("Asia/Singapore", 480),
    ("Asia/Kuala_Lumpur", 480),
    ("Asia/Manila", 480),
    ("Asia/Brunei", 480),
    ("Asia/Dili", 540),
    ("Asia/Hong_Kong", 480),
    ("Asia/Shanghai", 480),
    ("Asia/Taipei", 480),
    ("Asia/Tokyo", 540),
    ("Asia/Seoul", 540),
    ("Asia/Kolkata", 330),
    ("Asia/Dubai", 240),
    ("Africa/Lagos", 60),
];

/// The names of the zones.
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    ZONES.iter().map(|(name, _)| *name)
}

/// Minutes ahead of UTC of a zone's name, or of a distance such as `+07:00`.
pub(in super::super) fn minutes_ahead(zone: &str) -> Option<i32> {
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == zone) {
        return Some(*minutes);
    }
    let (sign, distance) = match zone.split_at_checked(1)? {
        ("+", distance) => (1, distance),
        ("-", distance) => (-1, distance),
        _ => return None,
    };
    let (hours, minutes) = TimeOfDay::parse(distance)?.clock();
    let minutes = i32::try_from(hours * 60 + minutes).ok()?;
    (minutes <= 14 * 60).then_some(sign * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_name_or_distance() {
        assert_eq!(minutes_ahead("Asia/Jakarta"), Some(420));
        assert_eq!(minutes_ahead("+05:30"), Some(330));
        assert_eq!(minutes_ahead("-08:00"), Some(-480));
        for unknown in ["Europe/Berlin", "07:00", "+15:00", "", "+7"] {
            assert_eq!(minutes_ahead(unknown), None, "{unknown}");
        }
    }
}
