"""The passages of a collection, for whatever indexes documents: each is a document to it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
from clirot.records import Document, ProgressSink, Step
from clirot.retrieval.cut_documents import CUT
from clirot.retrieval.passages.counts import PASSAGES
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.passages.splitting import Span, Splitter
from clirot.retrieval.passages.table import PassageTableWriter, row_name, row_of
from clirot.store import Draft

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.encoding.encoders import MultiVectorTokenEncoder


class PassageRows:
    """The passages of a collection's documents, in their order; their table is written on the way.

    Args:
        collection: whose documents are split.
        splitter: how.
        draft: of the index.
    """

    document_count: int | None = None
    """How many passages there will be: nobody knows before all documents are split."""

    def __init__(self, collection: Collection, splitter: Splitter, draft: Draft) -> None:
        self._collection, self._splitter = collection, splitter
        self._table = PassageTableWriter(draft.path, draft.scratch)
        self._ends = array("q")
        """Passages up to the end of each document."""

    def documents(self) -> Iterator[Document]:
        """The passages, each under the name of its row. Those that an interrupted attempt has split
        are not split again.
        """
        documents = self._collection.documents()
        known = self._table.counts.documents
        for document, spans in zip(islice(documents, known), self._table.spans(), strict=True):
            yield from self._rows(document, spans)
        for document in documents:
            every = self._splitter.passages(document.text)
            spans = list(islice(every, self._splitter.settings.max_passages))
            self._table.add(document.id, spans, sum(1 for _ in every))
            yield from self._rows(document, spans)

    def _rows(self, document: Document, spans: list[Span]) -> Iterator[Document]:
        self._ends.append(len(spans) + (self._ends[-1] if self._ends else 0))
        for number, (start, end) in enumerate(spans):
            yield Document(row_name(document.id, number), document.text[start:end])

    def progress(self, sink: ProgressSink) -> ProgressSink:
        """A sink of progress in passages, which tells it in documents."""
        total = self._collection.document_count

        def told(step: Step) -> None:
            sink(replace(step, done=bisect_right(self._ends, step.done), total=total))

        return told

    def finish(self) -> None:
        """Complete the table on disk."""
        self._table.finish()

    def results(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """What the manifest says of documents, in place of what was counted of passages.

        Args:
            results: of an index whose documents are passages.
        """
        counts = self._table.counts
        cut = CutTexts.of(results[CUT])
        if cut.count:  # rare: a character that has more tokens than a passage
            cut.which = row_of(cut.which)[0]
        share = counts.documents / max(1, counts.passages)
        return {
            "documents": counts.documents,
            CUT: cut.row,
            "documents_per_second": round(results["documents_per_second"] * share, 1),
            PASSAGES: counts.row,
        }


def splitter_of(
    settings: PassageSettings, encoder: MultiVectorTokenEncoder, language: str | None
) -> Splitter | None:
    """What splits documents for an encoder; None where they are not split.

    Args:
        settings: how.
        encoder: the documents'.
        language: of the documents; None: not known.

    Raises:
        InputError: the encoder's tokenizer does not say where tokens lie.
        UsageError: passages are longer than the encoder reads, or too short for any text.
    """
    if not settings.wanted:
        return None
    from clirot.encoding.token_counts import TokenCounter

    return Splitter(TokenCounter(encoder), settings, language)
