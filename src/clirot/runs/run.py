"""A run in memory, in the order in which trec_eval ranks its documents, and its TREC lines."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clirot.errors import InputError, UsageError
from clirot.records import Hit
from clirot.runs.packed import taken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Run:
    """What one system retrieved.

    Rows are grouped by topic, and within a topic ordered as trec_eval orders them: score as a
    32-bit float, descending, equal scores by docno, descending.
    """

    name: str
    topics: tuple[str, ...]
    bounds: NDArray[np.int64]
    """(topics + 1,): the rows of topic ``t`` are ``bounds[t]`` up to ``bounds[t + 1]``."""
    docnos: Sequence[str]
    """(rows,) A part of them, ``docnos[a:b]``, is a list; of a large run they are packed."""
    scores: NDArray[np.float64]
    """(rows,)"""

    def __len__(self) -> int:
        """The number of rows over all topics."""
        return len(self.scores)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, {len(self.topics)} topics, {len(self)} rows)"

    def named(self, name: str) -> Run:
        """The same run under another name."""
        return replace(self, name=name)

    @cached_property
    def index(self) -> dict[str, int]:
        """Topic -> its place in :attr:`topics`."""
        return {topic: place for place, topic in enumerate(self.topics)}

    def rows(self, topic: str) -> tuple[int, int]:
        """The first row of a topic and the row after its last; equal where the run lacks it."""
        place = self.index.get(topic)
        return (0, 0) if place is None else (int(self.bounds[place]), int(self.bounds[place + 1]))

    def documents(self, topic: str) -> dict[str, float]:
        """The documents of a topic with their scores, best first; empty where the run lacks it."""
        start, stop = self.rows(topic)
        return dict(zip(self.docnos[start:stop], self.scores[start:stop].tolist(), strict=True))

    def hits(self, topic: str) -> list[Hit]:
        """The same as a list of hits."""
        return [Hit(*row) for row in self.documents(topic).items()]

    def __iter__(self) -> Iterator[tuple[str, list[Hit]]]:
        """Every topic with its documents, best first."""
        return ((topic, self.hits(topic)) for topic in self.topics)

    @classmethod
    def from_dict(cls, name: str, scores: Mapping[str, Mapping[str, float]]) -> Run:
        """A run from topic -> docno -> score.

        Raises:
            InputError: a score is not a number.
        """
        import numpy as np

        topics = tuple(topic for topic, documents in scores.items() if documents)
        docnos = [docno for topic in topics for docno in scores[topic]]
        values = np.array([s for topic in topics for s in scores[topic].values()], dtype=np.float64)
        if np.isnan(values).any():
            docno = docnos[int(np.flatnonzero(np.isnan(values))[0])]
            raise InputError(f"run {name!r}: the score of document {docno!r} is not a number")
        topic = np.repeat(np.arange(len(topics)), [len(scores[topic]) for topic in topics])
        return cls.from_rows(name, topics, topic, docnos, values)

    @classmethod
    def joined(cls, name: str, parts: Sequence[Run]) -> Run:
        """One run of several that have no topic in common, one after the other.

        Args:
            name: of the run.
            parts: one or more.
        """
        import numpy as np

        sizes = np.concatenate([np.diff(part.bounds) for part in parts])
        return cls(
            name,
            tuple(topic for part in parts for topic in part.topics),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            [docno for part in parts for docno in part.docnos],
            np.concatenate([part.scores for part in parts]),
        )

    @classmethod
    def from_rows(
        cls,
        name: str,
        topics: tuple[str, ...],
        topic: NDArray[np.signedinteger[Any]],
        docnos: Sequence[str],
        scores: NDArray[np.float64],
    ) -> Run:
        """A run from rows in any order.

        Args:
            name: of the run.
            topics: its topics.
            topic: (rows,) the place of each row's topic in ``topics``.
            docnos: of each row, distinct within a topic.
            scores: (rows,), none of them NaN.
        """
        import numpy as np

        order = _trec_eval_order(topic, docnos, scores)
        if order is not None:
            docnos = taken(docnos, order)
            topic, scores = topic[order], scores[order]
        # Of one type, because numpy would copy all the rows to compare two.
        bounds = np.searchsorted(topic, np.arange(len(topics) + 1, dtype=topic.dtype))
        return cls(name, topics, bounds.astype(np.int64), docnos, scores)


def single(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scores as trec_eval keeps them: as C floats, in which 17.000000001 and 17 are equal."""
    import numpy as np

    with np.errstate(over="ignore"):  # out of range becomes infinite, as in C
        return scores.astype(np.float32)


