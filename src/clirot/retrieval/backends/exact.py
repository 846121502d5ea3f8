"""The ``exact`` backend: every token vector kept, the true k best documents by MaxSim found.

Documents are screened in a fast type first, and the candidates are then scored exactly. Let ``s``
be the k-th best screened score of a query and ``e`` the bound on the screening's error. At least k
documents have an exact score of ``s - e`` or more, so every document of the true top k has one too,
and with it a screened score of at least ``s - 2e``. All documents with such a screened score are
scored again exactly, so no document of the top k is missed. The type that screens changes only the
time. A 16-bit type may leave many documents; these are screened once more in float32 before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clirot.encoding.maxsim import (
    BFLOAT16,
    CPU,
    FLOAT16,
    FLOAT32,
    Arithmetic,
    FloatArray,
    IntArray,
    TokenMatrix,
    check_vectors,
    scores,
)
from clirot.records import Hit
from clirot.retrieval.backends.query_batches import query_batches
from clirot.retrieval.backends.ties import best_first, hits, tie_order
from clirot.retrieval.backends.token_store import TokenStore

_SCREENED_ELEMENTS = 1 << 27  # screened scores held at once: topics x documents
_FEW = 32  # query tokens for which 16 bits do not pay on a CPU


class ExactIndex:
    """An opened exact index; see :class:`clirot.retrieval.backends.Index`.

    Args:
        store: the documents' token vectors.
        device: where to compute; None: the GPU where there is one and the vectors fit on it.
    """

    def __init__(self, store: TokenStore, *, device: torch.device | None = None) -> None:
        device = device if device is not None else _device(store)
        self._docnos = store.docnos
        self.dim = int(store.tokens.shape[1])
        self._matrix = store.matrix(device)
        self._tie_order = tie_order(store.docnos)

    @classmethod
    def open(cls, directory: Path) -> ExactIndex:
        """Open the index in a directory.

        Raises:
            ArtefactError: it is damaged.
        """
        return cls(TokenStore.open(directory))

    def __len__(self) -> int:
        return len(self._docnos)

    def __contains__(self, docno: object) -> bool:
        return docno in self._row_of

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {docno: row for row, docno in enumerate(self._docnos)}

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        for rows, found in top_k(self._matrix, queries, k, self._tie_order):
            yield hits(self._docnos, rows, found)

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        for query, docnos in zip(queries, candidates, strict=True):
            check_vectors(query, self.dim, "a query")
            rows = np.array(sorted(self._row_of[docno] for docno in docnos), dtype=np.int64)
            if not len(rows):
                yield []
                continue
            self._matrix.will_read(rows)
            found, _ = scores(self._matrix, [query], rows)
            settled = found[0].cpu().numpy().astype(np.float32)
            yield hits(self._docnos, *best_first(rows, settled, k, self._tie_order))


def screening_arithmetic(device: torch.device, query_tokens: int) -> Arithmetic:
    """The type to screen so many query tokens in: by what the device can do, never by a timing.

    float16 on a CUDA device, else float32; bfloat16 on a CPU with AMX tiles where there are more
    than :data:`_FEW` query tokens. With fewer, converting the documents' tokens takes as long as
    the tiles save, and a 16-bit type leaves more documents for the second pass. Without matrix
    units the narrow types are emulated (measured on AVX2: 2 to 10 GFLOP/s, and 130 for float32).
    """
    if device.type == "cuda":
        return FLOAT16
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", bool)
    return BFLOAT16 if query_tokens > _FEW and has_tiles() else FLOAT32


def top_k(
    documents: TokenMatrix,
    queries: Sequence[FloatArray],
    k: int,
    tie_order: IntArray,
    *,
    screen: Arithmetic | None = None,
) -> Iterator[tuple[IntArray, FloatArray]]:
    """The k best documents of each query, exactly: rows and scores, best first.

    Scores are the exact ones rounded to float32, which is what trec_eval reads a run into; equal
    ones are ordered by ``tie_order``.

    Args:
        documents: the token matrix.
        queries: ``(tokens, dim)`` each, unit rows, at least one token.
        k: how many; fewer come back where there are fewer documents.
        tie_order: ``(documents,)``; of documents with equal scores the lower comes first.
        screen: what to screen in; None: what suits the device.

    Raises:
        InputError: a query has another dimension than the documents, no token, or vectors that are
            not of unit norm.
        ClirotError: the tokens of a document are not as they were written.
    """
    for query in queries:
        check_vectors(query, documents.dim, "a query")
    asked = screen
    for batch in query_batches(queries, len(documents), _SCREENED_ELEMENTS):
        tokens = sum(len(query) for query in batch)
        screen = asked if asked is not None else screening_arithmetic(documents.device, tokens)
        if screen.exact or len(documents) <= 2 * k:  # too few to be worth two passes
            found, _ = scores(documents, batch)
            every = np.arange(len(documents), dtype=np.int64)
            for row in found.cpu().numpy():
                yield best_first(every, row.astype(np.float32), k, tie_order)
            continue
        screened, bounds = scores(documents, batch, arithmetic=screen)
        for query, row, bound in zip(batch, screened, bounds, strict=True):
            candidates = _within(row, float(bound), k)
            if screen.unit > FLOAT32.unit and len(candidates) > 2 * k:
                again, (bound,) = scores(documents, [query], candidates, arithmetic=FLOAT32)
                candidates = candidates[_within(again[0], float(bound), k)]
            found, _ = scores(documents, [query], candidates)
            settled = found[0].cpu().numpy().astype(np.float32)
            yield best_first(candidates, settled, k, tie_order)


def _within(screened: Tensor, bound: float, k: int) -> IntArray:
    """Places of the documents that may be among the k best, by scores with an error in a bound."""
    lowest = float(torch.topk(screened, k).values[-1]) - 2 * bound
    threshold = np.nextafter(np.float32(lowest), np.float32(-np.inf))  # never rounded up
    found: IntArray = torch.nonzero(screened >= float(threshold)).flatten().cpu().numpy()
    return found


def _device(store: TokenStore) -> torch.device:
    if not torch.cuda.is_available():
        return CPU
    free, _ = torch.cuda.mem_get_info()
    fits = store.tokens.nbytes < free // 2  # the other half is for scores
    return torch.device("cuda") if fits else CPU
