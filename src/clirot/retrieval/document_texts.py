"""Which documents an index holds, and a digest of each one's text: ``documents.tsv``.

::

    documents.tsv    a line for each document, in the index's order: its id, a tab, and the first 16
                     bytes of the SHA-256 of its text (UTF-8, NFC), hexadecimal

An index that grows tells by it which documents of a collection it has, and which have changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from clirot.errors import ArtefactError
from clirot.records import Document
from clirot.sparse_files import load_lines

DOCUMENTS = "documents.tsv"
_HEX = 32


def text_digest(text: str) -> str:
    """Half of the SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HEX]


class DocumentTexts:
    """The file, written beside an index that is being built.

    It is always written from its beginning, so that nothing of an interrupted attempt is trusted:
    to read documents again is quick, and to encode them is not.

    Args:
        directory: of the index.
        before: the documents that come first, with the digests of their texts.
    """

    def __init__(self, directory: Path, before: Iterable[tuple[str, str]] = ()) -> None:
        self._path = directory / DOCUMENTS
        with self._path.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{docno}\t{digest}\n" for docno, digest in before)

    def add(self, documents: Iterable[Document]) -> None:
        """Write down the next documents."""
        with self._path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{one.id}\t{text_digest(one.text)}\n" for one in documents)


def read_document_texts(directory: Path) -> dict[str, str]:
    """The documents of a finished index, in its order: id -> digest of the text.

    Raises:
        ArtefactError: the index has no such file, or it is damaged.
    """
    path = directory / DOCUMENTS
    try:
        found = {}
        for line in load_lines(path):
            docno, _, digest = line.rpartition("\t")
            if not docno or len(digest) != _HEX:
                raise ValueError(f"{line!r:.80} is no document with a digest")
            found[docno] = digest
    except FileNotFoundError:
        raise ArtefactError(
            f"{directory} has no {DOCUMENTS}, by which changed documents are told: it was built by "
            "an earlier clirot",
            hint="build it again: `build_index(..., replace=True)`",
        ) from None
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{path} cannot be read: {error}",
            hint="build the index again: `build_index(..., replace=True)`",
        ) from error
    return found
