"""Whether a side is in its language: by its script, and by a language identifier.

Which scripts a language is written in is from CLDR: the likely one, and those of its other locales
(Serbian: Cyrillic and Latin). Which script a letter belongs to is Unicode's Script property.

The language identifier (extra ``langid``) is py3langid: naive Bayes over byte n-grams (Lui and
Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012), which needs no
download and reads some thousand sentences a second. Why this one: decision 053.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from clirot.bitext.filters.characters import Codepoints, categories, matching
from clirot.errors import UsageError

LETTERS = 20
"""Letters that a side must have to be identified. No identifier knows the language of fewer."""

_MADE_OF = {"Jpan": "Hira Kana Hani", "Kore": "Hang Hani", "Aran": "Arab"}
_MADE_OF |= {"Hans": "Hani Bopo", "Hant": "Hani Bopo", "Hanb": "Hani Bopo"}
"""ISO 15924 code of a writing system -> the scripts of Unicode that it consists of."""

_NOT_MEANT = {"en": {"Dsrt", "Shaw"}, "hi": {"Latn"}, "zh": {"Latn"}}
"""Scripts that CLDR has a locale for, but which a corpus of the language is not written in. Who
wants them anyway names them: ``hi-Latn``."""

_CALLED = {"tl": "tl fil", "no": "no nb nn", "nb": "nb no", "nn": "nn no"}
_CALLED |= {"sh": "sh sr hr bs", "sr": "sr sh", "hr": "hr sh"}
"""Language -> the codes that the identifier may give to a text in it."""


@cache
def scripts_of(language: str) -> frozenset[str]:
    """The scripts a language is written in (ISO 15924); empty where CLDR does not know it.

    Args:
        language: a normalised code; a code with a script (``sr-Latn``) has that script alone.
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
    unicode_scripts = (one for code in found if code for one in _MADE_OF.get(code, code).split())
    return frozenset(code for code in unicode_scripts if _letters_of(code).any())


def script_share(points: Codepoints, scripts: frozenset[str]) -> NDArray[np.float32]:
    """(texts,) the share of each text's letters that belong to the scripts; NaN without letters.

    Letters of no script (ordinal indicators, modifiers) are not counted.
    """
    wanted = np.logical_or.reduce([_letters_of(script) for script in sorted(scripts)])
    letters = points.count(_letters().take(points.array))
    of_script = points.count(wanted.take(points.array))
    share = np.full(len(letters), np.nan, np.float32)
    np.divide(of_script, letters, out=share, where=letters > 0, casting="unsafe")
    return share


@cache
def _letters() -> NDArray[np.bool_]:
    of_no_script = matching(r"[\p{Zyyy}\p{Zinh}\p{Zzzz}]")
    table: NDArray[np.bool_] = (categories() == ord("L")) & ~of_no_script
    return table


@cache
def _letters_of(script: str) -> NDArray[np.bool_]:
    """(code points,) which are letters of a script; none are, where Unicode has no such script."""
    try:
        return _letters() & matching(rf"\p{{Script={script}}}")
    except regex.error:
        return np.zeros_like(_letters())


class Identifier:
    """A language identifier for one language.

    Args:
        language: a normalised code.

    Raises:
        UsageError: the extra is not installed.
    """

    def __init__(self, language: str) -> None:
        base = language.split("-")[0]
        self._wanted = set(_CALLED.get(base, base).split()) & set(_model().labels)

    @property
    def supported(self) -> bool:
        """Whether the identifier knows the language."""
        return bool(self._wanted)

    def confidence(self, texts: Sequence[str], asked: Sequence[bool]) -> NDArray[np.float32]:
        """(texts,) 1 where the language is the likeliest, else its probability; NaN if not asked.

        The probabilities of naive Bayes are nearly always close to 0 or 1.
        """
        found = np.full(len(texts), np.nan, np.float32)
        for place in np.flatnonzero(asked).tolist():
            ranked = _model().rank(texts[place])
            if ranked[0][0] in self._wanted:
                found[place] = 1.0
            else:
                found[place] = sum(share for name, share in ranked if name in self._wanted)
        return found


@cache
def _model() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise UsageError(
            "identifying languages needs py3langid, which is not installed",
            hint="pip install 'clirot[langid]'",
        ) from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
