#!/usr/bin/env python3
"""Writes crates/callcore/src/number/zones.txt: which beginnings of telephone numbers belong to one time zone.

    python3 -m venv /tmp/zones && /tmp/zones/bin/pip install phonenumbers==9.0.43 tzdata==2026.6
    /tmp/zones/bin/python tools/number_zones.py

The table is that of libphonenumber, as the PyPI package `phonenumbers` carries it, with three changes. It has one zone for several
countries whose clocks it takes to be alike (Bucharest for Lithuania, and for Libya, where they are not): each becomes a zone of
the number's own country with the same clocks, and none where there is none. What is too bold in it is put right in OURS. And
entries go that say what a shorter one says already.
"""

import datetime
import importlib.resources
import pathlib
import sys
import zoneinfo

import phonenumbers
from phonenumbers.timezone import TIMEZONE_DATA

# Beginnings with their zones; None: several. What the table has below them goes.
OURS = {
    # Mobile numbers of Indonesia are not tied to a place, and it has three zones.
    "628": None,
    "740": "Europe/Kaliningrad",
}


def zones_of_countries() -> dict[str, list[str]]:
    text = importlib.resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text()
    zones: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, []).append(zone)
    return zones


def clock(zone: str) -> tuple[object, ...]:
    """How far a zone is from UTC, every five days for three years."""
    info = zoneinfo.ZoneInfo(zone)
    begin = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
    return tuple((begin + datetime.timedelta(days=5 * n)).astimezone(info).utcoffset() for n in range(220))


def at_home(prefix: str, zone: str, own: dict[str, list[str]]) -> str | None:
    """The zone, or one of the number's own country with the same clocks."""
    code = next(prefix[:n] for n in (1, 2, 3) if int(prefix[:n]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    regions = phonenumbers.region_codes_for_country_code(int(code))
    there = [name for region in regions for name in own.get(region, [])]
    if zone in there or not there:
        return zone
    alike = [name for name in there if clock(name) == clock(zone)]
    if alike:
        return alike[0]
    told = there[0] if len(there) == 1 else None
    print(f"{prefix}: {zone} has other clocks than its country; taken: {told}", file=sys.stderr)
    return told


def main() -> None:
    own = zones_of_countries()
    table = {
        prefix: at_home(prefix, zones[0], own) if len(zones) == 1 else None
        for prefix, zones in TIMEZONE_DATA.items()
    }
    for prefix, zone in OURS.items():
        table = {known: of for known, of in table.items() if not known.startswith(prefix)}
        table[prefix] = zone

    def above(prefix: str) -> object:
        shorter = (prefix[:length] for length in range(len(prefix) - 1, 0, -1))
        return next((table[known] for known in shorter if known in table), "nothing")

    kept = {prefix: zone for prefix, zone in table.items() if above(prefix) != zone}
    by_zone: dict[str, list[str]] = {}
    for prefix, zone in sorted(kept.items()):
        by_zone.setdefault(zone or "-", []).append(prefix)
    made = f"tools/number_zones.py from phonenumbers {phonenumbers.__version__}"
    lines = [f"# Time zones by the beginnings of telephone numbers; -: several. Made by {made}."]
    lines += [f"{zone} {' '.join(prefixes)}" for zone, prefixes in sorted(by_zone.items())]
    place = pathlib.Path(__file__).parent.parent / "crates/callcore/src/number/zones.txt"
    place.write_text("\n".join(lines) + "\n")
    size = place.stat().st_size
    print(f"{len(kept)} beginnings of {len(table)}, {len(by_zone)} zones, {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
