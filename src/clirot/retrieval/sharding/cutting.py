"""Where a collection is cut: between the windows in which its documents are encoded.

The last digits of a document's vectors depend on the documents of its window. So a cut between two
windows changes no vector, and all shards together hold what one index holds, bit for bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from clirot.collection.collection import Collection

if TYPE_CHECKING:
    from clirot.records import Document, Topic
    from clirot.runs import Qrels


@dataclass(frozen=True)
class Shard:
    """A range of documents."""

    number: int
    """From 1."""
    of: int
    """How many shards there are."""
    start: int
    """Place of its first document, from 0."""
    stop: int
    """Place behind its last document."""

    def name(self, index: str) -> str:
        """``news.shard-03-of-16``, where the whole index is ``news``."""
        digits = len(str(self.of))
        return f"{index}.shard-{self.number:0{digits}}-of-{self.of}"


def cut(documents: int, shards: int, window: int) -> list[Shard]:
    """Ranges of whole windows, as equal as they can be.

    Args:
        documents: of the collection, at least one.
        shards: how many are wanted; fewer come back where there are fewer windows.
        window: documents that are encoded together.
    """
    windows = -(-documents // window)
    count = min(shards, windows)
    ends = [min(documents, number * windows // count * window) for number in range(count + 1)]
    return [
        Shard(number, count, start, stop)
        for number, (start, stop) in enumerate(pairwise(ends), start=1)
    ]


def shards_of(index: str, names: Iterable[str]) -> Iterator[str]:
    """Those of the names that are spelled as a shard of the index is."""
    spelled = re.compile(rf"{re.escape(index)}\.shard-\d+-of-\d+")
    return (name for name in names if spelled.fullmatch(name))


class DocumentRange(Collection):
    """The documents of a collection that belong to a shard, in their order."""

    def __init__(self, whole: Collection, shard: Shard) -> None:
        super().__init__(whole.id, whole.languages, whole.language)
        self.document_language = whole.document_language
        self._whole, self._shard = whole, shard

    @property
    def shard(self) -> Shard:
        """Which documents they are."""
        return self._shard

    @property
    def document_count(self) -> int:
        """How many there are."""
        return self._shard.stop - self._shard.start

    @property
    def reading_notes(self) -> tuple[str, ...]:
        """Those of the whole collection."""
        return self._whole.reading_notes

    def check_unchanged(self) -> None:
        """See :meth:`clirot.collection.Collection.check_unchanged`, of the whole collection."""
        self._whole.check_unchanged()

    def _read_documents(self) -> Iterator[Document]:
        return islice(self._whole.documents(), self._shard.start, self._shard.stop)

    def _read_topics(self, language: str | None) -> list[Topic]:
        return self._whole.topics(language)

    def _read_qrels(self) -> Qrels:
        return self._whole.qrels()
