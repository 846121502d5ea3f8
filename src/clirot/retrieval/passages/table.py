"""Which document each passage of an index is of, and where it lies in it.

::

    passages.bin     little-endian int32, (passages, 3): place of the document, first character of
                     the passage, and the one after the last; in the order of the index's rows
    documents.txt    the documents' ids, one a line, in collection order
    passages.json    format, documents, passages

The rows of the index itself are passages, named by :func:`row_name`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clirot.digests import crc_of_beginning
from clirot.errors import ArtefactError
from clirot.json_values import json_object_in
from clirot.retrieval.passages.counts import Counts
from clirot.sparse_files import load_lines
from clirot.store import write_text

Span = tuple[int, int]
_FORMAT = 1
_ITEM = np.dtype("<i4")
_ROWS, _DOCUMENTS, _LAYOUT = "passages.bin", "documents.txt", "passages.json"
_CHECKPOINT = "passages-checkpoint.json"
_BUFFERED = 512
"""Passages that are written together."""
_SEPARATOR = "\t"
"""Between a document's id and a number. It sorts before all that ids are made of, and no id has
it, so that names sort as the ids do: ``a`` and ``a.b`` as ``a<TAB>1`` and ``a.b<TAB>1``."""
_MOST = 99_999_999
_REBUILD = "build it again: `build_index(..., replace=True)`"


def row_name(docno: str, number: int) -> str:
    """The name that a passage has as a row of an index.

    Equal scores are ordered by name, descending. So names of one document count down: its first
    passage is the first of them, and passages of two documents are in the order of the documents.

    Args:
        docno: the document's id.
        number: of the passage in its document, from 0.
    """
    return f"{docno}{_SEPARATOR}{_MOST - number:08d}"


def row_of(name: str) -> tuple[str, int]:
    """The inverse of :func:`row_name`."""
    docno, _, number = name.rpartition(_SEPARATOR)
    return docno, _MOST - int(number)


class PassageTableWriter:
    """Writes the table beside an index, document by document.

    What a killed process has written is gone on with as far as it is whole; the rest is split again
    and is the same, so that an interrupted index is that of one that was not.

    Args:
        directory: of the index.
        scratch: for the checkpoint, which is not part of the index.
    """

    def __init__(self, directory: Path, scratch: Path) -> None:
        self._directory, self._checkpoint = directory, scratch / _CHECKPOINT
        self.counts = Counts()
        self._state = {_ROWS: (0, 0), _DOCUMENTS: (0, 0)}  # bytes, and their CRC-32
        self._rows: list[tuple[int, int, int]] = []
        self._ids: list[str] = []
        self._resume()
        for name, (size, _) in self._state.items():
            path = directory / name
            path.touch()
            os.truncate(path, size)

    def spans(self, documents: int) -> Iterator[list[Span]]:
        """The passages of each of the first documents, which must be on disk."""
        rows = np.fromfile(self._directory / _ROWS, dtype=_ITEM).reshape(-1, 3)
        for start, end in pairwise(_firsts(rows, documents).tolist()):
            yield [(first, last) for first, last in rows[start:end, 1:].tolist()]

    def add(self, docno: str, spans: Sequence[Span], left_out: int) -> None:
        """Add a document.

        Args:
            docno: its id.
            spans: its passages that are kept, at least one.
            left_out: how many others it has.
        """
        counts = self.counts
        self._rows += [(counts.documents, *span) for span in spans]
        self._ids.append(docno)
        counts.documents += 1
        counts.passages += len(spans)
        counts.split += len(spans) + left_out > 1
        counts.left_out += left_out
        counts.shortened += left_out > 0
        if len(self._rows) >= _BUFFERED:
            self._write()

    def finish(self) -> None:
        """Write what is left, and the layout."""
        self._write()
        layout = {
            "format": _FORMAT,
            "documents": self.counts.documents,
            "passages": self.counts.passages,
        }
        write_text(self._directory / _LAYOUT, json.dumps(layout, indent=2) + "\n")

    def _write(self) -> None:
        blocks = {
            _ROWS: np.array(self._rows, dtype=_ITEM).tobytes(),
            _DOCUMENTS: "".join(f"{docno}\n" for docno in self._ids).encode(),
        }
        for name, block in blocks.items():
            size, crc = self._state[name]
            with (self._directory / name).open("ab") as stream:
                stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
            self._state[name] = size + len(block), zlib.crc32(block, crc)
        self._rows, self._ids = [], []
        done = {"files": self._state, "counts": self.counts.row}
        write_text(self._checkpoint, json.dumps(done) + "\n")

    def _resume(self) -> None:
        """Take over what was written, if it is as it was written."""
        try:
            done = json_object_in(self._checkpoint)
            counts = Counts.of(done["counts"])
            state = {name: (int(size), int(crc)) for name, (size, crc) in done["files"].items()}
            for name, (size, crc) in state.items():
                if crc_of_beginning(self._directory / name, size) != crc:
                    return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # nothing is lost but the time to split them
        self.counts, self._state = counts, state


@dataclass(frozen=True, eq=False)
class PassageTable:
    """An opened table."""

    docnos: list[str]
    """The documents' ids, in collection order."""
    spans: NDArray[np.int32]
    """``(passages, 2)``: first character and the one after the last."""
    firsts: NDArray[np.int64]
    """``(documents + 1,)``: row of each document's first passage."""

    @classmethod
    def joined(cls, tables: Sequence[PassageTable]) -> PassageTable:
        """The tables of shards as one."""
        lengths = np.concatenate([table.lengths() for table in tables])
        return cls(
            [docno for table in tables for docno in table.docnos],
            np.concatenate([table.spans for table in tables]),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """A document's id -> its place in the collection."""
        return {docno: place for place, docno in enumerate(self.docnos)}

    def lengths(self) -> NDArray[np.int64]:
        """``(documents,)``: passages of each."""
        return np.diff(self.firsts)

    def names(self, docno: str) -> list[str]:
        """The row names of a document's passages."""
        place = self.places[docno]
        return [
            row_name(docno, number) for number in range(self.firsts[place + 1] - self.firsts[place])
        ]

    def span(self, docno: str, number: int) -> Span:
        """Where a passage lies in its document."""
        start, end = self.spans[self.firsts[self.places[docno]] + number].tolist()
        return start, end

    @classmethod
    def open(cls, directory: Path) -> PassageTable:
        """Open the table in an index.

        Raises:
            ArtefactError: a file is missing, or they contradict each other.
        """
        try:
            layout = json_object_in(directory / _LAYOUT)
            if layout["format"] != _FORMAT:
                raise ArtefactError(
                    f"{directory} has passages of format {layout['format']!r}, this clirot reads "
                    f"{_FORMAT}",
                    hint=_REBUILD,
                )
            rows = np.fromfile(directory / _ROWS, dtype=_ITEM).reshape(-1, 3)
            docnos = load_lines(directory / _DOCUMENTS)
            wanted = int(layout["passages"]), int(layout["documents"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(
                f"the passages of {directory} cannot be read: {error}", hint=_REBUILD
            ) from error
        # Documents in their order, none without a passage: each begins where another number does.
        in_order = np.array_equal(np.unique(rows[:, 0]), np.arange(len(docnos)))
        in_order = in_order and bool((np.diff(rows[:, 0]) >= 0).all())
        if (len(rows), len(docnos)) != wanted or not in_order:
            raise ArtefactError(
                f"the passages of {directory} contradict themselves: the layout says {wanted[0]:,} "
                f"of {wanted[1]:,} documents, the files hold {len(rows):,} of {len(docnos):,}",
                hint=_REBUILD,
            )
        return cls(docnos, rows[:, 1:], _firsts(rows, len(docnos)))


def _firsts(rows: NDArray[np.int32], documents: int) -> NDArray[np.int64]:
    """``(documents + 1,)``: where the passages of each document begin in rows that are in order."""
    return np.searchsorted(rows[:, 0], np.arange(documents + 1)).astype(np.int64)
