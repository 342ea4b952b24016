//! Time zones that numbers tell: by their first digits, where these belong to one place.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::plan;

/// Zones and the beginnings of numbers that belong to them; `tools/number_zones.py` makes it.
const TABLE: &str = include_str!("zones.txt");
/// Longest beginning in the table, digits. It fits in 32 bits.
const LONGEST: usize = 8;

/// Zones by beginnings; `None`: several zones.
static ZONES: LazyLock<HashMap<u32, Option<&'static str>>> = LazyLock::new(|| {
    let mut zones = HashMap::with_capacity(4_000);
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let zone = words.next().filter(|zone| *zone != "-");
        zones.extend(words.filter_map(|beginning| Some((beginning.parse().ok()?, zone))));
    }
    zones
});

/// The time zone of a number in its one form, `+62812…`: a name of the IANA data base. `None` where its place is not known,
/// or has several: mobile numbers of a country with several zones, short codes, numbers without a country.
#[must_use]
pub fn zone(number: &str) -> Option<&'static str> {
    let digits = number.strip_prefix('+')?;
    let known = |length: usize| {
        let beginning = digits.get(..length)?.parse().ok()?;
        ZONES.get(&beginning).copied().map(|zone| (length, zone))
    };
    let (length, zone) = (1..=LONGEST).rev().find_map(known)?;
    let zone = zone?;
    let (shortest, of_country) = (1..=LONGEST).find_map(known)?;
    if of_country == Some(zone) || (length > shortest && plan::is_of_a_place(number)) {
        return Some(zone);
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_tells_its_zone_where_it_has_one() {
        for (number, told) in [
            ("+62215550100", Some("Asia/Jakarta")),
            ("+62361555010", Some("Asia/Makassar")),
            ("+62967555010", Some("Asia/Jayapura")),
            // Indonesia has three zones, and its mobile numbers are everywhere.
            ("+6281234567890", None),
            ("+6285512345678", None),
            ("+6561234567", Some("Asia/Singapore")),
            ("+6591234567", Some("Asia/Singapore")),
            ("+4930123456", Some("Europe/Berlin")),
            ("+4915112345678", Some("Europe/Berlin")),
            ("+442079460019", Some("Europe/London")),
            ("+37061234567", Some("Europe/Vilnius")),
            ("+218912345678", Some("Africa/Tripoli")),
            ("+12125550123", Some("America/New_York")),
            ("+13105550123", Some("America/Los_Angeles")),
            ("+18005550123", None),
            ("+79161234567", None),
            ("+74012555010", Some("Europe/Kaliningrad")),
            ("+61412345678", None),
            ("1500678", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(zone(number), told, "{number}");
        }
    }

    #[test]
    fn every_zone_of_the_table_is_one_of_the_data_base() {
        let known = TimeZoneDatabase::bundled();
        assert!(ZONES.len() > 3_000, "{}", ZONES.len());
        let mut longest = 0;
        for line in TABLE.lines().skip(1) {
            let (name, beginnings) = line.split_once(' ').unwrap();
            longest = beginnings.split(' ').map(str::len).max().unwrap().max(longest);
            if name == "-" {
                continue;
            }
            let zone = known.get(name).unwrap();
            assert_eq!(zone.iana_name(), Some(name));
        }
        assert_eq!(longest, LONGEST);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,20}", digits in "\\+[0-9]{0,16}") {
            let _either = zone(&text);
            prop_assert!(zone(&digits).is_none_or(|name| name.contains('/')));
        }
    }
}
