"""An index of passages, searched for documents: each has the score of its best passage (MaxP).

An index of passages ranks these by score, equal ones by name, descending; and names sort as the
documents' ids do. So the first passage that a document has in that ranking is its best, and the
documents in the order of their first passages are in the order that trec_eval gives them. The first
k of them are known for certain as soon as k different documents were met: no passage further down
can change them. How many passages that takes is not known before, so more are asked for until it is
enough. This makes an exact ranking of documents of an exact ranking of passages, and is as good as
the index below where that one is not exact.

MaxP: Dai and Callan 2019, "Deeper text understanding for IR with contextual neural language
modeling".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from clirot.errors import ArtefactError
from clirot.records import Hit
from clirot.retrieval.passages.counts import PASSAGES
from clirot.retrieval.passages.table import PassageTable, row_of
from clirot.store import Artefact

if TYPE_CHECKING:
    from clirot.encoding.maxsim import FloatArray
    from clirot.retrieval.backends import Index

_BATCH = 256
"""Queries whose passages are held at once."""
_MORE = 4
"""How many times more passages are asked for, where they were of too few documents."""


class PassageIndex:
    """A :class:`clirot.retrieval.backends.Index` of documents over one of their passages.

    Args:
        passages: the index whose rows are passages.
        table: which document each is of.

    Raises:
        ArtefactError: they are not of the same passages.
    """

    def __init__(self, passages: Index, table: PassageTable) -> None:
        if len(passages) != len(table.spans):
            raise ArtefactError(
                f"an index has {len(passages):,} passages, and its table {len(table.spans):,}",
                hint="build it again: `build_index(..., replace=True)`",
            )
        self._passages, self._table = passages, table
        self.dim = passages.dim
        self._most = np.sort(table.lengths())[::-1]  # passages of the longest documents first

    def __len__(self) -> int:
        return len(self._table.docnos)

    def __contains__(self, docno: object) -> bool:
        return docno in self._table.places

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`; a hit names its passage."""
        for begin in range(0, len(queries), _BATCH):
            yield from self._batch(queries[begin : begin + _BATCH], k)

    def _batch(self, queries: Sequence[FloatArray], k: int) -> list[list[Hit]]:
        # All passages of the k - 1 longest documents, and one more, are of k documents in any case.
        enough = int(self._most[: k - 1].sum()) + 1
        depth = min(enough, k * -(-len(self._passages) // max(1, len(self))))
        found: dict[int, list[Hit]] = {}
        waiting = list(range(len(queries)))
        while waiting:
            rankings = self._passages.search([queries[row] for row in waiting], depth)
            for row, hits in zip(waiting, rankings, strict=True):
                documents = self._documents(hits, k)
                # An index that is not exact may find fewer than it was asked for.
                if len(documents) == k or depth >= enough or len(hits) < depth:
                    found[row] = documents
            waiting = [row for row in waiting if row not in found]
            depth = min(enough, depth * _MORE)
        return [found[row] for row in range(len(queries))]

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`: all passages of the candidates are
        scored.
        """
        for query, docnos in zip(queries, candidates, strict=True):
            names = [name for docno in docnos for name in self._table.names(docno)]
            for hits in self._passages.rerank([query], [names], len(names)):
                yield self._documents(hits, k)

    def _documents(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        """The first k documents of a ranking of passages, with the scores of their first ones."""
        found: dict[str, Hit] = {}
        for hit in hits:
            docno, number = row_of(hit.docno)
            if docno not in found:
                found[docno] = Hit(docno, hit.score, self._table.span(docno, number))
                if len(found) == k:
                    break
        return list(found.values())


def of_documents(index: Index, *artefacts: Artefact) -> Index:
    """The index as it was opened; one over documents where its rows are their passages.

    Args:
        index: opened from the artefacts.
        artefacts: an index of token vectors, or all shards that were opened as one.

    Raises:
        ArtefactError: its passages are damaged.
    """
    if PASSAGES not in artefacts[0].manifest.results:
        return index
    tables = [PassageTable.open(artefact.path) for artefact in artefacts]
    return PassageIndex(index, PassageTable.joined(tables))
