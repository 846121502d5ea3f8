"""Inverted lists: the documents that have a token near a centroid.

For each token of a query the nearest lists are probed. A document gets, for each query token, the
similarity of the best probed centroid among its tokens' own, and where it is in none of them, that
of the last probed one, as in XTR (arXiv 2304.01982) and WARP (arXiv 2501.17788). What comes of it
is no score, only an order of the documents in which those worth scoring are near the top.

::

    centroids.npy    int8, (components of a code, lists), in the space of the codes
    starts.npy       int64, (lists + 1,)
    documents.npy    int32, the rows of each list's documents, increasing
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray, IntArray
from clirot.errors import ArtefactError
from clirot.retrieval.backends.compressed.codec import Codec
from clirot.retrieval.backends.compressed.screening import PackedQueries, has_byte_products

CENTROIDS, STARTS, DOCUMENTS = "centroids.npy", "starts.npy", "documents.npy"


@dataclass(frozen=True, eq=False)
class Lists:
    """Opened lists; see the module."""

    codec: Codec
    centroids: NDArray[np.int8]
    starts: IntArray
    documents: NDArray[np.int32]
    """Memory-mapped."""
    count: int
    """Documents of the index."""

    @classmethod
    def open(cls, directory: Path, codec: Codec, count: int) -> Lists:
        """Open them.

        Raises:
            OSError: a file is missing.
            ValueError: a file is damaged, or they contradict each other.
        """
        centroids = np.load(directory / CENTROIDS, allow_pickle=False)
        starts = np.load(directory / STARTS, allow_pickle=False)
        documents = np.load(directory / DOCUMENTS, mmap_mode="r", allow_pickle=False)
        if centroids.shape != (codec.components, len(starts) - 1) or starts[-1] != len(documents):
            raise ValueError(f"the inverted lists in {directory} contradict each other")
        return cls(codec, centroids, starts, documents, count)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def similarities(self, query: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of each token of a query with each centroid, ``(tokens, lists)``, in whole steps, and
        the size of a step, ``(tokens,)``.
        """
        packed = PackedQueries.of(self.codec, [query])
        left = torch.from_numpy(np.ascontiguousarray(packed.levels[:, : len(query)].T))
        if has_byte_products():
            found = torch._int_mm(left, torch.from_numpy(self.centroids))
        else:  # whole numbers below 2^24: float32 holds them exactly
            found = left.to(torch.float32) @ self._columns
        return found.numpy().astype(np.int64), packed.steps[: len(query)]

    def promising(self, query: FloatArray, probes: int) -> tuple[NDArray[np.float64], int]:
        """How promising each document is for a query, ``(documents,)``, and how many entries of
        lists were read for it. Only the order counts; documents in no probed list have 0.

        Args:
            query: ``(tokens, dim)``.
            probes: lists that are probed for each token.

        Raises:
            ArtefactError: a list is damaged.
        """
        similar, steps = self.similarities(query)
        probes = min(probes, len(self))
        gained = np.zeros(self.count)
        best = np.zeros(self.count)
        read = 0
        # One whole number for similarity and list: no two are equal, so no tie is left to chance.
        ranked = similar * len(self) + np.arange(len(self))
        for token, step in enumerate(steps):
            nearest = np.argpartition(ranked[token], -probes)[-probes:]
            nearest = nearest[np.argsort(ranked[token][nearest])]
            above = (similar[token][nearest] - similar[token][nearest[0]]) * step
            parts = [self.documents[self.starts[one] : self.starts[one + 1]] for one in nearest]
            documents = np.concatenate(parts)
            read += len(documents)
            # Ascending: of several lists with a document, the last one written is the best.
            try:
                best[documents] = np.repeat(above, [len(part) for part in parts])
            except IndexError as error:  # files as large as this are not read as a whole before
                raise ArtefactError(
                    f"the inverted lists name a document that is not there: {error}",
                    hint="build the index again: `build_index(..., replace=True)`",
                ) from error
            gained[documents] = gained[documents] + best[documents]
            best[documents] = 0.0
        return gained, read

    @cached_property
    def _columns(self) -> torch.Tensor:
        return torch.from_numpy(self.centroids.astype(np.float32))
