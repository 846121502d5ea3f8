"""Exact and near duplicates among any number of pairs, in memory that does not grow with them.

Each pair that passed the other filters leaves a record of 32 bytes: 128 bits of what is compared,
64 bits of the exact text, and its row. Records are collected, and beyond some number spread over
files by the first bits of the key, so that equal keys are in one file; each file is then sorted
alone. Of several equal pairs the first stays. Two different texts are taken for equal with a
probability of about n² / 2¹²⁹, that is never.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.batch import Batch
from clirot.bitext.filters.normalisation import folded
from clirot.bitext.filters.reasons import CODE
from clirot.records import SentencePair

_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("exact", "<u8"), ("row", "<u8")])
_BITS = 8  # 256 files: at 100 million pairs 12 MB each
_HELD = 1 << 18  # records in memory before they are spread: 8 MB


def pair_key(pair: SentencePair) -> bytes:
    """128 bits that tell pairs of different text apart; the id is left out."""
    return _digest(f"{pair.src}\t{pair.tgt}")


class Duplicates:
    """Finds pairs that an earlier pair equals.

    Args:
        scratch: a directory for its files, which it leaves behind.
        near: what is compared beyond the exact text, as
            :attr:`~clirot.bitext.filters.config.FilterConfig.near_duplicates` says.
        held: how many records stay in memory before they are spread over files.
    """

    def __init__(self, scratch: Path, *, near: str = "off", held: int = _HELD) -> None:
        self._scratch = scratch
        self._near = near
        self._most = held
        self._held: list[NDArray[np.void]] = []
        self._count = 0
        self._files: set[int] = set()

    def add(self, batch: Batch) -> None:
        """Take note of the pairs of a batch that are still kept."""
        alive = np.flatnonzero(batch.kept)
        if not len(alive):
            return
        places = alive.tolist()
        exact = _keys([f"{batch.src[i]}\t{batch.tgt[i]}" for i in places])
        records = np.empty(len(places), _RECORD)
        compared = exact if self._near == "off" else _keys(self._compared(batch, places))
        records["high"], records["low"] = compared[:, 0], compared[:, 1]
        records["exact"] = exact[:, 0]
        records["row"] = alive + batch.first
        self._held.append(records)
        self._count += len(records)
        if self._count >= self._most:
            self._spread()

    def verdicts(self, rows: int) -> NDArray[np.uint8]:
        """(rows,) the code of "duplicate" or "near duplicate" for each row, 0 for the others.

        The array is a file's, mapped into memory: a byte a pair that the system may take back.
        """
        path = self._scratch / "duplicates.bin"
        found: NDArray[np.uint8] = np.memmap(path, np.uint8, "w+", shape=(max(rows, 1),))
        for records in self._partitions():
            _mark(records, found)
        return found

    def _compared(self, batch: Batch, places: Sequence[int]) -> list[str]:
        """The folded sides that are compared; text that nothing is left of is compared as it is."""
        src, tgt = batch.points
        sides = []
        for name, points, texts in (("src", src, batch.src), ("tgt", tgt, batch.tgt)):
            if self._near in (name, "pair"):
                short = folded(points)
                sides.append([short[i] or f"\t{texts[i]}" for i in places])
        return ["\n".join(parts) for parts in zip(*sides, strict=True)]

    def _spread(self) -> None:
        records = np.concatenate(self._held)
        self._held, self._count = [], 0
        part = (records["high"] >> np.uint64(64 - _BITS)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        records, part = records[order], part[order]
        bounds = np.searchsorted(part, np.arange((1 << _BITS) + 1))
        for number, (start, end) in enumerate(pairwise(bounds)):
            if end > start:
                with self._file(number).open("ab") as stream:
                    stream.write(records[start:end].tobytes())
                self._files.add(number)

    def _partitions(self) -> Iterator[NDArray[np.void]]:
        if not self._files:
            yield np.concatenate([np.empty(0, _RECORD), *self._held])
            return
        if self._held:
            self._spread()
        for number in sorted(self._files):
            yield np.fromfile(self._file(number), _RECORD)
            self._file(number).unlink()

    def _file(self, number: int) -> Path:
        return self._scratch / f"keys-{number:03d}.bin"


def _mark(records: NDArray[np.void], found: NDArray[np.uint8]) -> None:
    """Write the verdicts of records that hold all that is equal to any of them."""
    if not len(records):
        return
    order = np.lexsort((records["row"], records["exact"], records["low"], records["high"]))
    records = records[order]
    # new_key[i]: the compared text differs from the record's before; new_text: the exact one does.
    new_key = np.ones(len(records), bool)
    new_key[1:] = (np.diff(records["high"]) != 0) | (np.diff(records["low"]) != 0)
    new_text = new_key.copy()
    new_text[1:] |= np.diff(records["exact"]) != 0
    starts = np.flatnonzero(new_key)
    first = np.minimum.reduceat(records["row"], starts)
    later = records["row"] != np.repeat(first, np.diff(np.append(starts, len(records))))
    found[records["row"][later]] = CODE["near duplicate"]
    found[records["row"][~new_text]] = CODE["duplicate"]


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """(texts, 2) 128 bits of each."""
    return np.frombuffer(b"".join(map(_digest, texts)), "<u8").reshape(-1, 2)


def _digest(text: str) -> bytes:
    # Tidied text has no lone surrogates; what comes from elsewhere must not end in a crash.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
