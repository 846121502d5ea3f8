"""MaxSim between queries and codes, in whole numbers: the same score however it is computed.

The levels of a code are whole numbers up to 127, and so are the components of a query token, in
steps of its own. Their inner product is below 2^24. So int32 and float32 hold it exactly, in any
order of summation: blocks, threads, shards and the type of the product change nothing. It is then
multiplied by the token's scale, which is one rounding of one number. The maxima are rounded to
2^-40, so their sum over up to 4,096 query tokens in float64 is exact too.

Where the processor multiplies bytes (VNNI), int8 takes a tenth of float32's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.arithmetic import SUM_GRID
from clirot.encoding.joined_rows import JoinedRows
from clirot.encoding.token_matrix import (
    FloatArray,
    IntArray,
    TokenSums,
    WillRead,
    cuts,
    joined_offsets,
    joined_will_read,
    nothing_to_say,
    windows,
)
from clirot.retrieval.backends.compressed.codec import Codec, Codes
from clirot.retrieval.backends.token_store import TokenStore

_BLOCK_TOKENS = 8192  # a block of decoded levels stays in the cache
_COLUMNS = 16  # byte products are up to 3 times slower in other numbers of columns
_LARGEST = 127


@dataclass(frozen=True, eq=False)
class CodeMatrix:
    """The codes of documents, one document after the other, and how they are read."""

    codec: Codec
    codes: Codes | JoinedRows[np.uint8]
    """``(tokens, width)``, memory-mapped."""
    offsets: IntArray
    """``(documents + 1,)``: where each document's tokens begin."""
    sums: TokenSums | None = None
    """What codes are compared with when they are first read; None: nothing."""
    will_read: WillRead = nothing_to_say
    """Told beforehand which documents are read where these are few."""

    @classmethod
    def of(cls, codec: Codec, store: TokenStore) -> CodeMatrix:
        """The codes that a store of bytes holds."""
        matrix = store.matrix()
        return cls(codec, store.tokens.numpy(), store.offsets, matrix.sums, matrix.will_read)

    @classmethod
    def joined(cls, parts: Sequence[CodeMatrix]) -> CodeMatrix:
        """The codes of several indexes as one, their documents one after the other.

        Raises:
            ValueError: they differ in their width.
        """
        codes: JoinedRows[np.uint8] = JoinedRows([part.codes[:] for part in parts])
        sums = TokenSums.joined([part.sums for part in parts])
        will_read = joined_will_read([(part.will_read, len(part)) for part in parts])
        return cls(parts[0].codec, codes, joined_offsets(parts), sums, will_read)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> IntArray:
        """Tokens of each document, ``(documents,)``."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class PackedQueries:
    """Query tokens side by side, in whole numbers."""

    levels: NDArray[np.int8]
    """``(components of a code, columns)``: filled up with columns of zeros, which belong to no
    query."""
    steps: NDArray[np.float64]
    """``(columns,)``: what one unit of a column is."""
    owner: torch.Tensor
    """``(columns, queries)`` in float64: a one where a token belongs to a query."""

    @classmethod
    def of(cls, codec: Codec, queries: Sequence[FloatArray]) -> PackedQueries:
        """Rotate queries, ``(tokens, dim)`` each, and round their components."""
        counts = [len(query) for query in queries]
        columns = -(-sum(counts) // _COLUMNS) * _COLUMNS
        turned = codec.rotated(np.concatenate(queries))
        most = min(_LARGEST, (2**24 - 1) // (_LARGEST * codec.components))
        steps = np.zeros(columns)
        steps[: len(turned)] = np.abs(turned).max(axis=1) / most
        levels = np.zeros((codec.components, columns), dtype=np.int8)
        divisor = np.where(steps > 0, steps, 1.0)[: len(turned), None]
        levels[: codec.dim, : len(turned)] = np.rint(turned / divisor).T
        owner = torch.zeros(columns, len(queries), dtype=torch.float64)
        owner[torch.arange(len(turned)), np.repeat(np.arange(len(queries)), counts)] = 1.0
        return cls(levels, steps, owner)


def has_byte_products() -> bool:
    """Whether the processor multiplies matrices of bytes quickly, and torch makes use of it."""
    supported = getattr(torch.cpu, "_is_vnni_supported", bool)
    return bool(supported()) and hasattr(torch, "_int_mm")


def screened(
    matrix: CodeMatrix,
    queries: Sequence[FloatArray],
    rows: IntArray | None = None,
    *,
    as_bytes: bool | None = None,
) -> NDArray[np.float64]:
    """Scores of documents by their codes.

    Args:
        matrix: the codes.
        queries: ``(tokens, dim)`` each, unit rows.
        rows: the documents to score, in increasing order; None: all of them.
        as_bytes: whether products are of bytes; None: as it suits the processor. The scores are
            the same.

    Returns:
        ``(queries, rows)``.

    Raises:
        ClirotError: the codes of a document are not as they were written.
    """
    packed = PackedQueries.of(matrix.codec, queries)
    if rows is None:
        rows = np.arange(len(matrix), dtype=np.int64)
    found = np.empty((len(queries), len(rows)))
    as_bytes = has_byte_products() if as_bytes is None else as_bytes
    products = Products(matrix.codec, packed.levels, as_bytes=as_bytes)
    steps = torch.from_numpy(packed.steps)
    for order in windows(matrix, rows):
        begin = 0
        for cut in cuts(matrix, rows[order], _BLOCK_TOKENS):
            end = begin + len(cut.documents)
            codes = matrix.codes[cut.index]
            if matrix.sums is not None:
                matrix.sums.check(cut.documents, torch.from_numpy(codes), cut.lengths)
            similarities = products.of(codes)
            similarities *= torch.from_numpy(matrix.codec.scales(codes))[:, None]
            best = similarities.view(end - begin, cut.width, -1).amax(1).to(torch.float64)
            best.mul_(steps).mul_(SUM_GRID).round_().div_(SUM_GRID)
            found[:, order[begin:end]] = (best @ packed.owner).numpy().T
            begin = end
    return found


class Products:
    """Inner products of codes' levels with columns of whole numbers.

    Args:
        codec: of the codes.
        columns: ``(components, columns)`` int8.
        as_bytes: whether they are computed in bytes.
    """

    def __init__(self, codec: Codec, columns: NDArray[np.int8], *, as_bytes: bool) -> None:
        self._codec, self._as_bytes = codec, as_bytes
        self._columns = torch.from_numpy(columns)
        if not as_bytes:
            self._columns = self._columns.to(torch.float32)

    def whole(self, codes: Codes) -> torch.Tensor:
        """``(tokens, columns)``, int32 or float32 with whole numbers."""
        levels = torch.from_numpy(self._codec.levels_of(codes))
        if self._as_bytes:
            return torch._int_mm(levels, self._columns)
        return levels.to(torch.float32) @ self._columns

    def of(self, codes: Codes) -> torch.Tensor:
        """``(tokens, columns)`` in float32."""
        return self.whole(codes).to(torch.float32)
