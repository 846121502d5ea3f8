"""The vectors of a window of documents, on disk from the moment they are encoded.

Documents are encoded in the order of their length and written in that of the collection, so all
vectors of a window must be kept. In memory they would be gigabytes where texts are long. They are
written to a file as they come, in the type that the index keeps, and read in their own order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from clirot.cut_texts import CutSink, CutTexts, nobody_told
from clirot.records import Document
from clirot.store import write_text

FloatArray = NDArray[np.float32]


class DocumentEncoder(Protocol):
    """What indexing needs of an encoder."""

    dim: int
    """Length of a token vector."""

    def encoded(
        self, texts: Sequence[str], *, cut: CutSink = nobody_told
    ) -> Iterator[list[tuple[int, FloatArray]]]:
        """The vectors of texts with their places, batch by batch; see
        :meth:`clirot.encoding.encoders.MultiVectorTokenEncoder.encoded`.
        """
        ...


@dataclass(frozen=True)
class WindowVectors(Sequence[FloatArray]):
    """The vectors of each document of a window, ``(tokens, dim)``, read when they are asked for."""

    path: Path
    dim: int
    dtype: str
    places: list[tuple[int, int]]
    """Of each document: its first row in the file, and the number of its rows."""
    cut: CutTexts
    """The documents that were cut."""

    @property
    def tokens(self) -> int:
        """Vectors of all documents."""
        return sum(count for _, count in self.places)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, row: int) -> FloatArray: ...
    @overload
    def __getitem__(self, row: slice) -> list[FloatArray]: ...
    def __getitem__(self, row: int | slice) -> FloatArray | list[FloatArray]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        first, count = self.places[row]
        return self._read(first, count)

    def __iter__(self) -> Iterator[FloatArray]:
        return (self._read(first, count) for first, count in self.places)

    def _read(self, first: int, count: int) -> FloatArray:
        return self._matrix[first : first + count].astype(np.float32)

    @cached_property
    def _matrix(self) -> NDArray[np.floating]:
        flat: NDArray[np.floating] = np.memmap(self.path, dtype=self.dtype, mode="r")
        return flat.reshape(-1, self.dim)

    def remove(self) -> None:
        """Remove the files."""
        self.path.unlink(missing_ok=True)
        _label(self.path).unlink(missing_ok=True)

    def publish(self) -> None:
        """Tell another process that the vectors are there, whole."""
        said = {
            "dim": self.dim,
            "dtype": self.dtype,
            "places": self.places,
            "cut": self.cut.row,
        }
        write_text(_label(self.path), json.dumps(said) + "\n")

    @classmethod
    def published(cls, path: Path) -> WindowVectors | None:
        """What another process has published; None: nothing yet."""
        try:
            said = json.loads(_label(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        places = [(first, count) for first, count in said["places"]]
        return cls(path, said["dim"], said["dtype"], places, CutTexts.of(said["cut"]))


def encode_window(
    window: Sequence[Document],
    encoder: DocumentEncoder,
    path: Path,
    dtype: str,
    advance: Callable[[int, int], None] = lambda documents, tokens: None,
) -> WindowVectors:
    """Encode the documents of a window.

    Args:
        window: the documents.
        encoder: what encodes them.
        path: the file for their vectors, in a directory of its own.
        dtype: ``float16`` or ``float32``, what the vectors are rounded to.
        advance: told of the documents and the tokens that are done.

    Raises:
        InputError: vectors are not those of a late-interaction encoder.
    """
    from clirot.encoding.maxsim import check_vectors

    cut = CutTexts()

    def note(row: int, tokens: int, limit: int) -> None:
        cut.add(window[row].id, tokens, limit)

    places = [(0, 0)] * len(window)
    first = end = done = tokens = 0
    with path.open("wb") as stream:
        for batch in encoder.encoded([one.text for one in window], cut=note):
            before = None  # a text that occurs several times is written once
            for row, matrix in batch:
                if matrix is not before:
                    check_vectors(matrix, encoder.dim, f"document {window[row].id!r}")
                    stream.write(matrix.astype(dtype).tobytes())
                    first, end = end, end + len(matrix)
                    before = matrix
                places[row] = (first, len(matrix))
                tokens += len(matrix)
            done += len(batch)
            advance(done, tokens)
    return WindowVectors(path, encoder.dim, dtype, places, cut)


def _label(path: Path) -> Path:
    return path.with_suffix(".json")
