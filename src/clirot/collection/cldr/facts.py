"""Facts about the world from CLDR, as Babel packages it.

There are five kinds of subject (territories, languages, currencies, scripts, time zones), and
relations between them, shortened to what a paragraph can hold. CLDR has no capitals, and Babel
leaves out populations and regions, so these are missing here too.

Source: https://cldr.unicode.org (Unicode License v3), the version that the installed Babel carries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

_SPOKEN_SHARE = 5.0
"""Percent of a territory's people who must speak a language without official standing, for the
paragraphs to mention it."""
_MOST_LANGUAGES = 7
_MOST_PLACES = 14
_MOST_FORMER = 3
_EARLIEST = 1900
"""Currencies that went out of use before this year are left out."""


@dataclass(frozen=True)
class Subject:
    """Something a document is about: ``kind`` is territory, language, currency, script or zone."""

    kind: str
    code: str

    @property
    def docno(self) -> str:
        """The id of its document: ``territory-KE``."""
        return f"{self.kind}-{self.code}"


@dataclass(frozen=True)
class Use:
    """A currency as the money of a territory, from ``start`` to ``end`` (None: it still is)."""

    territory: Subject
    currency: Subject
    start: date
    end: date | None


@dataclass(frozen=True, kw_only=True)
class World:
    """The facts that the paragraphs state, by subject."""

    official: Mapping[Subject, tuple[Subject, ...]]
    """Territory -> its official languages, the most spoken first; language -> the territories."""
    spoken: Mapping[Subject, tuple[Subject, ...]]
    """The same for languages without official standing."""
    uses: Mapping[Subject, tuple[Use, ...]]
    """Territory or currency -> the uses that the paragraphs mention, the latest first."""
    zones: Mapping[Subject, tuple[Subject, ...]]
    """Territory -> its time zones; time zone -> its territories."""
    scripts: Mapping[Subject, tuple[Subject, ...]]
    """Language -> its script; script -> its languages."""
    cities: Mapping[str, Subject]
    """Id in the tz database, which stands for a city -> its territory. No paragraph states it."""

    @property
    def subjects(self) -> list[Subject]:
        """Everything that has a document, by kind and code."""
        found = {*self.official, *self.spoken, *self.uses, *self.zones, *self.scripts}
        return sorted(found, key=lambda subject: (subject.kind, subject.code))


@lru_cache(maxsize=1)
def world() -> World:
    """Read the facts from Babel. The same installed Babel always gives the same facts."""
    from babel import Locale
    from babel.core import get_global

    english = Locale("en")
    territories = {
        code: Subject("territory", code)
        for code in sorted(get_global("territory_languages"))
        if code in english.territories
    }
    official, spoken = _languages(territories, english, get_global("territory_languages"))
    languages = {subject for subject in {*official, *spoken} if subject.kind == "language"}
    zones = _zones(
        territories,
        english,
        get_global("territory_zones"),
        get_global("meta_zones"),
        get_global("zone_aliases"),
    )
    return World(
        official=official,
        spoken=spoken,
        uses=_uses(territories, english, get_global("territory_currencies")),
        zones=zones,
        scripts=_scripts(languages, english, get_global("likely_subtags")),
        cities={
            zone: territories[territory]
            for zone, territory in sorted(get_global("zone_territories").items())
            if territory in territories
        },
    )


_Relation = dict[Subject, tuple[Subject, ...]]


def _languages(
    territories: Mapping[str, Subject], english: Any, table: Mapping[str, Any]
) -> tuple[_Relation, _Relation]:
    """Official and other languages of territories, and the same seen from the languages."""
    official: dict[Subject, list[Subject]] = defaultdict(list)
    spoken: dict[Subject, list[Subject]] = defaultdict(list)
    shares: dict[tuple[Subject, Subject], float] = {}
    for code, territory in territories.items():
        told = 0
        rows = sorted(
            table[code].items(),
            key=lambda row: (
                row[1]["official_status"] is None,
                -row[1]["population_percent"],
                row[0],
            ),
        )
        for language_code, row in rows:
            share = row["population_percent"]
            if language_code not in english.languages or told == _MOST_LANGUAGES:
                continue
            if row["official_status"] is None and share < _SPOKEN_SHARE:
                continue
            told += 1
            language = Subject("language", language_code)
            relation = spoken if row["official_status"] is None else official
            relation[territory].append(language)
            relation[language].append(territory)
            shares[language, territory] = share
    for relation in (official, spoken):
        for subject, places in relation.items():
            if subject.kind == "language":
                places.sort(key=lambda place: (-shares[subject, place], place.code))
                del places[_MOST_PLACES:]
    return _frozen(official), _frozen(spoken)


def _uses(
    territories: Mapping[str, Subject], english: Any, table: Mapping[str, Any]
) -> dict[Subject, tuple[Use, ...]]:
    uses: dict[Subject, list[Use]] = defaultdict(list)
    for code, territory in territories.items():
        rows = [
            Use(territory, Subject("currency", currency), date(*start), date(*end) if end else None)
            for currency, start, end, tender in table.get(code, ())
            if tender and start and currency in english.currencies
        ]
        rows = [use for use in rows if use.end is None or use.end.year >= _EARLIEST]
        rows.sort(key=lambda use: (use.end is not None, -use.start.toordinal(), use.currency.code))
        now = [use for use in rows if use.end is None]
        for use in now + rows[len(now) : len(now) + _MOST_FORMER]:
            uses[territory].append(use)
            uses[use.currency].append(use)
    for subject, rows in uses.items():
        if subject.kind == "currency":
            rows.sort(key=lambda use: (use.end is not None, use.start, use.territory.code))
            del rows[_MOST_PLACES:]
    return _frozen(uses)


def _zones(
    territories: Mapping[str, Subject],
    english: Any,
    table: Mapping[str, Any],
    meta_zones: Mapping[str, str],
    aliases: Mapping[str, str],
) -> _Relation:
    """CLDR's "meta zones": the named times, such as East Africa Time, that many zones share."""
    former = {new: old for old, new in sorted(aliases.items()) if old in meta_zones}
    zones: dict[Subject, list[Subject]] = defaultdict(list)
    for code, territory in territories.items():
        for zone in sorted(table.get(code, ())):
            meta = meta_zones.get(zone) or meta_zones.get(former.get(zone, zone))
            if meta is None or "long" not in english.meta_zones.get(meta, {}):
                continue
            subject = Subject("zone", meta)
            if subject not in zones[territory]:
                zones[territory].append(subject)
                zones[subject].append(territory)
    return _frozen({subject: rows[:_MOST_PLACES] for subject, rows in zones.items()})


def _scripts(languages: set[Subject], english: Any, likely: Mapping[str, str]) -> _Relation:
    scripts: dict[Subject, list[Subject]] = defaultdict(list)
    for language in sorted(languages, key=lambda subject: subject.code):
        parts = likely.get(language.code, language.code).split("_")
        code = next((part for part in parts if len(part) == 4 and part.istitle()), None)
        if code is not None and code in english.scripts:
            script = Subject("script", code)
            scripts[language].append(script)
            scripts[script].append(language)
    return _frozen({subject: rows[:_MOST_PLACES] for subject, rows in scripts.items()})


def _frozen(relation: Mapping[Subject, list[Any]]) -> dict[Subject, tuple[Any, ...]]:
    return {subject: tuple(rows) for subject, rows in relation.items() if rows}
