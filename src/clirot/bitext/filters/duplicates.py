"""Text that occurs elsewhere too: in an earlier pair (:class:`Duplicates`), or in a collection that
a student will be tested on (:class:`Overlap`).

Texts are compared by digests. Each pair that passed the other filters leaves a record of 32 bytes:
128 bits of what is compared, 64 bits of the exact text, and its row. Beyond some number, the
records are spread over files by the first bits of the key, so that equal keys are in one file, and
each file is sorted by itself. So memory does not grow with the number of pairs. Two different texts
are taken for equal with a probability of about n² / 2¹²⁹, which is never.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.config import REASONS
from clirot.bitext.filters.outcomes import Batch
from clirot.bitext.text import Codepoints, folded, tidied
from clirot.collection import Collection, open_collection
from clirot.records import ProgressSink, SentencePair, Step, silent
from clirot.store import Input

_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("exact", "<u8"), ("row", "<u8")])
_BITS = 8  # 256 files: at 100 million pairs 12 MB each
_HELD = 1 << 18  # records in memory before they are spread: 8 MB
_SENTENCE_END = re.compile(r"(?<=[.!?。！？।॥؟۔።])[\"'”’»)\]]*\s+|(?<=[。！？])|\n+")
_TEXTS = 4096


def pair_key(pair: SentencePair) -> bytes:
    """128 bits that tell pairs of different text apart; the id is left out."""
    return _digest(f"{pair.src}\t{pair.tgt}")


class Duplicates:
    """Finds pairs that equal an earlier pair. Of several equal pairs the first is kept.

    Args:
        scratch: a directory for its files, which it leaves behind.
        near: what is compared beyond the exact text, as
            :attr:`~clirot.bitext.config.FilterConfig.near_duplicates` says.
        held: how many records stay in memory before they are spread over files.
    """

    def __init__(self, scratch: Path, *, near: str = "off", held: int = _HELD) -> None:
        self._scratch = scratch
        self._near = near
        self._most = held
        self._held: list[NDArray[np.void]] = []
        self._count = 0
        self._files: set[Path] = set()

    def add(self, batch: Batch) -> None:
        """Record the pairs of a batch that are still kept."""
        alive = np.flatnonzero(batch.kept)
        if not len(alive):
            return
        places = alive.tolist()
        exact = _keys([f"{batch.src[i]}\t{batch.tgt[i]}" for i in places])
        compared = exact if self._near == "off" else _keys(self._compared(batch, places))
        records = np.empty(len(places), _RECORD)
        records["high"], records["low"] = compared.T
        records["exact"] = exact[:, 0]
        records["row"] = alive + batch.first
        self._held.append(records)
        self._count += len(records)
        if self._count >= self._most:
            self._spread()

    def outcomes(self, rows: int) -> NDArray[np.uint8]:
        """(rows,) the index of "duplicate" or "near duplicate" among the reasons, or 0.

        The array is a file that is mapped into memory: a byte a pair, which the system may take
        back.
        """
        path = self._scratch / "duplicates.bin"
        found: NDArray[np.uint8] = np.memmap(path, np.uint8, "w+", shape=(max(rows, 1),))
        if self._files and self._held:
            self._spread()
        for file in sorted(self._files):
            _mark(np.fromfile(file, _RECORD), found)
            file.unlink()
        if self._held:
            _mark(np.concatenate(self._held), found)
        return found

    def _compared(self, batch: Batch, places: Sequence[int]) -> list[str]:
        """The folded sides that are compared; a side whose folded text is empty, as it is."""
        sides = []
        columns = zip(("src", "tgt"), batch.points, (batch.src, batch.tgt), strict=True)
        for name, points, texts in columns:
            if self._near in (name, "pair"):
                short = folded(points)
                sides.append([short[i] or f"\t{texts[i]}" for i in places])
        return ["\n".join(parts) for parts in zip(*sides, strict=True)]

    def _spread(self) -> None:
        records = np.concatenate(self._held)
        self._held, self._count = [], 0
        part = (records["high"] >> np.uint64(64 - _BITS)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange((1 << _BITS) + 1))
        for number, (start, end) in enumerate(pairwise(bounds)):
            if end > start:
                file = self._scratch / f"keys-{number:03d}.bin"
                with file.open("ab") as stream:
                    stream.write(records[order[start:end]].tobytes())
                self._files.add(file)


def _mark(records: NDArray[np.void], found: NDArray[np.uint8]) -> None:
    """Mark duplicates, given all records that are equal to any of these."""
    order = np.lexsort((records["row"], records["exact"], records["low"], records["high"]))
    records = records[order]
    # new_key[i]: the compared text differs from the record's before; new_text: the exact one does.
    new_key = np.ones(len(records), bool)
    new_key[1:] = (np.diff(records["high"]) != 0) | (np.diff(records["low"]) != 0)
    new_text = new_key.copy()
    new_text[1:] |= np.diff(records["exact"]) != 0
    starts = np.flatnonzero(new_key)
    first = np.minimum.reduceat(records["row"], starts)
    later = records["row"] != np.repeat(first, np.diff(np.append(starts, len(records))))
    found[records["row"][later]] = REASONS.index("near duplicate")
    found[records["row"][~new_text]] = REASONS.index("duplicate")


def _keys(texts: Iterable[str]) -> NDArray[np.uint64]:
    """(texts, 2) 128 bits of each."""
    return np.frombuffer(b"".join(map(_digest, texts)), "<u8").reshape(-1, 2)


def _digest(text: str) -> bytes:
    # Tidied text has no lone surrogates; what comes from elsewhere must not end in a crash.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Overlap:
    """The texts of some collections, which must not be in a bitext.

    A pair overlaps with a collection if one of its sides has the same folded text as a document, a
    sentence of a document, or a topic, in any language. Stored are 64 bits of each text.

    Args:
        names: collections, as :func:`clirot.collection.open_collection` takes them.

    Raises:
        ClirotError: one cannot be opened.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._collections = [open_collection(name) for name in self.names]
        self._known: NDArray[np.uint64] | None = None

    def inputs(self) -> tuple[Input, ...]:
        """The collections with a digest over their documents and topics."""
        return tuple(
            Input(kind="collection", name=name, digest=_digest_of(collection))
            for name, collection in zip(self.names, self._collections, strict=True)
        )

    def read(self, progress: ProgressSink = silent) -> None:
        """Read the collections, unless they have been read already.

        Raises:
            ClirotError: one cannot be read.
        """
        if self._known is not None:
            return
        found = [np.empty(0, np.uint64)]
        for collection in self._collections:
            texts = 0
            pieces = _texts_of(collection)
            while chunk := list(islice(pieces, _TEXTS)):
                found.append(np.unique(text_keys(chunk)))
                texts += len(chunk)
                progress(Step(f"read {collection.id}", texts, unit="texts"))
        self._known = np.setdiff1d(np.concatenate(found), _keys([""])[:, 0])

    def drop_from(self, batch: Batch) -> None:
        """Drop the pairs of which a side is in the collections."""
        assert self._known is not None, "read() comes first"
        if not len(self._known):
            return
        for side in batch.points:
            keys = _folded_keys(side)
            nearest = self._known.take(np.searchsorted(self._known, keys), mode="clip")
            batch.drop(nearest == keys, "overlap")


def text_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """(texts,) 64 bits of each text after it was tidied and folded: texts that differ in case,
    punctuation, white space or the digits of numbers alone have the same.
    """
    return _folded_keys(Codepoints.of(tidied(texts)[0]))


def with_sentences(text: str) -> Iterator[str]:
    """A text and, where there are several, its sentences."""
    yield text
    sentences = _SENTENCE_END.split(text)
    if len(sentences) > 1:
        yield from sentences


def _folded_keys(points: Codepoints) -> NDArray[np.uint64]:
    """(texts,) 64 bits of the folded text of each."""
    return _keys(folded(points))[:, 0]


def _texts_of(collection: Collection) -> Iterator[str]:
    """All texts of a collection that a side of a sentence pair might equal."""
    for one in collection.by_document_language():
        for document in one.documents():
            yield from with_sentences(document.text)
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
