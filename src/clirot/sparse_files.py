"""Sparse matrices as files that are read where they lie, and the names of their rows and columns.

A matrix is three NumPy arrays; names are a text file, one a line.

The same matrix always gives the same bytes, which a zipped archive, with its dates, does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

_ARRAYS = ("data", "indices", "indptr")


def save_sparse(matrix: sparse.csr_matrix | sparse.csc_matrix, directory: Path, name: str) -> None:
    """Write a matrix as ``NAME.data.npy``, ``NAME.indices.npy`` and ``NAME.indptr.npy``."""
    for part in _ARRAYS:
        np.save(directory / f"{name}.{part}.npy", getattr(matrix, part), allow_pickle=False)


def load_sparse(kind: Any, directory: Path, name: str, shape: tuple[int, int]) -> Any:
    """Read a matrix; its arrays stay on disk until they are used.

    Args:
        kind: ``scipy.sparse.csr_matrix`` or ``csc_matrix``, as it was written.
        directory: where its files are.
        name: the one it was written under.
        shape: rows and columns.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged.
    """
    arrays = [
        np.load(directory / f"{name}.{part}.npy", mmap_mode="r", allow_pickle=False)
        for part in _ARRAYS
    ]
    return kind(tuple(arrays), shape=shape, copy=False)


def load_lines(path: Path) -> list[str]:
    """The lines of a file, which line feeds alone end: other separators may be part of a name.

    Raises:
        OSError: the file is missing.
        ValueError: it is not UTF-8.
    """
    return path.read_text(encoding="utf-8").split("\n")[:-1]
