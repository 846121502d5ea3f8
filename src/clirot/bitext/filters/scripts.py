"""Whether a side is written in a script that its language is written in.

Which scripts those are is from CLDR: the likely one, and those of the other locales it has of the
language (Serbian: Cyrillic and Latin). Which script a letter is of is Unicode's Script property.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.codepoints import LETTERS_BELOW, SPACE, Codepoints, categories

_MADE_OF = {
    "Jpan": ("Hira", "Kana", "Hani"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani", "Bopo"),
    "Hant": ("Hani", "Bopo"),
    "Hanb": ("Hani", "Bopo"),
    "Aran": ("Arab",),
}
"""ISO 15924 codes of writing systems that are no one script of Unicode's."""

_NOT_MEANT = {"en": {"Dsrt", "Shaw"}, "hi": {"Latn"}, "zh": {"Latn"}}
"""What CLDR has locales for and a corpus of the language is not: ask for ``hi-Latn`` instead."""


@cache
def scripts_of(language: str) -> frozenset[str]:
    """The scripts a language is written in (ISO 15924); empty where CLDR does not know it.

    Args:
        language: a normalised code; one that names a script (``sr-Latn``) is written in that.
    """
    from babel import Locale
    from babel.core import get_global
    from babel.localedata import locale_identifiers

    base, _, subtag = language.partition("-")
    found: set[str | None] = {subtag} if subtag else set()
    if not subtag and base in get_global("likely_subtags"):
        found.add(get_global("likely_subtags")[base].split("_")[1])
        for identifier in locale_identifiers():
            if identifier.split("_")[0] == base:
                found.add(Locale.parse(identifier).script)
        found -= _NOT_MEANT.get(base, set())
    unicode_scripts = (one for code in found if code for one in _MADE_OF.get(code, (code,)))
    return frozenset(code for code in unicode_scripts if _letters_of(code) is not None)


def script_share(points: Codepoints, scripts: frozenset[str]) -> NDArray[np.float32]:
    """(texts,) the share of each text's letters that are of the scripts; NaN without letters.

    Letters that are of no script (ordinal indicators, modifiers) play no part.
    """
    letter, wanted = _letters().take(points.array), _letters_of_any(scripts).take(points.array)
    letters, of_script = points.count(letter), points.count(wanted)
    share = np.full(len(letters), np.nan, np.float32)
    np.divide(of_script, letters, out=share, where=letters > 0, casting="unsafe")
    return share


@cache
def _letters() -> NDArray[np.bool_]:
    of_a_script = ~_matching(r"[\p{Zyyy}\p{Zinh}\p{Zzzz}]")
    table: NDArray[np.bool_] = (categories() == ord("L")) & of_a_script
    return table


@cache
def _letters_of_any(scripts: frozenset[str]) -> NDArray[np.bool_]:
    table = np.zeros(SPACE, np.bool_)
    for script in scripts:
        found = _letters_of(script)
        if found is not None:
            table |= found
    return table


@cache
def _letters_of(script: str) -> NDArray[np.bool_] | None:
    """(1,114,112,) the letters of a script; None: Unicode has no such script."""
    import regex

    try:
        return _letters() & _matching(rf"\p{{Script={script}}}")
    except regex.error:
        return None


def _matching(pattern: str) -> NDArray[np.bool_]:
    import regex

    table = np.zeros(SPACE, np.bool_)
    for match in regex.finditer(f"{pattern}+", "".join(map(chr, range(LETTERS_BELOW)))):
        table[match.start() : match.end()] = True
    return table
