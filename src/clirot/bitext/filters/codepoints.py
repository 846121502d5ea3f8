"""The characters of many short texts as one array, so that numpy can look at all of them at once.

A loop over characters in Python takes microseconds a sentence, and so do regular expressions with
many matches; a table lookup over four thousand sentences at a time takes nanoseconds a character.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Codepoints:
    """Texts as code points, one after the other.

    Attributes:
        array: (characters,) all code points.
        bounds: (texts + 1,) text ``i`` is ``array[bounds[i]:bounds[i + 1]]``.
    """

    array: NDArray[np.uint32]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Codepoints:
        """Encode texts. Lone surrogates, which JSON and broken decoders let through, are kept."""
        bounds = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
        data = "".join(texts).encode("utf-32-le", "surrogatepass")
        return cls(np.frombuffer(data, "<u4"), bounds)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(texts,) characters of each."""
        return np.diff(self.bounds)

    def count(self, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(texts,) how many characters of each are marked.

        Args:
            marked: (characters,).
        """
        counts = np.zeros(len(self.bounds) - 1, np.int64)
        full = np.flatnonzero(self.lengths)  # reduceat has no empty segments
        if len(full):
            starts = self.bounds[full]
            counts[full] = np.add.reduceat(marked.view(np.uint8), starts, dtype=np.int64)
        return counts

    def select(self, marked: NDArray[np.bool_]) -> Codepoints:
        """The texts without the characters that are not marked."""
        bounds = np.zeros(len(self.bounds), np.int64)
        np.cumsum(self.count(marked), out=bounds[1:])
        return Codepoints(self.array[marked], bounds)

    def texts(self) -> list[str]:
        """The texts as strings."""
        whole = self.array.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
        bounds = self.bounds.tolist()
        return [whole[a:b] for a, b in pairwise(bounds)]


SPACE = sys.maxunicode + 1
"""How many code points there are: the size of the tables that are looked up by them."""

LETTERS_BELOW = 0x40000
"""Beyond here no letter, number, punctuation or symbol is encoded; tables are filled up to here."""

_SELECTORS = range(0xE0100, 0xE01F0)  # variation selectors: the only marks beyond


@cache
def categories() -> NDArray[np.uint8]:
    """(1,114,112,) the general category of every code point, as ``ord`` of its first letter.

    ``L`` letter, ``M`` mark, ``N`` number, ``P`` punctuation, ``S`` symbol, ``Z`` separator,
    ``C`` other (control, format, surrogate, private use, unassigned).
    """
    table = np.full(SPACE, ord("C"), np.uint8)
    below = "".join(unicodedata.category(chr(code))[0] for code in range(LETTERS_BELOW))
    table[:LETTERS_BELOW] = np.frombuffer(below.encode("ascii"), np.uint8)
    table[_SELECTORS.start : _SELECTORS.stop] = ord("M")
    return table
