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

The documents of a block are sorted by length and padded to the longest of a small group by
repeating their last token, which changes no maximum. The maximum over a document's tokens is then a
plain reduction of a ``(documents, tokens, query tokens)`` array: measured 15 to 40 times faster
than ``torch.segment_reduce`` or ``numpy.maximum.reduceat`` over documents of different lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.errors import InputError

CPU = torch.device("cpu")

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MAX_NORM = 1.02
"""Largest norm of a token vector for which scores are exact; encoders must give unit vectors."""
_GRID = 2.0**26
_SUM_GRID = 2.0**40
_SORTED_TOGETHER = 8192  # documents sorted by length at a time, so that the disk is read in order
_BLOCK_ELEMENTS = 1 << 20  # similarities held at once: 4 MiB in float32 stay in the cache
_COLUMNS = 32  # torch's maximum over an inner axis is quick in multiples of so many float32
_LEAST, _MOST = 1024, 8192  # tokens in a block


@dataclass(frozen=True)
class Arithmetic:
    """How similarities are computed: exactly in float64, or screened in a narrower type."""

    dtype: torch.dtype
    """Type of the matrix product's operands and result."""
    unit: float
    """Unit roundoff of that type."""

    @property
    def exact(self) -> bool:
        """Whether scores are those of the definition above, with no error."""
        return self.dtype is torch.float64


EXACT = Arithmetic(torch.float64, 2.0**-53)
FLOAT32 = Arithmetic(torch.float32, 2.0**-24)
FLOAT16 = Arithmetic(torch.float16, 2.0**-11)
BFLOAT16 = Arithmetic(torch.bfloat16, 2.0**-8)


@dataclass(frozen=True, eq=False)
class TokenMatrix:
    """The token vectors of documents, one document after the other.

    ``tokens``: ``(tokens, dim)``, float16 or float32, possibly memory-mapped; ``offsets``:
    ``(documents + 1,)``, document ``d`` owning the rows ``offsets[d]`` to ``offsets[d + 1]``, at
    least one; ``device``: where the arithmetic is done.
    """

    tokens: Tensor
    offsets: IntArray
    device: torch.device = CPU

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> IntArray:
        """Tokens of each document, ``(documents,)``."""
        return np.diff(self.offsets)

    @property
    def dim(self) -> int:
        """Length of a token vector."""
        return int(self.tokens.shape[1])


