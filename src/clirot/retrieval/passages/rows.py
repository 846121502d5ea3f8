"""The passages of a collection, for whatever indexes documents: each is a document to it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class PassageRow(Document):
    """A passage under the name of its row."""

    begins: bool = False
    """Whether a new window of what is encoded together begins with it. The windows of passages end
    where those of documents would: so a cut between two of these changes no vector, and an index in
    shards holds the same as one in one piece."""


class PassageRows:
    """The passages of a collection's documents, in their order.

    Args:
        collection: whose documents are split.
        splitter: how.
        window: documents whose passages share no window with those of others.
        draft: of the index, which gets the table of the passages.
    """

    document_count: int | None = None
    """How many passages there will be: nobody knows before all documents are split."""

    def __init__(
        self, collection: Collection, splitter: Splitter, window: int, draft: Draft
    ) -> None:
        self._collection, self._splitter, self._window = collection, splitter, window
        self._table = PassageTableWriter(draft.path, draft.scratch)
        self._split_before = self._table.counts.documents
        self._ends = array("q")
        """Passages up to the end of each document."""

    def documents(self) -> Iterator[PassageRow]:
        """The passages, each time from the first one. The table is written on the way; documents
        that an interrupted attempt has split are not split again.
        """
        known = self._table.spans(self._split_before)
        for place, document in enumerate(self._collection.documents()):
            spans = next(known, None) or self._split(place, document)
            if place == len(self._ends):
                self._ends.append(len(spans) + (self._ends[-1] if self._ends else 0))
            for number, (start, end) in enumerate(spans):
                yield PassageRow(
                    row_name(document.id, number),
                    document.text[start:end],
                    number == 0 and place % self._window == 0,
                )

    def _split(self, place: int, document: Document) -> list[Span]:
        every = self._splitter.passages(document.text)
        spans = list(islice(every, self._splitter.settings.max_passages))
        if place == self._table.counts.documents:
            self._table.add(document.id, spans, sum(1 for _ in every))
        return spans

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