def _trec_eval_order(
    topic: NDArray[np.signedinteger[Any]], docnos: Sequence[str], scores: NDArray[np.float64]
) -> NDArray[np.int64] | None:
    """The rows in the order of trec_eval, or None where they are in that order already."""
    import numpy as np

    key = single(scores)
    in_order = np.where(topic[1:] == topic[:-1], key[1:] <= key[:-1], topic[1:] > topic[:-1])
    if bool(in_order.all()):  # most runs are, apart from ties
        order = np.arange(len(key))
    else:
        order = np.lexsort((-key, topic))
        key, topic = key[order], topic[order]
    same = (key[1:] == key[:-1]) & (topic[1:] == topic[:-1])
    if not same.any() and bool(in_order.all()):
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]])))
    # Not made lists: of a run of many ties they would be its largest part.
    for first, last in zip(map(int, edges[::2]), map(int, edges[1::2]), strict=True):
        # trec_eval compares the bytes of UTF-8; Python's order of code points is the same.
        tied = order[first : last + 1].tolist()
        order[first : last + 1] = sorted(tied, key=docnos.__getitem__, reverse=True)
    return order


def format_hits(topic: str, hits: Sequence[Hit], tag: str) -> str:
    r"""The TREC lines of one topic: ``topic Q0 docno rank score tag\n``, rank from 1.

    The lines are in the order in which trec_eval (and :func:`~clirot.runs.read_run`) will rank
    them when it reads them back: it keeps scores as 32-bit floats and orders equal ones by docno,
    descending, so that is what is written. A score is written with the fewest digits from which
    the same 32-bit float is read: 6 fixed decimals would tie scores that differ.

    Raises:
        UsageError: a topic, docno or tag is empty or contains white space, which the format
            cannot hold, or a score is not a number.
    """
    for kind, value in [("topic", topic), ("tag", tag), *(("docno", hit.docno) for hit in hits)]:
        # bytes.split() knows the white space of C, as trec_eval and read_run do.
        if value.encode().split() != [value.encode()]:
            raise UsageError(
                f"{kind} {value!r} cannot be written to a run",
                hint="TREC's format separates by white space; names must be free of it",
            )
    rows = []
    for hit in hits:
        if hit.score != hit.score:
            raise UsageError(f"the score of document {hit.docno!r} for topic {topic!r} is NaN")
        rows.append((_single(hit.score), hit.docno))
    rows.sort(reverse=True)
    return "".join(
        f"{topic} Q0 {docno} {rank} {shortest_score(score)} {tag}\n"
        for rank, (score, docno) in enumerate(rows, 1)
    )


def format_run(run: Run) -> Iterator[str]:
    """A whole run, topic by topic; its name is the tag."""
    return (format_hits(topic, hits, run.name) for topic, hits in run)


def _single(score: float) -> float:
    """The nearest 32-bit float, as a Python float."""
    try:
        return float(struct.unpack("f", struct.pack("f", score))[0])
    except OverflowError:
        return float("inf") if score > 0 else float("-inf")


def shortest_score(score: float) -> str:
    """A 32-bit float with the fewest digits, from 6, from which the same one is read."""
    for digits in range(6, 9):
        text = f"{score:.{digits}g}"
        if _single(float(text)) == score:
            return text
    return f"{score:.9g}"
