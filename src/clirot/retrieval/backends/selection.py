"""The k best documents by MaxSim: screened in a fast type, settled exactly.

Let ``s`` be the k-th best screened score of a query and ``e`` the bound on the screening's error.
At least k documents have an exact score of ``s - e`` or more, so every document of the true top k
has one too, and with it a screened score of at least ``s - 2e``. All documents that have that are
scored again exactly, so none of the top k can be missed, whatever type did the screening: only the
time depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    Arithmetic,
    FloatArray,
    IntArray,
    TokenMatrix,
    check_vectors,
    scores,
)

_SCREENED_ELEMENTS = 1 << 27  # screened scores held at once: topics x documents
_BATCH_QUERIES = 64
_BATCH_TOKENS = 1024


def screening_arithmetic(device: torch.device) -> Arithmetic:
    """The type to screen in on a device, by what it can do and not by a timing.

    float16 on a CUDA device, bfloat16 on a CPU with AMX tiles, else float32: without matrix units
    the narrow types are emulated (measured on AVX2: 2 to 10 GFLOP/s against float32's 130).
    """
    if device.type == "cuda":
        return FLOAT16
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", bool)
    return BFLOAT16 if has_tiles() else FLOAT32


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
    """
    for query in queries:
        check_vectors(query, documents.dim, "a query")
    screen = screen if screen is not None else screening_arithmetic(documents.device)
    for batch in _batches(queries, len(documents)):
        if screen.exact or len(documents) <= 2 * k:  # too few to be worth two passes
            found, _ = scores(documents, batch)
            every = np.arange(len(documents), dtype=np.int64)
            for row in found.cpu().numpy():
                yield _best(every, row, k, tie_order)
            continue
        screened, bounds = scores(documents, batch, arithmetic=screen)
        for query, row, bound in zip(batch, screened, bounds, strict=True):
            lowest = float(torch.topk(row, k).values[-1]) - 2 * bound
            threshold = np.nextafter(np.float32(lowest), np.float32(-np.inf))  # never rounded up
            candidates = torch.nonzero(row >= float(threshold)).flatten().cpu().numpy()
            found, _ = scores(documents, [query], candidates)
            yield _best(candidates, found[0].cpu().numpy(), k, tie_order)


def _batches(queries: Sequence[FloatArray], documents: int) -> Iterator[list[FloatArray]]:
    """Queries that share a pass: enough to fill the matrix units, few enough to hold the scores."""
    most = max(1, min(_BATCH_QUERIES, _SCREENED_ELEMENTS // max(1, documents)))
    batch: list[FloatArray] = []
    tokens = 0
    for query in queries:
        if batch and (len(batch) == most or tokens + len(query) > _BATCH_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(query)
        tokens += len(query)
    if batch:
        yield batch


def _best(
    rows: IntArray, exact: NDArray[np.float64], k: int, tie_order: IntArray
) -> tuple[IntArray, FloatArray]:
    rounded = exact.astype(np.float32)
    order = np.lexsort((tie_order[rows], -rounded))[:k]
    return rows[order], rounded[order]
