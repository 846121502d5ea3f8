"""Some thousand pairs with their verdicts: what the filters look at, one batch after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.codepoints import Codepoints
from clirot.bitext.filters.reasons import CODE
from clirot.records import SentencePair

ROWS = 4096
"""Pairs of a batch: enough for numpy, few enough for the processor's cache."""
_CHARACTERS = 8_000_000  # of a batch, beyond which it is cut: some sources have lines of megabytes


@dataclass
class Batch:
    """Pairs, column by column, and what was found of them so far."""

    src: list[str]
    tgt: list[str]
    id: list[str]
    place: list[int]
    """Line or unit in the source, from 1."""
    first: int
    """How many pairs of the source came before."""
    verdict: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """(pairs,) places in :data:`~clirot.bitext.filters.reasons.REASONS`; 0 is kept."""
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """Name of a score -> (pairs,) its values; NaN where there is none."""

    def __post_init__(self) -> None:
        if not len(self.verdict):
            self.verdict = np.zeros(len(self.src), np.uint8)

    def __len__(self) -> int:
        return len(self.src)

    @cached_property
    def points(self) -> tuple[Codepoints, Codepoints]:
        """The characters of the two sides."""
        return Codepoints.of(self.src), Codepoints.of(self.tgt)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(pairs,) which nothing was found against so far."""
        alive: NDArray[np.bool_] = self.verdict == 0
        return alive

    def drop(self, which: NDArray[np.bool_], reason: str) -> None:
        """Drop pairs; those that another reason was found for keep that one."""
        self.verdict[which & self.kept] = CODE[reason]


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
    )
