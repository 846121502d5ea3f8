"""Documents to token vectors, window by window.

The windows are always the same, and each is on disk before the next begins: an interrupted index
goes on with the next window, and is byte for byte the same in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from clirot.cut_texts import CutTexts
from clirot.records import Document, ProgressSink, Step
from clirot.retrieval.cut_documents import CutDocuments
from clirot.retrieval.passages.rows import PassageRow

if TYPE_CHECKING:
    from clirot.encoding.encoders import TokenEncoder
    from clirot.retrieval.backends import IndexWriter

WINDOW = 512
"""Documents that are encoded together. It decides an index's content: the last digits of a text's
vectors depend on the texts in its batch."""


class Rows(Protocol):
    """What is encoded, one row of the index after another: a collection, or its passages."""

    @property
    def document_count(self) -> int | None:
        """How many there are; None: not known before all were read."""
        ...

    def documents(self) -> Iterator[Document]:
        """The rows, in a fixed order."""
        ...


def write_windows(
    collection: Rows,
    encoder: TokenEncoder,
    writer: IndexWriter,
    cut: CutDocuments,
    progress: ProgressSink,
) -> int:
    """Encode and write the documents that are not written yet; gives the number of empty ones."""
    from clirot.encoding.maxsim import check_vectors

    total = collection.document_count
    documents = collection.documents()
    empty = sum(not document.text.strip() for document in islice(documents, writer.documents))
    progress(Step("index", writer.documents, total, unit="docs"))
    for window in in_windows(documents):
        before = writer.documents

        def advance(step: Step, before: int = before) -> None:
            progress(Step("index", before + step.done, total, unit="docs"))

        found = CutTexts()

        def note(
            row: int,
            tokens: int,
            limit: int,
            found: CutTexts = found,
            window: list[Document] = window,
        ) -> None:
            found.add(window[row].id, tokens, limit)

        vectors = encoder.encode([one.text for one in window], progress=advance, cut=note)
        for document, matrix in zip(window, vectors, strict=True):
            check_vectors(matrix, encoder.dim, f"document {document.id!r}")
        cut.add(before, found)
        writer.append([document.id for document in window], vectors)
        empty += sum(not document.text.strip() for document in window)
    progress(Step("index", writer.documents, writer.documents, unit="docs"))
    return empty


def in_windows(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in windows; a passage may say that a new one begins with it."""
    window: list[Document] = []
    for document in documents:
        begins = isinstance(document, PassageRow) and document.begins
        if window and (begins or len(window) == WINDOW):
            yield window
            window = []
        window.append(document)
    if window:
        yield window
