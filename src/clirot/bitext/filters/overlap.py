"""Pairs that are in a collection: what a student would be tested on, it must not be trained on.

A pair overlaps where one of its sides, folded (case, punctuation, white space and digits aside),
is a document of the collection, a sentence of one, or a topic, in any language. Kept are 64 bits of
each, sorted: 8 bytes a sentence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.batch import Batch
from clirot.bitext.filters.codepoints import Codepoints
from clirot.bitext.filters.normalisation import folded, tidied
from clirot.collection import Collection, open_collection
from clirot.records import ProgressSink, Step, silent
from clirot.store import Input

_END = re.compile(r"(?<=[.!?。！？।॥؟۔።])[\"'”’»)\]]*\s+|(?<=[。！？])|\n+")
_TEXTS = 4096


class Overlap:
    """The texts of some collections.

    Args:
        names: collections, as :func:`clirot.collection.open_collection` takes them.

    Raises:
        ClirotError: one cannot be opened.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._collections = [open_collection(name) for name in self.names]
        self._hashes: NDArray[np.uint64] | None = None

    def inputs(self) -> tuple[Input, ...]:
        """The collections with a digest over their documents and topics."""
        return tuple(
            Input(kind="collection", name=name, digest=_digest_of(collection))
            for name, collection in zip(self.names, self._collections, strict=True)
        )

    def read(self, progress: ProgressSink = silent) -> None:
        """Read the collections; once is enough.

        Raises:
            ClirotError: one cannot be read.
        """
        if self._hashes is not None:
            return
        found = [np.empty(0, np.uint64)]
        for collection in self._collections:
            texts = 0
            pieces = _pieces(collection)
            while chunk := list(islice(pieces, _TEXTS)):
                found.append(np.unique(_hashes(chunk)))
                texts += len(chunk)
                progress(Step(f"read {collection.id}", texts, unit="texts"))
        whole = np.unique(np.concatenate(found))
        self._hashes = whole[whole != 0]

    def judge(self, batch: Batch) -> None:
        """Drop the pairs of which a side is in the collections."""
        assert self._hashes is not None, "read() comes first"
        if not len(self._hashes):
            return
        there = np.zeros(len(batch), bool)
        for points in batch.points:
            keys = _keys(folded(points))
            place = np.minimum(np.searchsorted(self._hashes, keys), len(self._hashes) - 1)
            there |= self._hashes[place] == keys
        batch.drop(there, "overlap")


def _pieces(collection: Collection) -> Iterator[str]:
    """Everything of a collection that a sentence pair might hold."""
    for one in collection.by_document_language():
        for document in one.documents():
            yield document.text
            sentences = _END.split(document.text)
            if len(sentences) > 1:
                yield from sentences
    for language in collection.languages or (None,):
        for topic in collection.topics(language):
            yield topic.text


def _digest_of(collection: Collection) -> str:
    whole = hashlib.sha256()
    for one in collection.by_document_language():
        whole.update(one.digest.encode())
    for language in collection.languages or (None,):
        whole.update(collection.topics_digest(language).encode())
    return whole.hexdigest()


def _hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    clean, _ = tidied(texts)
    return _keys(folded(Codepoints.of(clean)))


def _keys(texts: Iterable[str]) -> NDArray[np.uint64]:
    """64 bits of each text; 0 for an empty one, which is in no collection."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    empty = hashlib.blake2b(b"", digest_size=8).digest()
    keys = np.frombuffer(b"".join(digests), "<u8").copy()
    keys[keys == np.frombuffer(empty, "<u8")[0]] = 0
    return keys
