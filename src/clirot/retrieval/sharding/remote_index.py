"""Search the shards of an index on the nodes of a cluster, and merge what they find here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from clirot.cluster.connection import check, connected
from clirot.cluster.settings import ClusterSettings
from clirot.encoding.maxsim import FloatArray
from clirot.records import Hit, ProgressSink, Step
from clirot.retrieval.sharding.sharded_index import ShardedIndex, merge
from clirot.store import Artefact, Input, Store

_HITS = 200_000
"""Hits that a task finds at most; more topics than these make another task."""

SearchShard = Callable[[str, Input, Sequence[FloatArray], int], list[list[Hit]]]
"""What a node does: ``(home, shard, queries, k)``."""


class RemoteIndex:
    """A joined index whose shards are searched by a cluster; see
    :class:`clirot.retrieval.backends.Index`.

    Candidates are scored here: that reads a few documents only.

    Args:
        local: the same index, searched here.
        shards: in their order.
        store: where they are, for all nodes.
        task: what a node does.
        cluster: which cluster, and what is told how the search goes.

    Raises:
        UsageError: Ray is not installed.
        ClusterError: nothing answers at the cluster's address.
    """

    def __init__(
        self,
        local: ShardedIndex,
        shards: Sequence[Artefact],
        store: Store,
        task: SearchShard,
        cluster: tuple[ClusterSettings, ProgressSink],
    ) -> None:
        self._settings, self._progress = cluster
        check(self._settings)
        self._local, self._shards, self._store = local, list(shards), store
        self._task = task
        self.dim = local.dim

    def __len__(self) -> int:
        return len(self._local)

    def __contains__(self, docno: object) -> bool:
        return docno in self._local

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        best: list[list[Hit]] = [[] for _ in queries]
        home, size = str(self._store.home), max(1, _HITS // k)
        starts = range(0, len(queries), size)
        # Shard by shard, so that a process that has one open gets it again where that can be.
        tasks = {
            (shard.name, start): (home, shard.as_input(), queries[start : start + size], k)
            for shard in self._shards
            for start in starts
        }
        with connected(self._settings, self._store.home) as cluster:
            self._progress(Step("search shards", 0, len(tasks), unit="tasks"))
            for done, ((_, start), found) in enumerate(cluster.each(self._task, tasks), 1):
                here = best[start : start + size]
                merge(here, iter(found), k)
                best[start : start + size] = here
                self._progress(Step("search shards", done, len(tasks), unit="tasks"))
        yield from best

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        yield from self._local.rerank(queries, candidates, k)
