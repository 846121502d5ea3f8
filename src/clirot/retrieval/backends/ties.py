"""How documents of equal score are ordered: by docno, descending, as trec_eval orders them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clirot.records import Hit

_Number = TypeVar("_Number", bound=np.floating[Any])


def tie_order(docnos: Sequence[str]) -> NDArray[np.int64]:
    """``(documents,)``: of documents with equal scores the one of the lower number is first."""
    descending = sorted(range(len(docnos)), key=docnos.__getitem__, reverse=True)
    order = np.empty(len(descending), dtype=np.int64)
    order[descending] = np.arange(len(descending))
    return order


def best_first(
    rows: NDArray[np.int64], scores: NDArray[_Number], k: int, order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[_Number]]:
    """The k best of some documents: their rows and scores, best first.

    Args:
        rows: the documents.
        scores: of each of them.
        k: how many; fewer come back where there are fewer.
        order: ``(documents,)``, of all documents; of equal scores the lower comes first.
    """
    if k < len(rows):
        lowest = np.partition(scores, len(scores) - k)[len(scores) - k]
        some = np.flatnonzero(scores >= lowest)
        rows, scores = rows[some], scores[some]
    found = np.lexsort((order[rows], -scores))[:k]
    return rows[found], scores[found]


def hits(
    docnos: Sequence[str], rows: NDArray[np.int64], scores: NDArray[np.floating[Any]]
) -> list[Hit]:
    """Documents with their ids and scores, in the same order."""
    pairs = zip(rows.tolist(), scores.tolist(), strict=True)
    return [Hit(docnos[row], score) for row, score in pairs]
