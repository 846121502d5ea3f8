"""Text as sequences of countable units, in any script and with no knowledge of the language.

A unit is a word, casefolded and in compatibility form; or, in scripts that write no spaces between
words, a character (Chinese, Japanese) or an overlapping group of characters (Thai, Lao, Khmer,
Burmese). A long word counts as its first letters too, so that its inflected forms can be counted
together: with a few thousand sentences most forms are seen once. Punctuation is no unit.

The first-letters trick is Fraser and Marcu's (2005, "ISI's participation in the Romanian-English
alignment task").
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

Ids = NDArray[np.int64]

STEM = 4
"""Letters of a word that stand for its inflected forms."""
_GROUP = 3  # characters of a unit in scripts that write no spaces and are no ideographs
_LONGEST = 100  # units of a sentence that are looked at: bounds the cost of a runaway line
LOOKED_AT = 4_000
"""Characters of a sentence beyond which nothing is looked at; 100 units seldom take 1,000."""

_UNSPACED = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_IDEOGRAPH = r"\p{Han}\p{Hiragana}\p{Katakana}"
# Marks belong to words: without \p{M}, Devanagari falls apart at every vowel sign.
_UNIT = regex.compile(
    rf"(?P<ideograph>[{_IDEOGRAPH}])|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<number>\p{{N}}+)|(?P<word>[[\p{{L}}\p{{M}}]--[{_UNSPACED}{_IDEOGRAPH}]]+)",
    regex.V1,
)


def units(text: str) -> list[str]:
    """The units of ``text``, in order, the first 100 of them."""
    folded = unicodedata.normalize("NFKC", text[:LOOKED_AT]).casefold()
    return list(itertools.islice(_each(folded), _LONGEST))


def _each(text: str) -> Iterator[str]:
    for match in _UNIT.finditer(text):
        unit = match.group()
        if match.lastgroup == "unspaced" and len(unit) > _GROUP:
            yield from (unit[at : at + _GROUP] for at in range(len(unit) - _GROUP + 1))
        else:
            yield unit[:STEM] if match.lastgroup == "word" else unit


class Vocabulary:
    """Numbers for units; both languages share them, so like-spelled units have one number."""

    def __init__(self, number: dict[str, int] | None = None) -> None:
        self._number: dict[str, int] = {} if number is None else number

    def __len__(self) -> int:
        return len(self._number)

    def copy(self) -> Vocabulary:
        """One that grows apart from this: what is read in chunks need not keep every chunk's."""
        return Vocabulary(dict(self._number))

    def encode(self, texts: Sequence[str]) -> Sentences:
        """``texts`` in numbers; units not met before are numbered."""
        number = self._number
        rows = [[number.setdefault(unit, len(number)) for unit in units(text)] for text in texts]
        bounds = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=bounds[1:])
        flat = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64, count=bounds[-1])
        lengths = np.array([min(len(text), LOOKED_AT) for text in texts], dtype=np.float64)
        return Sentences(flat, bounds, lengths)


@dataclass(frozen=True)
class Sentences:
    """Sentences of one language in numbers."""

    units: Ids
    """(units,): the units of all sentences, one after the other."""
    bounds: Ids
    """(sentences + 1,): sentence ``i`` is ``units[bounds[i] : bounds[i + 1]]``."""
    characters: NDArray[np.float64]
    """(sentences,): the lengths of the texts, as far as they are looked at."""

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def span(self, begin: int, end: int) -> Ids:
        """The units of sentences ``begin`` up to ``end``."""
        return self.units[self.bounds[begin] : self.bounds[end]]

    def length(self, begin: Ids, end: Ids) -> NDArray[np.float64]:
        """The characters of sentences ``begin`` up to ``end``, for arrays of both."""
        total = np.concatenate([[0.0], np.cumsum(self.characters)])
        length: NDArray[np.float64] = total[end] - total[begin]
        return length
