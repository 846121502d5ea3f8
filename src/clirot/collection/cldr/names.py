"""CLDR's names of things in one language, and its patterns for joining them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from clirot.collection.cldr.facts import Subject

_CORPUS_SPELLING = {"tl": "fil"}  # clirot stores "tl", CLDR says "fil"


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
