"""A matrix in a file, mapped into memory: the system reads its pages when they are first needed.

Mapped for reading only: pages that might be written count as memory that was asked for, and a file
larger than the machine's memory would be refused.

A page that is needed and not there is read together with what follows it in the file (read-ahead),
which suits a scan. Where some hundred documents of a large index are read, one here and one there,
it is a waste: with a read-ahead of 8 MB, which some systems set, each document costs 8 MB. So the
system is told beforehand which rows will be read. It reads these, and no others, side by side.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.token_matrix import IntArray

_WILL_READ = getattr(mmap, "MADV_WILLNEED", None)  # not on Windows
_SHARE = 4
"""Where more than one in so many rows will be read, reading everything in order is as well."""


class MappedRows:
    """The rows of a matrix in a file.

    Args:
        path: the file.
        item: the type of a number.
        shape: ``(rows, width)``.

    Raises:
        OSError: the system maps no more.
        ValueError: the file is shorter than that.
    """

    def __init__(self, path: Path, item: np.dtype[Any], shape: tuple[int, int]) -> None:
        self._row_bytes = shape[1] * item.itemsize
        self._map: mmap.mmap | None = None
        if not shape[0]:  # nothing cannot be mapped
            self.rows: NDArray[Any] = np.empty(shape, item)
            return
        with path.open("rb") as stream:
            size = shape[0] * self._row_bytes
            self._map = mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
        self.rows = np.frombuffer(self._map, dtype=item).reshape(shape)

    def will_read(self, begins: IntArray, ends: IntArray) -> None:
        """Say which rows will be read next. It changes how long that takes, and nothing else.

        Args:
            begins: ``(ranges,)``, in increasing order.
            ends: ``(ranges,)``; the ranges do not overlap.
        """
        for begin, length in self.pages(begins, ends):
            assert self._map is not None
            self._map.madvise(_WILL_READ, begin, length)  # type: ignore[arg-type]

    def pages(self, begins: IntArray, ends: IntArray) -> list[tuple[int, int]]:
        """Where the pages begin that hold some rows, and how long they are, in bytes; none where
        so many rows are read that it is not worth a word.
        """
        if self._map is None or _WILL_READ is None or not len(begins):
            return []
        if int((ends - begins).sum()) * _SHARE > len(self.rows):
            return []
        first = begins * self._row_bytes // mmap.PAGESIZE * mmap.PAGESIZE
        last = ends * self._row_bytes
        # A range that begins on the last page of the one before it continues that one.
        fresh = np.concatenate([[True], first[1:] > last[:-1]])
        start = first[fresh]
        stop = last[np.concatenate([fresh[1:], [True]])]
        return list(zip(start.tolist(), (stop - start).tolist(), strict=True))
