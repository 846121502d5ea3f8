"""Documents in files: tables with tabs, JSON lines and Parquet.

A title stands before its text with a space between, as in BEIR. Texts are given as they are in the
file; :meth:`Collection.documents <clirot.collection.Collection.documents>` brings them to one form.
"""

from __future__ import annotations

import hashlib
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from clirot.bounds import STREAM
from clirot.collection.collection import Collection
from clirot.collection.rows import (
    Place,
    Row,
    json_rows,
    numbered_lines,
    record_row,
    with_distinct_ids,
)
from clirot.collection.tables import DOCUMENT_COLUMNS, document_rows, has_header
from clirot.digests import file_digest
from clirot.errors import InputError, ReadingNotice
from clirot.parquet_parts import parquet_parts
from clirot.records import Document
from clirot.text_form import is_composed

_IDS = ("id", "_id", "doc_id", "docid", "docno")
_TEXTS = ("text", "contents", "body")


class DocumentFiles:
    """The documents of a collection, in one file or several that follow each other.

    Args:
        paths: the files; at least one. Their names end in ``tsv``, ``jsonl`` or ``parquet``, the
            first two perhaps with ``.gz`` behind.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._said = False

    def documents(self) -> Iterator[Document]:
        """The documents in their order. That a header was skipped is said the first time.

        Raises:
            InputError: a file is malformed, or an id occurs twice.
        """
        first_seen: set[str] = set()
        for path in self._paths:
            rows = self._rows(path)
            for number, identifier, text in with_distinct_ids(rows, "document", path):
                if len(self._paths) > 1:
                    if identifier in first_seen:
                        raise InputError(
                            f"document {identifier!r} is in an earlier file too",
                            path=path,
                            line=number,
                            hint="give every one its own id",
                        )
                    first_seen.add(identifier)
                yield Document(identifier, text)
        self._said = True

    def _rows(self, path: Path) -> Iterator[Row]:
        if path.suffix == ".parquet":
            return parquet_rows(path)
        lines = numbered_lines(path, most=STREAM)
        if ".jsonl" in path.suffixes:
            return json_rows(lines, path, ids=_IDS, texts=_TEXTS, title=True)
        return document_rows(lines, path, silent=self._said)

    @cached_property
    def count(self) -> int:
        """How many documents there are, counted by reading the files once."""
        return sum(self._counted(path) for path in self._paths)

    def _counted(self, path: Path) -> int:
        if path.suffix == ".parquet":
            return parquet_count(path)
        lines = sum(1 for _ in numbered_lines(path, most=STREAM))
        return lines - (".tsv" in path.suffixes and has_header(path, DOCUMENT_COLUMNS))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files, hexadecimal.

        Where a header is skipped or a text is not in the composed form, the digest is another than
        that of the bare file: an index that was made when both were taken as they are has that one,
        and is told apart.
        """
        digests = self._file_digests
        one = (
            digests[0] if len(digests) == 1 else hashlib.sha256(repr(digests).encode()).hexdigest()
        )
        if self.notes:
            return hashlib.sha256(f"{one} without header, in NFC".encode()).hexdigest()
        return one

    @cached_property
    def _file_digests(self) -> list[str]:
        return [file_digest(path) for path in self._paths]

    def check_unchanged(self) -> None:
        """See :meth:`clirot.collection.Collection.check_unchanged`."""
        for path, digest in zip(self._paths, self._file_digests, strict=True):
            if file_digest(path) != digest:
                raise InputError(
                    "changed while it was being read, so that what was read is of no version of it",
                    path=path,
                    hint="run the same command again once nothing writes to the file",
                )

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is not taken as it stands in the files. Reads the documents, and says it."""
        headers = [
            path.name
            for path in self._paths
            if ".tsv" in path.suffixes and has_header(path, DOCUMENT_COLUMNS)
        ]
        found = [f"the header line of {name} is skipped" for name in headers]
        decomposed = sum(not is_composed(document.text) for document in self.documents())
        if decomposed:
            found.append(
                f"{decomposed:,} documents are in decomposed Unicode, and are read in the composed "
                "form (NFC)"
            )
            warnings.warn(f"{self._paths[0]}: {found[-1]}", ReadingNotice, stacklevel=2)
        return tuple(found)


def parquet_rows(path: Path) -> Iterator[Row]:
    """Ids and texts of a Parquet file with the columns of BEIR, ``_id``, ``title`` and ``text``.

    Raises:
        InputError: not Parquet, or without these columns (file and row).
    """
    for number, record in parquet_records(path, most=STREAM):
        yield record_row(record, Place(path, number), ids=_IDS, texts=_TEXTS, title=True)


def parquet_records(path: Path, *, most: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a Parquet file with their numbers, from 1, without columns inside of others.

    Args:
        path: the file.
        most: the bytes that all values may have together.

    Raises:
        InputError: not Parquet, damaged, or too large once it is unpacked.
    """
    import pyarrow as pa

    number = 0
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            for part in parquet_parts(stream, path, size=size, most=most):
                for record in part.to_pylist():
                    number += 1
                    yield number, record
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not Parquet: {error}", path=path) from error


def parquet_count(path: Path) -> int:
    """How many rows a Parquet file has.

    Raises:
        InputError: not Parquet, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not Parquet: {error}", path=path) from error


class FileCollection(Collection):
    """A collection whose documents are in files of a directory."""

    @property
    @abstractmethod
    def _document_files(self) -> DocumentFiles:
        """The files, opened once."""

    def _read_documents(self) -> Iterator[Document]:
        return self._document_files.documents()

    @cached_property
    def document_count(self) -> int:
        """How many documents there are, counted by reading the files once."""
        return self._document_files.count

    @property
    def reading_notes(self) -> tuple[str, ...]:
        """See :attr:`DocumentFiles.notes`."""
        return self._document_files.notes

    def check_unchanged(self) -> None:
        """See :meth:`Collection.check_unchanged`."""
        self._document_files.check_unchanged()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files of documents; see :attr:`DocumentFiles.digest`."""
        return self._document_files.digest
