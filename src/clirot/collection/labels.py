"""Labels of documents and topics, for the classification of topics by their nearest neighbours.

A file of labels has the rows ``id TAB label`` or ``id TAB label TAB text``, with or without a
header line; the text is not read. Labels are compared, so they are in one form
(:mod:`clirot.text_form`), and ids are as they stand there. A directory collection has
``train.<lang>.tsv`` for its documents and ``test.<lang>.tsv`` for its topics, or one ``labels.tsv``
for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clirot.collection.rows import Source, numbered_lines
from clirot.collection.tables import ID, LABEL_COLUMNS, TEXT, Table
from clirot.errors import InputError
from clirot.text_form import composed

_FILES = re.compile(r"(train|test)\.[A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*\.tsv(\.gz)?")
_BOTH = re.compile(r"labels\.tsv(\.gz)?")


@dataclass(frozen=True)
class Labels:
    """The label of each document and of each topic."""

    documents: Mapping[str, str]
    topics: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Every label, sorted."""
        return tuple(sorted({*self.documents.values(), *self.topics.values()}))


def read_labels(path: Source) -> Labels:
    """Read one file that labels documents and topics alike.

    Raises:
        InputError: unreadable, malformed, or an id with two labels (file and line).
    """
    found: dict[str, str] = {}
    _read(path, found)
    return Labels(found, found)


def directory_labels(directory: Path) -> Labels | None:
    """The labels in the files of a directory; None where it has no such files.

    Raises:
        InputError: as :func:`read_labels`; or files of both kinds.
    """
    files = sorted(path for path in directory.iterdir() if path.is_file())
    both = [path for path in files if _BOTH.fullmatch(path.name)]
    parted = [(match[1], path) for path in files if (match := _FILES.fullmatch(path.name))]
    if len(both) > 1 or (both and parted):
        named = ", ".join(path.name for path in [*both, *(path for _, path in parted)][:4])
        raise InputError(
            f"labels in more than one way: {named}",
            path=directory,
            hint="labels.tsv is for documents and topics; train.LANG.tsv and test.LANG.tsv part "
            "them",
        )
    if both:
        return read_labels(both[0])
    if not parted:
        return None
    labels: dict[str, dict[str, str]] = {"train": {}, "test": {}}
    for part, path in parted:
        _read(path, labels[part])
    return Labels(labels["train"], labels["test"])


def _read(path: Source, found: dict[str, str]) -> None:
    """Add the labels of a file; translations of a text share its id, and must share its label."""
    table = Table(numbered_lines(path), path, LABEL_COLUMNS)
    empty = True
    hint = "labels are TSV: id TAB label, and perhaps a text behind it"
    for number, row in table.rows((ID, "label", TEXT), hint, optional=1):
        empty = False
        identifier, label = row[ID], composed(row.get("label", ""))
        if not identifier or not label:
            raise InputError("a row without id or without label", path=path, line=number, hint=hint)
        if found.setdefault(identifier, label) != label:
            raise InputError(
                f"{identifier!r} is labelled {label!r}, and was {found[identifier]!r} before",
                path=path,
                line=number,
                hint="an id has one label, in all files of the collection",
            )
    if empty:
        raise InputError("no labels: the file is empty", path=path)
