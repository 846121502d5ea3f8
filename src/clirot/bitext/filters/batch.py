"""Some thousand sentence pairs with what the filters found of them so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.characters import Codepoints
from clirot.bitext.filters.config import REASONS
from clirot.records import SentencePair

ROWS = 4096
"""Pairs of a batch: enough for numpy, and few enough for the processor's cache."""
_CHARACTERS = 8_000_000  # of a batch, which is cut there: some sources have lines of megabytes


@dataclass
class Batch:
    """Sentence pairs, column by column."""

    src: list[str]
    tgt: list[str]
    id: list[str]
    place: list[int]
    """Line or unit in the source, from 1."""
    first: int
    """How many pairs of the source came before."""
    outcome: NDArray[np.uint8]
    """(pairs,) index of each pair's status in :data:`~clirot.bitext.filters.config.REASONS`: 0 is
    kept, the others are the reason it is dropped for."""
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """Name of a score -> (pairs,) its values; NaN where there is none."""

    def __len__(self) -> int:
        return len(self.src)

    @cached_property
    def points(self) -> tuple[Codepoints, Codepoints]:
        """The characters of the two sides."""
        return Codepoints.of(self.src), Codepoints.of(self.tgt)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(pairs,) which no filter has dropped so far."""
        return np.equal(self.outcome, 0)

    def drop(self, which: NDArray[np.bool_], reason: str) -> None:
        """Drop pairs for a reason. A pair that is dropped already keeps its first reason."""
        self.outcome[which & self.kept] = REASONS.index(reason)

    def sides(self, places: NDArray[np.int64]) -> tuple[list[str], list[str]]:
        """Source sides and target sides of the pairs at some places of the batch."""
        src, tgt = ([column[i] for i in places.tolist()] for column in (self.src, self.tgt))
        return src, tgt


def batches(
    pairs: Iterable[SentencePair], *, rows: int = ROWS, characters: int = _CHARACTERS
) -> Iterator[Batch]:
    """Cut a stream of pairs into batches of at most so many pairs, or about so many characters.

    A pair without a place gets its number in the stream.
    """
    first = total = 0
    current: list[SentencePair] = []
    for pair in pairs:
        current.append(pair)
        total += len(pair.src) + len(pair.tgt)
        if len(current) >= rows or total >= characters:
            yield _batch(current, first)
            first += len(current)
            current, total = [], 0
    if current:
        yield _batch(current, first)


def _batch(pairs: list[SentencePair], first: int) -> Batch:
    return Batch(
        [pair.src for pair in pairs],
        [pair.tgt for pair in pairs],
        [pair.id for pair in pairs],
        [pair.place or number for number, pair in enumerate(pairs, start=first + 1)],
        first,
        np.zeros(len(pairs), np.uint8),
    )
