"""Token vectors of a collection on disk: one flat matrix, memory-mapped.

::

    tokens.bin    little-endian float16 or float32, (tokens, dim), in collection order
    lengths.bin   little-endian int32, tokens of each document
    sums.bin      little-endian int64, a checksum of the token vectors of each document
    docnos.txt    the documents' ids, one a line
    layout.json   format, dim, dtype, documents, tokens, CRC-32 of the three small files

Whenever token vectors are read to be scored they are compared with ``sums.bin``
(:class:`~clirot.encoding.token_matrix.TokenSums`), and the small files with their CRC-32 when the
store is opened. A store without ``sums.bin``, as they were written before it, is read as it is.

A writer appends whole chunks, flushes them to disk and only then moves its checkpoint. So after a
power cut or kill -9 everything up to the checkpoint is there, and what follows it is cut off when
writing continues. The checkpoint has a CRC-32 of what is there: where it is not that of the files,
all is written anew.
"""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.digests import crc_of_beginning
from clirot.encoding.mapped_rows import MappedRows
from clirot.encoding.maxsim import CPU, IntArray, TokenMatrix, TokenSums
from clirot.errors import ArtefactError, DamagedDraftWarning
from clirot.json_values import json_object_in
from clirot.records import ProgressSink, silent
from clirot.sparse_files import load_lines
from clirot.store import copy_file, write_text

DTYPES = ("float16", "float32")
BYTES = "uint8"
"""What the codes of a compressed index are kept as."""
_FORMAT = 1
_LENGTH, _SUM = np.dtype("<i4"), np.dtype("<i8")
_TOKENS, _LENGTHS, _DOCNOS, _LAYOUT = "tokens.bin", "lengths.bin", "docnos.txt", "layout.json"
_SUMS = "sums.bin"
_CHECKPOINT = "checkpoint.json"
_CRC = {_TOKENS: "tokens_crc", _LENGTHS: "lengths_crc", _SUMS: "sums_crc", _DOCNOS: "docnos_crc"}
_SMALL = (_LENGTHS, _SUMS, _DOCNOS)
_COUNTED = ("documents", "tokens", "docno_bytes", *_CRC.values())
_REBUILD = "build it again: `build_index(..., replace=True)`"


class TokenStoreWriter:
    """Writes a token store; see :class:`clirot.retrieval.backends.IndexWriter`.

    Args:
        directory: where the store is written.
        scratch: where the checkpoint is kept, not part of the store.
        dim: length of a token vector.
        dtype: one of :data:`DTYPES`, or :data:`BYTES`.
    """

    def __init__(self, directory: Path, scratch: Path, dim: int, dtype: str) -> None:
        self._directory, self._dim, self._dtype = directory, dim, dtype
        self._item = _item(dtype)
        self._checkpoint = scratch / _CHECKPOINT
        self._done = dict.fromkeys(_COUNTED, 0)
        if self._checkpoint.is_file():
            self._done = self._found() or self._done

    @property
    def documents(self) -> int:
        """Documents that are safely on disk."""
        return self._done["documents"]

    @property
    def tokens(self) -> int:
        """Token vectors that are safely on disk."""
        return self._done["tokens"]

    def take_over(self, old: Path) -> None:
        """See :meth:`clirot.retrieval.backends.IndexWriter.take_over`."""
        store = TokenStore.open(old)  # which looks at the sizes
        if store.tokens.shape[1] != self._dim or store.tokens.numpy().dtype != self._item:
            raise ArtefactError(
                f"{old} has vectors of {store.tokens.shape[1]} dimensions in "
                f"{store.tokens.numpy().dtype}, not {self._dim} in {self._dtype}",
                hint=_REBUILD,
            )
        done = {
            "documents": len(store.docnos),
            "tokens": len(store.tokens),
            "docno_bytes": (old / _DOCNOS).stat().st_size,
        }
        for name, size in self._sizes(done).items():
            copy_file(old / name, self._directory / name)
            done[_CRC[name]] = crc_of_beginning(self._directory / name, size)
        self._done = done
        write_text(self._checkpoint, json.dumps(done) + "\n")

    def append(self, docnos: Sequence[str], vectors: Sequence[NDArray[Any]]) -> None:
        """See :meth:`clirot.retrieval.backends.IndexWriter.append`."""
        lengths = np.array([len(matrix) for matrix in vectors], dtype=_LENGTH)
        names = "".join(f"{docno}\n" for docno in docnos).encode()
        sums = np.zeros(len(vectors), dtype=_SUM)
        crc = {name: self._done[key] for name, key in _CRC.items()}
        with ExitStack() as stack:
            streams = {name: stack.enter_context(one) for name, one in self._opened()}

            def write(name: str, block: bytes) -> None:
                crc[name] = zlib.crc32(block, crc[name])
                streams[name].write(block)

            for place, matrix in enumerate(vectors):
                stored = np.ascontiguousarray(matrix, dtype=self._item)
                sums[place] = TokenSums.each(torch.from_numpy(stored)).sum()
                write(_TOKENS, stored.tobytes())
            write(_LENGTHS, lengths.tobytes())
            write(_SUMS, sums.tobytes())
            write(_DOCNOS, names)
            for stream in streams.values():
                stream.flush()
                os.fsync(stream.fileno())
        self._done = {
            "documents": self.documents + len(docnos),
            "tokens": self.tokens + int(lengths.sum()),
            "docno_bytes": self._done["docno_bytes"] + len(names),
            **{_CRC[name]: found for name, found in crc.items()},
        }
        write_text(self._checkpoint, json.dumps(self._done) + "\n")

    def finish(self, progress: ProgressSink = silent, *, part: bool = False) -> None:
        """Cut off what an interrupted attempt wrote after its last chunk; write the layout."""
        for _, stream in self._opened():
            stream.close()
        layout = {
            "format": _FORMAT,
            "dim": self._dim,
            "dtype": self._dtype,
            "documents": self.documents,
            "tokens": self.tokens,
            **{_CRC[name]: self._done[_CRC[name]] for name in _SMALL},
        }
        write_text(self._directory / _LAYOUT, json.dumps(layout, indent=2) + "\n")

    def _found(self) -> dict[str, int] | None:
        """What an interrupted attempt left; None, with a warning, where it is damaged."""
        try:
            done = json_object_in(self._checkpoint)
            done = {name: int(done[name]) for name in _COUNTED}
            sizes = self._sizes(done)
            if all(
                crc_of_beginning(self._directory / name, sizes[name]) == done[_CRC[name]]
                for name in sizes
            ):
                return done
            said = "its files are not as they were written"
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = str(error)
        warnings.warn(
            f"what an interrupted attempt left in {self._directory.parent} is damaged, so all "
            f"documents are encoded anew: {said}",
            DamagedDraftWarning,
            stacklevel=3,
        )
        return None

    def _sizes(self, done: dict[str, int]) -> dict[str, int]:
        """How long each file is with so many documents and tokens."""
        return {
            _TOKENS: done["tokens"] * self._dim * self._item.itemsize,
            _LENGTHS: done["documents"] * _LENGTH.itemsize,
            _SUMS: done["documents"] * _SUM.itemsize,
            _DOCNOS: done["docno_bytes"],
        }

    def _opened(self) -> Iterator[tuple[str, BinaryIO]]:
        """The files of the store by name, each cut off where the checkpoint says that it ends."""
        for name, size in self._sizes(self._done).items():
            path = self._directory / name
            path.touch()
            stream = path.open("r+b")
            stream.truncate(size)
            stream.seek(size)
            yield name, stream


