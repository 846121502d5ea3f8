"""Facts about the world from CLDR, as Babel packages it, and CLDR's names of things in a language.

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
from functools import cached_property, lru_cache
from typing import Any, TypeVar

T = TypeVar("T")
_CORPUS_SPELLING = {"tl": "fil"}  # clirot stores "tl", CLDR says "fil"
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

    english = Locale("en")
    territories = {
        code: Subject("territory", code)
        for code in sorted(_babel("territory_languages"))
        if code in english.territories
    }
    official, spoken = _languages(territories, english)
    return World(
        official=official,
        spoken=spoken,
        uses=_uses(territories, english),
        zones=_zones(territories, english),
        scripts=_scripts({one.code for one in {*official, *spoken} if one.kind == "language"}),
        cities={
            zone: territories[territory]
            for zone, territory in sorted(_babel("zone_territories").items())
            if territory in territories
        },
    )


def _babel(table: Any) -> Any:
    """One of the tables that Babel has beside its locales, imported late for a quick start."""
    from babel.core import get_global

    return get_global(table)


_Links = dict[Subject, tuple[Subject, ...]]


def _languages(territories: Mapping[str, Subject], english: Any) -> tuple[_Links, _Links]:
    """Official and other languages of territories, and the territories of each language."""
    official: dict[Subject, list[Subject]] = defaultdict(list)
    spoken: dict[Subject, list[Subject]] = defaultdict(list)
    shares: dict[tuple[Subject, Subject], float] = {}
    for code, territory in territories.items():
        rows = [
            (row["official_status"] is None, -row["population_percent"], language)
            for language, row in _babel("territory_languages")[code].items()
            if language in english.languages
            and (row["official_status"] or row["population_percent"] >= _SPOKEN_SHARE)
        ]
        for unofficial, share, language_code in sorted(rows)[:_MOST_LANGUAGES]:
            language = Subject("language", language_code)
            links = spoken if unofficial else official
            links[territory].append(language)
            links[language].append(territory)
            shares[language, territory] = share
    for links in (official, spoken):
        for subject, places in links.items():
            if subject.kind == "language":
                places.sort(key=lambda place: (shares[subject, place], place.code))
    return _cut(official), _cut(spoken)


def _uses(territories: Mapping[str, Subject], english: Any) -> dict[Subject, tuple[Use, ...]]:
    """The currencies of territories, and the territories of each currency."""
    uses: dict[Subject, list[Use]] = defaultdict(list)
    for code, territory in territories.items():
        rows = [
            Use(territory, Subject("currency", currency), date(*start), date(*end) if end else None)
            for currency, start, end, tender in _babel("territory_currencies").get(code, ())
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
    return _cut(uses)


def _zones(territories: Mapping[str, Subject], english: Any) -> _Links:
    """CLDR's "meta zones": the named times, such as East Africa Time, that many zones share."""
    metas = _babel("meta_zones")
    former = {new: old for old, new in sorted(_babel("zone_aliases").items()) if old in metas}
    zones: dict[Subject, list[Subject]] = defaultdict(list)
    for code, territory in territories.items():
        for zone in sorted(_babel("territory_zones").get(code, ())):
            meta = metas.get(zone) or metas.get(former.get(zone, zone))
            if meta is None or "long" not in english.meta_zones.get(meta, {}):
                continue
            subject = Subject("zone", meta)
            if subject not in zones[territory]:
                zones[territory].append(subject)
                zones[subject].append(territory)
    return _cut(zones)


def _scripts(languages: set[str]) -> _Links:
    """The usual script of each language, and the languages of each script."""
    from babel import Locale

    scripts: dict[Subject, list[Subject]] = defaultdict(list)
    for language in sorted(languages):
        parts = _babel("likely_subtags").get(language, language).split("_")
        code = next((part for part in parts if len(part) == 4 and part.istitle()), None)
        if code is not None and code in Locale("en").scripts:
            scripts[Subject("language", language)].append(Subject("script", code))
            scripts[Subject("script", code)].append(Subject("language", language))
    return _cut(scripts)


def _cut(links: Mapping[Subject, list[T]]) -> dict[Subject, tuple[T, ...]]:
    return {subject: tuple(rows[:_MOST_PLACES]) for subject, rows in links.items() if rows}


class Names:
    """The names that CLDR gives in a language.

    Args:
        language: a normalised code.

    Raises:
        ValueError: Babel has no data for the language.
    """

    def __init__(self, language: str) -> None:
        from babel import Locale, UnknownLocaleError

        code = _CORPUS_SPELLING.get(language, language)
        try:
            self._locale: Any = Locale.parse(code.replace("-", "_"))
        except UnknownLocaleError:
            raise ValueError(f"CLDR has no data for {language!r}") from None

    def of(self, subject: Subject) -> str | None:
        """The name of a subject; None where the language has none."""
        if subject.kind == "zone":
            meta = self._locale.meta_zones.get(subject.code)
            long = meta["long"] if meta is not None and "long" in meta else {}
            name = long.get("generic") or long.get("standard")
        else:
            name = self._tables[subject.kind].get(subject.code)
        return str(name) if name else None

    @cached_property
    def _tables(self) -> dict[str, Any]:
        return {
            "territory": self._locale.territories,
            "language": self._locale.languages,
            "currency": self._locale.currencies,
            "script": self._locale.scripts,
        }

    def city(self, zone: str) -> str | None:
        """The city after which a time zone is called; None where the language has no name for it.

        Where CLDR has no English name either, English takes the last part of the zone's id.
        """
        entry = self._locale.time_zones.get(zone)
        if entry is not None and "city" in entry:
            return str(entry["city"])
        english = self._locale.language == "en"
        return zone.rsplit("/", 1)[-1].replace("_", " ") if english else None

    def language_in(self, language: Subject, place: Subject) -> str | None:
        """``English (Kenya)``, as CLDR writes a language with its territory."""
        name, where = self.of(language), self.of(place)
        return f"{name} ({where})" if name and where else None

    def year_in(self, year: int, place: Subject) -> str | None:
        """``Ghana (1965)``."""
        where = self.of(place)
        return f"{where} ({year})" if where else None

    def both(self, one: Subject, other: Subject) -> str | None:
        """``Kenya and Uganda``, joined as the language joins a list."""
        first, second = self.of(one), self.of(other)
        return self.listed([first, second]) if first and second else None

    def listed(self, parts: list[str]) -> str:
        """``Kenya, Tanzania, and Uganda``."""
        from babel.lists import format_list

        return str(format_list(parts, locale=self._locale))
