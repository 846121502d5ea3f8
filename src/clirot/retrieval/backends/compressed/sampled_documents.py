"""The vectors of some documents, kept while an index is built that keeps none.

What such an index promises is measured on them. They are spread evenly over the collection,
however long it turns out to be: every document while there are few; from then on every second,
every fourth and so on. A level holds the documents whose row is divisible by a power of two and by
no higher one; when the documents become too many, the lowest level is thrown away.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from clirot.encoding.maxsim import FloatArray, TokenMatrix
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter

MOST = 8192
"""Documents that are kept at most."""
_TOP = 40  # the level of row 0, above that of any other


class SampledDocuments:
    """Writes and reads them.

    Args:
        directory: where they are kept until the index is finished.
        dim: length of a token vector.
        dtype: of the vectors.
        documents: those of the index that are safely on disk.
    """

    def __init__(self, directory: Path, dim: int, dtype: str, documents: int) -> None:
        self._directory, self._dim, self._dtype = directory, dim, dtype
        self._levels: dict[int, TokenStoreWriter] = {}
        self.documents = documents
        """Documents that were appended; fewer than was said where what was kept is damaged."""
        rows = np.arange(documents)
        for level in self._kept(documents):
            if self._level(level).documents < np.count_nonzero(_levels(rows) == level):
                self.documents = 0

    def append(self, docnos: Sequence[str], vectors: Sequence[FloatArray]) -> None:
        """Keep what belongs to the sample."""
        before = np.arange(self.documents)
        rows = np.arange(self.documents, self.documents + len(docnos))
        self.documents += len(docnos)
        for level in self._kept(self.documents):
            writer = self._level(level)
            places = np.flatnonzero(_levels(rows) == level)
            # An interrupted attempt may have written some of them.
            there = writer.documents - np.count_nonzero(_levels(before) == level)
            some = places[max(0, there) :].tolist()
            if some:
                writer.append([docnos[one] for one in some], [vectors[one] for one in some])
        for level in [one for one in self._levels if one not in self._kept(self.documents)]:
            del self._levels[level]
            shutil.rmtree(self._directory / str(level))

    def finish(self) -> None:
        """All documents are in it."""
        for level in self._kept(self.documents):
            self._level(level).finish()

    def matrix(self) -> TokenMatrix:
        """The vectors, level by level."""
        stores = [
            TokenStore.open(self._directory / str(level)) for level in self._kept(self.documents)
        ]
        lengths = np.concatenate([np.diff(store.offsets) for store in stores])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return TokenMatrix(torch.cat([store.tokens for store in stores]), offsets)

    def _level(self, level: int) -> TokenStoreWriter:
        if level not in self._levels:
            place = self._directory / str(level)
            place.mkdir(parents=True, exist_ok=True)
            self._levels[level] = TokenStoreWriter(place, place, self._dim, self._dtype)
        return self._levels[level]

    def _kept(self, documents: int) -> list[int]:
        """The levels of which documents are kept, where there are so many in all."""
        lowest = 0
        while -(-documents // (1 << lowest)) > MOST:
            lowest += 1
        highest = (documents - 1).bit_length() - 1  # that of the last row that is a power of two
        return [*range(lowest, highest + 1), _TOP] if documents else []


def _levels(rows: np.ndarray) -> np.ndarray:
    """How often two divides each row."""
    return np.array([(int(row) & -int(row)).bit_length() - 1 if row else _TOP for row in rows])