@dataclass(frozen=True, eq=False)
class TokenStore:
    """An opened token store. The vectors stay on disk until they are read."""

    tokens: torch.Tensor
    """``(tokens, dim)``, memory-mapped."""
    offsets: IntArray
    """``(documents + 1,)``: where each document's tokens begin."""
    docnos: list[str]
    """The documents' ids, in collection order."""
    sums: IntArray | None = None
    """``(documents,)``: the checksum of each document's vectors; None in a store without them."""
    directory: Path = Path()
    """Where it was opened, for messages."""
    mapped: MappedRows | None = None
    """What reads the tokens from the disk."""

    def matrix(self, device: torch.device = CPU) -> TokenMatrix:
        """The vectors, to be scored on a device.

        On the CPU they stay on disk and are compared with their checksums whenever they are read.
        For another device they are compared once, before they are copied.

        Raises:
            ArtefactError: a document's vectors are not as they were written; scoring the matrix
                raises it too.
        """
        sums = None if self.sums is None else TokenSums(self.sums, self._damaged)
        if device.type == "cpu":
            return TokenMatrix(self.tokens, self.offsets, sums=sums, will_read=self.will_read)
        if sums is not None:
            sums.check_all(self.tokens, self.offsets)
        return TokenMatrix(self.tokens.to(device), self.offsets, device)

    def will_read(self, rows: IntArray) -> None:
        """Tell the system which documents will be read next, in increasing order."""
        if self.mapped is not None:
            self.mapped.will_read(self.offsets[rows], self.offsets[rows + 1])

    def _damaged(self, row: int) -> ArtefactError:
        return ArtefactError(
            f"{self.directory} is damaged: the token vectors of document {self.docnos[row]!r} are "
            "not as they were written; rankings that were given before are right, and the others "
            "are missing",
            hint=_REBUILD,
        )

    @classmethod
    def open(cls, directory: Path) -> TokenStore:
        """Open the store in a directory.

        Raises:
            ArtefactError: a file is missing, truncated or contradicts the layout.
        """
        try:
            layout = json_object_in(directory / _LAYOUT)
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
            sums = None
            if _CRC[_SUMS] in layout:
                _check_size(directory / _SUMS, documents * _SUM.itemsize)
                sums = np.fromfile(directory / _SUMS, dtype=_SUM).astype(np.int64)
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
        if sums is not None:
            _check_small_files(directory, layout)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        mapped = _mapped(directory / _TOKENS, item, (tokens, dim))
        return cls(_tensor(mapped), offsets, docnos, sums, directory, mapped)


def _mapped(path: Path, item: np.dtype[np.floating], shape: tuple[int, int]) -> MappedRows:
    """A file's vectors.

    Raises:
        ArtefactError: the system maps no more.
    """
    try:
        return MappedRows(path, item, shape)
    except OSError as error:
        raise ArtefactError(
            f"{path} cannot be mapped into memory: {error}",
            hint="the limit of virtual memory is perhaps too small for it (`ulimit -v`)",
        ) from error


def _tensor(mapped: MappedRows) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch has no tensors that are for reading only. Nothing here writes.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(mapped.rows)


def _item(dtype: str) -> np.dtype[np.floating]:
    if dtype not in (*DTYPES, BYTES):
        raise ValueError(f"unknown dtype {dtype!r}")
    return np.dtype(dtype).newbyteorder("<")


def _check_small_files(directory: Path, layout: dict[str, object]) -> None:
    """They may be larger than what is compared with the manifest on every use."""
    for name in _SMALL:
        path = directory / name
        if crc_of_beginning(path, path.stat().st_size) != layout.get(_CRC[name]):
            raise ArtefactError(f"{path} is not as it was written", hint=_REBUILD)


def _check_size(path: Path, expected: int) -> None:
    found = path.stat().st_size
    if found != expected:
        raise ArtefactError(
            f"{path} has {found} bytes where {expected} were written", hint=_REBUILD
        )
