"""Queries made of an index's documents, on which it is measured, since it cannot know the topics.

Whole documents, and windows of a topic's length. A topic is no copy of a passage. So the document
a query is made of is left out, and so are its copies: every document whose score lies at least
three quarters of the way from that of a typical document, the median, to that of the query's own.
With copies, the best ten of a query would be its copies, which anything finds, and an index of
texts that are there many times would promise too much. In 30,618 English passages, half of the
queries found their best other document at most .61 of the way up, a quarter at .82 or more:
reports of the same experiment, verses that are repeated, the same text twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray, IntArray, TokenMatrix
from clirot.encoding.token_matrix import Offsets
from clirot.records import ProgressSink, Step
from clirot.retrieval.backends.compressed.screening import CodeMatrix

_SAMPLED = 32
_LONGEST, _WINDOW = 64, (8, 32)  # tokens of a query
_SEED = 8
_COPY = 0.75


@dataclass(frozen=True, eq=False)
class SampledQueries:
    """Queries made of documents, and the documents that they come from, by row."""

    queries: list[FloatArray]
    own: list[int]
    asked: Callable[[], None] = lambda: None
    """Called whenever one of the queries has been compared with all documents."""

    @classmethod
    def of(cls, vectors: TokenMatrix) -> SampledQueries:
        """Parts of some documents."""
        return cls._drawn(vectors, lambda tokens: vectors.tokens[tokens].float().numpy())

    @classmethod
    def of_codes(cls, codes: CodeMatrix) -> SampledQueries:
        """Parts of what the codes of some documents stand for, which need no vectors."""
        return cls._drawn(codes, lambda tokens: codes.codec.directions(codes.codes[tokens]))

    @classmethod
    def _drawn(cls, documents: Offsets, read: Callable[[slice], FloatArray]) -> SampledQueries:
        draw = np.random.default_rng(_SEED)
        among = len(documents.lengths)
        queries, own = [], []
        for row in np.sort(draw.choice(among, min(_SAMPLED, among), replace=False)).tolist():
            begin, end = documents.offsets[row], documents.offsets[row + 1]
            for longest in (_LONGEST, int(draw.integers(*_WINDOW, endpoint=True))):
                first = begin + int(draw.integers(max(1, end - begin - longest + 1)))
                queries.append(read(slice(first, min(end, first + longest))))
                own.append(row)
        return cls(queries, own)

    def telling(self, progress: ProgressSink, passes: int, what: str = "recall") -> SampledQueries:
        """The same sample, which tells how far it has come.

        Args:
            progress: is told.
            passes: how often each query will be asked.
            what: the label of the steps.
        """
        done, total = count(1), passes * len(self.queries)
        return replace(self, asked=lambda: progress(Step(what, next(done), total, unit="queries")))


def copies(scores: NDArray[np.float64], own: int, most: int) -> IntArray:
    """The document that a query was made of, and its copies.

    Args:
        scores: of all documents, ``(documents,)``.
        own: the row of that document.
        most: how many other documents are needed. Where fewer are left, copies are not left out.

    Returns:
        Their rows, in increasing order.
    """
    typical = np.median(scores)
    rows = np.flatnonzero(scores >= typical + _COPY * (scores[own] - typical))
    if scores[own] <= typical or len(scores) - len(rows) < most:
        return np.array([own], dtype=np.int64)
    return rows
