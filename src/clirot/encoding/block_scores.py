"""Scores of a block of documents: load, multiply, take the maximum, add up.

How a product is laid out decides its time more than anything else does. Measured with torch 2.13
(MKL 2024.2) on an AMD EPYC with AVX-512, one thread (``docs/decisions/103``):

- With a row for each document token, the product is as slow for 8 query tokens as for 16, and for
  20 as for 32, and the maximum needs multiples of 32 columns. With a row for each *query* token its
  time grows with their number, and so does that of the maximum, which is dearer.
- In float64 the first form takes 1.0 ms for 32 query tokens and 4,080 document tokens of 128
  components, the second .6.
- Blocks that exceed the second cache cost up to twice as much in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from clirot.encoding.arithmetic import GRID, SUM_GRID, Arithmetic
from clirot.encoding.joined_rows import JoinedTokens
from clirot.encoding.token_matrix import Cut, IntArray, TokenMatrix, most_documents_sorted

_BLOCK_BYTES = 4 << 20  # of tokens, and of similarities: these stay in the cache
_LEAST, _MOST = 1024, 8192  # tokens in a block
_LANES = 32  # torch's maximum over an inner axis is quick in multiples of so many float32
_FEW = 24  # query tokens up to which a row for each of them may be quicker


@dataclass(frozen=True, eq=False)
class BlockScores:
    """Scores blocks, in arrays that each of them reuses: the page faults of new ones would cost
    more than the product.
    """

    matrix: Tensor
    """``(dim, columns)``: the query tokens, filled up with zeros where that is quicker."""
    owner: Tensor
    """``(columns, queries)``: a one where a query token belongs to a query."""
    most_tokens: int
    """How many tokens a block should have."""
    turned: bool
    """Whether similarities have a row for each query token, and not for each document token."""
    stored: Tensor
    between: Tensor
    block: Tensor
    similarities: Tensor

    @classmethod
    def of(
        cls,
        documents: TokenMatrix,
        rows: IntArray,
        query_tokens: Tensor,
        owner: Tensor,
        arithmetic: Arithmetic,
    ) -> Self:
        """For some documents of a matrix and ``(query tokens, dim)`` in float64."""
        dtype, dim, tokens = arithmetic.dtype, documents.dim, documents.tokens
        count = len(query_tokens)
        filled = _LANES // 2 if 2 * count <= _LANES else -(-count // _LANES) * _LANES
        turned = arithmetic.exact or (
            dtype is torch.float32 and count <= _FEW and 4 * count <= 3 * filled
        )
        columns = count if turned else filled
        matrix = torch.zeros(columns, dim, dtype=dtype, device=documents.device)
        matrix[:count] = query_tokens
        of_columns = torch.zeros(columns, owner.shape[1], dtype=owner.dtype, device=owner.device)
        of_columns[:count] = owner
        fits = _BLOCK_BYTES // (dtype.itemsize * max(dim, columns))
        most = min(_MOST, max(_LEAST, fits))
        longest = int(documents.lengths[rows].max(initial=1))
        room = min(max(most, longest), longest * len(rows))
        # float16 goes to other types by way of float32: torch has vector code for these two steps
        # (f16 to bfloat16: 140 microseconds for a million numbers, 700 directly).
        detour = tokens.dtype is torch.float16 and dtype in (torch.bfloat16, torch.float64)
        return cls(
            matrix.T,
            of_columns,
            most,
            turned,
            torch.empty(room, dim, dtype=tokens.dtype, device=tokens.device),
            torch.empty(room if detour else 0, dim, device=documents.device),
            matrix.new_empty(0 if tokens.dtype is dtype else room, dim),
            matrix.new_empty(room * columns),
        )

    def summed(self, documents: int) -> Tensor:
        """An array for the scores of a window, ``(documents, queries)``."""
        return self.owner.new_empty(min(most_documents_sorted(), documents), self.owner.shape[1])

    def score(self, documents: TokenMatrix, cut: Cut, into: Tensor) -> None:
        """Scores of the documents of a block: ``(documents, queries)``.

        Raises:
            ClirotError: a document's tokens are not as they were written.
        """
        block = self._load(documents, cut)
        best = self._best(block, len(cut.documents), cut.width)
        if best.dtype is torch.float64:
            best.mul_(SUM_GRID).round_().div_(SUM_GRID)
        torch.mm(best.to(self.owner.dtype), self.owner, out=into)

    def _load(self, documents: TokenMatrix, cut: Cut) -> Tensor:
        """A block of tokens in the type of the arithmetic."""
        tokens = documents.tokens
        if isinstance(tokens, JoinedTokens) or isinstance(cut.index, slice):
            stored = tokens[cut.index]
        else:
            stored = self.stored[: len(cut.index)]
            index = torch.from_numpy(cut.index).to(tokens.device)
            torch.index_select(tokens, 0, index, out=stored)
        if documents.sums is not None:
            documents.sums.check(cut.documents, stored, cut.lengths)
        if not len(self.block):
            return stored
        block = self.block[: len(stored)]
        if len(self.between):
            between = self.between[: len(stored)]
            between.copy_(stored)
            return block.copy_(between)
        block.copy_(stored)
        if block.dtype is torch.float64:
            block.mul_(GRID).round_().div_(GRID)
        return block

    def _best(self, block: Tensor, documents: int, width: int) -> Tensor:
        """Each document's greatest similarity to each query token, ``(documents, columns)``."""
        columns = self.matrix.shape[1]
        similarities = self.similarities[: len(block) * columns]
        if self.turned:
            turned = similarities.view(columns, len(block))
            torch.mm(block, self.matrix, out=turned.T)
            return turned.view(columns, documents, width).amax(2).T
        torch.mm(block, self.matrix, out=similarities.view(len(block), columns))
        shaped = similarities.view(documents, width, columns)
        if block.dtype is torch.bfloat16 and block.device.type == "cpu":
            return _greatest_bfloat16(shaped)
        return _greatest(shaped, _LANES)


def _greatest(values: Tensor, lanes: int) -> Tensor:
    """The maximum over the middle axis, of several tokens side by side so that these fill lanes."""
    count, width, columns = values.shape
    side = max(1, lanes // columns)
    whole = width - width % side
    if side == 1 or not whole:
        return values.amax(1)
    folded = values[:, :whole].view(count, whole // side, side * columns).amax(1)
    best = folded.view(count, side, columns).amax(1)
    for place in range(whole, width):
        torch.maximum(best, values[:, place], out=best)
    return best


def _greatest_bfloat16(values: Tensor) -> Tensor:
    """The same for bfloat16, compared as whole numbers, for which torch has vector code.

    Numbers of one sign are in the order of their bits: rising where they are positive, falling
    where they are negative. So where the greatest is negative, all are, and the least is wanted.
    """
    bits = values.view(torch.int16)
    best = _greatest(bits, 2 * _LANES)
    if int(best.amin()) < 0:
        best = torch.where(best < 0, bits.amin(1), best)
    return best.view(torch.bfloat16)
