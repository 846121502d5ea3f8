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

    @property
    def is_english(self) -> bool:
        """Whether these are the names the paragraphs use."""
        return bool(self._locale.language == "en")

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
        """The city a time zone is called after, where the language has a name of its own for it."""
        entry = self._locale.time_zones.get(zone)
        return str(entry["city"]) if entry is not None and "city" in entry else None

    def listed(self, parts: list[str]) -> str:
        """``Kenya, Tanzania, and Uganda``."""
        from babel.lists import format_list

        return str(format_list(parts, locale=self._locale))


def english_city(zone: str) -> str:
    """The English name of a zone's city: CLDR's, or the last part of the zone's id."""
    named = Names("en").city(zone)
    return named if named is not None else zone.rsplit("/", 1)[-1].replace("_", " ")
