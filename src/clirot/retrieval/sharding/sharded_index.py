"""Search all shards of an index as one: shard by shard, merged by score and docno.

A shard's ranking is exact, and a document's score does not depend on the documents around it. So
the best of all shards' best are those that one index of all documents has, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from clirot.encoding.maxsim import FloatArray
from clirot.records import Hit
from clirot.retrieval.backends import Index
from clirot.store import Artefact


class ShardedIndex:
    """A joined index that is opened; see :class:`clirot.retrieval.backends.Index`.

    One shard at a time is open, so that a search needs the memory of one. Candidates that are
    scored anew may lie in any, and for them all are.

    Args:
        shards: in their order, one or more.
        opened: opens one; ArtefactError where it is damaged.
    """

    def __init__(self, shards: Sequence[Artefact], opened: Callable[[Artefact], Index]) -> None:
        self._shards, self._opened = list(shards), opened
        self.dim = opened(self._shards[0]).dim

    def __len__(self) -> int:
        return sum(int(shard.manifest.results["documents"]) for shard in self._shards)

    def __contains__(self, docno: object) -> bool:
        return any(docno in index for index in self._all)

    @cached_property
    def _all(self) -> list[Index]:
        return [self._opened(shard) for shard in self._shards]

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        best: list[list[Hit]] = [[] for _ in queries]
        for shard in self._shards:
            merge(best, self._opened(shard).search(queries, k), k)
        yield from best

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        best: list[list[Hit]] = [[] for _ in queries]
        left = [set(docnos) for docnos in candidates]
        for index in self._all:
            own = [[one for one in docnos if one in index] for docnos in candidates]
            for unseen, docnos in zip(left, own, strict=True):
                unseen.difference_update(docnos)
            merge(best, index.rerank(queries, own, k), k)
        for unseen in left:
            if unseen:
                raise KeyError(min(unseen))
        yield from best


def merge(best: list[list[Hit]], found: Iterator[list[Hit]], k: int) -> None:
    """Take what a shard found into the best hits of each query so far, in place.

    Hits are ordered by score and then docno, both descending, as trec_eval orders them.
    """
    for row, hits in enumerate(found):
        both = sorted([*best[row], *hits], key=lambda hit: (hit.score, hit.docno), reverse=True)
        best[row] = both[:k]
