"""Search the shards of a compressed index on the nodes of a cluster.

An index in one piece settles the best N documents by their codes. Each node settles the best N of
its shard and says what score their codes have; those that are among the best N of all shards are
the same N. Lists are of all shards: they are looked up here, and each node is given what they found
in its shard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clirot.encoding.maxsim import FloatArray, IntArray, check_vectors
from clirot.records import Hit
from clirot.retrieval.backends.compressed.index import CompressedIndex, Found
from clirot.retrieval.passages.counts import rows
from clirot.retrieval.promise import Depth
from clirot.retrieval.sharding import remote_index
from clirot.retrieval.sharding.remote_index import Nodes
from clirot.store import Input


@dataclass(frozen=True, eq=False)
class Wanted:
    """Which candidates are wanted of a shard.

    ``listed`` and ``most`` as for
    :meth:`clirot.retrieval.backends.compressed.index.CompressedIndex.found`.
    """

    listed: list[IntArray | None]
    most: int | None


Answers = list[Found]
"""What a shard found for each query."""

FindInShard = Callable[[str, Input, Sequence[FloatArray], Wanted], Answers]
"""What a node does: ``(home, shard, queries, wanted)``."""

_Candidate = tuple[float, str, float]
"""Score by codes, docno, best score."""


class RemoteCodes:
    """A joined index of codes of which the nodes of a cluster search the shards; see
    :class:`clirot.retrieval.backends.Index`.

    Candidates that are given are scored here: that reads a few documents only.

    Args:
        local: the same index, opened here.
        nodes: the cluster.
        task: what a node does.
    """

    def __init__(self, local: CompressedIndex, nodes: Nodes, task: FindInShard) -> None:
        self._local, self._nodes, self._task = local, nodes, task
        self.dim = local.dim
        sizes = [rows(shard.manifest.results) for shard in nodes.shards]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        """Where the rows of each shard begin, and where the last ones end."""

    def __len__(self) -> int:
        return len(self._local)

    def __contains__(self, docno: object) -> bool:
        return docno in self._local

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        for query in queries:
            check_vectors(query, self.dim, "a query")
        depth = self._local.promise.at(k, len(self))
        most = self._local.most(depth)
        size = max(1, remote_index.HITS // (most or len(self)))
        best: list[list[_Candidate]] = [[] for _ in queries]
        for (_, start), answers in self._nodes.each(self._task, self._asked(queries, depth, size)):
            for row, found in enumerate(answers, start):
                best[row] = _best_by_codes(best[row], found, most)
        for candidates in best:
            ranked = sorted(((score, docno) for _, docno, score in candidates), reverse=True)
            yield [Hit(docno, score) for score, docno in ranked[:k]]

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        yield from self._local.rerank(queries, candidates, k)

    def _asked(
        self, queries: Sequence[FloatArray], depth: Depth, size: int
    ) -> dict[tuple[int, int], tuple[Sequence[FloatArray], Wanted]]:
        """What each shard is asked, so many queries at a time."""
        most = self._local.most(depth)
        listed = [self._local.listed(query, depth) for query in queries]
        asked = {}
        for place in range(len(self._nodes.shards)):
            own = [self._of_shard(place, found) for found in listed]
            for start in range(0, len(queries), size):
                part = slice(start, start + size)
                asked[place, start] = (queries[part], Wanted(own[part], most))
        return asked

    def _of_shard(self, place: int, found: IntArray | None) -> IntArray | None:
        """The rows that lists found as far as they are of a shard, counted from its first one."""
        if found is None:
            return None
        begin, end = np.searchsorted(found, self._starts[place : place + 2])
        own: IntArray = found[begin:end] - self._starts[place]
        return own


def _best_by_codes(best: list[_Candidate], found: Found, most: int | None) -> list[_Candidate]:
    """The best so far and what another shard found, as many as the whole index settles."""
    more = zip(found.screened.tolist(), found.docnos, found.scores.tolist(), strict=True)
    return sorted([*best, *more], reverse=True)[:most]
