"""An opened compressed index: codes find the documents that are worth settling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from clirot.encoding.maxsim import FloatArray, IntArray, TokenMatrix, check_vectors, scores
from clirot.errors import ArtefactError
from clirot.json_values import json_object_in
from clirot.records import Hit
from clirot.retrieval.backends.compressed.codec import Codec
from clirot.retrieval.backends.compressed.lists import Lists
from clirot.retrieval.backends.compressed.screening import CodeMatrix, screened
from clirot.retrieval.backends.query_batches import query_batches
from clirot.retrieval.backends.ties import best_first, hits, tie_order
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.promise import Depth, Promise

FORMAT = 1
CODEC, ROTATION, CODES, STORE, LISTS = "codec.json", "rotation.bin", "codes", "store", "lists"
_SCREENED_ELEMENTS = 1 << 24  # screened scores held at once: topics x documents


@dataclass(frozen=True, eq=False)
class CompressedIndex:
    """See :class:`clirot.retrieval.backends.Index`.

    ``codes``: of all tokens; ``docnos``: of the documents; ``vectors``: the tokens themselves, or
    None where they were not kept; ``lists``: None where all codes are read; ``promise``: how deep
    to look.
    """

    codes: CodeMatrix
    docnos: list[str]
    vectors: TokenMatrix | None
    lists: Lists | None
    promise: Promise

    @classmethod
    def open(cls, directory: Path) -> CompressedIndex:
        """Open the index in a directory.

        Raises:
            ArtefactError: it is damaged.
        """
        found = cls.without_promise(directory)
        try:
            promise = Promise.open(directory)
        except (OSError, ValueError) as error:
            raise _damaged(directory, error) from error
        return cls(found.codes, found.docnos, found.vectors, found.lists, promise)

    @classmethod
    def without_promise(cls, directory: Path) -> CompressedIndex:
        """Open an index of which nothing has been measured yet: all documents are settled.

        Raises:
            ArtefactError: it is damaged.
        """
        codes = TokenStore.open(directory / CODES)
        try:
            layout = json_object_in(directory / CODEC)
            if layout["format"] != FORMAT:
                raise ValueError(f"format {layout['format']!r}, this clirot reads {FORMAT}")
            codec = Codec.open(directory / ROTATION, int(layout["dim"]), int(layout["bits"]))
            lists = None
            if layout["lists"]:
                lists = Lists.open(directory / LISTS, codec, len(codes.docnos))
            if codes.tokens.shape[1] != codec.width:
                raise ValueError(f"codes of {codes.tokens.shape[1]} bytes, not of {codec.width}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(directory, error) from error
        vectors = None
        if layout["store"]:
            store = TokenStore.open(directory / STORE)
            if store.docnos != codes.docnos or not np.array_equal(store.offsets, codes.offsets):
                raise _damaged(directory, "its codes and its vectors are of other documents")
            vectors = store.matrix()
        unmeasured = Promise(1.0, 0, len(codes.docnos), "nothing", ())
        return cls(CodeMatrix.of(codec, codes), codes.docnos, vectors, lists, unmeasured)

    @property
    def dim(self) -> int:
        """Length of its token vectors."""
        return self.codes.codec.dim

    def __len__(self) -> int:
        return len(self.docnos)

    def __contains__(self, docno: object) -> bool:
        return docno in self._row_of

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {docno: row for row, docno in enumerate(self.docnos)}

    @cached_property
    def order(self) -> IntArray:
        """``(documents,)``: of documents with equal scores the lower is first."""
        return tie_order(self.docnos)

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`.

        The documents are not always the true best ones; see :class:`Promise`. How many are looked
        at depends on the index and on k, never on the other queries.
        """
        for query in queries:
            check_vectors(query, self.dim, "a query")
        depth = self.promise.at(k, len(self))
        for query, rows in zip(queries, self._candidates(queries, depth), strict=True):
            yield hits(self.docnos, *self.settled(query, rows, k))

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        for query, docnos in zip(queries, candidates, strict=True):
            check_vectors(query, self.dim, "a query")
            rows = np.array(sorted(self._row_of[docno] for docno in docnos), dtype=np.int64)
            yield hits(self.docnos, *self.settled(query, rows, k)) if len(rows) else []

    def settled(self, query: FloatArray, rows: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k best of some documents, in increasing order, by the best scores that are to be had:
        rows and scores, which are rounded to float32, as trec_eval reads them.
        """
        if self.vectors is None:
            found = screened(self.codes, [query], rows)[0]
        else:
            found = scores(self.vectors, [query], rows)[0][0].cpu().numpy()
        return best_first(rows, found.astype(np.float32), k, self.order)

    def batches(self, queries: Sequence[FloatArray]) -> Iterator[list[FloatArray]]:
        """Queries that share a reading of all codes; their scores fit in memory."""
        return query_batches(queries, len(self), _SCREENED_ELEMENTS)

    def _candidates(self, queries: Sequence[FloatArray], depth: Depth) -> Iterator[IntArray]:
        """The rows to settle of each query, increasing."""
        every = np.arange(len(self), dtype=np.int64)
        most = depth.settled if self.vectors is not None else depth.k
        if self.lists is not None and depth.probed:
            for query in queries:
                gained, _ = self.lists.promising(query, depth.probed)
                rows = np.sort(best_first(every, gained, depth.screened, self.order)[0])
                found = screened(self.codes, [query], rows)[0]
                yield np.sort(best_first(rows, found, most, self.order)[0])
        elif most >= len(self):
            for _ in queries:
                yield every
        else:
            for batch in self.batches(queries):
                for row in screened(self.codes, batch):
                    yield np.sort(best_first(every, row, most, self.order)[0])


def _damaged(directory: Path, why: object) -> ArtefactError:
    return ArtefactError(
        f"{directory} cannot be read as an index: {why}",
        hint="build it again: `build_index(..., replace=True)`",
    )