@dataclass(frozen=True, eq=False)
class _Packed:
    """Query tokens side by side: ``matrix`` ``(dim, query tokens)`` on the 2^-26 grid in float64,
    ``owner`` ``(query tokens, queries)`` with a one where a token belongs to a query.
    """

    matrix: Tensor
    owner: Tensor

    @classmethod
    def of(cls, queries: Sequence[FloatArray], device: torch.device) -> _Packed:
        counts = torch.tensor([len(query) for query in queries], device=device)
        tokens = int(counts.sum())
        # Filled up with columns of zeros that no query owns: with another number of columns the
        # product is up to 3 times slower, and the maximum up to 9 times.
        columns = _COLUMNS // 2 if 2 * tokens <= _COLUMNS else -(-tokens // _COLUMNS) * _COLUMNS
        rows = torch.zeros(columns, queries[0].shape[1], dtype=torch.float64, device=device)
        rows[:tokens] = torch.from_numpy(np.concatenate(queries).astype(np.float64)).to(device)
        owner = torch.zeros(columns, len(queries), dtype=torch.float64, device=device)
        column = torch.repeat_interleave(torch.arange(len(queries), device=device), counts)
        owner[torch.arange(tokens, device=device), column] = 1.0
        return cls(_snap(rows).T, owner)


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
    left = _snap(torch.from_numpy(query.astype(np.float64)))
    right = _snap(torch.from_numpy(document.astype(np.float64)))
    best, places = (left @ right.T).max(1)
    return places.numpy(), _snap(best, _SUM_GRID).numpy()


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
    """
    if rows is None:
        rows = np.arange(len(documents), dtype=np.int64)
    packed = _Packed.of(queries, documents.device)
    matrix = packed.matrix.to(arithmetic.dtype)
    sum_type = torch.float64 if arithmetic.exact else torch.float32
    owner = packed.owner.to(sum_type)
    found = torch.empty(len(queries), len(rows), dtype=sum_type, device=documents.device)
    block_tokens = min(_MOST, max(_LEAST, _BLOCK_ELEMENTS // matrix.shape[1]))
    workspace = _Workspace.of(documents, rows, matrix, owner, block_tokens)
    for order in _windows(documents, rows):
        summed, begin = workspace.summed[: len(order)], 0
        for count, width, index in _blocks(documents, rows[order], block_tokens):
            block = workspace.load(documents.tokens, index)
            workspace.score(block, width, into=summed[begin : begin + count])
            begin += count
        found[:, torch.from_numpy(order).to(documents.device)] = summed.T
    if arithmetic.exact:
        return found, np.zeros(len(queries))
    rounding = float(workspace.widest_rounding)
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


def _snap(values: Tensor, grid: float = _GRID) -> Tensor:
    """Round to multiples of ``1 / grid``. Scaling by a power of two is exact."""
    return (values * grid).round_().div_(grid)


@dataclass(frozen=True, eq=False)
class _Workspace:
    """Arrays that every block reuses: the page faults of new ones would cost more than the product.

    ``matrix`` ``(dim, query tokens)`` and ``owner`` ``(query tokens, queries)`` are the queries.
    """

    matrix: Tensor
    owner: Tensor
    stored: Tensor
    block: Tensor
    similarities: Tensor
    best: Tensor
    summed: Tensor
    widest_rounding: Tensor
    """Norm of the longest residual of rounding a token to the type of ``block``, so far."""

    @classmethod
    def of(
        cls,
        documents: TokenMatrix,
        rows: IntArray,
        matrix: Tensor,
        owner: Tensor,
        block_tokens: int,
    ) -> _Workspace:
        longest = int(documents.lengths[rows].max(initial=1))
        room = min(max(block_tokens, longest), longest * len(rows))
        tokens, columns = documents.tokens, matrix.shape[1]
        return cls(
            matrix,
            owner,
            torch.empty(room, documents.dim, dtype=tokens.dtype, device=tokens.device),
            matrix.new_empty(room, documents.dim),
            matrix.new_empty(room, columns),
            matrix.new_empty(min(room, len(rows)), columns),
            owner.new_empty(min(_SORTED_TOGETHER, len(rows)), owner.shape[1]),
            torch.zeros((), device=matrix.device),
        )

    def load(self, tokens: Tensor, index: IntArray | slice) -> Tensor:
        """A block of tokens in the type of the arithmetic."""
        if isinstance(index, slice):
            stored = tokens[index]
        else:
            stored = self.stored[: len(index)]
            torch.index_select(tokens, 0, torch.from_numpy(index).to(tokens.device), out=stored)
        block = self.block[: len(stored)]
        block.copy_(stored)
        if block.dtype is torch.float64 and stored.dtype is not torch.float16:
            block.mul_(_GRID).round_().div_(_GRID)
        elif block.dtype in (torch.float16, torch.bfloat16) and block.dtype is not stored.dtype:
            residual = (stored.to(block.device).float() - block.float()).norm(dim=1).amax()
            torch.maximum(self.widest_rounding, residual, out=self.widest_rounding)
        return block

    def score(self, block: Tensor, width: int, into: Tensor) -> None:
        """Scores of the documents of a block, ``width`` tokens each: ``(documents, queries)``."""
        similarities = self.similarities[: len(block)]
        torch.mm(block, self.matrix, out=similarities)
        columns, best = similarities.shape[1], self.best[: len(into)]
        if columns % _COLUMNS and width % 2 == 0:  # two tokens side by side fill the columns
            pairs = similarities.view(len(into), width // 2, 2 * columns).amax(1)
            torch.amax(pairs.view(len(into), 2, columns), 1, out=best)
        else:
            torch.amax(similarities.view(len(into), width, columns), 1, out=best)
        if best.dtype is torch.float64:
            best.mul_(_SUM_GRID).round_().div_(_SUM_GRID)
        torch.mm(best.to(self.owner.dtype), self.owner, out=into)


def _windows(documents: TokenMatrix, rows: IntArray) -> Iterator[IntArray]:
    """Places in ``rows``, some thousands at a time, the shortest document first."""
    lengths = documents.lengths[rows]
    for first in range(0, len(rows), _SORTED_TOGETHER):
        yield first + np.argsort(lengths[first : first + _SORTED_TOGETHER], kind="stable")


def _blocks(
    documents: TokenMatrix, rows: IntArray, block_tokens: int
) -> Iterator[tuple[int, int, IntArray | slice]]:
    """Documents of growing length cut into blocks, padded to the longest of a block.

    Gives how many documents a block has, to how many tokens they are padded, and the token rows
    ``(count * width,)``, a slice where they lie side by side.
    """
    lengths, starts = documents.lengths[rows], documents.offsets[rows]
    begin = 0
    while begin < len(rows):
        # Lengths grow: the first sets how many fit at most, and the last that fits sets the width.
        most = max(1, block_tokens // int(lengths[begin]))
        ahead = lengths[begin : begin + most]
        count = len(ahead)
        if ahead[-1] * count > block_tokens:
            padded = ahead * np.arange(1, count + 1)
            count = max(1, int(np.searchsorted(padded, block_tokens, "right")))
        width, start = int(ahead[count - 1]), int(starts[begin])
        end = begin + count
        if lengths[begin] == width and starts[end - 1] - start == (count - 1) * width:
            # Documents of equal length are in the order of the store, so these lie side by side.
            yield count, width, slice(start, start + count * width)
        else:
            inside = np.minimum(np.arange(width), ahead[:count, None] - 1)
            yield count, width, (starts[begin:end, None] + inside).ravel()
        begin = end


def _error_bounds(
    packed: _Packed, arithmetic: Arithmetic, dim: int, document_rounding: float
) -> NDArray[np.float64]:
    """How far a screened score can be from the exact one, for each query.

    A query token's similarity is off by the rounding of both operands (Cauchy-Schwarz on their
    residuals), by the float32 accumulation of ``dim`` products, and by the rounding of the result;
    the maxima are then summed in float32. The last term covers the exact score's own rounding to
    float32.
    """
    narrow = packed.matrix.to(arithmetic.dtype).to(torch.float64)
    query_rounding = (packed.matrix - narrow).norm(dim=0)
    accumulated = (dim + 4) * FLOAT32.unit
    each = MAX_NORM**2 * (query_rounding + document_rounding + arithmetic.unit + accumulated)
    tokens = packed.owner.sum(0)
    summed = (tokens + 2) * tokens * FLOAT32.unit * MAX_NORM**2
    bounds: NDArray[np.float64] = (each @ packed.owner + summed).cpu().numpy()
    return bounds
