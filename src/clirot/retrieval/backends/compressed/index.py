"""An opened compressed index: codes find the documents that are worth settling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
from clirot.store import write_text

FORMAT = 1
CODEC, ROTATION, CODES, STORE, LISTS = "codec.json", "rotation.bin", "codes", "store", "lists"
_SCREENED_ELEMENTS = 1 << 24  # screened scores held at once: topics x documents


@dataclass(frozen=True)
class Layout:
    """What kind of index it is: the file ``codec.json``."""

    dim: int
    bits: int
    store: bool
    """Whether the vectors are kept."""
    lists: bool

    def save(self, directory: Path) -> None:
        """Write it."""
        row = {"format": FORMAT, **asdict(self)}
        write_text(directory / CODEC, json.dumps(row, indent=2) + "\n")

    @classmethod
    def open(cls, directory: Path) -> Layout:
        """Read it.

        Raises:
            OSError: it is missing.
            ValueError, KeyError, TypeError: it is damaged.
        """
        row = json_object_in(directory / CODEC)
        if row["format"] != FORMAT:
            raise ValueError(f"format {row['format']!r}, this clirot reads {FORMAT}")
        numbers = (int(row["dim"]), int(row["bits"]))
        return cls(*numbers, store=bool(row["store"]), lists=bool(row["lists"]))


@dataclass(frozen=True, eq=False)
class Found:
    """What the codes of a shard found for a query, documents in the order of its rows."""

    docnos: list[str]
    screened: NDArray[np.float64]
    """Scores by their codes, ``(documents,)``; where all were wanted, just the best scores."""
    scores: FloatArray
    """The best scores that are to be had, ``(documents,)``."""


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
            raise damaged(directory, error) from error
        return replace(found, promise=promise)

    @classmethod
    def without_promise(cls, directory: Path) -> CompressedIndex:
        """Open an index of which nothing has been measured yet: all documents are settled.

        Raises:
            ArtefactError: it is damaged.
        """
        codes = TokenStore.open(directory / CODES)
        try:
            layout = Layout.open(directory)
            codec = Codec.open(directory / ROTATION, layout.dim, layout.bits)
            lists = None
            if layout.lists:
                lists = Lists.open(directory / LISTS, codec, len(codes.docnos))
            if codes.tokens.shape[1] != codec.width:
                raise ValueError(f"codes of {codes.tokens.shape[1]} bytes, not of {codec.width}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(directory, error) from error
        vectors = None
        if layout.store:
            store = TokenStore.open(directory / STORE)
            if store.docnos != codes.docnos or not np.array_equal(store.offsets, codes.offsets):
                raise damaged(directory, "its codes and its vectors are of other documents")
            vectors = replace(
                store, docnos=codes.docnos
            ).matrix()  # which keeps them: once is enough
        unmeasured = Promise(1.0, 0, len(codes.docnos), "nothing", ())
        return cls(CodeMatrix.of(codec, codes), codes.docnos, vectors, lists, unmeasured)

    @classmethod
    def joined(cls, parts: Sequence[CompressedIndex]) -> CompressedIndex:
        """Shards as one index of which nothing has been measured yet, without lists.

        Raises:
            ValueError: they were made with other settings.
        """
        docnos = [docno for part in parts for docno in part.docnos]
        matrices = [part.vectors for part in parts if part.vectors is not None]
        if len(matrices) not in (0, len(parts)) or len({one.codes.codec.bits for one in parts}) > 1:
            raise ValueError("the shards were made with other settings")
        codes = CodeMatrix.joined([part.codes for part in parts])
        vectors = TokenMatrix.joined(matrices) if matrices else None
        return cls(codes, docnos, vectors, None, Promise(1.0, 0, len(docnos), "nothing", ()))

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
        listed = (self.listed(query, depth) for query in queries)
        best = self._best_by_codes(queries, listed, self.most(depth))
        for query, (rows, _) in zip(queries, best, strict=True):
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
        return best_first(rows, self._scores(query, rows), k, self.order)

    def found(
        self, queries: Sequence[FloatArray], listed: Sequence[IntArray | None], most: int | None
    ) -> Iterator[Found]:
        """What a shard finds for each query: of the documents that the whole index settles, those
        that it has are among them.

        Args:
            queries: ``(tokens, dim)`` each, unit rows.
            listed: for each, the documents of this shard that lists found, in increasing order;
                None: all are worth a look.
            most: how many documents the whole index settles; None: all of them.
        """
        for query, (rows, by_codes) in zip(
            queries, self._best_by_codes(queries, iter(listed), most), strict=True
        ):
            found = self._scores(query, rows) if len(rows) else np.empty(0, np.float32)
            kept = found.astype(np.float64) if by_codes is None else by_codes
            yield Found([self.docnos[row] for row in rows.tolist()], kept, found)

    def batches(self, queries: Sequence[FloatArray]) -> Iterator[list[FloatArray]]:
        """Queries that share a reading of all codes; their scores fit in memory."""
        return query_batches(queries, len(self), _SCREENED_ELEMENTS)

    def most(self, depth: Depth) -> int | None:
        """How many documents are settled; None: all of them, without a look at their codes."""
        most = depth.settled if self.vectors is not None else depth.k
        by_lists = self.lists is not None and depth.probed
        return most if by_lists or most < len(self) else None

    def listed(self, query: FloatArray, depth: Depth) -> IntArray | None:
        """The documents that lists find, in increasing order; None: all are worth a look."""
        if self.lists is None or not depth.probed:
            return None
        gained, _ = self.lists.promising(query, depth.probed)
        return np.sort(best_first(self._every, gained, depth.screened, self.order)[0])

    def _best_by_codes(
        self, queries: Sequence[FloatArray], listed: Iterator[IntArray | None], most: int | None
    ) -> Iterator[tuple[IntArray, NDArray[np.float64] | None]]:
        """The documents to settle of each query, increasing, and their scores by codes."""
        for batch in self.batches(queries):
            among = list(islice(listed, len(batch)))
            whole = None
            if most is not None and any(rows is None for rows in among):
                whole = screened(self.codes, batch)
            for place, (query, rows) in enumerate(zip(batch, among, strict=True)):
                if most is None:
                    yield (self._every if rows is None else rows), None
                    continue
                if rows is None:
                    assert whole is not None
                    rows, found = self._every, whole[place]
                else:
                    self.codes.will_read(rows)
                    found = screened(self.codes, [query], rows)[0]
                best, kept = best_first(rows, found, most, self.order)
                rising = np.argsort(best)
                yield best[rising], kept[rising]

    def _scores(self, query: FloatArray, rows: IntArray) -> FloatArray:
        if self.vectors is None:
            self.codes.will_read(rows)
            found = screened(self.codes, [query], rows)[0]
        else:
            self.vectors.will_read(rows)
            found = scores(self.vectors, [query], rows)[0][0].cpu().numpy()
        kept: FloatArray = found.astype(np.float32)
        return kept

    @cached_property
    def _every(self) -> IntArray:
        return np.arange(len(self), dtype=np.int64)


def damaged(directory: Path, why: object) -> ArtefactError:
    """The error for an index that cannot be opened."""
    return ArtefactError(
        f"{directory} cannot be read as an index: {why}",
        hint="build it again: `build_index(..., replace=True)`",
    )
