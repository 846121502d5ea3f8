"""MaxSim over a flat token matrix: exact scores, and a fast first pass whose error is bounded.

    score(Q, D) = sum_i max_j <q_i, d_j>        (ColBERT, arXiv 2004.12832, equation 3)

**Exact.** Components are rounded to multiples of 2^-26; float16 values of size <= 1 already are
such multiples. A product is then a multiple of 2^-52. A dot product of vectors of norm about 1, and
every partial sum of it, stays below 2, so it fits the 53 bits of a double. Therefore the order of
summation, the batch, the number of threads and the matrix library cannot change a digit. The maxima
are rounded to 2^-40, so their sum over up to 4,096 query tokens is exact too. Rounding the
components changes a similarity by less than float32 arithmetic does.

**Fast.** The same pass in a narrower type comes with a bound on its error. That is enough to choose
the best documents (:mod:`clirot.retrieval.backends.exact`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.encoding.arithmetic import (
    BFLOAT16,
    EXACT,
    FLOAT16,
    FLOAT32,
    MAX_NORM,
    SUM_GRID,
    Arithmetic,
    snap,
)
from clirot.encoding.block_scores import BlockScores
from clirot.encoding.token_matrix import (
    CPU,
    FloatArray,
    IntArray,
    TokenMatrix,
    TokenSums,
    cuts,
    windows,
)
from clirot.errors import InputError

__all__ = [
    "BFLOAT16",
    "CPU",
    "EXACT",
    "FLOAT16",
    "FLOAT32",
    "MAX_NORM",
    "Arithmetic",
    "FloatArray",
    "IntArray",
    "TokenMatrix",
    "TokenSums",
    "best_matches",
    "check_vectors",
    "maxsim",
    "scores",
]


@dataclass(frozen=True, eq=False)
class _Packed:
    """Query tokens one below the other: ``rows`` ``(query tokens, dim)`` on the 2^-26 grid in
    float64, ``owner`` ``(query tokens, queries)`` with a one where a token belongs to a query.
    """

    rows: Tensor
    owner: Tensor

    @classmethod
    def of(cls, queries: Sequence[FloatArray], device: torch.device) -> _Packed:
        counts = torch.tensor([len(query) for query in queries], device=device)
        rows = torch.from_numpy(np.concatenate(queries).astype(np.float64)).to(device)
        owner = torch.zeros(len(rows), len(queries), dtype=torch.float64, device=device)
        column = torch.repeat_interleave(torch.arange(len(queries), device=device), counts)
        owner[torch.arange(len(rows), device=device), column] = 1.0
        return cls(snap(rows), owner)


def maxsim(query: FloatArray, document: FloatArray) -> float:
    """The exact score of one document, ``(tokens, dim)``, for one query, ``(tokens, dim)``.

    The plain form of the definition, for reading and for checking the blockwise one.
    """
    return float(best_matches(query, document)[1].sum())


def best_matches(query: FloatArray, document: FloatArray) -> tuple[IntArray, NDArray[np.float64]]:
    """For each query token the document token with the greatest similarity, and that similarity.

    The first one where several are as great. The similarities add up to :func:`maxsim`.

    Args:
        query: ``(tokens, dim)``.
        document: ``(tokens, dim)``.

    Returns:
        ``(query tokens,)`` places of document tokens, and ``(query tokens,)`` similarities.
    """
    left = snap(torch.from_numpy(query.astype(np.float64)))
    right = snap(torch.from_numpy(document.astype(np.float64)))
    best, places = (left @ right.T).max(1)
    return places.numpy(), snap(best, SUM_GRID).numpy()


def scores(
    documents: TokenMatrix,
    queries: Sequence[FloatArray],
    rows: IntArray | None = None,
    *,
    arithmetic: Arithmetic = EXACT,
) -> tuple[Tensor, NDArray[np.float64]]:
    """Scores of documents for several queries in one pass over the tokens.

    Args:
        documents: the token matrix.
        queries: ``(tokens, dim)`` each, unit rows.
        rows: the documents to score, in increasing order; None: all of them.
        arithmetic: exact, or what to screen in.

    Returns:
        ``(queries, rows)`` scores in float64 (float32 when screened), and for each query a bound on
        their error, zero where they are exact.

    Raises:
        ClirotError: the tokens of a document are not as they were written
            (:class:`~clirot.encoding.token_matrix.TokenSums`).
    """
    if rows is None:
        rows = np.arange(len(documents), dtype=np.int64)
    packed = _Packed.of(queries, documents.device)
    sum_type = torch.float64 if arithmetic.exact else torch.float32
    owner = packed.owner.to(sum_type)
    found = torch.empty(len(queries), len(rows), dtype=sum_type, device=documents.device)
    work = BlockScores.of(documents, rows, packed.rows, owner, arithmetic)
    window = work.summed(len(rows))
    for order in windows(documents, rows):
        summed, begin = window[: len(order)], 0
        for cut in cuts(documents, rows[order], work.most_tokens):
            end = begin + len(cut.documents)
            work.score(documents, cut, into=summed[begin:end])
            begin = end
        found[:, torch.from_numpy(order).to(documents.device)] = summed.T
    if arithmetic.exact:
        return found, np.zeros(len(queries))
    rounding = arithmetic.rounding(documents.tokens.dtype, documents.dim)
    return found, _error_bounds(packed, arithmetic, documents.dim, rounding)


def check_vectors(vectors: FloatArray, dim: int, owner: str) -> None:
    """Check that an encoder gave what exact scoring needs.

    Raises:
        InputError: not ``(tokens, dim)`` with a token, not finite, or longer than unit norm.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim or len(vectors) == 0:
        raise InputError(
            f"{owner} has token vectors of shape {vectors.shape}; the index needs (tokens, {dim})",
            hint="the index was built by a model with other dimensions",
        )
    longest = float(np.square(vectors, dtype=np.float32).sum(axis=1).max()) ** 0.5
    if not longest <= MAX_NORM:  # also catches NaN
        raise InputError(
            f"{owner} has a token vector of norm {longest:.4g}",
            hint="late interaction needs unit vectors: end the encoder with a normalisation",
        )


def _error_bounds(
    packed: _Packed, arithmetic: Arithmetic, dim: int, document_rounding: float
) -> NDArray[np.float64]:
    """How far a screened score can be from the exact one, for each query.

    A query token's similarity is off by the rounding of both operands (Cauchy-Schwarz on their
    residuals), by the float32 accumulation of ``dim`` products, and by the rounding of the result;
    the maxima are then summed in float32. The last term covers the exact score's own rounding to
    float32.
    """
    narrow = packed.rows.to(arithmetic.dtype).to(torch.float64)
    query_rounding = (packed.rows - narrow).norm(dim=1)
    accumulated = (dim + 4) * FLOAT32.unit
    each = MAX_NORM**2 * (query_rounding + document_rounding + arithmetic.unit + accumulated)
    tokens = packed.owner.sum(0)
    summed = (tokens + 2) * tokens * FLOAT32.unit * MAX_NORM**2
    bounds: NDArray[np.float64] = (each @ packed.owner + summed).cpu().numpy()
    return bounds
