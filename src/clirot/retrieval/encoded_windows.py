"""Documents to token vectors, window by window, in one process or several.

The windows are always the same, and each is on disk before the next begins: an interrupted index
goes on with the next window, and is byte for byte the same in the end. A window is encoded whole by
one process. Of several, each takes every n-th window, and the first one writes them all in their
order; so their number is no setting of an index. The others leave their windows in the draft's
directory, which all must see, and are never more than two windows ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.processes import ALONE, Processes
from clirot.records import Document, ProgressSink, Step, silent
from clirot.retrieval.cut_documents import CutDocuments
from clirot.retrieval.document_texts import DocumentTexts
from clirot.retrieval.passages.rows import PassageRow
from clirot.retrieval.window_vectors import DocumentEncoder, WindowVectors, encode_window

if TYPE_CHECKING:
    from clirot.retrieval.backends import IndexWriter

WINDOW = 2048
"""Documents that are encoded together. It decides an index's content: the last digits of a text's
vectors depend on the texts in its batch."""
_AHEAD = 2
"""Windows of one process that wait to be written, at most."""
_PATIENCE_S = 0.02


@dataclass(frozen=True)
class Sources:
    """The documents that are encoded, or their passages."""

    documents: Callable[[], Iterable[Document]]
    """Each time from the first one."""
    count: int | None = None
    """How many there are; None: not known."""
    before: int = 0
    """Documents that the index has before these."""

    @property
    def total(self) -> int | None:
        """Documents that the index has in the end."""
        return None if self.count is None else self.before + self.count


@dataclass
class Written:
    """What became of the documents."""

    empty: int = 0
    """Documents without text, those of an interrupted attempt included."""
    documents: int = 0
    """Written now."""
    tokens: int = 0
    """Written now."""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the first window was begun."""
        return max(time.monotonic() - self.started, 1e-9)


@dataclass(frozen=True)
class WindowJob:
    """What the processes of an index have in common."""

    sources: Sources
    encoder: DocumentEncoder
    dtype: str
    """What vectors are rounded to."""
    scratch: Path
    """Directory of the draft for what does not become part of the index."""
    together: Processes = ALONE

    def windows(self, written: int) -> Iterator[tuple[int, list[Document]]]:
        """The windows that are not written yet, numbered from 0.

        Args:
            written: documents of the sources that are.
        """
        rows = islice(self.sources.documents(), written, None)
        return enumerate(in_windows(rows))

    def file(self, number: int) -> Path:
        """Where the vectors of a window are kept until they are written."""
        return self.scratch / f"window-{number}.bin"

    def clear(self) -> None:
        """Remove the windows of an interrupted attempt."""
        for path in self.scratch.glob("window-*"):
            path.unlink()


def write_windows(
    job: WindowJob,
    writer: IndexWriter,
    texts: DocumentTexts | None,
    cut: CutDocuments,
    progress: ProgressSink = silent,
    after_first: Callable[[], None] = lambda: None,
) -> Written:
    """Encode and write the documents that are not written yet.

    Args:
        job: the documents, and what encodes them.
        writer: of the index.
        texts: is told of each document of the sources; None: they are passages of documents.
        cut: is told of the documents that were cut.
        progress: told of the documents that are encoded.
        after_first: called when the first window is on disk.
    """
    sources, found = job.sources, Written()
    for window in in_windows(islice(sources.documents(), writer.documents - sources.before)):
        if texts is not None:
            texts.add(window)
        found.empty += _empty(window)
    progress(Step("index", writer.documents, sources.total, unit="docs"))
    for number, window in job.windows(writer.documents - sources.before):
        before = writer.documents

        def advance(documents: int, tokens: int, before: int = before) -> None:
            progress(_step(before + documents, sources.total, found.tokens + tokens, found))

        if number % job.together.count == 0:
            vectors = encode_window(window, job.encoder, job.file(number), job.dtype, advance)
        else:
            vectors = _awaited(job.file(number))
        cut.add(before, vectors.cut)
        if texts is not None:
            texts.add(window)
        writer.append([document.id for document in window], vectors)
        found.documents += len(window)
        found.tokens += vectors.tokens
        found.empty += _empty(window)
        if number % job.together.count != 0:  # else it was told batch by batch
            progress(_step(writer.documents, sources.total, found.tokens, found))
        vectors.remove()
        if number == 0:
            after_first()
    if sources.total is None:
        progress(_step(writer.documents, writer.documents, found.tokens, found))
    return found


def encode_windows(job: WindowJob, written: int) -> None:
    """Encode this process' share of the windows, and leave them for the first process.

    Args:
        job: the documents, and what encodes them.
        written: documents of the sources that an interrupted attempt has written.
    """
    ours: list[Path] = []
    for number, window in job.windows(written):
        if number % job.together.count != job.together.rank:
            continue
        while sum(path.exists() for path in ours) >= _AHEAD:
            time.sleep(_PATIENCE_S)
        path = job.file(number)
        encode_window(window, job.encoder, path, job.dtype).publish()
        ours = [*ours[1 - _AHEAD :], path]


def _awaited(path: Path) -> WindowVectors:
    """What another process encodes. One that fails ends all: the launcher sees to that."""
    while True:
        found = WindowVectors.published(path)
        if found is not None:
            return found
        time.sleep(_PATIENCE_S)


def _step(done: int, total: int | None, tokens: int, written: Written) -> Step:
    speed = (("tokens/s in thousands", tokens / written.seconds / 1000),) if tokens else ()
    return Step("index", done, total, speed, "docs")


def _empty(window: Iterable[Document]) -> int:
    return sum(not document.text.strip() for document in window)


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
