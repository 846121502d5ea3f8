"""What becomes of sentence pairs: batches with what the filters found so far, and the report.

The report of a source has counts, examples, and the distributions of lengths and scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.config import MALFORMED, REASONS
from clirot.bitext.text import Codepoints
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
    """(pairs,) index of each pair's status in :data:`~clirot.bitext.config.REASONS`: 0 is
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


EXAMPLES = 5
"""Examples of each reason."""
_SHOWN = 300  # characters of an example's side

LENGTH_EDGES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 4096)
"""Lower bounds of the bins of a length in characters; the last bin has no end."""
SHARE_EDGES = tuple(step / 20 for step in range(20))
"""Lower bounds of the bins of a score from 0 to 1; 1 is in the last one."""
RATIO_EDGES = (1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 15.0)
"""Lower bounds of the bins of the longer side's length divided by the shorter one's."""


def priorities(rows: NDArray[np.uint64], seed: int = 0) -> NDArray[np.uint64]:
    """A pseudo-random number for each row. The rows with the smallest numbers are a sample.

    A row's number depends on the row and the seed only, so a sample does not depend on how the
    rows were cut into batches. The mixing is SplitMix64's (Steele, Lea and Flood, OOPSLA 2014).
    """
    with np.errstate(over="ignore"):
        mixed = (rows + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found


@dataclass
class Report:
    """What the filters found in a source. It is complete after the last batch was added."""

    warnings: list[str] = field(default_factory=list)
    """What could not be checked, and why."""
    tidied: int = 0
    """Pairs whose text was changed by normalising it."""
    malformed: int = 0
    """Rows of the source that could not be read, and were skipped on request."""
    _counts: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    _bins: dict[str, tuple[tuple[float, ...], NDArray[np.int64]]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """Pairs in the source, malformed rows included."""
        return self._counts.total() + self.malformed

    @property
    def kept(self) -> int:
        """Pairs that were kept."""
        return self._counts["kept"]

    @property
    def dropped(self) -> Counter[str]:
        """Reason -> how many pairs were dropped for it, in the order of the filters."""
        counts = {reason: self._counts[reason] for reason in REASONS[1:]}
        counts[MALFORMED] = self.malformed
        return Counter({reason: count for reason, count in counts.items() if count})

    @property
    def examples(self) -> dict[str, list[dict[str, Any]]]:
        """Reason -> pairs dropped for it, a random sample, in the order of the source."""
        return {
            reason: sorted((pair for _, pair in found), key=lambda pair: int(pair["place"]))
            for reason in REASONS
            if (found := self._examples.get(reason))
        }

    @property
    def distributions(self) -> dict[str, dict[str, list[float] | list[int]]]:
        """Name -> lower bounds of its bins, and how many kept and dropped pairs are in each.

        ``src_length`` and ``tgt_length`` (characters), ``ratio`` (of the lengths, the longer one
        over the shorter one), and every score.
        """
        return {
            name: {"from": list(edges), "kept": counts[0].tolist(), "dropped": counts[1].tolist()}
            for name, (edges, counts) in sorted(self._bins.items())
        }

    def results(self) -> dict[str, Any]:
        """The report as a manifest holds it."""
        return {
            "read": self.read,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "tidied": self.tidied,
            "examples": self.examples,
            "distributions": self.distributions,
            "warnings": list(self.warnings),
        }

    def add(self, batch: Batch) -> None:
        """Count a batch that has passed all filters."""
        lengths = np.stack([points.lengths for points in batch.points])
        self._count("src_length", LENGTH_EDGES, lengths[0], batch)
        self._count("tgt_length", LENGTH_EDGES, lengths[1], batch)
        shorter, longer = lengths.min(axis=0), lengths.max(axis=0)
        ratio = np.full(len(batch), np.nan)
        np.divide(longer, shorter, out=ratio, where=shorter > 0)
        self._count("ratio", RATIO_EDGES, ratio, batch)
        for name, values in batch.scores.items():
            self._count(name, SHARE_EDGES, values, batch)
        for code in np.unique(batch.outcome).tolist():
            rows = np.flatnonzero(batch.outcome == code)
            self._counts[REASONS[code]] += len(rows)
            if code:
                self._sample(REASONS[code], batch, rows)

    def _count(
        self, name: str, edges: tuple[float, ...], values: NDArray[Any], batch: Batch
    ) -> None:
        _, counts = self._bins.setdefault(name, (edges, np.zeros((2, len(edges)), np.int64)))
        bounds = [-np.inf, *edges[1:], np.inf]
        known = ~np.isnan(values)
        for row, which in enumerate((batch.kept, ~batch.kept)):
            counts[row] += np.histogram(values[known & which], bounds)[0]

    def _sample(self, reason: str, batch: Batch, rows: NDArray[np.int64]) -> None:
        keys = priorities((rows + batch.first).astype(np.uint64))
        found = self._examples.setdefault(reason, [])
        for at in np.argsort(keys, kind="stable")[:EXAMPLES].tolist():
            row = int(rows[at])
            sides = {"src": batch.src[row][:_SHOWN], "tgt": batch.tgt[row][:_SHOWN]}
            pair = {**sides, "id": batch.id[row], "place": batch.place[row]}
            found.append((int(keys[at]), pair))
        found.sort(key=lambda entry: entry[0])
        del found[EXAMPLES:]
