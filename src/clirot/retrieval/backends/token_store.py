"""Token vectors of a collection on disk: one flat matrix, memory-mapped.

::

    tokens.bin    little-endian float16 or float32, (tokens, dim), in collection order
    lengths.bin   little-endian int32, tokens of each document
    docnos.txt    the documents' ids, one a line
    layout.json   format, dim, dtype, documents, tokens

A writer appends whole chunks, flushes them to disk and only then moves its checkpoint. So after a
power cut or kill -9 everything up to the checkpoint is there, and what follows it is cut off when
writing continues.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray, IntArray
from clirot.errors import ArtefactError
from clirot.sparse_files import load_lines
from clirot.store import write_text

DTYPES = ("float16", "float32")
_FORMAT = 1
_LENGTH = np.dtype("<i4")
_TOKENS, _LENGTHS, _DOCNOS, _LAYOUT = "tokens.bin", "lengths.bin", "docnos.txt", "layout.json"
_CHECKPOINT = "checkpoint.json"
_REBUILD = "build it again: `build_index(..., replace=True)`"


class TokenStoreWriter:
    """Writes a token store; see :class:`clirot.retrieval.backends.IndexWriter`.

    Args:
        directory: where the store is written.
        scratch: where the checkpoint is kept, not part of the store.
        dim: length of a token vector.
        dtype: one of :data:`DTYPES`.
    """

    def __init__(self, directory: Path, scratch: Path, dim: int, dtype: str) -> None:
        self._directory, self._dim, self._dtype = directory, dim, dtype
        self._item = _item(dtype)
        self._checkpoint = scratch / _CHECKPOINT
        self._done = {"documents": 0, "tokens": 0, "docno_bytes": 0}
        if self._checkpoint.is_file():
            self._done = json.loads(self._checkpoint.read_text(encoding="utf-8"))

    @property
    def documents(self) -> int:
        """Documents that are safely on disk."""
        return self._done["documents"]

    @property
    def tokens(self) -> int:
        """Token vectors that are safely on disk."""
        return self._done["tokens"]

    def append(self, docnos: Sequence[str], vectors: Sequence[FloatArray]) -> None:
        """See :meth:`clirot.retrieval.backends.IndexWriter.append`."""
        lengths = np.array([len(matrix) for matrix in vectors], dtype=_LENGTH)
        names = "".join(f"{docno}\n" for docno in docnos).encode()
        with ExitStack() as stack:
            streams = [stack.enter_context(stream) for stream in self._opened()]
            tokens, counts, ids = streams
            for matrix in vectors:
                tokens.write(matrix.astype(self._item).tobytes())
            counts.write(lengths.tobytes())
            ids.write(names)
            for stream in streams:
                stream.flush()
                os.fsync(stream.fileno())
        self._done = {
            "documents": self.documents + len(docnos),
            "tokens": self.tokens + int(lengths.sum()),
            "docno_bytes": self._done["docno_bytes"] + len(names),
        }
        write_text(self._checkpoint, json.dumps(self._done) + "\n")

    def finish(self) -> None:
        """Cut off what an interrupted attempt wrote after its last chunk; write the layout."""
        for stream in self._opened():
            stream.close()
        layout = {
            "format": _FORMAT,
            "dim": self._dim,
            "dtype": self._dtype,
            "documents": self.documents,
            "tokens": self.tokens,
        }
        write_text(self._directory / _LAYOUT, json.dumps(layout, indent=2) + "\n")

    def _opened(self) -> Iterator[BinaryIO]:
        """The files of the store, each cut off and positioned where the checkpoint says it ends."""
        sizes = {
            _TOKENS: self.tokens * self._dim * self._item.itemsize,
            _LENGTHS: self.documents * _LENGTH.itemsize,
            _DOCNOS: self._done["docno_bytes"],
        }
        for name, size in sizes.items():
            path = self._directory / name
            path.touch()
            stream = path.open("r+b")
            stream.truncate(size)
            stream.seek(size)
            yield stream


@dataclass(frozen=True, eq=False)
class TokenStore:
    """An opened token store. The vectors stay on disk until they are read."""

    tokens: torch.Tensor
    """``(tokens, dim)``, memory-mapped."""
    offsets: IntArray
    """``(documents + 1,)``: where each document's tokens begin."""
    docnos: list[str]
    """The documents' ids, in collection order."""

    @classmethod
    def open(cls, directory: Path) -> TokenStore:
        """Open the store in a directory.

        Raises:
            ArtefactError: a file is missing, truncated or contradicts the layout.
        """
        try:
            layout = json.loads((directory / _LAYOUT).read_text(encoding="utf-8"))
            documents, tokens, dim = (int(layout[key]) for key in ("documents", "tokens", "dim"))
            item = _item(layout["dtype"])
            if layout["format"] != _FORMAT:
                raise ArtefactError(
                    f"{directory} has index format {layout['format']!r}, this clirot reads "
                    f"{_FORMAT}",
                    hint=_REBUILD,
                )
            _check_size(directory / _TOKENS, tokens * dim * item.itemsize)
            _check_size(directory / _LENGTHS, documents * _LENGTH.itemsize)
            lengths = np.fromfile(directory / _LENGTHS, dtype=_LENGTH).astype(np.int64)
            docnos = load_lines(directory / _DOCNOS)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(
                f"{directory} cannot be read as an index: {error}", hint=_REBUILD
            ) from error
        if len(docnos) != documents or lengths.sum() != tokens or lengths.min(initial=1) < 1:
            raise ArtefactError(
                f"{directory} contradicts itself: its layout says {documents} documents and "
                f"{tokens} tokens, its files hold {len(docnos)} and {lengths.sum()}",
                hint=_REBUILD,
            )
        # Mode c makes private pages: torch wants a writable array, and the file must not change.
        mapped: NDArray[np.floating] = np.memmap(
            directory / _TOKENS, dtype=item, mode="c", shape=(tokens, dim)
        )
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(torch.from_numpy(mapped), offsets, docnos)


def _item(dtype: str) -> np.dtype[np.floating]:
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}")
    return np.dtype(dtype).newbyteorder("<")


def _check_size(path: Path, expected: int) -> None:
    found = path.stat().st_size
    if found != expected:
        raise ArtefactError(
            f"{path} has {found} bytes where {expected} were written", hint=_REBUILD
        )
