"""The embedded source: names that the Unicode CLDR gives in English and in ~250 other languages.

The CLDR is installed with Babel, so no network is needed. The pairs are names, not sentences:
territories, languages, scripts, currencies, units, cities and time zones, months, days, language
variants. Codes and symbols that a locale only inherits from the root locale are no translations and
are not read. Names that are the same in both languages are read; the filters drop and count them.

Source: https://cldr.unicode.org, through https://babel.pocoo.org
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clirot.download import Upstream
from clirot.errors import InputError, LanguageError
from clirot.languages import parse_language, without_region
from clirot.records import LanguagePair, ProgressSink, SentencePair

_TABLES = (
    *("territories", "languages", "scripts", "variants"),
    *("currency_names", "currency_names_plural", "unit_display_names"),
    *("time_zones", "meta_zones", "months", "days", "quarters", "eras"),
)

Names = dict[str, str]
"""CLDR key -> name."""
_LocaleData = Mapping[str, Any]


class CldrSource:
    """CLDR names as sentence pairs."""

    name = "cldr"
    title = "names of territories, languages, currencies, units, cities, ..."
    licence = "Unicode-3.0"
    homepage = "https://cldr.unicode.org"
    citation = "Unicode Common Locale Data Repository"
    domain = "names"
    recommended = True
    evaluation = False
    word_list = True

    @property
    def revision(self) -> str:
        """``babel 2.19.0``: the version of Babel decides the release of the CLDR."""
        from babel import __version__

        return f"babel {__version__}"

    @property
    def languages(self) -> Sequence[str]:
        """Every language that has a locale; some have only a few names. Their regions, of which
        some have names of their own (``pt-PT``), are not listed.
        """
        return sorted(code for code in _locales() if code == without_region(code))

    def has(self, pair: LanguagePair) -> bool:
        """Whether both languages have a locale."""
        return {pair.src, pair.tgt} <= _locales().keys() | {"en"}

    def count(self, pair: LanguagePair) -> int | None:
        """The number of pairs; to count them takes a tenth of a second."""
        try:
            return sum(1 for _ in self.read(pair)) if self.has(pair) else None
        except InputError:
            return 0

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> CldrSource:
        """Itself."""
        return self

    def warnings(self, pair: LanguagePair) -> list[str]:
        """None: it is asked for the languages that it has."""
        return []

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """None: the data is installed with Babel."""
        return ()

    def read(self, pair: LanguagePair, files: Sequence[Path] = ()) -> Iterator[SentencePair]:
        """The names that both languages have; ids like ``territory:SO``.

        Raises:
            InputError: the CLDR has no names in one of the languages.
        """
        if pair.tgt == "en":  # the same names in the same order in both directions
            for one in self.read(LanguagePair("en", pair.src)):
                yield replace(one, src=one.tgt, tgt=one.src)
            return
        first, second, root = (_load(_locale(one)) for one in (pair.src, pair.tgt, "root"))
        found = False
        for kind, names_of in _KINDS.items():
            inherited = names_of(root)
            ours, theirs = names_of(first), names_of(second)
            if pair.src != "en":
                ours = {key: name for key, name in ours.items() if name != inherited.get(key)}
            elif kind == "city":
                ours = {zone: _english_city(zone) for zone in theirs} | ours
            for key, name in ours.items():
                if key in theirs and theirs[key] != inherited.get(key):
                    found = True
                    yield SentencePair(name, theirs[key], f"{kind}:{key}")
        if not found:
            places = [_locale(one) for one in (pair.src, pair.tgt) if one != "en"]
            raise InputError(
                f"the CLDR has no names in {(pair.tgt if pair.src == 'en' else str(pair))!r} yet "
                f"(locale {' and '.join(places)})"
            )


def _locale(language: str) -> str:
    return language if language in ("en", "root") else _locales()[language]


@lru_cache(maxsize=1)
def _locales() -> dict[str, str]:
    """Normalised language code -> Babel's identifier of its locale."""
    from babel import localedata

    found: dict[str, str] = {}
    for identifier in sorted(localedata.locale_identifiers(), key=lambda one: (len(one), one)):
        if identifier.split("_")[0] in ("en", "root"):
            continue
        try:
            code = parse_language(identifier)
        except LanguageError:
            continue  # a locale of a code that ISO 639 has withdrawn
        found.setdefault(code, identifier)
    return found


def _load(identifier: str) -> _LocaleData:
    from babel import localedata

    # LocaleDataDict writes resolved aliases into the data that it wraps. Other locales inherit the
    # same data, so without a copy root's names of months would become those of all languages.
    data = localedata.load(identifier)
    return localedata.LocaleDataDict({key: deepcopy(data[key]) for key in _TABLES if key in data})


def _table(key: str) -> Callable[[_LocaleData], Names]:
    """The names of a flat table of the locale."""
    return lambda data: {str(code): str(name) for code, name in data.get(key, {}).items()}


def _currencies_in_plural(data: _LocaleData) -> Names:
    table = data.get("currency_names_plural", {})
    return {code: forms["other"] for code, forms in table.items() if "other" in forms}


def _units(data: _LocaleData) -> Names:
    # A locale without a long name has only the short one.
    table = data.get("unit_display_names", {})
    names = {code: forms.get("long") or forms.get("short") for code, forms in table.items()}
    return {code: name for code, name in names.items() if name}


def _cities(data: _LocaleData) -> Names:
    zones = data.get("time_zones", {})
    return {zone: names["city"] for zone, names in zones.items() if "city" in names}


def _english_city(zone: str) -> str:
    """The city in the name of a zone, for which English has no other name (UTS 35)."""
    return zone.rsplit("/", 1)[1].replace("_", " ")


def _time_zones(data: _LocaleData) -> Names:
    zones = data.get("meta_zones", {}).items()
    return {
        f"{zone}/{f}": name for zone, forms in zones for f, name in forms.get("long", {}).items()
    }


def _calendar(*path: str) -> Callable[[_LocaleData], Names]:
    """Names of months or days: the full form that stands alone."""

    def names_of(data: _LocaleData) -> Names:
        table: Any = data
        for key in path:
            table = table.get(key, {})
        return {str(number): str(name) for number, name in table.items()}

    return names_of


_KINDS: Mapping[str, Callable[[_LocaleData], Names]] = {
    "territory": _table("territories"),
    "language": _table("languages"),
    "script": _table("scripts"),
    "currency": _table("currency_names"),
    "currencies": _currencies_in_plural,
    "unit": _units,
    "city": _cities,
    "zone": _time_zones,
    "variant": _table("variants"),
    "month": _calendar("months", "stand-alone", "wide"),
    "day": _calendar("days", "stand-alone", "wide"),
    "quarter": _calendar("quarters", "stand-alone", "wide"),
    "era": _calendar("eras", "wide"),
}
