"""Several matrices, one below the other, read as one without being copied together.

The shards of an index stay files of their own, and are mapped into memory each by itself. So that
whatever reads one index reads all of them, their rows are numbered through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_Item = TypeVar("_Item", bound=np.generic)


class JoinedRows(Generic[_Item]):
    """Matrices of one type and width, one below the other.

    Args:
        parts: ``(rows, width)`` each, one or more; memory-mapped ones are read where they are asked
            for.

    Raises:
        ValueError: they differ in type or width.
    """

    def __init__(self, parts: Sequence[NDArray[_Item]]) -> None:
        kinds = {(part.dtype, part.shape[1:]) for part in parts}
        if len(kinds) != 1:
            raise ValueError(
                f"matrices that differ cannot be read as one: {sorted(map(str, kinds))}"
            )
        self._parts = list(parts)
        self._starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """``(rows, width)``."""
        return (len(self), *self._parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[_Item]:
        """Of all matrices."""
        return self._parts[0].dtype

    def __getitem__(self, index: slice | NDArray[np.int64]) -> NDArray[_Item]:
        """Some rows: a view of a matrix where they lie side by side in one, else a copy."""
        if isinstance(index, slice):
            begin, end, _ = index.indices(len(self))
            return self._between(begin, end)
        part_of = np.searchsorted(self._starts, index, "right") - 1
        found: NDArray[_Item] = np.empty((len(index), *self.shape[1:]), dtype=self.dtype)
        for part in np.unique(part_of).tolist():
            some = part_of == part
            found[some] = self._parts[part][index[some] - self._starts[part]]
        return found

    def _between(self, begin: int, end: int) -> NDArray[_Item]:
        first = int(np.searchsorted(self._starts, begin, "right")) - 1
        pieces = []
        while begin < end:
            start, stop = int(self._starts[first]), int(self._starts[first + 1])
            if begin < stop:
                pieces.append(self._parts[first][begin - start : min(end, stop) - start])
                begin = min(end, stop)
            first += 1
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else self._parts[0][:0]


class JoinedTokens:
    """Token vectors of several indexes as one tensor on the CPU, as far as they are read of it.

    Args:
        parts: ``(tokens, dim)`` each, on the CPU.

    Raises:
        ValueError: they differ in type or dimension.
    """

    device = torch.device("cpu")

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self._rows: JoinedRows[Any] = JoinedRows([part.numpy() for part in parts])
        self.dtype = parts[0].dtype

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(tokens, dim)``."""
        return self._rows.shape

    def __getitem__(self, index: slice | NDArray[np.int64]) -> Tensor:
        """Some of them, ``(some, dim)``."""
        return torch.from_numpy(self._rows[index])
