"""How OPUS spells languages, and which spelling goes with which language of a pair.

OPUS takes the spellings of whoever made a corpus: Chinese is ``zh``, ``zh_cn``, ``zh_CN`` and
``zh_tw``. What does not follow from clirot's code is in ``opus.toml``.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from clirot.languages import (
    closest_language,
    is_language,
    parse_language,
    same_language,
    without_region,
)
from clirot.records import LanguagePair

_ITSELF = 3


def spellings(language: str) -> tuple[str, ...]:
    """How OPUS may write a language: ``sw``; ``zh``, ``zh_cn`` or ``zh_CN``. A region is written in
    capitals, in small letters or not at all: ``de_AT``, ``de_at``, ``de``.
    """
    known = _own().get(language)
    if known is not None:
        return tuple(known)
    written, general = language.replace("-", "_"), without_region(language)
    if general == language:
        return (written,)
    return tuple(dict.fromkeys((written, written.lower(), *spellings(general))))


def in_order(spelling: tuple[str, str], pair: LanguagePair) -> tuple[str, str] | None:
    """The spellings of source and target; None: they are of other languages.

    Who names a spelling says which text is wanted, so another script is no reason to refuse it.
    """
    first, second = spelling

    def likeness(order: tuple[str, str]) -> tuple[int, int]:
        both = _likeness(order[0], pair.src), _likeness(order[1], pair.tgt)
        return min(both), sum(both)

    best = max((first, second), (second, first), key=likeness)
    return best if likeness(best)[0] else None


def taken_instead(spelling: tuple[str, str], pair: LanguagePair) -> list[str]:
    """What is to be said of spellings that are of another variant than the pair's languages."""
    sides = zip(in_order(spelling, pair) or (), (pair.src, pair.tgt), strict=False)
    return [
        f"{written!r} of OPUS is taken for {language!r}"
        + (", which is in another script or a dialect" if likeness == 1 else "")
        for written, language in sides
        if (likeness := _likeness(written, language)) < _ITSELF
    ]


def _likeness(written: str, language: str) -> int:
    """3: OPUS's spelling is of the language itself, 2: of another region, 1: of another script or
    dialect, 0: of another language.
    """
    general = language == without_region(language)
    if general and written in _own().get(language, ()):
        return _ITSELF
    if is_language(written) and parse_language(written) == language:
        return _ITSELF
    if closest_language(language, [written]) is not None:
        return 2
    return int(same_language(language, written))


@cache
def _own() -> dict[str, list[str]]:
    text = Path(__file__).with_name("opus.toml").read_text(encoding="utf-8")
    own: dict[str, list[str]] = tomllib.loads(text)["spellings"]
    return own
